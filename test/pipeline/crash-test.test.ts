import { existsSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { crashTest } from '../../src/pipeline/crash-test.js'

// Each kill starts a process anew: on a busy machine that takes its time.
describe.concurrent('crashTest', { timeout: 600_000 }, () => {
  it('finds nothing lost or doubled after 25 kills at steps, at random and of scorers (A9)', async () => {
    const places: string[] = []
    const report = await crashTest({ kills: 25, onKill: where => places.push(where) })
    expect(report).toMatchObject({ kills: 25, lost: 0, duplicated: 0, identical: true })
    expect(places).toHaveLength(25)
    expect(report.steps).toMatchObject({ 'at random': 5, 'scorer worker': 5 })
    // Fifteen kills at steps, spread over all three streams and their tables.
    const named = Object.keys(report.steps).join('\n')
    for (const part of ['bronze_stream', 'silver_stream', 'gold', 'quarantine: commit', 'data file', 'before', 'after'])
      expect(named).toContain(part)
    expect(report.tables.bronze!.rows).toBe(report.records)
    expect(report.tables.gold!.rows).toBeGreaterThan(100)
    for (const { hash, undisturbedHash } of Object.values(report.tables)) expect(hash).toBe(undisturbedHash)
  }, 900_000)

  it('fails an engine whose commits do not say which batch they are', async () => {
    const report = await crashTest({ kills: 20, broken: true })
    expect(report.identical).toBe(false)
    expect(report.duplicated).toBeGreaterThan(0)
    expect(report.lost).toBe(0)
    expect(existsSync(report.folder!)).toBe(true)
    rmSync(report.folder!, { recursive: true })
  }, 900_000)
})
