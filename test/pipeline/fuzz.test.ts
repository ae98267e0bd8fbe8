import { describe, expect, it } from 'vitest'
import { lakeStatus } from '../../src/pipeline/lake.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { checkAccounting } from './accounting.js'
import { fuzzFiles } from './fuzz.js'
import { newFolder } from './lake.js'

describe('broken JSON: every byte of every file is accounted for in bronze', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', async seed => {
    const { rows } = await checkAccounting(fuzzFiles(seed, 120))
    expect(rows).toBeGreaterThan(120)
  })

  it('a line of 5 MB among others', async () => {
    const line = JSON.stringify({ date: 'x', user: 'u', text: 'y'.repeat(5 * 2 ** 20), sentiment: 's' })
    expect(await checkAccounting({ 'a.json': Buffer.from(`{"a":1}\n${line}\n{"b":2}`) })).toEqual({ rows: 3 })
  })
})

it('the stream goes on: what bronze has is in silver, in quarantine, or there already', async () => {
  const lake = await newFolder('lake')
  const source = memoryStore('fuzz-stream')
  for (let part = 0; part < 3; part++) {
    for (const [path, bytes] of Object.entries(fuzzFiles(100 + part, 100))) await source.put(`${part}/${path}`, bytes)
    const [bronze, silver] = await runPipeline({ source: 'memory:fuzz-stream', lake, until: 'silver', limits: { maxFiles: 40 } })
    expect(bronze!.progress().length).toBeGreaterThan(2)
    for (const { rowsIn, rowsOut, counts } of silver!.progress())
      expect(rowsOut + counts.quarantined! + counts.duplicates!).toBe(rowsIn)
  }
  const { tables } = await lakeStatus(lake)
  expect(tables.silver!.rows).toBeGreaterThan(4)
  expect(tables.quarantine!.rows).toBeGreaterThan(100)
})
