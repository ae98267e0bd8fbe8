/**
 * File skipping: which data files cannot hold a row for which a predicate is true, by their partition values and
 * statistics. Only what is certain is left out: plain comparisons of a column with a constant, joined by AND.
 */
import { comparePaths } from '../stores/paths.js'
import type { AddFile } from './actions.js'
import { nameInFiles } from './column-mapping.js'
import { duckdb, quoteText } from './duckdb.js'
import type { Field, Schema } from './schema.js'

/** A condition that a column must meet for the predicate to be true: between two bounds, either of which may be open. */
interface Condition {
  field: Field
  low?: Constant
  high?: Constant
}

interface Constant {
  text: string
  /** DuckDB's name of the literal's type. */
  type: string
}

/** A node of DuckDB's syntax tree as `json_serialize_sql` has it; only what is looked at. */
interface Node {
  type?: string
  children?: Node[]
  left?: Node
  right?: Node
  input?: Node
  lower?: Node
  upper?: Node
  child?: Node
  column_names?: string[]
  cast_type?: { id?: string }
  value?: { type?: { id?: string }; is_null?: boolean; value?: unknown }
}

const COMPARISON = /^COMPARE_(EQUAL|(GREATER|LESS)THAN(OREQUALTO)?)$/
const flipped = (operator: string) => operator.replace(/GREATER|LESS/, word => (word === 'LESS' ? 'GREATER' : 'LESS'))

function constant(node: Node | undefined): Constant | undefined {
  if (node?.type === 'OPERATOR_CAST') {
    const inner = constant(node.child)
    return inner?.type === 'VARCHAR' && node.cast_type?.id ? { text: inner.text, type: node.cast_type.id } : undefined
  }
  const { type, is_null: isNull, value } = node?.value ?? {}
  if (node?.type !== 'VALUE_CONSTANT' || isNull || (typeof value !== 'string' && typeof value !== 'number')) return undefined
  return { text: String(value), type: type?.id ?? '' }
}

function column(node: Node | undefined, schema: Schema): Field | undefined {
  const [name, ...more] = node?.type === 'COLUMN_REF' ? (node.column_names ?? []) : []
  if (name === undefined || more.length) return undefined
  return schema.fields.find(field => field.name.toLowerCase() === name.toLowerCase())
}

/** A comparison as bounds; an open bound is as wide as a closed one, which only skips less. */
function comparison(operator: string, field: Field, value: Constant): Condition[] {
  if (operator === 'COMPARE_EQUAL') return [{ field, low: value, high: value }]
  return [operator.startsWith('COMPARE_GREATER') ? { field, low: value } : { field, high: value }]
}

/** What must hold, as alternatives for one column each: some condition of every list. */
function conditions(node: Node | undefined, schema: Schema): Condition[][] {
  if (!node?.type) return []
  if (node.type === 'CONJUNCTION_AND') return (node.children ?? []).flatMap(child => conditions(child, schema))
  if (node.type === 'COMPARE_BETWEEN') {
    const field = column(node.input, schema)
    const [low, high] = [constant(node.lower), constant(node.upper)]
    return field && low && high ? [[{ field, low, high }]] : []
  }
  if (node.type === 'COMPARE_IN') {
    const [first, ...rest] = node.children ?? []
    const field = column(first, schema)
    const values = rest.map(constant)
    if (!field || !values.every(value => value !== undefined)) return []
    return [values.map(value => ({ field, low: value, high: value }))]
  }
  if (!COMPARISON.test(node.type)) return []
  const [left, right] = [column(node.left, schema), column(node.right, schema)]
  const value = constant(left ? node.right : node.left)
  const field = left ?? right
  return field && value && !(left && right) ? [comparison(left ? node.type : flipped(node.type), field, value)] : []
}

const INTEGERS = new Set(['byte', 'short', 'integer', 'long', 'double'])
const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,6})?)?(Z|\+00(?::?00)?)?$/
const DATE = /^\d{4}-\d{2}-\d{2}$/

function milliseconds(text: string): number | undefined {
  const found = INSTANT.exec(text)
  const value = found ? Date.parse(`${found[1]}T${found[2] ?? '00:00'}${(found[3] ?? '').slice(0, 4)}Z`) : Number.NaN
  return Number.isNaN(value) ? undefined : value
}

/** A value of a column as something to compare, undefined where that is not safe. */
function comparable(field: Field, text: string, type?: string): number | string | undefined {
  const kind = field.type
  if (typeof kind !== 'string') return undefined
  const literal = (...types: string[]) => type === undefined || types.includes(type)
  if (INTEGERS.has(kind)) {
    const value = Number(text)
    const whole = type === undefined ? Math.abs(value) <= Number.MAX_SAFE_INTEGER : Number.isSafeInteger(value)
    return literal('INTEGER', 'BIGINT') && text !== '' && whole ? value : undefined
  }
  if (kind === 'string') return literal('VARCHAR') ? text : undefined
  if (kind === 'date') return literal('VARCHAR', 'DATE') && DATE.test(text) ? text : undefined
  if (kind === 'timestamp') return literal('VARCHAR', 'TIMESTAMP WITH TIME ZONE') ? milliseconds(text) : undefined
  // A zone in a literal without one would be dropped or refused: not looked at.
  if (kind === 'timestamp_ntz') return literal('VARCHAR', 'TIMESTAMP') && !/[Z+]/.test(text) ? milliseconds(text) : undefined
  return undefined
}

function above(a: number | string, b: number | string): boolean {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) > Number(b)
  return comparePaths(a, b) > 0
}

interface Stats {
  numRecords?: number
  minValues?: Record<string, unknown>
  maxValues?: Record<string, unknown>
  nullCount?: Record<string, unknown>
}

function statsOf(file: AddFile): Stats {
  try {
    return (JSON.parse(file.stats ?? '{}') as Stats | null) ?? {}
  } catch {
    return {} // Damaged statistics say nothing.
  }
}

/** Smallest and largest value of a column in a file; `none` when all are null. */
function range(file: AddFile, stats: Stats, field: Field, physical: string, partition: boolean) {
  if (partition) {
    const value = file.partitionValues[physical] ?? file.partitionValues[field.name] ?? null
    if (value === null || value === '') return 'none'
    const at = comparable(field, value)
    return { low: at, high: at }
  }
  if (stats.numRecords !== undefined && stats.nullCount?.[physical] === stats.numRecords) return 'none'
  const bound = (value: unknown) =>
    typeof value === 'string' || typeof value === 'number' ? comparable(field, String(value)) : undefined
  return { low: bound(stats.minValues?.[physical]), high: bound(stats.maxValues?.[physical]) }
}

/** A timestamp's bounds may be cut to milliseconds, those of a literal too. */
const SLACK_MS = 1

function mayHold(condition: Condition, found: { low?: number | string; high?: number | string }): boolean {
  const slack = String(condition.field.type).startsWith('timestamp') ? SLACK_MS : 0
  const wider = (value: number | string, by: number) => (typeof value === 'number' ? value + by : value)
  const low = condition.low && comparable(condition.field, condition.low.text, condition.low.type)
  const high = condition.high && comparable(condition.field, condition.high.text, condition.high.type)
  // NaN is above every number and some writers leave it out of the largest value.
  const unbounded = condition.field.type === 'double' && !condition.high
  if (!unbounded && low !== undefined && found.high !== undefined && above(low, wider(found.high, slack))) return false
  return !(high !== undefined && found.low !== undefined && above(found.low, wider(high, slack)))
}

/** The files that may hold a row for which `where` is true; all of them where nothing can be told. */
export async function matchingFiles(
  files: readonly AddFile[],
  where: string,
  { schema, partitionColumns, mapping }: { schema: Schema; partitionColumns: readonly string[]; mapping: string },
): Promise<readonly AddFile[]> {
  if (files.length < 2) return files
  const database = await duckdb()
  const [row] = await database.rows<{ tree: string }>(
    `SELECT CAST(json_serialize_sql(${quoteText(`SELECT 1 FROM t WHERE (${where}\n)`)}) AS VARCHAR) AS tree`,
  )
  const tree = JSON.parse(row?.tree ?? '{}') as { statements?: { node?: { where_clause?: Node } }[] }
  if (tree.statements?.length !== 1) return files
  const wanted = conditions(tree.statements[0]?.node?.where_clause, schema)
  if (!wanted.length) return files
  return files.filter(file => {
    const stats = statsOf(file)
    return wanted.every(alternatives =>
      alternatives.some(condition => {
        const { field } = condition
        const found = range(file, stats, field, nameInFiles(field, mapping), partitionColumns.includes(field.name))
        return found !== 'none' && mayHold(condition, found)
      }),
    )
  })
}
