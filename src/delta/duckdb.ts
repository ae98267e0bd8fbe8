/**
 * DuckDB, the engine under tables and SQL: one in-memory instance a process, a few connections, time zone UTC.
 * Tables made here live in memory and every connection sees them; name them with `tempName` and drop them.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDecimalValue,
  DuckDBInstance,
  type DuckDBStructType,
  DuckDBTableFunction,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  INTEGER,
  type JS,
  JSDuckDBValueConverter,
  JSToDuckDBValueConverter,
} from '@duckdb/node-api'
import { columnVector, fillFixed, fillTexts, readTexts, type Vector } from './vectors.js'

/** A row as a plain object: numbers (bigint past 2^53, text for decimals no number can hold), strings, booleans, `Date`s, arrays, nested objects, null. */
export type Row = Record<string, unknown>

/** A column to load: its DuckDB SQL type (`VARCHAR`, `TIMESTAMPTZ`, `VARCHAR[]`, …) and one value per row. */
export interface Column {
  type: string
  values: readonly unknown[]
}

/** A column of rows that stay in JavaScript. */
export interface ScanColumn {
  name: string
  type: DuckDBType
  /** Writes the values of some rows, `first` the number of the first; what it throws ends the query. */
  fill(vector: Vector, rows: readonly Row[], first: number): void
}

/** Rows that a query can read while they stay in JavaScript. */
export interface Scan {
  /** A SELECT over the rows. Many rows come in no certain order. */
  sql: string
  /** What a column's `fill` threw, which the query's own error only quotes. */
  failure: unknown
  /** Forgets the rows. */
  drop(): void
}

/** A column of a query's result. */
export interface ResultColumn {
  name: string
  type: DuckDBType
  /** Names of a struct's fields. */
  fields?: readonly string[]
}

/** Takes the parts of a table. */
export interface Loader {
  /** Rows: a value a row for each column. */
  add(columns: Readonly<Record<string, readonly unknown[]>>): Promise<void>
  /** To be called when all are there, or when nothing more is to come. */
  close(): void
}

/** Queries over the process's in-memory database. */
export interface Duckdb {
  /** Runs a statement; gives the number of rows it changed. */
  run(sql: string, params?: readonly unknown[]): Promise<number>
  /** All rows of a query. */
  rows<T = Row>(sql: string, params?: readonly unknown[]): Promise<T[]>
  /** Rows of a query in chunks of about 2,048, with no more than a chunk in memory. */
  stream<T = Row>(sql: string, params?: readonly unknown[]): AsyncIterable<T[]>
  /** As `stream`, the columns of each chunk, with DuckDB's own exact values. */
  streamColumns(sql: string): AsyncIterable<DuckDBValue[][]>
  /** A query's columns as arrays, one entry per row, in parts of at least so many rows, but the last. */
  parts(sql: string, rows: number): AsyncIterable<Record<string, unknown[]>>
  /** Names and types of a query's columns, without running it. */
  describe(sql: string): Promise<ResultColumn[]>
  /** Makes a table out of JavaScript columns of equal length. */
  load(table: string, columns: Record<string, Column>): Promise<void>
  /** Makes a table of columns of these DuckDB types that come in parts. */
  loader(table: string, types: Readonly<Record<string, string>>): Promise<Loader>
  /** Lets queries read JavaScript rows a chunk at a time, as fast as the query goes. */
  scan(columns: readonly ScanColumn[], rows: readonly Row[]): Scan
}

const CHUNK_ROWS = 2048
/** Arrays of the types whose values are numbers in memory. */
const NUMBERS = { [DuckDBTypeId.DOUBLE]: Float64Array, [DuckDBTypeId.INTEGER]: Int32Array, [DuckDBTypeId.BOOLEAN]: Uint8Array }
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** A DuckDB value as the plain JavaScript value that a `Row` holds. */
export function toJs(value: DuckDBValue, type: DuckDBType): JS | null {
  if (value instanceof DuckDBDecimalValue) {
    // As text where a number would not be the same.
    const text = value.toString()
    return value.width <= 15 || exactly(text) ? Number(text) : text
  }
  const converted = JSDuckDBValueConverter(value, type, toJs as typeof JSDuckDBValueConverter)
  if (typeof converted === 'bigint' && converted <= MAX_SAFE && converted >= -MAX_SAFE) return Number(converted)
  return converted
}

/** True when the number that stands for a decimal text says the same. */
function exactly(text: string): boolean {
  const plain = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return String(Number(text)) === plain
}

/** Quotes an identifier for SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string literal for SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

let names = 0

/** A name no other table of this process has. */
export function tempName(hint = 't'): string {
  return `${hint}_${++names}`
}

/**
 * Nothing is fetched from the network, what does not fit into memory goes where temporary files go, and files are not kept in memory:
 * a process that writes new ones all the time would grow by each, and the system keeps them anyway.
 */
function defaults(): Record<string, string> {
  return {
    enable_external_file_cache: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: join(tmpdir(), `moodlake-duckdb-${process.pid}`),
  }
}

interface Scanned extends Scan {
  columns: readonly ScanColumn[]
  rows: readonly Row[]
}

const SCAN = 'moodlake_rows'
/** From this many rows on several threads take chunks, so that one is filled while others are worked on. */
const SHARED_ROWS = 10 * CHUNK_ROWS
const SCAN_THREADS = 4

/** Fills a column of a chunk with the values of its rows. */
function fillColumn(chunk: DuckDBDataChunk, i: number, { typeId }: DuckDBType, values: readonly unknown[]): void {
  const make = NUMBERS[typeId as keyof typeof NUMBERS]
  if (typeId === DuckDBTypeId.VARCHAR || typeId === DuckDBTypeId.BLOB)
    fillTexts(columnVector(chunk, i), values as (string | Uint8Array | null)[])
  else if (make)
    fillFixed(
      columnVector(chunk, i),
      values,
      make.BYTES_PER_ELEMENT,
      buffer => new make(buffer),
      (view, row, value) => {
        view[row] = Number(value)
      },
    )
  else chunk.setColumnValuesConverted(i, values as (JS | null)[], JSToDuckDBValueConverter)
}

/** The table function behind `scan`: called on the main thread for each chunk that a query's threads want. */
function scanFunction(scans: ReadonlyMap<number, Scanned>): DuckDBTableFunction {
  return DuckDBTableFunction.create({
    name: SCAN,
    parameterTypes: [INTEGER],
    bindFunction(info) {
      const scanned = scans.get(Number(info.getParameter(0)))
      if (!scanned) return info.setError('the rows were dropped')
      for (const { name, type } of scanned.columns) info.addResultColumn(name, type)
      info.setCardinality(scanned.rows.length, true)
      info.setBindData(scanned)
    },
    initFunction(info) {
      info.setMaxThreads((info.getBindData() as Scanned).rows.length >= SHARED_ROWS ? SCAN_THREADS : 1)
      info.setInitData({ next: 0 })
    },
    mainFunction(info, chunk) {
      const scanned = info.getBindData() as Scanned
      const place = info.getInitData() as { next: number }
      const start = place.next
      const end = Math.min(scanned.rows.length, start + CHUNK_ROWS)
      place.next = end
      try {
        chunk.rowCount = end - start
        if (end === start) return
        const rows = scanned.rows.slice(start, end)
        for (const [i, { fill }] of scanned.columns.entries()) fill(columnVector(chunk, i), rows, start)
      } catch (error) {
        scanned.failure ??= error
        info.setError(String(error))
      }
    },
  })
}

/**
 * Opens a DuckDB instance of its own, for callers who need other settings than the shared one.
 * @param settings DuckDB configuration options, such as `{ threads: '2' }`
 */
export async function openDuckdb(settings: Record<string, string> = {}): Promise<Duckdb & { close(): void }> {
  const instance = await DuckDBInstance.create(':memory:', { ...defaults(), ...settings })
  const idle: DuckDBConnection[] = []
  const open = new Set<DuckDBConnection>()

  async function take(): Promise<DuckDBConnection> {
    const free = idle.pop()
    if (free) return free
    const connection = await instance.connect()
    // A thread takes a chunk of a table at a time, and not 122,880 rows, which is more than a batch has: a setting meant for DuckDB's own tests.
    await connection.run("SET TimeZone = 'UTC'; PRAGMA verify_parallelism")
    open.add(connection)
    return connection
  }
  async function using<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await take()
    try {
      return await work(connection)
    } finally {
      idle.push(connection)
    }
  }
  const scans = new Map<number, Scanned>()
  let scanned = 0
  await using(async connection => connection.registerTableFunction(scanFunction(scans)))
  async function loader(table: string, columns: Readonly<Record<string, string>>): Promise<Loader> {
    const names = Object.keys(columns)
    const connection = await take()
    await connection.run(
      `CREATE TABLE ${quoteName(table)} (${names.map(name => `${quoteName(name)} ${columns[name]}`).join(', ')})`,
    )
    const appender = await connection.createAppender(table)
    const types = names.map((_, i) => appender.columnType(i))
    return {
      async add(part) {
        const values = names.map(name => part[name]!)
        const rows = values[0]?.length ?? 0
        for (const [i, name] of names.entries())
          if (values[i]!.length !== rows)
            throw new Error(`${table}: column ${name} has ${values[i]!.length} values, others have ${rows}`)
        for (let start = 0; start < rows; start += CHUNK_ROWS) {
          const end = Math.min(rows, start + CHUNK_ROWS)
          const chunk = DuckDBDataChunk.create(types, end - start)
          for (const [i, type] of types.entries())
            fillColumn(chunk, i, type, rows > CHUNK_ROWS ? values[i]!.slice(start, end) : values[i]!)
          appender.appendDataChunk(chunk)
          // Loading is synchronous work: other things of this process get their turn in between.
          if (start % (16 * CHUNK_ROWS) === 0) await new Promise(setImmediate)
        }
      },
      close() {
        appender.closeSync()
        idle.push(connection)
      },
    }
  }
  const bind = (params?: readonly unknown[]) => (params ? (params as DuckDBValue[]) : undefined)

  return {
    run: (sql, params) => using(async connection => (await connection.run(sql, bind(params))).rowsChanged),
    rows: <T>(sql: string, params?: readonly unknown[]) =>
      using(async connection => {
        const result = await connection.run(sql, bind(params))
        return (await result.convertRowObjects(toJs)) as T[]
      }),
    async *parts(sql, rows) {
      const connection = await take()
      // A chunk is made ready while the one before it is worked on.
      let next: Promise<DuckDBDataChunk | null> = Promise.resolve(null)
      try {
        const result = await connection.stream(sql)
        const names = result.columnNames()
        const types = result.columnTypes()
        let part: Record<string, unknown[]> | undefined
        let count = 0
        const fetch = () => {
          next = result.fetchChunk()
          next.catch(() => {})
        }
        fetch()
        for (let chunk = await next; chunk?.rowCount; chunk = await next) {
          fetch()
          const columns = types.map((type, i) =>
            type.typeId === DuckDBTypeId.VARCHAR
              ? readTexts(columnVector(chunk!, i), chunk!.rowCount)
              : chunk!.convertColumnValues(i, toJs as typeof JSDuckDBValueConverter),
          )
          part = Object.fromEntries(names.map((name, i) => [name, part ? part[name]!.concat(columns[i]) : columns[i]!]))
          count += chunk.rowCount
          if (count < rows) continue
          yield part
          part = undefined
          count = 0
        }
        if (part) yield part
      } finally {
        await next.catch(() => {})
        idle.push(connection)
      }
    },
    async *stream<T>(sql: string, params?: readonly unknown[]) {
      const connection = await take()
      try {
        const result = await connection.stream(sql, bind(params))
        for await (const rows of result.yieldConvertedRowObjects(toJs)) if (rows.length) yield rows as T[]
      } finally {
        idle.push(connection)
      }
    },
    async *streamColumns(sql) {
      const connection = await take()
      try {
        for await (const chunk of await connection.stream(sql)) if (chunk.rowCount) yield chunk.getColumns()
      } finally {
        idle.push(connection)
      }
    },
    describe: sql =>
      using(async connection => {
        const statement = await connection.prepare(sql)
        try {
          return Array.from({ length: statement.columnCount }, (_, i) => {
            const type = statement.columnType(i)
            const column: ResultColumn = { name: statement.columnName(i), type }
            if (type.typeId === DuckDBTypeId.STRUCT) column.fields = (type as DuckDBStructType).entryNames
            return column
          })
        } finally {
          statement.destroySync()
        }
      }),
    async load(table, columns) {
      const entries = Object.entries(columns)
      const made = await loader(table, Object.fromEntries(entries.map(([name, { type }]) => [name, type])))
      try {
        await made.add(Object.fromEntries(entries.map(([name, { values }]) => [name, values])))
      } finally {
        made.close()
      }
    },
    loader,
    scan(columns, rows) {
      const id = ++scanned
      const scan: Scanned = {
        sql: `SELECT * FROM ${SCAN}(${id})`,
        failure: undefined,
        drop: () => void scans.delete(id),
        columns,
        rows,
      }
      scans.set(id, scan)
      return scan
    },
    close() {
      for (const connection of open) connection.closeSync()
      instance.closeSync()
    },
  }
}

let shared: Promise<Duckdb> | undefined

/** The process's shared in-memory DuckDB. */
export function duckdb(): Promise<Duckdb> {
  shared ??= openDuckdb()
  return shared
}
