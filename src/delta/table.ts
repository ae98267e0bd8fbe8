/** A Delta table: open or create it, read it at any version, write to it. */
import { randomUUID } from 'node:crypto'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import { commitName, type MetaData } from './actions.js'
import { type Changed, changeRows } from './change.js'
import { type ChangeRange, type Changes, changesOf } from './changes.js'
import { withColumnIds } from './column-mapping.js'
import { type At, tableCore } from './core.js'
import { InvalidSchemaError, TableExistsError } from './errors.js'
import { commitsOf, type HistoryEntry, historyOf, type LogCommit } from './history.js'
import { LOG } from './log.js'
import {
  compactAfterWrite,
  type Optimized,
  type OptimizeOptions,
  optimizeTable,
  restoreTable,
  type Vacuumed,
  type VacuumOptions,
  vacuumTable,
} from './maintenance.js'
import { type Merged, type MergeOptions, mergeRows } from './merge.js'
import { setProperties } from './properties.js'
import { checkWritable, protocolFor } from './protocol.js'
import { dropHistory, type Purged, type PurgeOptions, purgeTable } from './purge.js'
import { checkedSchema, parseSchema, type Schema } from './schema.js'
import type { Snapshot } from './snapshot.js'
import type { TableData } from './source.js'
import { emptyState } from './state.js'
import { commitChange } from './transaction.js'
import { type Commit, type WriteOptions, writeRows } from './write.js'

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

/** A Delta table. Any number of processes may read and write it at once. */
export interface DeltaTable {
  readonly store: Store
  /**
   * The table at a version or a time, the newest by default. Throws `VersionNotFoundError`, `CorruptLogError`,
   * `UnsupportedFeatureError`.
   */
  snapshot(at?: At): Promise<Snapshot>
  /** Adds rows; they keep no order. With `delta.autoOptimize.autoCompact` small files are merged after it. Throws `SchemaMismatchError`, `CommitConflictError`. */
  append(data: TableData, options?: WriteOptions): Promise<Commit>
  /** Replaces all rows by these. Throws `SchemaMismatchError`, `CommitConflictError`. */
  overwrite(data: TableData, options?: WriteOptions): Promise<Commit>
  /** The commits with `after` < version ≤ `upTo` in order; default: from the first to the newest. */
  commits(range?: { after?: number; upTo?: number }): AsyncIterable<LogCommit>
  /**
   * What changed from one version to another, row by row, where `delta.enableChangeDataFeed` is on. Throws
   * `UnsupportedFeatureError` for versions without a feed, `VersionNotFoundError`.
   * @example
   * for await (const rows of (await table.changes({ from: 3 })).rows()) console.log(rows[0]?._change_type)
   */
  changes(range: ChangeRange): Promise<Changes>
  /** The newest versions first. */
  history(limit?: number): Promise<HistoryEntry[]>
  /** Writes a checkpoint of the newest version and removes log files past `delta.logRetentionDuration`. */
  checkpoint(): Promise<void>
  /**
   * Deletes the rows for which a SQL predicate is true, all rows without one. Rows that others add meanwhile are looked
   * at too. Throws `CommitConflictError`, `UnsupportedFeatureError`.
   */
  delete(where?: string): Promise<Changed>
  /** Sets columns to SQL expressions over the row where a predicate is true; throws as `delete`, and `SchemaMismatchError`. */
  update(set: Readonly<Record<string, string>>, options?: { where?: string }): Promise<Changed>
  /**
   * Joins rows with the table's and updates, deletes or inserts by what matches; without clauses an upsert. Throws
   * `ConstraintError` when several rows match one of the table's, and as `update`.
   * @example
   * await table.merge(rows, { on: 'target.id = source.id' })
   */
  merge(data: TableData, options: MergeOptions): Promise<Merged>
  /** Merges small files into larger ones; the rows stay the same. Throws `CommitConflictError`. */
  optimize(options?: OptimizeOptions): Promise<Optimized>
  /**
   * Removes data files that no version within the retention names, and log files past `delta.logRetentionDuration`. Throws `RangeError`
   * for a retention below a week.
   */
  vacuum(options?: VacuumOptions): Promise<Vacuumed>
  /**
   * Takes rows out of the table as if they had never been in it: out of every data file of every version, and their values out of
   * the log. Versions stay readable, without them. Killed in the middle, it is finished by the next call. Options given as a function are
   * asked for with the columns of all versions: one that was dropped still has its values in former ones. Throws `UnsupportedFeatureError`.
   */
  purge(options: PurgeOptions | ((schema: Schema) => PurgeOptions)): Promise<Purged>
  /** Removes all versions but the newest, log and data files. Former versions then throw `VersionNotFoundError`. */
  dropHistory(options?: Pick<PurgeOptions, 'graceMs'>): Promise<{ versions: number }>
  /**
   * Sets table properties, in a version of its own; gives the newest version. A write that is under way elsewhere gets a
   * `CommitConflictError`. Throws `UnsupportedFeatureError` for those that need another protocol.
   * @example
   * await table.setProperties({ 'delta.logRetentionDuration': 'interval 2 days' })
   */
  setProperties(properties: Readonly<Record<string, string>>): Promise<number>
  /** Makes a former version the newest again. Throws `DataFileError` when a vacuum removed its files. */
  restore(at: At): Promise<Commit>
}

/** True when there is a Delta table at the address. */
export async function isTable(location: string | Store): Promise<boolean> {
  const store = openStore(location)
  if (await store.stat(LOG + commitName(0))) return true
  for await (const file of store.list(LOG)) if (/^\d{20}\.(json|checkpoint)/.test(file.path.slice(LOG.length))) return true
  return false
}

/**
 * Opens the table at an address or store. Throws `TableNotFoundError` when there is none, `CorruptLogError`,
 * `UnsupportedFeatureError` when it may not be read, and `ConditionalPutError` on an S3 service that would let writers
 * overwrite each other's commits. With credentials that may only read, it reads, and the first commit is refused.
 */
export async function openTable(location: string | Store): Promise<DeltaTable> {
  const table = tableOn(openStore(location))
  await table.snapshot()
  await table.store.probe?.()
  return table
}

/**
 * Makes a table at protocol 1/2, or as high as its types and properties need: 2/5 for `delta.columnMapping.mode`, 3/7 for
 * `timestamp_ntz` and `delta.enableDeletionVectors`. Throws `TableExistsError` (unless `ifNotExists`) and `InvalidSchemaError`.
 * @example
 * const table = await createTable('lake/bronze', { schema: 'id string not null, text string' })
 * await table.append([{ id: '1', text: 'hello' }])
 */
export async function createTable(location: string | Store, options: CreateOptions): Promise<DeltaTable> {
  const store = openStore(location)
  const given = checkedSchema(typeof options.schema === 'string' ? parseSchema(options.schema) : options.schema)
  const partitionColumns = options.partitionBy ?? []
  checkPartitions(given, partitionColumns)
  const existing = async () => {
    if (!options.ifNotExists) throw new TableExistsError(store.uri)
    return openTable(store)
  }
  if (await isTable(store)) return existing()
  const now = Date.now()
  const bare: MetaData = {
    id: randomUUID(),
    ...(options.description === undefined ? {} : { description: options.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: '',
    partitionColumns: [...partitionColumns],
    configuration: { ...options.properties },
    createdTime: now,
  }
  const { metaData, schema } = withColumnIds(bare, given)
  const protocol = protocolFor(store.uri, schema, metaData.configuration)
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
  const core = tableCore(store)
  const compacting = async <T>(write: Promise<T>): Promise<T> => {
    const done = await write
    await compactAfterWrite(core)
    return done
  }
  return {
    store,
    snapshot: async (at = {}) => core.snapshot(await core.stateAt(at)),
    append: (data, options = {}) => compacting(writeRows(core, data, options, 'Append')),
    overwrite: (data, options = {}) => writeRows(core, data, options, 'Overwrite'),
    commits: (range = {}) => commitsOf(core, range),
    changes: range => changesOf(core, range),
    history: (limit = Number.POSITIVE_INFINITY) => historyOf(core, limit),
    checkpoint: () => core.checkpoint(),
    delete: where => changeRows(core, { where }),
    update: (set, options = {}) => changeRows(core, { set, where: options.where }),
    merge: (data, options) => compacting(mergeRows(core, data, options)),
    optimize: (options = {}) => optimizeTable(core, options),
    vacuum: (options = {}) => vacuumTable(core, options),
    purge: options => purgeTable(core, options),
    dropHistory: (options = {}) => dropHistory(core, options.graceMs),
    setProperties: properties => setProperties(core, properties),
    restore: at => restoreTable(core, at),
  }
}
