/** A Delta table: open or create it, read it at any version, write to it. */
import { randomUUID } from 'node:crypto'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import {
  type Action,
  type AddFile,
  type CommitInfo,
  commitName,
  type MetaData,
  type Protocol,
  type RemoveFile,
  type Txn,
  versionText,
} from './actions.js'
import { writeCheckpoint } from './checkpoint.js'
import {
  CommitConflictError,
  InvalidSchemaError,
  TableExistsError,
  TableNotFoundError,
  UnsupportedFeatureError,
} from './errors.js'
import { findCommit, LOG, listLog, readCommits } from './log.js'
import { discard, writeFiles } from './parquet.js'
import { checkReadable, checkWritable } from './protocol.js'
import { follow, loadState } from './replay.js'
import { checkedSchema, parseSchema, parseSchemaString, type Schema } from './schema.js'
import { type Snapshot, snapshotOf } from './snapshot.js'
import { openSource, type TableData } from './source.js'
import { emptyState, type TableState } from './state.js'
import { checkUnchanged, commitChange, committed } from './transaction.js'
import { commitTimes, versionAt } from './travel.js'

/** How a new table is to be. */
export interface CreateOptions {
  /** Columns, as the log has them or as DDL: `tweet_id string not null, timestamp timestamp, mentions array<string>`. */
  schema: Schema | string
  /** Columns by whose values the files are split. Default none. */
  partitionBy?: string[]
  /** Table properties, such as `{ 'delta.checkpointInterval': '20' }`. Default none. */
  properties?: Record<string, string>
  /** A sentence on what the table holds. */
  description?: string
  /** Opens the table that is there instead of throwing `TableExistsError`. Default false. */
  ifNotExists?: boolean
}

/** How rows are written. */
export interface WriteOptions {
  /** Commits once: a commit of the same application with this version or a later one makes this call a no-op. */
  txn?: { appId: string; version: number }
  /** Admits columns that the table does not have. Default false. */
  mergeSchema?: boolean
  /** More entries for the history, such as `{ queryId: '…' }`. */
  operationParameters?: Record<string, string>
}

/** What a write did. */
export interface Commit {
  /** Version that was committed; the newest one when it was skipped. */
  version: number
  /** Rows written. */
  rows: number
  /** Data files written. */
  files: number
  /** Bytes written. */
  bytes: number
  /** True when the `txn` had been committed before and nothing was written. */
  skipped: boolean
}

/** One version of the log. */
export interface LogCommit {
  version: number
  timestamp: Date
  commitInfo: CommitInfo | undefined
  add: AddFile[]
  remove: RemoveFile[]
  txn: Txn[]
  metaData?: MetaData
  protocol?: Protocol
}

/** A line of the history. */
export interface HistoryEntry {
  version: number
  timestamp: Date
  operation: string | undefined
  operationParameters: Record<string, unknown>
  operationMetrics: Record<string, unknown>
  engineInfo: string | undefined
  isBlindAppend: boolean | undefined
  readVersion: number | undefined
}

/** A Delta table. Any number of processes may read and write it at once. */
export interface DeltaTable {
  readonly store: Store
  /**
   * The table at a version or a time, the newest by default. Throws `VersionNotFoundError`, `CorruptLogError`,
   * `UnsupportedFeatureError`.
   */
  snapshot(at?: { version?: number; timestamp?: Date | string }): Promise<Snapshot>
  /** Adds rows. Throws `SchemaMismatchError`, `CommitConflictError`. */
  append(data: TableData, options?: WriteOptions): Promise<Commit>
  /** Replaces all rows by these. Throws `SchemaMismatchError`, `CommitConflictError`. */
  overwrite(data: TableData, options?: WriteOptions): Promise<Commit>
  /** The commits with `after` < version ≤ `upTo` in order; default: from the first to the newest. */
  commits(range?: { after?: number; upTo?: number }): AsyncIterable<LogCommit>
  /** The newest versions first. */
  history(limit?: number): Promise<HistoryEntry[]>
  /** Writes a checkpoint of the newest version. */
  checkpoint(): Promise<void>
}

/** Versions between checkpoints when the table does not say. */
const CHECKPOINT_INTERVAL = 10

/** True when there is a Delta table at the address. */
export async function isTable(location: string | Store): Promise<boolean> {
  const store = openStore(location)
  if (await store.stat(LOG + commitName(0))) return true
  for await (const file of store.list(LOG)) if (/^\d{20}\.(json|checkpoint)/.test(file.path.slice(LOG.length))) return true
  return false
}

/**
 * Opens the table at an address or store. Throws `TableNotFoundError` when there is none, `CorruptLogError`, and
 * `UnsupportedFeatureError` when it may not be read.
 */
export async function openTable(location: string | Store): Promise<DeltaTable> {
  const table = tableOn(openStore(location))
  await table.snapshot()
  return table
}

/**
 * Makes a table at protocol 1/2. Throws `TableExistsError` (unless `ifNotExists`) and `InvalidSchemaError`.
 * @example
 * const table = await createTable('lake/bronze', { schema: 'id string not null, text string' })
 * await table.append([{ id: '1', text: 'hello' }])
 */
export async function createTable(location: string | Store, options: CreateOptions): Promise<DeltaTable> {
  const store = openStore(location)
  const schema = checkedSchema(typeof options.schema === 'string' ? parseSchema(options.schema) : options.schema)
  const partitionColumns = options.partitionBy ?? []
  checkPartitions(schema, partitionColumns)
  const existing = async () => {
    if (!options.ifNotExists) throw new TableExistsError(store.uri)
    return openTable(store)
  }
  if (await isTable(store)) return existing()
  const now = Date.now()
  const metaData: MetaData = {
    id: randomUUID(),
    ...(options.description === undefined ? {} : { description: options.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(schema),
    partitionColumns: [...partitionColumns],
    configuration: { ...options.properties },
    createdTime: now,
  }
  const ntz = JSON.stringify(schema).includes('"timestamp_ntz"')
  const protocol: Protocol = ntz
    ? {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['timestampNtz'],
        writerFeatures: ['timestampNtz', 'appendOnly', 'invariants'],
      }
    : { minReaderVersion: 1, minWriterVersion: 2 }
  checkWritable(store.uri, protocol, metaData, schema)
  try {
    await commitChange(
      store,
      {
        operation: 'CREATE TABLE',
        operationParameters: {
          partitionBy: JSON.stringify(partitionColumns),
          properties: JSON.stringify(metaData.configuration),
        },
        operationMetrics: {},
        isBlindAppend: true,
        base: emptyState(-1),
        actions: () => [{ protocol }, { metaData }],
      },
      async () => {
        throw new TableExistsError(store.uri)
      },
    )
  } catch (error) {
    if (error instanceof TableExistsError) return existing()
    throw error
  }
  return openTable(store)
}

function checkPartitions(schema: Schema, partitionColumns: readonly string[]): void {
  for (const name of partitionColumns) {
    const field = schema.fields.find(other => other.name === name)
    if (!field) throw new InvalidSchemaError(`schema: partition column ${name} is not in the schema`)
    if (typeof field.type !== 'string') throw new InvalidSchemaError(`schema: partition column ${name} is not of a simple type`)
  }
  if (new Set(partitionColumns).size !== partitionColumns.length)
    throw new InvalidSchemaError('schema: a partition column is named twice')
  if (partitionColumns.length && partitionColumns.length === schema.fields.length)
    throw new InvalidSchemaError('schema: at least one column must not be a partition column')
}

function tableOn(store: Store): DeltaTable {
  let known: TableState | undefined
  let mark: string | undefined
  let refreshing: Promise<TableState> | undefined

  /** Tells a commit file from another of the same name: a table may be dropped and made again under our feet. */
  async function markOf(state: TableState): Promise<string | undefined> {
    const file = await store.stat(LOG + commitName(state.version))
    return file && `${file.size} ${file.modified.getTime()}`
  }
  async function load(): Promise<TableState> {
    const before = known && mark !== undefined && (await markOf(known)) === mark ? known : undefined
    const state = before ? await follow(store, before) : await loadState(store)
    if (state !== known) {
      mark = await markOf(state)
      known = state
    }
    return state
  }
  function newest(): Promise<TableState> {
    refreshing ??= load().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }
  async function timestampOf(state: TableState): Promise<Date> {
    const info = state.commitInfo
    const stamp = info?.inCommitTimestamp ?? info?.timestamp
    if (Number.isFinite(stamp)) return new Date(stamp as number)
    // The commit's file, or the checkpoint's where commits were cleaned away.
    for await (const file of store.list(LOG + versionText(state.version))) return file.modified
    return new Date(0)
  }
  async function stateAt(at: { version?: number; timestamp?: Date | string }): Promise<TableState> {
    let version = at.version
    if (version === undefined && at.timestamp !== undefined) version = await versionAt(store, at.timestamp)
    if (version === undefined) return newest()
    if (!Number.isSafeInteger(version) || version < 0) throw new RangeError(`${store.uri}: not a version: ${version}`)
    return known?.version === version && (await newest()).version === version ? newest() : loadState(store, version)
  }
  async function write(data: TableData, options: WriteOptions, mode: 'Append' | 'Overwrite'): Promise<Commit> {
    const base = await newest()
    const { protocol, metaData } = requireWritable(store, base)
    if (mode === 'Overwrite' && base.files.size && metaData.configuration['delta.appendOnly'] === 'true')
      throw new UnsupportedFeatureError(store.uri, ['appendOnly'], 'is append-only (delta.appendOnly); rows cannot be replaced')
    const skipped = { version: base.version, rows: 0, files: 0, bytes: 0, skipped: true }
    if (committed(base, options.txn)) return skipped
    const schema = parseSchemaString(metaData.schemaString)
    const source = await openSource(store.uri, schema, data, options.mergeSchema ?? false)
    try {
      checkWritable(store.uri, protocol, metaData, source.schema)
      const written = await writeFiles(store, source, metaData.partitionColumns, metaData.configuration)
      const evolved = source.schema === schema ? undefined : { ...metaData, schemaString: JSON.stringify(source.schema) }
      const change = writeChange(store, { base, written, evolved, mode, options, partitionBy: metaData.partitionColumns })
      let version: number | undefined
      try {
        version = await commitChange(store, change, newest)
      } catch (error) {
        // Only where it is certain that no commit names the files.
        if (error instanceof CommitConflictError) await discard(store, written.add)
        throw error
      }
      if (version === undefined) {
        await discard(store, written.add)
        return { ...skipped, version: (await newest()).version }
      }
      await afterCommit(version)
      return { version, rows: written.rows, files: written.add.length, bytes: written.bytes, skipped: false }
    } finally {
      await source.release()
    }
  }
  /** The commit stands, whatever becomes of the checkpoint. */
  async function afterCommit(version: number): Promise<void> {
    const interval = Number.parseInt(known?.metaData?.configuration['delta.checkpointInterval'] ?? '', 10)
    const every = interval > 0 ? interval : CHECKPOINT_INTERVAL
    if (version % every !== 0) return
    try {
      await checkpointAt(version)
    } catch (error) {
      process.emitWarning(`${store.uri}: version ${version} is committed, but its checkpoint failed: ${String(error)}`)
    }
  }
  async function checkpointAt(version: number | undefined): Promise<void> {
    const latest = await newest()
    const state = version === undefined || latest.version === version ? latest : await loadState(store, version)
    const { metaData } = requireWritable(store, state)
    await writeCheckpoint(store, state, retention(metaData.configuration['delta.deletedFileRetentionDuration']))
  }

  return {
    store,
    async snapshot(at = {}) {
      const state = await stateAt(at)
      return snapshotOf(store, state, await timestampOf(state))
    },
    append: (data, options = {}) => write(data, options, 'Append'),
    overwrite: (data, options = {}) => write(data, options, 'Overwrite'),
    async *commits({ after = -1, upTo } = {}) {
      const to = upTo ?? (await newest()).version
      const listed = await commitTimes(store, after + 1, to)
      for await (const { version, actions } of readCommits(store, after + 1, to))
        yield logCommit(version, actions, listed.get(version))
    },
    async history(limit = Number.POSITIVE_INFINITY) {
      const { commits, latest } = await listLog(store)
      if (latest < 0) throw new TableNotFoundError(store.uri)
      const versions = [...commits.keys()].sort((a, b) => b - a).slice(0, Math.max(0, limit))
      const entries: HistoryEntry[] = []
      for (const version of versions) {
        const actions = await findCommit(store, version)
        if (actions) entries.push(historyEntry(logCommit(version, actions, commits.get(version)?.modified)))
      }
      return entries
    },
    checkpoint: () => checkpointAt(undefined),
  }
}

function requireWritable(store: Store, state: TableState): { protocol: Protocol; metaData: MetaData } {
  const { protocol, metaData } = state
  if (!protocol || !metaData) throw new TableNotFoundError(store.uri)
  checkReadable(store.uri, protocol)
  checkWritable(store.uri, protocol, metaData, parseSchemaString(metaData.schemaString))
  return { protocol, metaData }
}

interface Planned {
  base: TableState
  written: { add: AddFile[]; rows: number; bytes: number }
  evolved: MetaData | undefined
  mode: 'Append' | 'Overwrite'
  options: WriteOptions
  partitionBy: readonly string[]
}

function writeChange(store: Store, { base, written, evolved, mode, options, partitionBy }: Planned) {
  return {
    operation: 'WRITE',
    operationParameters: { mode, partitionBy: JSON.stringify(partitionBy), ...options.operationParameters },
    operationMetrics: {
      numFiles: String(written.add.length),
      numOutputRows: String(written.rows),
      numOutputBytes: String(written.bytes),
    },
    isBlindAppend: mode === 'Append' && !evolved,
    txn: options.txn,
    base,
    actions(latest: TableState): Action[] {
      if (latest !== base) checkUnchanged(store, base, latest)
      const now = Date.now()
      // An overwrite reads nothing, so it can always come after what others did: it removes that as well.
      const removed = mode === 'Overwrite' ? [...latest.files.values()].map(file => ({ remove: removeOf(file, now) })) : []
      return [...(evolved ? [{ metaData: evolved }] : []), ...removed, ...written.add.map(add => ({ add }))]
    },
  }
}

/** The action that takes a file out of the table. */
export function removeOf(file: AddFile, now: number, dataChange = true): RemoveFile {
  return {
    path: file.path,
    deletionTimestamp: now,
    dataChange,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.size,
    ...(file.tags ? { tags: file.tags } : {}),
    ...(file.deletionVector ? { deletionVector: file.deletionVector } : {}),
  }
}

function logCommit(version: number, actions: readonly Action[], modified: Date | undefined): LogCommit {
  const commit: LogCommit = { version, timestamp: new Date(0), commitInfo: undefined, add: [], remove: [], txn: [] }
  for (const action of actions) {
    if (action.add) commit.add.push(action.add)
    else if (action.remove) commit.remove.push(action.remove)
    else if (action.txn) commit.txn.push(action.txn)
    else if (action.metaData) commit.metaData = action.metaData
    else if (action.protocol) commit.protocol = action.protocol
    else if (action.commitInfo) commit.commitInfo = action.commitInfo
  }
  const stamp = commit.commitInfo?.inCommitTimestamp ?? commit.commitInfo?.timestamp
  commit.timestamp = Number.isFinite(stamp) ? new Date(stamp as number) : (modified ?? commit.timestamp)
  return commit
}

function historyEntry({ version, timestamp, commitInfo }: LogCommit): HistoryEntry {
  return {
    version,
    timestamp,
    operation: commitInfo?.operation,
    operationParameters: commitInfo?.operationParameters ?? {},
    operationMetrics: commitInfo?.operationMetrics ?? {},
    engineInfo: commitInfo?.engineInfo,
    isBlindAppend: commitInfo?.isBlindAppend,
    readVersion: commitInfo?.readVersion,
  }
}

const UNIT_MS: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 }

/** Milliseconds of a property such as `interval 1 week`, undefined when it is not set or not understood. */
function retention(text: string | undefined): number | undefined {
  const found = text ? /^(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week)s?$/i.exec(text.trim()) : null
  return found ? Number(found[1]) * (UNIT_MS[(found[2] as string).toLowerCase()] as number) : undefined
}
