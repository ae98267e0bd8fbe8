/** SQL over the tables of a lake, at any version, for reading only. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { inspect } from 'node:util'
import type { ColumnTable } from 'arquero'
import type { DataFrame } from 'danfojs-node'
import { quoteName, type Row } from '../delta/duckdb.js'
import { type DeltaTable, isTable, openTable, VersionNotFoundError } from '../delta/index.js'
import { cacheFolder } from '../delta/local-files.js'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import { toArquero, toDanfo } from './frames.js'
import { digestOf, noteOrigin, type OriginModel, packParam } from './origin.js'
import { runShut, type SandboxLimits, type SqlColumn } from './sandbox.js'
import { checkSql } from './sql-guard.js'
import { formatNumber, textTable } from './text-table.js'

/** The answer of a query: its rows, and what they were computed from. */
export interface SqlResult<T = Row> extends Iterable<T> {
  /** One plain object per row, in the query's order. */
  rows: T[]
  /** Columns with their DuckDB types, also when there are no rows. */
  columns: SqlColumn[]
  /** Number of rows. */
  n: number
  /** The statement, with `$1`, `$2`, … where values were bound. */
  sql: string
  /** Tables that were read, and the version each was read at. */
  tables: { name: string; version: number }[]
  /** Duration in milliseconds. */
  ms: number
  /** The rows as an arquero table. */
  toArquero(): ColumnTable
  /** The rows as a danfo data frame. */
  toDanfo(): DataFrame
}

/** A query written as a tagged template; every `${value}` is bound, never pasted. `T` is the type of a row. */
export type Sql = <T = Row>(text: TemplateStringsArray, ...values: unknown[]) => Promise<SqlResult<T>>

/** A folder of Delta tables. */
export interface Lake {
  /** Absolute path of the folder, or its address. */
  folder: string
  /** Names of its tables, in order of the alphabet; views are not among them. */
  tables(): Promise<string[]>
  /**
   * Runs a query, as in ``sql`select count(*) as n from gold@v0 where lang = ${'en'}` ``. Tables are visible by name; `name@v3`,
   * `name@'2026-05-01'` and `name@2026-05-01T10:00Z` travel in time (the version or moment may be a `${value}` too), and give
   * them an alias to qualify columns. `gold_mentions` has one row per tweet and mention, and one with null for a tweet that has none.
   */
  sql: Sql
  /** Runs a query given as text, with values for `$1`, `$2`, …; `limits` bound its time, memory and rows. */
  query<T = Row>(text: string, params?: readonly unknown[], limits?: SandboxLimits): Promise<SqlResult<T>>
}

/** `gold_mentions` as a table expression over gold: one row per tweet and mention; a tweet with none keeps one row with null. */
export function goldMentions(gold: string): string {
  return `(SELECT * EXCLUDE (mentions), unnest(CASE WHEN len(mentions) > 0 THEN mentions ELSE [NULL] END) AS mention FROM ${gold})`
}

/** Views that every lake has, each over one table. */
const VIEWS: Record<string, { table: string; select: (from: string) => string }> = {
  gold_mentions: { table: 'gold', select: goldMentions },
}

/** Names of the tables in a lake. */
async function tablesIn(lake: Store): Promise<string[]> {
  const names: string[] = []
  for (const name of await foldersIn(lake)) if (!/^[_.]/.test(name) && (await isTable(tableIn(lake, name)))) names.push(name)
  return names.sort()
}

const tableIn = (lake: Store, name: string) => lake.localPath?.(name) ?? `${lake.uri.replace(/\/$/, '')}/${name}`

async function foldersIn(lake: Store): Promise<string[]> {
  const root = lake.localPath?.('')
  if (root) return (await readdir(root, { withFileTypes: true })).filter(entry => entry.isDirectory()).map(entry => entry.name)
  const names: string[] = []
  // A store knows files only: the first one after all of a folder's own tells the next folder.
  for (let after: string | undefined; ; ) {
    const next = await lake.list('', { after })[Symbol.asyncIterator]().next()
    if (next.done) return names
    const [name = '', rest] = next.value.path.split('/', 2)
    if (rest !== undefined) names.push(name)
    after = rest === undefined ? name : `${name}/\u{10ffff}`
  }
}

/** Commits that are looked at for the name of a model: merges and clean-ups name none. */
const NAMELESS = 100

/** The model of the newest scored batch up to a version of `gold`, as its commit names it. */
async function modelsOf(gold: DeltaTable, version: number): Promise<OriginModel[]> {
  try {
    for (let upTo = version; upTo >= 0 && upTo > version - NAMELESS; upTo--)
      for await (const { commitInfo } of gold.commits({ after: upTo - 1, upTo })) {
        const { model: name, modelVersion, modelHash: hash } = (commitInfo?.operationParameters ?? {}) as Record<string, string>
        if (name) return [{ name, version: modelVersion ?? '', ...(hash && { hash }) }]
      }
  } catch (error) {
    if (!(error instanceof VersionNotFoundError)) throw error
  }
  return []
}

/** What stands after the `@`: a version, a moment, or nothing for the latest. */
function snapshotOptions(name: string, mark: string | undefined): { version?: number; timestamp?: Date } {
  if (mark === undefined) return {}
  if (/^v\d+$/.test(mark)) return { version: Number(mark.slice(1)) }
  const iso = mark.trim().replace(' ', 'T')
  const timestamp = new Date(/^\d{4}-\d\d-\d\d$/.test(iso) || /(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`)
  if (!/^\d{4}-/.test(mark) || Number.isNaN(timestamp.getTime()))
    throw new Error(`sql: ${name}@${mark} not understood: write ${name}@v3 or ${name}@'2026-05-01T10:00:00Z' (UTC)`)
  return { timestamp }
}

/** The statement of a template with `$1`, `$2`, … for its values; a value after `name@` or `name@v` becomes part of the name. */
function bindTemplate({ raw }: TemplateStringsArray, values: readonly unknown[]): { sql: string; params: unknown[] } {
  // As typed: `'\w'` of a regular expression is for DuckDB, not for JavaScript.
  const text = raw.map(part => part.replace(/\\([`$])/g, '$1'))
  const params: unknown[] = []
  let sql = text[0] ?? ''
  values.forEach((value, i) => {
    const mark = /[\w"]@(v?)$/.exec(sql)
    if (!mark) sql += `$${params.push(value)}`
    else if (mark[1] || typeof value === 'number' || typeof value === 'bigint') {
      if (!/^\d+$/.test(String(value))) throw new Error(`sql: a table version is a whole number from 0, not ${String(value)}`)
      sql += mark[1] ? String(value) : `v${value}`
    } else {
      const moment = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : String(value)
      if (!/^\d{4}-[\d:.TZ +-]+$/.test(moment)) throw new Error(`sql: a table's moment is a date or an ISO time, not ${moment}`)
      sql += `'${moment}'`
    }
    sql += text[i + 1] ?? ''
  })
  return { sql, params }
}

/** What a query was asked with, beside its statement. */
interface Asked {
  lake: string
  params: readonly unknown[]
  models: OriginModel[]
}

/** A query's rows with what a notebook does next; inspecting it prints an aligned table. */
function toResult<T>(answer: Omit<SqlResult<T>, 'toArquero' | 'toDanfo' | typeof Symbol.iterator>, asked: Asked): SqlResult<T> {
  const view = { rows: answer.rows as readonly object[], columns: answer.columns }
  const { sql, tables, n } = answer
  const params = asked.params.map(packParam)
  const origin = () => ({ ...asked, sql, params, tables, rows: n, digest: digestOf(answer.rows) })
  const withOrigin = <V extends object>(frame: V): V => {
    noteOrigin([frame], origin)
    return frame
  }
  noteOrigin([answer, answer.rows], origin)
  const methods = {
    toArquero: () => withOrigin(toArquero(view)),
    toDanfo: () => withOrigin(toDanfo(view)),
    [Symbol.iterator]: () => answer.rows[Symbol.iterator](),
    [inspect.custom]: () => `${textTable(view)}\n(${formatNumber(answer.n)} rows, ${Math.round(answer.ms)} ms)`,
  }
  // Not enumerable, so that JSON and comparison see the data only.
  for (const key of Reflect.ownKeys(methods))
    Object.defineProperty(answer, key, { value: Reflect.get(methods, key), enumerable: false })
  return answer as SqlResult<T>
}

/**
 * Opens a lake for reading.
 * @param folder path or address (`s3://bucket/prefix`) of the lake
 * @param options.versions by table, the version that a bare name means. Default: the latest
 * @throws Error when there is no such folder on this disk
 */
export function openLake(folder: string, { versions = {} }: { versions?: Readonly<Record<string, number>> } = {}): Lake {
  const store = openStore(folder)
  const root = store.localPath?.('')
  /** Who scored a version of gold; asked once for each, while the query runs. */
  let scored: { version: number; models: Promise<OriginModel[]> } | undefined
  if (root && !existsSync(root)) throw new Error(`lake: no such folder: ${folder}`)

  /** The table expressions for the names of a statement, each opened at the version asked for. */
  async function open(names: readonly string[]) {
    const present = await tablesIn(store)
    const views = new Map<string, string>()
    const read: { name: string; version: number }[] = []
    let models: Promise<OriginModel[]> | undefined
    const folders = new Set<string>()
    for (const name of names) {
      const at = name.lastIndexOf('@')
      const [bare, mark] = at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)]
      const own = present.find(table => table === bare) ?? present.find(table => table.toLowerCase() === bare.toLowerCase())
      const view = own ? undefined : VIEWS[bare.toLowerCase()]
      const table = own ?? present.find(candidate => candidate === view?.table)
      if (!table)
        throw new Error(
          `sql: no table ${quoteName(bare)} in ${folder}: there ${list([...present, ...(present.includes('gold') ? ['gold_mentions'] : [])])}`,
        )
      const place = tableIn(store, table)
      const delta = await openTable(place)
      const moment =
        mark === undefined && versions[table] !== undefined ? { version: versions[table] } : snapshotOptions(bare, mark)
      const snapshot = await delta.snapshot(moment)
      if (table === 'gold' && !models) {
        const { version } = snapshot
        if (scored?.version !== version) scored = { version, models: modelsOf(delta, version) }
        models = scored.models
        // Awaited after the query, which may fail first.
        models.catch(() => {
          scored = undefined
        })
      }
      folders.add(root ? place : cacheFolder())
      const relation = await snapshot.relation()
      views.set(name, view ? view.select(relation) : relation)
      if (!read.some(seen => seen.name === table && seen.version === snapshot.version))
        read.push({ name: table, version: snapshot.version })
    }
    return { sight: { views, folders: [...folders] }, read, models }
  }

  async function query<T>(text: string, params: readonly unknown[] = [], limits: SandboxLimits = {}): Promise<SqlResult<T>> {
    const start = performance.now()
    if (/^\s*show\s+tables\s*;?\s*$/i.test(text)) {
      const rows = (await tablesIn(store)).map(name => ({ name }) as T)
      const columns = [{ name: 'name', type: 'VARCHAR' }]
      const answer = { rows, columns, n: rows.length, sql: text.trim(), tables: [], ms: performance.now() - start }
      return toResult<T>(answer, { lake: folder, params, models: [] })
    }
    const checked = await checkSql(text)
    const { sight, read, models } = await open(checked.tables)
    const { rows, columns } = await runShut<T>(checked.sql, params, sight, limits)
    const answer = { rows, columns, n: rows.length, sql: text.trim(), tables: read, ms: performance.now() - start }
    return toResult<T>(answer, { lake: folder, params, models: (await models) ?? [] })
  }

  return {
    folder: root ?? store.uri,
    tables: () => tablesIn(store),
    query,
    sql: async <T>(text: TemplateStringsArray, ...values: unknown[]) => {
      const { sql, params } = bindTemplate(text, values)
      return query<T>(sql, params)
    },
  }
}

/** `are a, b` · `is a` · `is no table`. */
function list(names: readonly string[]): string {
  return names.length === 0 ? 'is no table' : names.length === 1 ? `is ${names[0]}` : `are ${names.join(', ')}`
}
