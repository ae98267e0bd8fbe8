/** Statistics of a data file: from DuckDB's COPY to the `stats` of an `add` action ("Per-file Statistics" in PROTOCOL.md). */
import { type DataType, decimalOf, type Schema } from './schema.js'

/** What DuckDB says of one column of a file it wrote. */
export interface WrittenColumn {
  min?: string
  max?: string
  null_count?: string
  has_nan?: string
}

/** Columns with statistics when the table does not say (`delta.dataSkippingNumIndexedCols`). */
export const INDEXED_COLUMNS = 32
/** Characters of a text kept as a bound. */
const TEXT_LENGTH = 32

/** Parts of a column path as DuckDB writes it: `"a"."b c"`. */
export function columnPath(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"/g)].map(match => (match[1] as string).replaceAll('""', '"'))
}

function lowerText(text: string): string {
  return JSON.stringify([...text.slice(0, 2 * TEXT_LENGTH)].slice(0, TEXT_LENGTH).join(''))
}

function upperText(text: string): string | undefined {
  const characters = [...text.slice(0, 2 * TEXT_LENGTH + 2)]
  if (characters.length <= TEXT_LENGTH && text.length <= 2 * TEXT_LENGTH) return JSON.stringify(text)
  // Above every text that begins so: the largest character is put behind.
  if ((characters[TEXT_LENGTH] ?? '') >= '\u{10FFFF}') return undefined
  return JSON.stringify(`${characters.slice(0, TEXT_LENGTH).join('')}\u{10FFFF}`)
}

function instant(text: string, zone: string): string | undefined {
  const found = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text)
  return found ? JSON.stringify(`${found[1]}T${found[2]}.${(found[3] ?? '').padEnd(3, '0')}${zone}`) : undefined
}

/** A bound as JSON text, undefined where none can be given. */
function bound(text: string, type: DataType, side: 'min' | 'max'): string | undefined {
  if (typeof type !== 'string') return undefined
  if (decimalOf(type)) return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined
  switch (type) {
    case 'string':
      return side === 'min' ? lowerText(text) : upperText(text)
    case 'float':
    case 'double': {
      const value = Number(text)
      if (!Number.isFinite(value) || text === '') return undefined
      // A zero may stand for either sign: the bound takes the one that includes both.
      return value === 0 ? (side === 'min' ? '-0.0' : '0.0') : String(value)
    }
    case 'boolean':
      // Readers built on delta-rs take a missing bound of a boolean for "no row fits".
      return text === '0' || text === 'false' ? 'false' : text === '1' || text === 'true' ? 'true' : undefined
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) ? JSON.stringify(text) : undefined
    case 'timestamp':
      return instant(text, 'Z')
    case 'timestamp_ntz':
      return instant(text, '')
    default:
      return type !== 'binary' && /^-?\d+$/.test(text) ? text : undefined
  }
}

/** The `stats` text of a file. Columns beyond the first `indexed` leaves, lists, maps and binaries have no bounds. */
export function statsText(
  schema: Schema,
  rows: number,
  columns: ReadonlyMap<string, WrittenColumn>,
  indexed = INDEXED_COLUMNS,
): string {
  let left = indexed < 0 ? Number.POSITIVE_INFINITY : indexed
  const build = (fields: Schema['fields'], path: string[]): { min: string[]; max: string[]; nulls: string[] } => {
    const out = { min: [] as string[], max: [] as string[], nulls: [] as string[] }
    for (const field of fields) {
      if (left <= 0) break
      const name = JSON.stringify(field.name)
      const at = [...path, field.name]
      if (typeof field.type !== 'string') {
        if (field.type.type !== 'struct') {
          left--
          continue
        }
        const inner = build(field.type.fields, at)
        if (inner.min.length) out.min.push(`${name}:{${inner.min.join(',')}}`)
        if (inner.max.length) out.max.push(`${name}:{${inner.max.join(',')}}`)
        if (inner.nulls.length) out.nulls.push(`${name}:{${inner.nulls.join(',')}}`)
        continue
      }
      left--
      const written = columns.get(JSON.stringify(at))
      if (!written) continue
      if (written.null_count !== undefined) out.nulls.push(`${name}:${Number(written.null_count)}`)
      if (written.has_nan === 'true') continue
      const min = written.min === undefined ? undefined : bound(written.min, field.type, 'min')
      const max = written.max === undefined ? undefined : bound(written.max, field.type, 'max')
      if (min !== undefined) out.min.push(`${name}:${min}`)
      if (max !== undefined) out.max.push(`${name}:${max}`)
    }
    return out
  }
  const { min, max, nulls } = build(schema.fields, [])
  return `{"numRecords":${rows},"minValues":{${min.join(',')}},"maxValues":{${max.join(',')}},"nullCount":{${nulls.join(',')}}}`
}

/** Rows of a file as its statistics have it, undefined when they do not say. */
export function recordCount(stats: string | null | undefined): number | undefined {
  const found = stats ? /"numRecords"\s*:\s*(\d+)/.exec(stats) : null
  return found ? Number(found[1]) : undefined
}
