/** Tables in the forms that notebooks use: rows, arquero tables, danfo data frames, and back. Values are handed over, not copied. */
import { createRequire } from 'node:module'
import type { ColumnTable } from 'arquero'
import type { DataFrame } from 'danfojs-node'

/** An arquero table, as far as this module reads it. */
export interface ArqueroLike {
  columnNames(): string[]
  numRows(): number
  getter(name: string): (row: number) => unknown
  objects(): object[]
}

/** A danfo data frame, as far as this module reads it. */
export interface DanfoLike {
  readonly columns: string[]
  readonly values: unknown
  readonly dtypes: string[]
}

/** Anything with rows: an array of objects, the answer of a query, an arquero table, a danfo data frame. */
export type TableLike =
  | readonly object[]
  | { readonly rows: readonly object[]; readonly columns?: readonly { name: string; type?: string }[] }
  | ArqueroLike
  | DanfoLike

/** A table as named columns of equal length. */
export interface Columns {
  names: string[]
  /** Number of rows. */
  n: number
  /** The values of a column, one per row; undefined for a name that is not there. */
  values(name: string): unknown[] | undefined
}

/** True for an arquero table. */
export function isArquero(value: unknown): value is ArqueroLike {
  return typeof value === 'object' && value !== null && 'columnNames' in value && 'objects' in value && 'numRows' in value
}

/** True for a danfo data frame. */
export function isDanfo(value: unknown): value is DanfoLike {
  return typeof value === 'object' && value !== null && 'dtypes' in value && 'columns' in value && 'values' in value
}

/** True for anything that `toRows` takes. */
export function isTableLike(value: unknown): value is TableLike {
  if (Array.isArray(value)) return value.every(row => typeof row === 'object' && row !== null && !Array.isArray(row))
  return (
    isArquero(value) ||
    isDanfo(value) ||
    (typeof value === 'object' && value !== null && Array.isArray(Reflect.get(value, 'rows')))
  )
}

/** The rows of any table as plain objects, in order. An array of rows is given back as it is. */
export function toRows<T extends object = Record<string, unknown>>(table: TableLike): T[] {
  if (Array.isArray(table)) return table as T[]
  if (isArquero(table)) return table.objects() as T[]
  if (isDanfo(table)) {
    const { columns } = table
    return (table.values as unknown[][]).map(row => Object.fromEntries(columns.map((name, i) => [name, row[i]])) as T)
  }
  return (table as { rows: readonly object[] }).rows as T[]
}

/** The columns of any table. Rows that lack a field have null there; names come in order of first appearance. */
export function toColumns(table: TableLike): Columns {
  if (isArquero(table)) {
    const names = table.columnNames()
    const n = table.numRows()
    return {
      names,
      n,
      values: name => {
        if (!names.includes(name)) return undefined
        const get = table.getter(name)
        return Array.from({ length: n }, (_, i) => get(i))
      },
    }
  }
  const rows = toRows(table)
  const declared = (table as { columns?: unknown }).columns
  const known = Array.isArray(declared)
    ? declared.map(column => (typeof column === 'string' ? column : String((column as { name: unknown }).name)))
    : []
  const names = [...new Set([...known, ...rows.flatMap(row => Object.keys(row))])]
  return { names, n: rows.length, values: name => (names.includes(name) ? rows.map(row => row[name] ?? null) : undefined) }
}

/** The table as an arquero `ColumnTable`: the same values (dates, lists and text are shared, not copied). */
export function toArquero(table: TableLike): ColumnTable {
  const columns = toColumns(table)
  const { table: make } = createRequire(import.meta.url)('arquero') as typeof import('arquero')
  return make(columns.names.map(name => [name, columns.values(name)!] as [string, unknown[]]))
}

/** danfo's name for what a column holds. */
function danfoType(values: readonly unknown[]): string {
  const present = values.filter(value => value !== null && value !== undefined)
  if (!present.length) return 'string'
  if (present.every(value => typeof value === 'boolean')) return 'boolean'
  if (present.every(value => value instanceof Date)) return 'datetime'
  if (!present.every(value => typeof value === 'number')) return 'string'
  const whole = present.length === values.length && present.every(value => Number.isInteger(value) && Math.abs(value) < 2 ** 31)
  return whole ? 'int32' : 'float32'
}

/** A value that danfo can hold: lists and objects as text, bigints as numbers, missing as null. */
function danfoValue(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value instanceof Date) return value
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value.join(', ') : JSON.stringify(value)
}

/**
 * The table as a danfo `DataFrame`. danfo has no lists: a list of text becomes `a, b`, other nested values JSON text.
 * danfojs-node is loaded on the first call, which takes one to two seconds.
 * @throws Error when the table has no columns
 */
export function toDanfo(table: TableLike): DataFrame {
  const columns = toColumns(table)
  if (!columns.names.length) throw new Error('toDanfo: the table has no columns')
  const { DataFrame: Frame } = createRequire(import.meta.url)('danfojs-node') as typeof import('danfojs-node')
  const values = columns.names.map(name => columns.values(name)!.map(danfoValue))
  const dtypes = values.map(danfoType)
  if (!columns.n) return new Frame([], { columns: columns.names })
  const rows = Array.from({ length: columns.n }, (_, i) => values.map(column => column[i]))
  return new Frame(rows as never, { columns: columns.names, dtypes })
}
