import { duckdb, openTable } from '../delta/index.js'
import { recordCount } from '../delta/stats.js'
import { fiveS, type Tuning } from '../monitoring/five-s.js'
import { batchOfQuery } from '../sources/batch.js'
import { streamHistory, tableLocation } from './lake.js'

/**
 * Measures the five S on a lake: files and rows of gold, what the scoring step moved out of the engine and back (done once
 * more here, without the model), its share of the time that gold_stream took, and what the engine spilled to disk.
 */
export async function measureTuning(lake: string): Promise<Tuning[]> {
  const duck = await duckdb()
  const gold = await (await openTable(tableLocation(lake, 'gold'))).snapshot()
  const silver = await (await openTable(tableLocation(lake, 'silver'))).snapshot()
  const from = await silver.relation()

  const started = performance.now()
  const texts = await batchOfQuery(`SELECT full_text FROM ${from}`)
  const returned = await texts.extend(['full_text'], { length: 'DOUBLE' }, ({ full_text }) => ({
    length: (full_text as string[]).map(text => text.length),
  }))
  const convertMs = performance.now() - started
  await Promise.all([texts.drop(), returned.drop()])

  const [bytes] = await duck.rows<{ moved: number; whole: number }>(`
    SELECT coalesce(sum(strlen(full_text)), 0) AS moved,
      coalesce(sum(strlen(full_text) + strlen(cleaned_text) + strlen(tweet_id) + coalesce(strlen("user"), 0) + strlen(source_file)), 0) AS whole
    FROM ${from}`)
  const [memory] = await duck.rows<{ spilled: number }>(
    'SELECT coalesce(sum(temporary_storage_bytes), 0) AS spilled FROM duckdb_memory()',
  )
  let workMs = 0
  for (const { phases } of await streamHistory(lake, 'gold_stream')) workMs += phases.work

  return fiveS({
    spilledBytes: memory?.spilled ?? 0,
    rowsPerFile: gold.files.map(file => recordCount(file.stats) ?? 0),
    bytesPerFile: gold.files.map(file => file.size),
    movedBytes: bytes?.moved ?? 0,
    tableBytes: bytes?.whole ?? 0,
    convertMs,
    workMs,
  })
}
