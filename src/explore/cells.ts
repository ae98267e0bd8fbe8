/** What a chart reads of a table's cells: numbers, intervals, moments. */
import { type TableLike, toColumns, toRows } from './frames.js'

/**
 * The rows that a chart is drawn from.
 * @param columns that the table must have where it has rows; undefined ones are not asked for
 * @throws Error that lists the columns there are
 */
export function chartRows(table: TableLike, chart: string, columns: readonly (string | undefined)[]): Record<string, unknown>[] {
  const { names, n } = toColumns(table)
  const missing = n ? columns.find(name => name && !names.includes(name)) : undefined
  if (missing) throw new Error(`${chart}: no column ${missing}; there are ${names.join(', ') || 'none'}`)
  return toRows(table)
}

/** A finite number out of a cell, undefined for anything else. */
export function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** How many tweets a row stands for: the number in the column `weight`, one where there is no such column. */
export function tweetsOf(row: Record<string, unknown>, weight: string | undefined): number {
  return weight ? (toNumber(row[weight]) ?? 0) : 1
}

/** A number that may have an interval. */
export interface Measured {
  value: number
  low?: number
  high?: number
}

/** A number, or `{ value, low, high }`, out of a cell; undefined for anything else. */
export function toMeasured(cell: unknown): Measured | undefined {
  const { value = cell, low, high } = Object(cell) as Record<string, unknown>
  const number = toNumber(value)
  return number === undefined ? undefined : { value: number, low: toNumber(low), high: toNumber(high) }
}

/** A moment out of a cell: a `Date`, ISO text, or milliseconds since 1970; undefined for anything else. */
export function toTime(value: unknown): Date | undefined {
  if (!(value instanceof Date) && typeof value !== 'string' && typeof value !== 'number') return undefined
  const date = new Date(value)
  return Number.isNaN(date.getTime()) ? undefined : date
}
