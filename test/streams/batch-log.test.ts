import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTable, type DeltaTable, duckdb } from '../../src/delta/index.js'
import { openStore } from '../../src/stores/open-store.js'
import { batchLog, EXPECTATIONS_SCHEMA, PROGRESS_SCHEMA } from '../../src/streams/batch-log.js'
import { openCheckpoint } from '../../src/streams/checkpoint.js'
import type { Progress } from '../../src/streams/progress.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moodlake-batch-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const finished = (batch: number): Progress => ({
  ...{ stream: 'gold_stream', batch, started: '2026-11-21T00:00:00.000Z', rowsIn: 1, rowsOut: 1, ms: 1, backlog: 0, memory: 1 },
  phases: { read: 0, work: 1, checkpoint: 0 },
  counts: {},
  expectations: [{ rule: 'short', action: 'warn', passed: 1, failed: 0 }],
})

async function batchesIn(table: DeltaTable): Promise<number[]> {
  const from = await (await table.snapshot()).relation()
  const rows = await (await duckdb()).rows<{ batch: number }>(`SELECT batch FROM ${from} ORDER BY batch`)
  return rows.map(row => Number(row.batch))
}

it.each(['progress', 'expectations'] as const)('a batch that ends while %s is written is in both tables, once', async slow => {
  const tables = {
    progress: await createTable(join(folder, 'progress'), { schema: PROGRESS_SCHEMA }),
    expectations: await createTable(join(folder, 'expectations'), { schema: EXPECTATIONS_SCHEMA }),
  }
  let next = 1
  const meanwhile: DeltaTable = {
    ...tables[slow],
    append: async (...rows) => {
      if (next < 6) log.add(finished(next++))
      return tables[slow].append(...rows)
    },
  }
  const log = batchLog('gold_stream', openCheckpoint(openStore(folder), '_checkpoints/gold_stream'), {
    ...tables,
    [slow]: meanwhile,
  })
  await log.open()
  log.add(finished(0))
  for (let i = 0; i < 20 && next < 6; i++) await log.flush()
  await log.flush()
  expect(await batchesIn(tables.progress)).toEqual([0, 1, 2, 3, 4, 5])
  expect(await batchesIn(tables.expectations)).toEqual([0, 1, 2, 3, 4, 5])
})
