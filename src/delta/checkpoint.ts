/** Checkpoints: the state of the table at one version as Parquet, so that a reader need not replay the log. */
import { promises as fs } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../stores/store.js'
import { type Action, type AddFile, formatActions, parseActions, versionText, wrong } from './actions.js'
import { type Duckdb, duckdb, quoteName, quoteText } from './duckdb.js'
import { CorruptLogError } from './errors.js'
import { type CheckpointFiles, LOG } from './log.js'
import { applyActions, emptyState, type TableState } from './state.js'

const ADD_COLUMNS = [
  'path',
  'partitionValues',
  'size',
  'modificationTime',
  'dataChange',
  'stats',
  'tags',
  'deletionVector',
  'baseRowId',
  'defaultRowCommitVersion',
  'clusteringProvider',
]
/** Those that nearly every file has. */
const COMMON_COLUMNS = ['path', 'size', 'modificationTime', 'dataChange', 'stats']
const ACTIONS = ['add', 'remove', 'metaData', 'protocol', 'txn', 'domainMetadata', 'sidecar', 'checkpointMetadata']

/** State of the table as a checkpoint has it. Throws `CorruptLogError` when it cannot be used. */
export async function readCheckpoint(store: Store, checkpoint: CheckpointFiles): Promise<TableState> {
  const state = emptyState(checkpoint.version)
  const sidecars: string[] = []
  for (const path of checkpoint.paths) {
    for await (const actions of readFile(store, path, checkpoint.version)) {
      applyActions(state, actions)
      for (const { sidecar } of actions) if (sidecar) sidecars.push(sidecarPath(store, path, checkpoint.version, sidecar.path))
    }
  }
  for (const path of sidecars) for await (const actions of readFile(store, path, checkpoint.version)) applyActions(state, actions)
  return state
}

function sidecarPath(store: Store, checkpoint: string, version: number, path: string): string {
  if (/^[^/\\]+$/.test(path) && path !== '..') return `${LOG}_sidecars/${path}`
  throw new CorruptLogError(store.uri, checkpoint, version, `sidecar outside of _sidecars: ${path}`)
}

async function* readFile(store: Store, path: string, version: number): AsyncIterable<Action[]> {
  if (path.endsWith('.json')) {
    yield parseActions(await store.read(path), store.uri, path, version)
    return
  }
  if (store.localPath) {
    yield* readParquet(store, path, version, store.localPath(path))
    return
  }
  // Not through the cache: a table made anew at this place has checkpoints of the same names.
  const folder = await mkdtemp(join(tmpdir(), 'moodlake-checkpoint-'))
  try {
    const copy = join(folder, 'checkpoint.parquet')
    await fs.writeFile(copy, await store.read(path))
    yield* readParquet(store, path, version, copy)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

async function* readParquet(store: Store, path: string, version: number, local: string): AsyncIterable<Action[]> {
  const database = await duckdb()
  const source = `read_parquet(${quoteText(local)}, hive_partitioning=false)`
  const columns = (await database.describe(`SELECT * FROM ${source}`)).filter(column => ACTIONS.includes(column.name))
  if (!columns.length) throw new CorruptLogError(store.uri, path, version, 'a checkpoint without any action')
  const checked = (actions: Action[]) => {
    for (const action of actions) {
      const complaint = wrong(action)
      if (complaint) throw new CorruptLogError(store.uri, path, version, complaint)
    }
    return actions
  }
  const parts = columns
    .filter(column => column.name !== 'add')
    .map(
      ({ name }) => `CASE WHEN ${quoteName(name)} IS NULL THEN NULL ELSE to_json({${quoteText(name)}: ${quoteName(name)}}) END`,
    )
  // Many actions to a document: one large text crosses from DuckDB much faster than many small ones.
  if (parts.length) {
    const document = `'[' || string_agg(CAST(coalesce(${parts.join(', ')}) AS VARCHAR), ',') || ']'`
    const grouped = `SELECT ${document} AS actions FROM ${source} GROUP BY file_row_number // ${ACTIONS_AT_ONCE}`
    for await (const rows of database.stream<{ actions: string | null }>(grouped))
      for (const { actions } of rows) if (actions !== null) yield checked(JSON.parse(actions) as Action[])
  }
  const fields = columns.find(column => column.name === 'add')?.fields
  if (fields) for await (const actions of readAdds(database, source, fields)) yield checked(actions)
}

/** The files of a checkpoint: most of it, so they come as columns, those without a value left out. */
async function* readAdds(database: Duckdb, source: string, fields: readonly string[]): AsyncIterable<Action[]> {
  // Without the parsed statistics, which say the same as the text and may be many columns.
  const parsed = 'CAST(to_json("add"."stats_parsed") AS VARCHAR)'
  const sql = (field: string) =>
    field !== 'stats' || !fields.includes('stats_parsed')
      ? `"add".${quoteName(field)}`
      : fields.includes('stats')
        ? `coalesce("add"."stats", ${parsed})`
        : parsed
  const known = ADD_COLUMNS.filter(field => fields.includes(field) || (field === 'stats' && fields.includes('stats_parsed')))
  const rare = known.filter(field => !COMMON_COLUMNS.includes(field))
  const given = (field: string) =>
    `count(${field === 'partitionValues' ? `nullif(cardinality(${sql(field)}), 0)` : sql(field)}) AS ${quoteName(field)}`
  const [counts] = rare.length
    ? await database.rows<Record<string, number>>(`SELECT ${rare.map(given).join(', ')} FROM ${source}`)
    : []
  const kept = known.filter(field => !rare.includes(field) || counts?.[field])
  const lists = kept.map(field => `CAST(to_json(list(${sql(field)})) AS VARCHAR) AS ${quoteName(field)}`)
  const grouped = `SELECT ${lists.join(', ')} FROM ${source} WHERE "add" IS NOT NULL GROUP BY file_row_number // ${ACTIONS_AT_ONCE}`
  for await (const rows of database.stream<Record<string, string>>(grouped))
    for (const row of rows) {
      const values = kept.map(field => JSON.parse(row[field] as string) as unknown[])
      yield Array.from(values[0] ?? [], (_, i) => {
        const add: Record<string, unknown> = {}
        for (let k = 0; k < kept.length; k++) add[kept[k] as string] = values[k]?.[i]
        return { add: add as unknown as AddFile }
      })
    }
}

/** Actions of a checkpoint that are read as one document. */
const ACTIONS_AT_ONCE = 10_000

const TEXT_MAP = 'MAP(VARCHAR, VARCHAR)'
const VECTOR =
  'STRUCT("storageType" VARCHAR, "pathOrInlineDv" VARCHAR, "offset" INTEGER, "sizeInBytes" INTEGER, "cardinality" BIGINT)'
const FILE_COLUMNS: Record<string, string> = {
  txn: 'STRUCT("appId" VARCHAR, "version" BIGINT, "lastUpdated" BIGINT)',
  add: `STRUCT("path" VARCHAR, "partitionValues" ${TEXT_MAP}, "size" BIGINT, "modificationTime" BIGINT, "dataChange" BOOLEAN, "stats" VARCHAR, "tags" ${TEXT_MAP}, "deletionVector" ${VECTOR})`,
  remove: `STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN, "extendedFileMetadata" BOOLEAN, "partitionValues" ${TEXT_MAP}, "size" BIGINT, "deletionVector" ${VECTOR})`,
  metaData: `STRUCT("id" VARCHAR, "name" VARCHAR, "description" VARCHAR, "format" STRUCT("provider" VARCHAR, "options" ${TEXT_MAP}), "schemaString" VARCHAR, "partitionColumns" VARCHAR[], "configuration" ${TEXT_MAP}, "createdTime" BIGINT)`,
  protocol:
    'STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER, "readerFeatures" VARCHAR[], "writerFeatures" VARCHAR[])',
  domainMetadata: 'STRUCT("domain" VARCHAR, "configuration" VARCHAR, "removed" BOOLEAN)',
}

/** How long a removed file is remembered when the table does not say, in ms: a week. */
const RETENTION_MS = 7 * 86_400_000

/** The actions that a checkpoint of a state holds. */
function checkpointActions(state: TableState, retentionMs: number): Action[] {
  const oldest = Date.now() - retentionMs
  const actions: Action[] = []
  if (state.protocol) actions.push({ protocol: state.protocol })
  if (state.metaData)
    actions.push({
      metaData: { ...state.metaData, format: { provider: 'parquet', options: state.metaData.format?.options ?? {} } },
    })
  for (const txn of state.txns.values()) actions.push({ txn })
  for (const domainMetadata of state.domains.values()) if (!domainMetadata.removed) actions.push({ domainMetadata })
  for (const add of state.files.values()) actions.push({ add: { ...add, dataChange: false } })
  for (const remove of state.removes.values())
    if ((remove.deletionTimestamp ?? 0) > oldest) actions.push({ remove: { ...remove, dataChange: false } })
  return actions
}

/** Writes the classic checkpoint of a state and points `_last_checkpoint` at it. */
export async function writeCheckpoint(store: Store, state: TableState, retentionMs = RETENTION_MS): Promise<void> {
  const actions = checkpointActions(state, retentionMs)
  const folder = await mkdtemp(join(tmpdir(), 'moodlake-checkpoint-'))
  try {
    const lines = join(folder, 'actions.json')
    const parquet = join(folder, 'checkpoint.parquet')
    await fs.writeFile(lines, formatActions(actions))
    const columns = Object.entries(FILE_COLUMNS).map(([name, type]) => `${quoteName(name)}: ${quoteText(type)}`)
    const source = `read_json(${quoteText(lines)}, format='newline_delimited', columns={${columns.join(', ')}}, maximum_object_size=268435456)`
    const database = await duckdb()
    await database.run(`COPY (SELECT * FROM ${source}) TO ${quoteText(parquet)} (FORMAT parquet, COMPRESSION zstd)`)
    const size = (await fs.stat(parquet)).size
    await store.putFile(`${LOG}${versionText(state.version)}.checkpoint.parquet`, parquet)
    const hint = { version: state.version, size: actions.length, sizeInBytes: size, numOfAddFiles: state.files.size }
    await store.put(`${LOG}_last_checkpoint`, JSON.stringify(hint))
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}
