import { existsSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { crashTest } from '../../src/pipeline/crash-test.js'

// Each kill starts a process anew: on a busy machine that takes its time.
describe.concurrent('crashTest', { timeout: 300_000 }, () => {
  it('finds nothing lost or doubled after 25 kills at steps, at random and of scorers (A9)', async () => {
    const places: string[] = []
    const report = await crashTest({ kills: 25, onKill: where => places.push(where) })
    expect(report).toMatchObject({ kills: 25, lost: 0, duplicated: 0, identical: true })
    expect(places).toHaveLength(25)
    expect(report.steps).toMatchObject({ 'at random': 5, 'scorer worker': 5 })
    // Fifteen kills at steps; which ones depends on how the three streams interleave.
    const named = Object.keys(report.steps).filter(step => /^(before|after) /.test(step))
    expect(named.length).toBeGreaterThanOrEqual(8)
    for (const part of ['before', 'after', '_stream: ', ': commit']) expect(named.join('\n')).toContain(part)
    expect(report.tables.bronze!.rows).toBe(report.records)
    expect(report.tables.gold!.rows).toBeGreaterThan(100)
    for (const { hash, undisturbedHash } of Object.values(report.tables)) expect(hash).toBe(undisturbedHash)
  }, 900_000)

  it('fails an engine whose commits do not say which batch they are', async () => {
    const report = await crashTest({ kills: 14, broken: true })
    expect(report.identical).toBe(false)
    expect(report.duplicated).toBeGreaterThan(0)
    expect(existsSync(report.folder!)).toBe(true)
    rmSync(report.folder!, { recursive: true })
  }, 900_000)
})
