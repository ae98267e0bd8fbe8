/** Counts as bars. */
import { LABELS, type Label } from '../tweet.js'
import { chartRows, toMeasured, toNumber } from './cells.js'
import { axis, type ChartOptions, count, emptyFigure, type Figure, figure, label, whiskers } from './chart.js'
import { classColours, SERIES_COLOURS } from './colours.js'
import { type TableLike, toRows } from './frames.js'
import { formatNumber } from './text-table.js'

/** Options of `barChart`. */
export interface BarOptions extends ChartOptions {
  /** Column with the names of the bars. */
  label: string
  /** Column with their lengths. */
  value: string
  /** Title of the axis of names, such as `user`. Default: the column's name. */
  labelTitle?: string
  /** Title of the axis of lengths with its unit, such as `tweets`. Default: the column's name. */
  valueTitle?: string
  /** Bars shown, the longest first. Default 20. */
  top?: number
  /** Keeps the rows' order instead of sorting by length. Default false. */
  keepOrder?: boolean
  /** Bars stand up instead of lying. Default false. */
  vertical?: boolean
  /** Colour of the bars. Default blue. */
  colour?: string
}

/**
 * Bars by name, longest first. The subtitle gives the number of bars and their sum; values that are no counts (milliseconds)
 * are not summed. Shares with intervals are for `scoreBars`.
 */
export function barChart(table: TableLike, options: BarOptions): Figure {
  const { label: name, value, labelTitle = name, valueTitle = value, top = 20, vertical = false } = options
  const title = options.title ?? `${valueTitle} by ${labelTitle}`
  const rows = chartRows(table, 'barChart', [name, value])
  if (!rows.length) return emptyFigure(title, `No rows: nothing to count by ${labelTitle}.`)
  const bars = rows.flatMap(row => {
    const length = toNumber(row[value])
    return length === undefined ? [] : [{ text: row[name], length }]
  })
  if (!bars.length) return emptyFigure(title, `No numbers in column ${value}.`)
  if (!options.keepOrder) bars.sort((a, b) => b.length - a.length)
  const shown = bars.slice(0, top)
  const category = unique(shown.map(bar => label(bar.text)))
  const length = shown.map(bar => bar.length)
  const trace = {
    type: 'bar',
    orientation: vertical ? 'v' : 'h',
    ...(vertical ? { x: category, y: length } : { x: length, y: category }),
    marker: { color: options.colour ?? SERIES_COLOURS[0] },
    text: length.map(formatNumber),
    textposition: 'outside',
    cliponaxis: false,
    customdata: shown.map(bar => label(bar.text, 120)),
    hovertemplate: `%{customdata}<br>%{text} ${label(valueTitle)}<extra></extra>`,
  }
  const names_ = axis(labelTitle, { type: 'category', showgrid: false, ...(vertical ? {} : { autorange: 'reversed' }) })
  const numbers = axis(valueTitle, { tickformat: ',~r', rangemode: 'tozero' })
  const shownOf =
    shown.length < bars.length ? `top ${shown.length} of ${formatNumber(bars.length)}` : `all ${formatNumber(bars.length)}`
  return figure([trace], title, `${shownOf}; ${measured(shown, bars, valueTitle)}`, {
    of: table,
    ...(vertical ? { xaxis: names_, yaxis: numbers } : { xaxis: numbers, yaxis: names_ }),
    height: options.height ?? (vertical ? 380 : 165 + 22 * shown.length),
    bargap: 0.25,
  })
}

/** What the bars stand for together: their sum where they are counts, else their range. */
function measured(shown: readonly { length: number }[], all: readonly { length: number }[], unit: string): string {
  const sum = (bars: readonly { length: number }[]) => bars.reduce((total, bar) => total + bar.length, 0)
  if (all.every(bar => Number.isInteger(bar.length))) return `together ${formatNumber(sum(shown))} of ${count(sum(all), unit)}`
  const lengths = all.map(bar => bar.length)
  return `${count(all.length, 'values')} from ${formatNumber(Math.min(...lengths))} to ${formatNumber(Math.max(...lengths))}`
}

/** Texts told apart where cutting made them equal: plotly would pile equal categories. */
function unique(texts: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return texts.map(text => {
    const times = (seen.get(text) ?? 0) + 1
    seen.set(text, times)
    return times === 1 ? text : `${text} (${times})`
  })
}

/** Options of `classBars`. */
export interface ClassBarOptions extends ChartOptions {
  /** Column with the names of the bars. Default `mention`. */
  label?: string
  /** What bars are sorted by: one class, or `total`. Default `total`. */
  sort?: Label | 'total'
  /** Bars shown. Default 20. */
  top?: number
  /** What is counted. Default `tweets`. */
  unit?: string
}

/**
 * Stacked bars of negative, neutral and positive counts, sorted by one class or by the total. The table has a column of names
 * and the columns `negative`, `neutral` and `positive`, such as `application`. The class that sorts comes first, at the axis.
 */
export function classBars(table: TableLike, options: ClassBarOptions = {}): Figure {
  const { label: name = 'mention', sort = 'total', top = 20, unit = 'tweets' } = options
  const title =
    options.title ?? (sort === 'total' ? `Which ${name}s are spoken of most` : `Which ${name}s have most ${sort} ${unit}`)
  const given = chartRows(table, 'classBars', [name, ...LABELS])
  if (!given.length) return emptyFigure(title, `No rows: no ${name} was found.`)
  const rows = given
    .filter(row => row[name] !== null && row[name] !== undefined)
    .map(row => {
      const counts = LABELS.map(kind => toNumber(row[kind]) ?? 0)
      return { name: row[name], counts, total: counts.reduce((a, b) => a + b, 0) }
    })
  const key = (row: (typeof rows)[number]) => (sort === 'total' ? row.total : row.counts[LABELS.indexOf(sort)]!)
  const shown = rows.sort((a, b) => key(b) - key(a) || b.total - a.total).slice(0, top)
  if (!shown.length) return emptyFigure(title, `No rows with a ${name}.`)
  const category = unique(shown.map(row => label(row.name)))
  const order = classColours().sort((a, b) => Number(b.label === sort) - Number(a.label === sort))
  const traces = order.map(({ label: kind, colour }) => ({
    type: 'bar',
    orientation: 'h',
    name: kind,
    y: category,
    x: shown.map(row => row.counts[LABELS.indexOf(kind)]!),
    marker: { color: colour },
    customdata: shown.map(row => formatNumber(row.total)),
    hovertemplate: `%{y}<br>%{x:,} ${kind} of %{customdata}<extra></extra>`,
  }))
  const sum = rows.reduce((total, row) => total + row.total, 0)
  return figure(
    traces,
    title,
    `top ${shown.length} of ${formatNumber(rows.length)} by ${sort}; ${count(sum, `${unit} in all`)}`,
    {
      of: table,
      barmode: 'stack',
      xaxis: axis(unit, { tickformat: ',~r' }),
      yaxis: axis(name, { type: 'category', autorange: 'reversed', showgrid: false }),
      height: options.height ?? 185 + 22 * shown.length,
      bargap: 0.25,
    },
  )
}

/** Options of `scoreBars`. */
export interface ScoreOptions extends ChartOptions {
  /** Column with the names of the bars, such as `policy` or `model`. */
  label: string
  /** Column with the scores, in [0, 1]: numbers, with their intervals in the columns `<value>Low` and `<value>High`, or `{ value, low, high }`. */
  value: string
  /** Title of the axis of scores. Default: the column's name. */
  valueTitle?: string
  /** Score to be beaten, drawn as a line, such as the accuracy of always giving the most frequent class. */
  baseline?: number
}

/** Scores side by side, each with its interval and (from the column `n`, where there is one) its n. */
export function scoreBars(table: TableLike, options: ScoreOptions): Figure {
  const { label: name, value: column, valueTitle = column } = options
  const title = options.title ?? `${valueTitle} by ${name}`
  const rows = toRows(table).map(row => {
    const { value = 0, low, high } = toMeasured(row[column]) ?? {}
    const edges = { low: toNumber(row[`${column}Low`]) ?? low, high: toNumber(row[`${column}High`]) ?? high }
    return { name: row[name], value, ...edges, n: toNumber(row.n) }
  })
  if (!rows.length) return emptyFigure(title, `No rows: no ${name} was scored.`)
  const trace = {
    type: 'bar',
    x: unique(rows.map(row => label(row.name))),
    y: rows.map(row => row.value),
    marker: { color: SERIES_COLOURS[0] },
    text: rows.map(({ value, n }) => `${value.toFixed(4)}${n === undefined ? '' : `<br>n = ${formatNumber(n)}`}`),
    textposition: 'inside',
    insidetextanchor: 'start',
    insidetextfont: { color: '#ffffff' },
    textangle: 0,
    ...whiskers(rows),
    hovertemplate: '%{x}: %{y:.4f}<extra></extra>',
  }
  const most = Math.max(0, ...rows.map(row => row.n ?? 0))
  const intervals = rows.some(row => row.low !== undefined) ? ', 95 % intervals' : ''
  return figure([trace], title, `${valueTitle}${intervals}${most ? `; up to ${count(most, 'labelled tweets')}` : ''}`, {
    of: table,
    xaxis: axis(name, { type: 'category', showgrid: false }),
    yaxis: axis(`${valueTitle} (share, 0 to 1)`, { range: [0, 1], tickformat: '.1f' }),
    height: options.height ?? 380,
    ...(options.baseline === undefined ? {} : beaten(options.baseline)),
  })
}

/** A line at the score to be beaten, named at its end. */
function beaten(score: number): Record<string, unknown> {
  const [xref, colour] = ['paper', '#d55e00']
  const text = `baseline<br>${score.toFixed(4)}`
  const note = { xref, x: 1.01, y: score, xanchor: 'left', align: 'left', showarrow: false, text, font: { color: colour } }
  const line = { color: colour, dash: 'dash', width: 2 }
  return {
    shapes: [{ type: 'line', xref, x0: 0, x1: 1, y0: score, y1: score, line }],
    margin: { l: 60, r: 84, t: 86, b: 56 },
    annotations: [note],
  }
}
