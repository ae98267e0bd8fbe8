/** A table as it stood at one version. */

import type { ExtractionOptions, Table } from '@uwdata/flechette'
import type { Store } from '../stores/store.js'
import { type AddFile, decodePath, type Protocol } from './actions.js'
import { arrowStream, arrowTables } from './arrow.js'
import { mappingOf } from './column-mapping.js'
import { duckdb, type Row } from './duckdb.js'
import { DataFileError, InvalidSchemaError, UnsupportedFeatureError } from './errors.js'
import { checkReadable } from './protocol.js'
import { relationOf, relationSql } from './relation.js'
import { parseSchemaString, type Schema } from './schema.js'
import type { TableState } from './state.js'
import { recordCount } from './stats.js'

/** What to read of a snapshot. */
export interface ReadOptions {
  /** Names of the columns wanted, in this order; default all. */
  columns?: readonly string[]
  /** A SQL predicate over the table's columns, such as `timestamp > TIMESTAMPTZ '2024-01-01 00:00:00Z'`. Trusted text. */
  where?: string
  /** Only these files of the snapshot; default all. */
  files?: readonly AddFile[]
  /** Chooses among the files that may hold a row for which `where` is true; default all of them. */
  pick?(files: readonly AddFile[]): Promise<readonly AddFile[]>
}

/** A table as it stood at one version. Nothing that happens later changes it, short of a vacuum. */
export interface Snapshot {
  readonly version: number
  /** When the version was committed. */
  readonly timestamp: Date
  readonly schema: Schema
  readonly partitionColumns: readonly string[]
  /** Table properties, such as `delta.appendOnly`. */
  readonly properties: Readonly<Record<string, string>>
  readonly description: string | undefined
  readonly protocol: Protocol
  readonly files: readonly AddFile[]
  /** Rows by the files' statistics; undefined when a file has none. */
  readonly rowCount: number | undefined
  /** Bytes of all data files. */
  readonly sizeInBytes: number
  /** How far an application has come, undefined when it never committed. */
  txn(appId: string): number | undefined
  /**
   * A SQL table expression for the shared DuckDB (`duckdb()`) with exactly the table's columns and types:
   * `SELECT count(*) FROM ${await snapshot.relation()}`. Throws `DataFileError` for a file that is missing.
   */
  relation(options?: ReadOptions): Promise<string>
  /** An error of a query over `relation()` as a `DataFileError` that names the file, where it is about one. */
  explain(error: unknown): unknown
  /** The rows in chunks of about 2,048. Throws `DataFileError`. */
  rows(options?: ReadOptions): AsyncIterable<Row[]>
  /**
   * The rows as Arrow tables of about 2,048 rows, each value in memory exactly; how a table's getters give it is
   * flechette's choice and its options' (`useBigInt`, `useDecimalInt`, `useDate`, …). Throws `DataFileError`.
   * @example
   * for await (const table of snapshot.arrow({ columns: ['id'] })) console.log(table.numRows, table.getChild('id').at(0))
   */
  arrow(options?: ReadOptions & ExtractionOptions): AsyncIterable<Table>
  /**
   * The rows as the bytes of one Arrow IPC stream, for files and other engines. Throws `DataFileError`.
   * @example
   * await writeFile('tweets.arrows', snapshot.arrowStream({ where: 'id > 7' }))
   */
  arrowStream(options?: ReadOptions): AsyncIterable<Uint8Array>
}

/** Throws `UnsupportedFeatureError` for a way of finding columns in the data files that is not known. */
function checkMapping(store: Store, schema: Schema, mode: string): void {
  if (mode !== 'none' && mode !== 'name' && mode !== 'id')
    throw new UnsupportedFeatureError(store.uri, [`columnMapping mode ${mode}`], `column mapping mode not known: ${mode}`)
  for (const field of schema.fields)
    if (mode === 'id' && !Number.isSafeInteger(field.metadata['delta.columnMapping.id']))
      throw new InvalidSchemaError(`schema: column ${field.name} has no delta.columnMapping.id`)
}

/** What DuckDB says of a data file it cannot read, as a `DataFileError` that names the file; other errors unchanged. */
function explained(store: Store, state: Pick<TableState, 'version' | 'files'>, error: unknown): unknown {
  const message = error instanceof Error ? error.message : ''
  if (
    !/^((Invalid Input|IO|Conversion|Serialization|Invalid|Out of Range|Not implemented|TProtocolException) ?(Error|:)|Binder Error: STRUCT to STRUCT)/.test(
      message,
    )
  )
    return error
  for (const { path } of state.files.values()) {
    const name = decodePath(path).split('/').at(-1) as string
    if (message.includes(name)) return new DataFileError(store.uri, path, state.version, message, { cause: error })
  }
  return new DataFileError(store.uri, '?', state.version, message, { cause: error })
}

/** The snapshot that stands on a state. Throws `UnsupportedFeatureError` when it may not be read. */
export function snapshotOf(store: Store, state: TableState, timestamp: Date): Snapshot {
  const { protocol, metaData } = state
  if (!protocol || !metaData) throw new Error(`${store.uri}: version ${state.version} has no protocol or metaData`)
  checkReadable(store.uri, protocol)
  const schema = parseSchemaString(metaData.schemaString)
  checkMapping(store, schema, mappingOf(metaData))
  let files: readonly AddFile[] | undefined
  const allFiles = () => (files ??= Object.freeze([...state.files.values()]))
  const relation = (options: ReadOptions = {}) =>
    relationSql({ ...relationOf(store, state.version, metaData, schema), ...options, files: options.files ?? allFiles() })
  async function* read<T>(options: ReadOptions | undefined, stream: (sql: string) => AsyncIterable<T>): AsyncIterable<T> {
    const sql = `SELECT * FROM ${await relation(options)}`
    try {
      yield* stream(sql)
    } catch (error) {
      throw explained(store, state, error)
    }
  }
  async function* chunks(options?: ReadOptions) {
    const { streamColumns } = await duckdb()
    yield* read(options, streamColumns)
  }
  const fields = (options?: ReadOptions) =>
    options?.columns?.flatMap(name => schema.fields.filter(field => field.name === name)) ?? schema.fields
  return {
    version: state.version,
    timestamp,
    schema,
    partitionColumns: metaData.partitionColumns,
    properties: metaData.configuration,
    description: metaData.description ?? undefined,
    protocol,
    get files() {
      return allFiles()
    },
    get rowCount() {
      let rows = 0
      for (const file of allFiles()) {
        const count = recordCount(file.stats)
        if (count === undefined) return undefined
        rows += count - (file.deletionVector?.cardinality ?? 0)
      }
      return rows
    },
    get sizeInBytes() {
      return allFiles().reduce((sum, file) => sum + file.size, 0)
    },
    txn: appId => state.txns.get(appId)?.version,
    relation,
    explain: error => explained(store, state, error),
    async *rows(options) {
      const { stream } = await duckdb()
      yield* read(options, sql => stream(sql))
    },
    arrow: options => arrowTables(chunks(options), fields(options), options),
    arrowStream: options => arrowStream(chunks(options), fields(options)),
  }
}
