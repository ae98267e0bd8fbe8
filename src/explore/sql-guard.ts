/** What a user's SQL may say: one statement that reads, over tables of the lake, with no door to files, network or settings. */
import { type Duckdb, openDuckdb, quoteName } from '../delta/duckdb.js'

/** A statement found fit to run: its text for DuckDB, and the tables it names. */
export interface CheckedSql {
  /** The text, with `gold@v3` turned into the quoted name `"gold@v3"`. */
  sql: string
  /** Unqualified tables named by the statement and not defined by its own WITH, each once, as written. */
  tables: string[]
}

/**
 * Table functions that compute and neither open nor change anything. Every other one is refused (read_csv, glob, query, enable_logging,
 * arrow_scan, …): a function that a later DuckDB adds is refused until it is listed.
 */
const ALLOWED_TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'repeat', 'json_each', 'json_tree', 'summary'])

/** Scalar functions that wait, write, or tell about the machine. */
const REFUSED_FUNCTIONS = new Set(['sleep_ms', 'pg_sleep', 'write_log', 'current_setting', 'getvariable', 'setseed'])

const VERSION_MARK = /@(?:(v\d+)\b|'([^']*)'|(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?))/y

/** Ends (exclusive) of the string, quoted name, comment or word that starts at `at`; `at` itself where none does. */
function tokenEnd(sql: string, at: number): number {
  const rest = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(sql)?.[0].length
  }
  const dollar = rest(/\$([A-Za-z_]\w*)?\$/y)
  if (dollar) {
    const end = sql.indexOf(sql.slice(at, at + dollar), at + dollar)
    return end < 0 ? sql.length : end + dollar
  }
  return (
    at +
    (rest(/[eE]'(?:[^'\\]|\\[\s\S]|'')*'?/y) ??
      rest(/'(?:[^']|'')*'?/y) ??
      rest(/"(?:[^"]|"")*"?/y) ??
      rest(/--[^\n]*/y) ??
      rest(/\/\*[\s\S]*?(?:\*\/|$)/y) ??
      rest(/[\p{L}_][\p{L}\p{N}_]*/uy) ??
      0)
  )
}

/** Turns `gold@v3`, `gold@'2026-01-01'` and `gold@2026-01-01T10:00Z` outside strings and comments into quoted names. */
export function quoteVersions(sql: string): string {
  let out = ''
  for (let at = 0; at < sql.length; ) {
    const end = tokenEnd(sql, at)
    if (end === at) {
      out += sql[at++]
      continue
    }
    const token = sql.slice(at, end)
    at = end
    VERSION_MARK.lastIndex = at
    const mark = /^["\p{L}_]/u.test(token) ? VERSION_MARK.exec(sql) : null
    if (mark) {
      const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token
      out += quoteName(`${name}@${mark[1] ?? mark[2] ?? mark[3]}`)
      at += mark[0].length
    } else out += token
  }
  return out
}

let parser: Promise<Duckdb> | undefined
/** An instance that holds nothing and reaches nothing. */
const openParser = () => (parser ??= openDuckdb({ threads: '1', enable_external_access: 'false' }))

/** DuckDB's own syntax tree of SELECT statements. */
async function syntaxTree(sql: string): Promise<unknown[]> {
  const [row] = await (await openParser()).rows<{ tree: string }>('SELECT json_serialize_sql($1::VARCHAR) AS tree', [sql])
  const tree = JSON.parse(row!.tree) as { error: boolean; error_type?: string; error_message?: string; statements?: unknown[] }
  if (!tree.error) return tree.statements ?? []
  if (tree.error_type === 'not implemented')
    throw new Error(
      'sql: only statements that read are allowed: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN',
    )
  throw new Error(`sql: ${tree.error_message}`)
}

/** Visits every object of a syntax tree. */
function visit(node: unknown, see: (node: Record<string, unknown>) => void): void {
  if (Array.isArray(node)) for (const item of node) visit(item, see)
  else if (node && typeof node === 'object') {
    see(node as Record<string, unknown>)
    for (const value of Object.values(node)) visit(value, see)
  }
}

let tableFunctions: Promise<Set<string>> | undefined

/** Names of every table function and pragma this DuckDB knows, lower-case. */
function knownTableFunctions(): Promise<Set<string>> {
  tableFunctions ??= openParser().then(async database => {
    const rows = await database.rows<{ name: string }>(
      "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE function_type IN ('table', 'pragma')",
    )
    return new Set(rows.map(row => row.name))
  })
  return tableFunctions
}

/**
 * Checks one statement of a user's SQL on DuckDB's own syntax tree, so that quoting, comments and spacing hide nothing.
 * @throws Error with one sentence when it does not parse, is several statements, does more than read, or calls a function that
 * reaches outside the tables.
 */
export async function checkSql(text: string): Promise<CheckedSql> {
  const sql = quoteVersions(text).trim()
  if (!sql) throw new Error('sql: the statement is empty')
  const explain = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*explain(\s+analyze)?(?=[\s(])/i.exec(sql)
  const body = explain ? sql.slice(explain[0].length) : sql
  const statements = await syntaxTree(body)
  if (statements.length !== 1) throw new Error(`sql: one statement at a time, here are ${statements.length}`)
  const denied = await knownTableFunctions()
  const tables = new Set<string>()
  const own = new Set<string>()
  visit(statements, node => {
    const fn = typeof node.function_name === 'string' ? node.function_name.toLowerCase() : undefined
    if (fn && (REFUSED_FUNCTIONS.has(fn) || (denied.has(fn) && !ALLOWED_TABLE_FUNCTIONS.has(fn))))
      throw new Error(`sql: the function ${fn} is not allowed: queries see the tables of the lake and nothing else`)
    if (node.type === 'BASE_TABLE' && (!node.schema_name || node.schema_name === 'main')) tables.add(String(node.table_name))
    const ctes = (node.cte_map as { map?: { key: string }[] } | undefined)?.map
    for (const { key } of ctes ?? []) own.add(key.toLowerCase())
  })
  // Only text that was checked runs: whatever stood before EXPLAIN is gone.
  return {
    sql: explain ? `EXPLAIN${explain[1] ? ' ANALYZE' : ''} ${body}` : sql,
    tables: [...tables].filter(name => !own.has(name.toLowerCase())),
  }
}
