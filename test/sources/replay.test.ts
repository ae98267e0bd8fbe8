import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runPipeline } from '../../src/pipeline/run.js'
import {
  FAULTS,
  type Fault,
  type FaultShares,
  injectFaults,
  type LedgerEntry,
  type SourceRecord,
} from '../../src/sources/faults.js'
import { replay } from '../../src/sources/replay.js'
import { newFolder, record, rowsOf, writeRecords } from '../pipeline/lake.js'

async function* records(n: number): AsyncIterable<SourceRecord> {
  for (let i = 0; i < n; i++) yield { text: JSON.stringify(record(i)), file: 'f.json', line: i + 1 }
}

async function faulty(n: number, shares: FaultShares, seed: number) {
  const values: string[] = []
  const entries: LedgerEntry[] = []
  for await (const { value } of injectFaults(records(n), shares, seed, entry => entries.push(entry)))
    values.push(Buffer.from(value).toString('latin1'))
  const counts = Object.fromEntries(FAULTS.map(fault => [fault, entries.filter(entry => entry.fault === fault).length]))
  return { values, entries, counts: counts as Record<Fault, number> }
}

describe('faults to order', () => {
  it('are the same for the same seed, others for another, about as many as asked for', async () => {
    const shares = { late: 0.05, duplicate: 0.02, malformed: 0.01, skew: 0.1, drift: 0.2, bots: 0.1, timezones: 0.3 }
    const [a, b, c] = [await faulty(5000, shares, 7), await faulty(5000, shares, 7), await faulty(5000, shares, 8)]
    expect(a).toEqual(b)
    expect(a.values).not.toEqual(c.values)
    const expected = { late: 250, duplicate: 100, malformed: 50, skew: 500, drift: 800, timezones: 1500 }
    for (const [fault, n] of Object.entries(expected))
      expect(Math.abs(a.counts[fault as Fault] - n)).toBeLessThan(4 * Math.sqrt(n))
    expect(a.counts.bots % 50).toBe(0)
    expect(a.values).toHaveLength(5000 + a.counts.duplicate + a.counts.bots)
  })

  it('lose no record and make none but those in the ledger, whatever the shares', async () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const shares = fc.record({ late: share, duplicate: share, skew: share, timezones: share, drift: share }, { requiredKeys: [] })
    await fc.assert(
      fc.asyncProperty(shares, fc.integer(), fc.integer({ min: 0, max: 300 }), async (given, seed, n) => {
        const { values, counts } = await faulty(n, given, seed)
        expect(values).toHaveLength(n + counts.duplicate)
        const numbers = values.map(value => /tweet number (\d+)/.exec(value)![1])
        expect(new Set(numbers).size).toBe(n)
      }),
      { numRuns: 50 },
    )
  })

  it('no faults: the records as they are', async () => {
    const { values } = await faulty(20, {}, 1)
    expect(values).toEqual(Array.from({ length: 20 }, (_, i) => JSON.stringify(record(i))))
    await expect(faulty(1, { late: 2 }, 1)).rejects.toThrow('replay: not a fault with a share from 0 to 1: late=2')
  })
})

describe('replay', () => {
  it('into a folder: the pipeline finds what the ledger says', async () => {
    const [source, to, lake] = [await newFolder('source'), await newFolder('to'), await newFolder('lake')]
    mkdirSync(source, { recursive: true })
    writeRecords(source, 0, 2000, 500)
    const done = await replay(source, {
      to,
      faults: { late: 0.1, duplicate: 0.05, malformed: 0.03, timezones: 0.2, bots: 0.05 },
      seed: 3,
    })
    expect(done.records).toBe(2000)
    const ledger = readFileSync(join(to, '_ledger.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as LedgerEntry)
    expect(ledger.at(-1)).toEqual({ summary: { ...done, ledger: undefined } })
    expect(done.ledger).toBe(`${to}/_ledger.jsonl`)
    for (const fault of FAULTS) expect(ledger.filter(entry => entry.fault === fault)).toHaveLength(done.faults[fault])
    await runPipeline({ source: to, lake, until: 'silver' })
    expect(await rowsOf(lake, 'bronze')).toHaveLength(done.sent)
    const quarantine = await rowsOf(lake, 'quarantine')
    expect(quarantine).toHaveLength(done.faults.malformed)
    const silver = await rowsOf(lake, 'silver')
    expect(silver).toHaveLength(2000 + done.faults.bots - done.faults.malformed)
    // The moment is the same in whatever zone it was written.
    const written = (i: number) => String(1 + (i % 28)).padStart(2, '0')
    for (const { full_text, timestamp } of silver) {
      const i = /tweet number (\d+)/.exec(String(full_text))?.[1]
      if (!i) continue
      const want = Date.parse(`2009-04-${written(Number(i))}T22:19:45-07:00`)
      expect(new Date(String(timestamp)).getTime()).toBe(want)
    }
  })

  it('at a rate and at a speed, until it is stopped', async () => {
    const [source, to] = [await newFolder('source'), await newFolder('to')]
    writeRecords(source, 0, 40, 10)
    const t0 = performance.now()
    expect((await replay(source, { to, rate: 200 })).sent).toBe(40)
    expect(performance.now() - t0).toBeGreaterThan(190)
    const stop = new AbortController()
    // A day between two records: only the first comes at a speed of one.
    const running = replay(source, { to: `${to}-2`, speed: 1, signal: stop.signal })
    const landed = () => readdirSync(`${to}-2`, { recursive: true, encoding: 'utf8' }).some(path => path.endsWith('.jsonl'))
    for (;;) {
      try {
        if (landed()) break
      } catch {
        // The folder is not there yet.
      }
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    stop.abort()
    expect(await running).toMatchObject({ sent: 1, stopped: true })
    await expect(replay(source, { to, rate: 1, speed: 1 })).rejects.toThrow('exclude each other')
  })
})
