/** A DuckDB of its own for one query: it sees the views it was given, and can neither reach out nor run on for ever. */
import { DuckDBInstance, DuckDBTimestampTZValue, type DuckDBValue, listValue } from '@duckdb/node-api'
import { quoteName, quoteText, toJs } from '../delta/duckdb.js'

/** A column of a result: its name and DuckDB type (`VARCHAR`, `BIGINT`, `TIMESTAMP WITH TIME ZONE`, `VARCHAR[]`, …). */
export interface SqlColumn {
  name: string
  type: string
}

/** Bounds of one query. */
export interface SandboxLimits {
  /** Milliseconds until the query is interrupted. Default 30,000. */
  timeoutMs?: number
  /** Memory that DuckDB may take, as it writes it. Default `1GB`. */
  memory?: string
  /** Rows above which the query fails rather than fill this process. Default 1,000,000. */
  maxRows?: number
  /** Threads. Default 2. */
  threads?: number
  /** Ends the query early. Default: the Stop button, in the notebook kernel. */
  signal?: AbortSignal
}

/** Characters of text above which a result fails rather than fill this process. */
const MAX_CHARACTERS = 256_000_000

/** A JavaScript value as DuckDB binds it. */
function toDuckdb(value: unknown, place: string): DuckDBValue {
  if (value === null || ['string', 'boolean', 'number', 'bigint'].includes(typeof value)) return value as DuckDBValue
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error(`sql: ${place} is an invalid date`)
    return new DuckDBTimestampTZValue(BigInt(value.getTime()) * 1000n)
  }
  if (Array.isArray(value)) return listValue(value.map(item => toDuckdb(item, place)))
  throw new Error(
    `sql: ${place} is ${value === undefined ? 'undefined' : `a ${typeof value}`}: use text, a number, a date, null or a list`,
  )
}

/** Characters of text in a row's own fields. */
function textLength(row: Record<string, unknown>): number {
  let sum = 0
  for (const value of Object.values(row)) if (typeof value === 'string') sum += value.length
  return sum
}

/** What a query may see. */
export interface Sight {
  /** Table expression by name, trusted text. */
  views: ReadonlyMap<string, string>
  /** Absolute paths of the folders that the expressions read. */
  folders: readonly string[]
}

/** An in-memory instance with these views, shut to files (but those of the folders), network, extensions and settings. */
async function openShut({ views, folders }: Sight, limits: SandboxLimits): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(limits.threads ?? 2),
    memory_limit: limits.memory ?? '1GB',
    // No spilling: with the file system shut, a query that is too large ends with a sentence.
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  try {
    const setup = await instance.connect()
    for (const [name, relation] of views) await setup.run(`CREATE VIEW ${quoteName(name)} AS SELECT * FROM ${relation}`)
    await setup.run("SET GLOBAL TimeZone = 'UTC'")
    await setup.run(
      `SET allowed_directories = [${folders.map(folder => quoteText(`${folder.replace(/\/+$/, '')}/`)).join(', ')}]`,
    )
    await setup.run('SET enable_external_access = false')
    await setup.run('SET lock_configuration = true')
    setup.closeSync()
    return instance
  } catch (error) {
    instance.closeSync()
    throw error
  }
}

/** The signal of the notebook kernel's Stop button; undefined elsewhere. */
function stopOfKernel(): AbortSignal | undefined {
  const interrupt: unknown = Reflect.get(globalThis, Symbol.for('moodlake.interrupt'))
  return typeof interrupt === 'function' ? (interrupt() as AbortSignal) : undefined
}

/** DuckDB's complaint in one sentence: without its error class, the caret line and the hints about settings. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const first = text.split(/\n\s*(?:\n|LINE \d+:)/)[0]!.replace(/^[A-Z][A-Za-z ]* Error: /, '')
  return first.replace(/\s+/g, ' ').trim()
}

/**
 * Runs one checked statement in an instance of its own.
 * @returns rows as plain objects, and the columns with their types
 * @throws Error in one sentence: the query's own fault, `took longer than`, too many rows, or stopped by the signal
 */
export async function runShut<T>(
  sql: string,
  params: readonly unknown[],
  sight: Sight,
  limits: SandboxLimits = {},
): Promise<{ rows: T[]; columns: SqlColumn[] }> {
  const values = params.map((value, i) => toDuckdb(value, `parameter ${i + 1}`))
  const signal = limits.signal ?? stopOfKernel()
  signal?.throwIfAborted()
  const timeoutMs = limits.timeoutMs ?? 30_000
  const instance = await openShut(sight, limits)
  const connection = await instance.connect()
  let stopped: Error | undefined
  let give: (error: Error) => void = () => {}
  // A step that DuckDB cannot interrupt must not hold the caller: whoever waits is told at once.
  const cut = new Promise<never>((_, reject) => {
    give = reject
  })
  cut.catch(() => {})
  const stop = (error: Error) => {
    stopped ??= error
    connection.interrupt()
    give(stopped)
  }
  const timer = setTimeout(() => stop(new Error(`sql: took longer than ${timeoutMs / 1000} s and was stopped`)), timeoutMs)
  const onAbort = () => stop(new Error('sql: stopped'))
  signal?.addEventListener('abort', onAbort, { once: true })
  // It may have been aborted while the instance opened: then no event comes.
  if (signal?.aborted) onAbort()

  const work = (async () => {
    try {
      if (stopped) throw stopped
      const result = await connection.stream(sql, values.length ? values : undefined)
      const types = result.columnTypes()
      const columns = result.deduplicatedColumnNames().map((name, i) => ({ name, type: String(types[i]) }))
      const rows: T[] = []
      const maxRows = limits.maxRows ?? 1_000_000
      let characters = 0
      for await (const part of result.yieldConvertedRowObjects(toJs)) {
        if (stopped) throw stopped
        for (const row of part) characters += textLength(row)
        if (rows.length + part.length > maxRows)
          throw new Error(`more than ${maxRows.toLocaleString('en')} rows: add a LIMIT, or raise maxRows`)
        if (characters > MAX_CHARACTERS) throw new Error('more than 256 million characters of text: select fewer columns or rows')
        for (const row of part) rows.push(row as T)
      }
      return { rows, columns }
    } catch (error) {
      throw stopped ?? new Error(`sql: ${sentence(error)}`, { cause: error })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      connection.closeSync()
      instance.closeSync()
    }
  })()
  return Promise.race([work, cut])
}
