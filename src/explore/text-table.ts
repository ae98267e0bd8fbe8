/** Tables as aligned text, for terminals and logs. */
import { type TableLike, toColumns } from './frames.js'

/** How a text table is cut. */
export interface TextTableOptions {
  /** Rows shown; the rest is counted in a last line. Default 20. */
  maxRows?: number
  /** Characters of a cell; longer text ends in `…`. Default 60. */
  maxWidth?: number
}

// Control characters (terminal escapes among them) and marks that turn the writing direction.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A number with thousands separators and up to four decimals (more where the number is small): never `4e+04`. */
export function formatNumber(value: number | bigint): string {
  if (typeof value === 'bigint') return value.toLocaleString('en-US')
  if (!Number.isFinite(value)) return String(value)
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toPrecision(3).replace(/e-(\d+)$/, ' × 10^-$1')
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 })
}

/** A moment as `2009-04-07 05:19:45Z`, with milliseconds only where there are any. */
export function formatDate(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'invalid date' : date.toISOString().replace('T', ' ').replace('.000Z', 'Z')
}

/** Any value in one line of text; null for null and undefined. */
export function formatValue(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'number' || typeof value === 'bigint') return formatNumber(value)
  if (value instanceof Date) return formatDate(value)
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(item => formatValue(item) ?? 'null').join(', ')
  if (typeof value === 'object') return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? Number(item) : item))
  return String(value)
}

// East Asian wide and emoji take two cells of a terminal, joining marks none.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const NONE = /^(?:\p{Mn}|\p{Me}|\p{Cf})$/u

function width(text: string): number {
  let cells = 0
  for (const character of text) cells += NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return cells
}

function cut(text: string, cells: number): string {
  if (text.length <= cells && width(text) <= cells) return text
  let out = ''
  let used = 0
  for (const character of text) {
    used += width(character)
    if (used > cells - 1) break
    out += character
  }
  return `${out}…`
}

/** The table as lines of text under aligned headers: numbers to the right, `null` written out, control characters dropped. */
export function textTable(table: TableLike, options: TextTableOptions = {}): string {
  const { maxRows = 20, maxWidth = 60 } = options
  const columns = toColumns(table)
  if (!columns.names.length) return '(no columns, no rows)'
  const shown = Math.min(columns.n, maxRows)
  const blocks = columns.names.map(name => {
    const values = columns.values(name)!.slice(0, shown)
    const right =
      values.some(value => value !== null) && values.every(value => value === null || /^(number|bigint)$/.test(typeof value))
    const cells = [name, ...values.map(value => formatValue(value) ?? 'null')].map(text =>
      cut(text.replace(UNSAFE, ' '), maxWidth),
    )
    const cellWidth = Math.max(...cells.map(width))
    const padded = cells.map(text => {
      const pad = ' '.repeat(cellWidth - width(text))
      return right ? pad + text : text + pad
    })
    return [padded[0]!, '─'.repeat(cellWidth), ...padded.slice(1)]
  })
  const lines = blocks[0]!.map((_, i) =>
    blocks
      .map(block => block[i])
      .join('  ')
      .trimEnd(),
  )
  if (columns.n > shown) lines.push(`… ${formatNumber(columns.n - shown)} more rows`)
  if (!columns.n) lines.push('(no rows)')
  return lines.join('\n')
}
