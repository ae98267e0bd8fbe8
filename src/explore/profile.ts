/** What a table holds, column by column: the first look at data one does not know. */
import { axis, count, type Figure, figure, label } from './chart.js'
import { SERIES_COLOURS } from './colours.js'
import { type Columns, type TableLike, toColumns } from './frames.js'
import { typeOf } from './html.js'
import { arrangePanels, type Panel } from './panels.js'
import { formatNumber, formatValue } from './text-table.js'

/** One column of a table, summed up. */
export interface ColumnProfile {
  column: string
  /** `text`, `number`, `time`, `list`, …; `mixed` where there are several. */
  type: string
  /** Rows with null, nothing, or no number. */
  missing: number
  /** Rows with an empty text or list. */
  empty: number
  /** Different values; of a list column different items. */
  distinct: number
  /** Of a text its characters are meant, of a list its items; so for `median`, `highest` and `outliers`. */
  lowest: number | Date | null
  median: number | Date | null
  highest: number | Date | null
  /** Rows more than 1.5 interquartile ranges outside of the quartiles (Tukey); null where there is no such range. */
  outliers: number | null
  /** The commonest values with their counts, or the first ones where none repeats. */
  examples: string[]
}

/** The profile of a table: a table itself, and a picture. */
export interface Profile {
  /** One row per column, in the table's order. */
  rows: ColumnProfile[]
  /** The rows as `show` shows them: the range in one column, with what was measured. */
  view: object[]
  /** Rows of the table. */
  n: number
  /** The distribution of each column, side by side. */
  figure: Figure
}

/** Options of `profile`. */
export interface ProfileOptions {
  /** Columns looked at, in this order. Default: all. */
  columns?: readonly string[]
  /** Title of the picture. Default: what the columns hold. */
  title?: string
}

interface Seen {
  row: ColumnProfile
  /** Measures of the rows that have one, ascending. */
  sorted: number[]
  /** Values (or items) and how often each came, the commonest first. */
  common: [value: string, times: number][]
}

const isMissing = (value: unknown) =>
  value === null ||
  value === undefined ||
  (typeof value === 'number' && Number.isNaN(value)) ||
  (value instanceof Date && Number.isNaN(value.getTime()))

/** Number that a value is measured by. */
function measured(value: unknown): number | undefined {
  if (typeof value === 'string') return [...value].length
  if (Array.isArray(value)) return value.length
  if (value instanceof Date) return value.getTime()
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

/** The value below which a share of the sorted numbers lies, with linear interpolation. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)]!
  return below + (place % 1) * ((sorted[Math.ceil(place)] ?? below) - below)
}

/** Rows outside of Tukey's fences; null where half of the rows have one value. */
function outliersOf(sorted: readonly number[]): number | null {
  if (sorted.length < 4) return null
  const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)]
  const reach = 1.5 * (high - low)
  return reach ? sorted.filter(value => value < low - reach || value > high + reach).length : null
}

function look(columns: Columns, column: string): Seen {
  const values = columns.values(column)
  if (!values) throw new Error(`profile: no column ${column}; there are ${columns.names.join(', ') || 'none'}`)
  const present = values.filter(value => !isMissing(value))
  const type = typeOf(present)
  const times = new Map<string, number>()
  for (const item of present.flatMap(value => (type === 'list' ? (value as unknown[]) : [value]))) {
    const text = formatValue(item) ?? 'null'
    times.set(text, (times.get(text) ?? 0) + 1)
  }
  const common = [...times].sort((a, b) => b[1] - a[1])
  const sorted = type === 'mixed' ? [] : present.flatMap(value => measured(value) ?? []).sort((a, b) => a - b)
  const at = (share: number) => {
    if (!sorted.length) return null
    const number = quantile(sorted, share)
    return type === 'time' ? new Date(Math.round(number)) : number
  }
  const repeats = (common[0]?.[1] ?? 0) > 1
  const examples = common.slice(0, 2).map(([text, n]) => (repeats ? `${cut(text)} × ${formatNumber(n)}` : cut(text)))
  const row: ColumnProfile = {
    column,
    type,
    missing: values.length - present.length,
    empty: present.filter(value => value === '' || (Array.isArray(value) && !value.length)).length,
    distinct: times.size,
    lowest: at(0),
    median: at(0.5),
    highest: at(1),
    outliers: outliersOf(sorted),
    examples,
  }
  return { row, sorted, common }
}

const cut = (text: string) => ([...text].length > 28 ? `${[...text].slice(0, 27).join('')}…` : text)

const PANELS = 3
const BINS = 24

/** Counts of the measures in bins of equal width: middles and counts. */
function histogram({ sorted, row }: Seen): { middles: number[]; counts: number[] } {
  const [low, high] = [sorted[0]!, sorted.at(-1)!]
  const whole = sorted.every(Number.isInteger) && row.type !== 'time'
  const width = (whole ? Math.ceil((high - low + 1) / BINS) : (high - low) / BINS) || 1
  const bins = Math.max(1, whole ? Math.ceil((high - low + 1) / width) : BINS)
  const counts = Array.from({ length: bins }, () => 0)
  for (const value of sorted) counts[Math.min(bins - 1, Math.floor((value - low) / width))]!++
  const shift = whole ? (width - 1) / 2 : width / 2
  return { middles: counts.map((_, i) => low + i * width + shift), counts }
}

/** One panel: the commonest values as bars where they repeat, else how the measure is distributed. */
function panel(seen: Seen): Panel {
  const { row, sorted, common } = seen
  const marker = { color: SERIES_COLOURS[0] }
  const draw = (trace: object, xaxis: object, yaxis: object, note: string): Panel => ({
    heading: `<b>${label(row.column, 24)}</b>${note}`,
    figure: {
      data: [{ type: 'bar', marker, ...trace }],
      layout: { xaxis: axis('', { tickformat: ',~r', ...xaxis }), yaxis: axis('', { tickformat: ',~r', ...yaxis }) },
      config: {},
    },
  })
  if (/text|list|boolean|mixed|object/.test(row.type) && (row.distinct <= 12 || (common[0]?.[1] ?? 0) > 4)) {
    const shown = common.slice(0, 6)
    const names = shown.map(([text]) => label(text || '(empty)', 15))
    const y = names.map((text, k) => (names.indexOf(text) < k ? `${text} ${k}` : text))
    const bars = { type: 'category', autorange: 'reversed', showgrid: false, nticks: 6 }
    const note = row.distinct > 6 ? `: commonest of ${formatNumber(row.distinct)}` : ''
    return draw({ orientation: 'h', x: shown.map(([, n]) => n), y }, {}, bars, note)
  }
  const { middles, counts } = histogram(seen)
  const time = row.type === 'time'
  const measure = MEASURES[row.type]
  return draw(
    {
      x: time ? middles.map(value => new Date(value).toISOString()) : middles,
      y: counts,
      width: (middles[1] ?? middles[0]! + 1) - middles[0]!,
    },
    { ...(time ? { type: 'date', tickformat: undefined } : {}), showgrid: false },
    {},
    measure ? `: ${measure}, ${formatNumber(sorted[0]!)} to ${formatNumber(sorted.at(-1)!)}` : '',
  )
}

/** What a column's range measures, where it is not the value itself. */
const MEASURES: Readonly<Record<string, string>> = { text: 'characters', list: 'items' }

/** A row for people: `10 to 184 characters`, `2026-09-07 to 2026-09-20`. */
function viewOf({ lowest, median, highest, outliers, examples, ...row }: ColumnProfile): object {
  const days = Number(highest) - Number(lowest) > 2 * 86_400_000
  const text = (value: number | Date | null) =>
    value instanceof Date
      ? value
          .toISOString()
          .slice(0, days ? 10 : 16)
          .replace('T', ' ')
      : formatNumber(Number((value ?? 0).toPrecision(6)))
  const unit = MEASURES[row.type] ? ` ${MEASURES[row.type]}` : ''
  const range = lowest === null ? null : `${text(lowest)} to ${text(highest)}${unit}`
  return { ...row, range, median: median === null ? null : text(median), outliers, examples: examples.join(', ') }
}

/**
 * Sums up each column of a table: missing and distinct values, range, median, outliers, examples, and a picture of the
 * distributions. `show` shows both.
 * @throws Error for a table without columns, and for a column that is not there
 */
export function profile(table: TableLike, options: ProfileOptions = {}): Profile {
  const columns = toColumns(table)
  const names = options.columns ?? columns.names
  if (!names.length) throw new Error('profile: the table has no columns')
  const seen = names.map(name => look(columns, name))
  const drawn = seen.filter(({ row, sorted }) => row.distinct > 0 && (sorted.length || row.type !== 'object'))
  const { data, layout } = arrangePanels(drawn.map(panel), { columns: PANELS, share: '' })
  const picture = figure(
    data,
    options.title ?? 'What the columns hold',
    `rows per value, or per bin of characters or items where these are named; ${count(columns.n, 'rows')}`,
    {
      ...layout,
      showlegend: false,
      bargap: 0.15,
      height: 100 + 165 * Math.ceil(Math.max(1, drawn.length) / PANELS),
      margin: { l: 48, r: 16, t: 76, b: 28 },
    },
  )
  const sums = seen.map(({ row }) => row)
  return { rows: sums, view: sums.map(viewOf), n: columns.n, figure: picture }
}
