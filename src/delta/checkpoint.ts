/** Checkpoints: the state of the table at one version as Parquet, so that a reader need not replay the log. */
import { promises as fs } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../stores/store.js'
import { type Action, type AddFile, fileKey, formatActions, parseActions, versionText, wrong, wrongAdd } from './actions.js'
import { type Duckdb, duckdb, quoteName, quoteText } from './duckdb.js'
import { CorruptLogError } from './errors.js'
import { type CheckpointFiles, LOG } from './log.js'
import { applyActions, emptyState, type TableState } from './state.js'

/** Folder of the sidecars of V2 checkpoints. */
export const SIDECARS = `${LOG}_sidecars/`
/** Fields of a file besides its statistics: those that every file has, and the others. */
const FILE_FIELDS = ['path', 'size', 'modificationTime', 'dataChange', 'partitionValues']
const ADD_COLUMNS = [...FILE_FIELDS, 'tags', 'deletionVector', 'baseRowId', 'defaultRowCommitVersion', 'clusteringProvider']
const ACTIONS = ['add', 'remove', 'metaData', 'protocol', 'txn', 'domainMetadata', 'sidecar', 'checkpointMetadata']

/** State of the table as a checkpoint has it, removed files only on request. Throws `CorruptLogError` when it cannot be used. */
export async function readCheckpoint(store: Store, checkpoint: CheckpointFiles, removes = false): Promise<TableState> {
  const state = emptyState(checkpoint.version, removes)
  await readFiles(store, state, await readFiles(store, state, checkpoint.paths))
  if (!state.protocol && !state.metaData && !state.files.size)
    throw new CorruptLogError(store.uri, checkpoint.paths[0] as string, checkpoint.version, 'a checkpoint without any action')
  return state
}

/** Paths of the sidecars that a checkpoint names. Throws as `readCheckpoint`. */
export function sidecarsOf(store: Store, { version, paths }: CheckpointFiles): Promise<string[]> {
  return readFiles(store, emptyState(version), paths)
}

/** Takes the actions of a checkpoint's files into the state; gives the sidecars that they name. */
async function readFiles(store: Store, state: TableState, paths: readonly string[]): Promise<string[]> {
  const { version } = state
  const sidecars: string[] = []
  for (const path of paths) {
    const take = (actions: readonly Action[]) => {
      applyActions(state, actions)
      for (const { sidecar } of actions) if (sidecar) sidecars.push(sidecarPath(store, path, version, sidecar.path))
    }
    if (path.endsWith('.json')) take(parseActions(await store.read(path), store.uri, path, version))
    else
      await local(store, path, file => readParquet(file, take, state)).catch(error => {
        throw error instanceof Complaint ? new CorruptLogError(store.uri, path, version, error.message) : error
      })
  }
  return sidecars
}

/** What is wrong with a checkpoint's content. */
class Complaint extends Error {}

function sidecarPath(store: Store, checkpoint: string, version: number, path: string): string {
  if (/^[^/\\]+$/.test(path) && path !== '..') return SIDECARS + path
  throw new CorruptLogError(store.uri, checkpoint, version, `sidecar outside of _sidecars: ${path}`)
}

/** Gives a place where DuckDB can read a file of the log. */
async function local(store: Store, path: string, read: (file: string) => Promise<void>): Promise<void> {
  if (store.localPath) return read(store.localPath(path))
  // Not through the cache: a table made anew at this place has checkpoints of the same names.
  const folder = await mkdtemp(join(tmpdir(), 'moodlake-checkpoint-'))
  try {
    const copy = join(folder, 'checkpoint.parquet')
    await fs.writeFile(copy, await store.read(path))
    await read(copy)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** What a checkpoint file has, told by its footer alone: the fields that are not null everywhere, by action. */
async function fieldsIn(database: Duckdb, local: string): Promise<Map<string, Set<string>>> {
  const leaves = await database.rows<{ path: string; given: boolean }>(
    `SELECT path_in_schema AS path, coalesce(sum(num_values) > sum(stats_null_count), true) AS given FROM parquet_metadata(${quoteText(local)}) GROUP BY 1`,
  )
  const found = new Map<string, Set<string>>()
  for (const { path, given } of leaves) {
    const [action, field] = path.split(', ') as [string, string?]
    if (!ACTIONS.includes(action) || field === undefined) continue
    const fields = found.get(action) ?? new Set<string>()
    found.set(action, given ? fields.add(field) : fields)
  }
  return found
}

/** Reads a file's actions: `take` gets all but the data files, which go into the state's. */
async function readParquet(file: string, take: (actions: Action[]) => void, state: TableState): Promise<void> {
  const database = await duckdb()
  const source = `read_parquet(${quoteText(file)}, hive_partitioning=false)`
  const fields = await fieldsIn(database, file)
  // Spark deals actions out to parts by the hash of their path: a part may have got none.
  if (!fields.size && (await database.rows(`SELECT 1 FROM ${source} LIMIT 1`)).length)
    throw new Complaint('rows without any action')
  if (fields.get('remove')?.size) state.removed = true
  const passed = state.removes ? ['add'] : ['add', 'remove']
  const others = [...fields].filter(([name, given]) => !passed.includes(name) && given.size).map(([name]) => name)
  const given = fields.get('add')
  const [documents, lists] = await Promise.all([
    others.length ? readOthers(database, source, others) : [],
    given?.size ? readAdds(database, source, given) : [],
  ])
  for (const actions of documents) {
    for (const action of actions) complain(wrong(action))
    take(actions)
  }
  for (const add of lists.flat()) {
    complain(wrongAdd(add))
    state.files.set(fileKey(add), add)
  }
}

function complain(complaint: string | undefined): void {
  if (complaint) throw new Complaint(complaint)
}

/** All but the files. */
async function readOthers(database: Duckdb, source: string, names: readonly string[]): Promise<Action[][]> {
  const parts = names.map(
    name => `CASE WHEN ${quoteName(name)} IS NULL THEN NULL ELSE to_json({${quoteText(name)}: ${quoteName(name)}}) END`,
  )
  // Many actions to a document: one large text crosses from DuckDB much faster than many small ones.
  const document = `'[' || string_agg(CAST(coalesce(${parts.join(', ')}) AS VARCHAR), ',') || ']'`
  const there = names.map(name => `${quoteName(name)} IS NOT NULL`).join(' OR ')
  const grouped = `SELECT ${document} AS actions FROM ${source} WHERE ${there} GROUP BY file_row_number // ${ACTIONS_AT_ONCE}`
  return (await database.rows<{ actions: string }>(grouped)).map(({ actions }) => JSON.parse(actions) as Action[])
}

/** Between the statistics of two files: a character that JSON does not have. */
const BETWEEN = '\x1e'

/** The files of a checkpoint: most of it, so they come as columns, those without a value left out. */
async function readAdds(database: Duckdb, source: string, given: ReadonlySet<string>): Promise<AddFile[][]> {
  // Parsed statistics say the same as the text and may be many columns: only where there is no text.
  const parsed = 'CAST(to_json("add"."stats_parsed") AS VARCHAR)'
  const stats = ['"add"."stats"', parsed].filter((_, i) => given.has(['stats', 'stats_parsed'][i] as string))
  const kept = ADD_COLUMNS.filter(field => given.has(field))
  const lists = kept.map(field => `CAST(to_json(list("add".${quoteName(field)})) AS VARCHAR) AS ${quoteName(field)}`)
  if (stats.length) lists.push(`string_agg(coalesce(${stats.join(', ')}, ''), ${quoteText(BETWEEN)}) AS stats`)
  const grouped = `SELECT ${lists.join(', ')} FROM ${source} WHERE "add" IS NOT NULL GROUP BY file_row_number // ${ACTIONS_AT_ONCE}`
  return (await database.rows<Record<string, string>>(grouped)).map(row => {
    const columns = new Map(kept.map(field => [field, JSON.parse(row[field] as string) as unknown[]]))
    const [path, size, modificationTime, dataChange, partitionValues] = FILE_FIELDS.map(field => columns.get(field))
    const rare = [...columns].filter(([field]) => !FILE_FIELDS.includes(field))
    const count = path?.length ?? 0
    const texts = row.stats?.split(BETWEEN)
    // Statistics that are no JSON say nothing.
    const known = texts?.length === count ? texts : undefined
    return Array.from({ length: count }, (_, i) => {
      const add = {
        path: path?.[i],
        partitionValues: partitionValues?.[i] ?? {},
        size: size?.[i],
        modificationTime: modificationTime?.[i],
        dataChange: dataChange?.[i] ?? false,
        stats: known?.[i] || undefined,
      } as AddFile
      for (const [field, values] of rare) if (values[i] !== null) (add as unknown as Record<string, unknown>)[field] = values[i]
      return add
    })
  })
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

/** The actions that a checkpoint of a state holds; the state must have its removed files. */
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
  for (const remove of state.removes?.values() ?? [])
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
