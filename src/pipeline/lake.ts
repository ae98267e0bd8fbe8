import { createTable, type DeltaTable, duckdb, isTable, openTable, quoteText } from '../delta/index.js'
import { openStore } from '../stores/open-store.js'
import { type BatchLog, batchLog, EXPECTATIONS_SCHEMA, PROGRESS_SCHEMA, progressOf } from '../streams/batch-log.js'
import { type Checkpoint, openCheckpoint } from '../streams/checkpoint.js'
import type { Progress } from '../streams/stream.js'
import { APPLICATION_SCHEMA } from './application.js'
import { BRONZE_SCHEMA } from './bronze.js'
import { GOLD_SCHEMA } from './gold.js'
import { QUARANTINE_SCHEMA } from './quarantine-rows.js'
import { SILVER_SCHEMA } from './silver.js'

/** The tables of a lake, in the order of the flow, with their schemas in Delta's words. */
export const LAKE_TABLES = {
  bronze: BRONZE_SCHEMA,
  silver: SILVER_SCHEMA,
  gold: GOLD_SCHEMA,
  application: APPLICATION_SCHEMA,
  quarantine: QUARANTINE_SCHEMA,
  expectations: EXPECTATIONS_SCHEMA,
  progress: PROGRESS_SCHEMA,
} as const

/** Name of a table of the pipeline. */
export type LakeTable = keyof typeof LAKE_TABLES

/** The streams of a lake, in the order of the flow. */
export const STREAMS = ['bronze_stream', 'silver_stream', 'gold_stream'] as const

/** Address of a table of a lake. */
export function tableLocation(lake: string, name: string): string {
  return `${lake.replace(/\/+$/, '')}/${name}`
}

/** Small batches make small files: they are merged by and by, and the log is summed up less often than by default. */
const PROPERTIES = { 'delta.autoOptimize.autoCompact': 'true', 'delta.checkpointInterval': '100' }

/** Opens a table of the pipeline, making it when it is not there. */
export function lakeTable(lake: string, name: LakeTable): Promise<DeltaTable> {
  return createTable(tableLocation(lake, name), { schema: LAKE_TABLES[name], properties: PROPERTIES, ifNotExists: true })
}

/** Where bronze's stream keeps which files belong to which batch. */
export const FILES_LOG = '_checkpoints/bronze_stream/files'

/** The checkpoint of a stream of a lake. */
export function lakeCheckpoint(lake: string, stream: string): Checkpoint {
  return openCheckpoint(openStore(lake), `_checkpoints/${stream}`)
}

/** The log of a stream's batches in the lake's tables `progress` and `expectations`. */
export async function lakeLog(lake: string, stream: string): Promise<BatchLog> {
  const tables = { progress: await lakeTable(lake, 'progress'), expectations: await lakeTable(lake, 'expectations') }
  return batchLog(stream, lakeCheckpoint(lake, stream), tables)
}

/** The streams of a lake in the order of the flow, with those to databases that it has had. */
export async function lakeStreams(lake: string): Promise<string[]> {
  if (!(await isTable(tableLocation(lake, 'progress')))) return [...STREAMS]
  const snapshot = await (await openTable(tableLocation(lake, 'progress'))).snapshot()
  const select = `SELECT DISTINCT stream FROM ${await snapshot.relation({ columns: ['stream'] })} WHERE starts_with(stream, 'sink_') ORDER BY stream`
  return [...STREAMS, ...(await (await duckdb()).rows<{ stream: string }>(select)).map(({ stream }) => stream)]
}

/** The finished batches of a stream, oldest first: those of the table `progress`, and those that are not in it yet. */
export async function streamHistory(lake: string, stream: string): Promise<Progress[]> {
  const found: Progress[] = []
  if (await isTable(tableLocation(lake, 'progress'))) {
    const snapshot = await (await openTable(tableLocation(lake, 'progress'))).snapshot()
    const from = await snapshot.relation({ where: `stream = ${quoteText(stream)}` })
    for (const row of await (await duckdb()).rows(`SELECT * FROM ${from} ORDER BY batch`)) found.push(progressOf(row))
  }
  for await (const progress of lakeCheckpoint(lake, stream).history<Progress>(found.at(-1)?.batch)) found.push(progress)
  return found
}

/** How the tables and streams of a lake stand. */
export interface LakeStatus {
  lake: string
  /** Version and rows of each table that is there. */
  tables: Record<string, { version: number; rows: number; bytes: number; files: number }>
  /** Batches each stream has finished, with the newest one. */
  streams: Record<string, { batches: number; rows: number; last?: Progress }>
}

/** Looks at a lake without changing it. Throws when there is no table of the pipeline in it. */
export async function lakeStatus(lake: string): Promise<LakeStatus> {
  const status: LakeStatus = { lake, tables: {}, streams: {} }
  for (const name of Object.keys(LAKE_TABLES)) {
    if (!(await isTable(tableLocation(lake, name)))) continue
    const snapshot = await (await openTable(tableLocation(lake, name))).snapshot()
    status.tables[name] = {
      version: snapshot.version,
      rows: snapshot.rowCount ?? 0,
      bytes: snapshot.sizeInBytes,
      files: snapshot.files.length,
    }
  }
  if (!Object.keys(status.tables).length) throw new Error(`lake: no tables in ${lake}`)
  for (const stream of await lakeStreams(lake)) {
    const batches = await streamHistory(lake, stream)
    const rows = batches.reduce((sum, batch) => sum + batch.rowsOut, 0)
    if (batches.length) status.streams[stream] = { batches: batches.length, rows, last: batches.at(-1)! }
  }
  return status
}

/** Removes the tables and checkpoints of the pipeline from a lake; what else is there stays. Gives the number of files removed. */
export async function clearLake(lake: string): Promise<number> {
  const store = openStore(lake)
  let removed = 0
  for (const folder of [...Object.keys(LAKE_TABLES), '_checkpoints']) {
    const found: string[] = []
    for await (const { path } of store.list(`${folder}/`)) found.push(path)
    for (const path of found) await store.delete(path)
    removed += found.length
  }
  return removed
}
