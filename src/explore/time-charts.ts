/** What changes over time. */
import { LABELS, type Label } from '../tweet.js'
import { chartRows, type Measured, toMeasured, toNumber, toTime, tweetsOf } from './cells.js'
import { axis, type ChartOptions, count, emptyFigure, type Figure, figure, label, type Trace, whiskers } from './chart.js'
import { classColours, HEAT, SERIES_COLOURS, STREAM_COLOURS } from './colours.js'
import type { TableLike } from './frames.js'
import { formatNumber } from './text-table.js'

/** Options of `lineChart`. */
export interface LineOptions extends ChartOptions {
  /** Column along the bottom: numbers or moments. */
  x: string
  /** Column of heights: numbers, or `{ value, low, high }`, whose intervals are drawn as whiskers. */
  y: string
  /** Column that tells the lines apart; one line without it. */
  series?: string
  /** Title of the bottom axis with its unit. Default: the column's name. */
  xTitle?: string
  /** Title of the upright axis with its unit. Default: the column's name. */
  yTitle?: string
  /** What one row is, for the subtitle. Default `points`. */
  unit?: string
  /** The bottom axis counts in powers: each step is as many times more. Default false. */
  log?: boolean
  /** Colour by series; others come from the palette. */
  colours?: Readonly<Record<string, string>>
}

const DASHES = ['solid', 'dash', 'dot', 'dashdot'] as const
const SYMBOLS = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'x'] as const

/** Lines over a number or over time, one per series, told apart by colour, dash and marker. */
export function lineChart(table: TableLike, options: LineOptions): Figure {
  const { x, y, series, xTitle = x, yTitle = y, unit = 'points', colours = {} } = options
  const title = options.title ?? `${yTitle} over ${xTitle}`
  const rows = chartRows(table, 'lineChart', [x, y, series])
  if (!rows.length) return emptyFigure(title, 'No rows: nothing has been recorded.')
  const lines = new Map<string, { x: (number | string)[]; y: Measured[] }>()
  let points = 0
  let temporal = false
  for (const row of rows) {
    const height = toMeasured(row[y])
    const moment = typeof row[x] === 'number' ? undefined : toTime(row[x])
    const place = moment?.toISOString() ?? toNumber(row[x])
    if (height === undefined || place === undefined) continue
    temporal ||= moment !== undefined
    const name = series ? String(row[series] ?? '(none)') : yTitle
    const line = lines.get(name) ?? { x: [], y: [] }
    if (!lines.has(name)) lines.set(name, line)
    line.x.push(place)
    line.y.push(height)
    points++
  }
  if (!points) return emptyFigure(title, `No numbers in columns ${x} and ${y}.`)
  const traces = [...lines].map(([name, line], i) => ({
    type: 'scatter',
    mode: line.x.length > 60 ? 'lines' : 'lines+markers',
    name: label(name),
    x: line.x,
    y: line.y.map(({ value }) => value),
    ...whiskers(line.y),
    line: { color: colours[name] ?? SERIES_COLOURS[i % SERIES_COLOURS.length], dash: DASHES[i % DASHES.length], width: 2 },
    marker: { symbol: SYMBOLS[i % SYMBOLS.length], size: 7 },
    hovertemplate: `%{fullData.name}<br>%{x}<br>%{y:,} ${label(yTitle)}<extra></extra>`,
  }))
  return figure(traces, title, count(points, unit), {
    of: table,
    xaxis: axis(
      xTitle,
      temporal ? { type: 'date' } : options.log ? logTicks([...lines.values()].flatMap(line => line.x)) : { tickformat: ',~r' },
    ),
    yaxis: axis(yTitle, { tickformat: ',~r', rangemode: 'tozero' }),
    showlegend: lines.size > 1,
    height: options.height ?? 380,
  })
}

/** A scale of powers with the numbers themselves beneath it. */
function logTicks(values: readonly unknown[]): Record<string, unknown> {
  const tickvals = [...new Set(values)].sort((a, b) => Number(a) - Number(b))
  return { type: 'log', tickvals, ticktext: tickvals.map(value => formatNumber(Number(value))) }
}

/** One observation of a running stream. */
export interface StreamPoint {
  /** Name of the stream, such as `bronze_stream`. */
  stream: string
  /** When it was seen. */
  time: Date | string | number
  /** Rows of the batch. */
  rows: number
  /** Duration of the batch in milliseconds. */
  ms: number
  /** Files or table versions that still wait, where known. */
  backlog?: number | null
}

/** Points against one common start, with the streams' own colours. */
function onOneClock(points: readonly StreamPoint[]): { rows: object[]; colours: Record<string, string> } {
  const times = points.map(point => toTime(point.time)?.getTime() ?? Number.NaN)
  const start = times.reduce((least, time) => (Number.isNaN(time) ? least : Math.min(time, least)), Number.POSITIVE_INFINITY)
  const names = [...new Set(points.map(point => point.stream))]
  const colours = Object.fromEntries(
    names.flatMap(name => {
      const colour = STREAM_COLOURS[name.replace(/_stream$/, '')]
      return colour ? [[name, colour]] : []
    }),
  )
  return { rows: points.map((point, i) => ({ ...point, seconds: (times[i]! - start) / 1000 })), colours }
}

/** Rows per batch of each stream, in seconds since the first batch of any. */
export const streamRowsChart = (points: readonly StreamPoint[], options: ChartOptions = {}): Figure =>
  batchChart(points, 'rows', { title: 'Rows per batch: how the work passes from stream to stream', ...options })

/** Milliseconds per batch of each stream, in seconds since the first batch of any. */
export const streamTimeChart = (points: readonly StreamPoint[], options: ChartOptions = {}): Figure =>
  batchChart(points, 'ms', { title: 'Time per batch: which stream is the slow one', ...options })

function batchChart(points: readonly StreamPoint[], y: 'rows' | 'ms', options: ChartOptions): Figure {
  const { rows, colours } = onOneClock(points)
  const titles = { xTitle: 'seconds since the first batch', yTitle: `${y === 'ms' ? 'milliseconds' : 'rows'} per batch` }
  return lineChart(rows, { ...options, ...titles, x: 'seconds', y, series: 'stream', unit: 'batches', colours })
}

/** Rows that each stream has done, and what still waits, as bars. */
export function streamProgressChart(points: readonly StreamPoint[], options: ChartOptions = {}): Figure {
  const title = options.title ?? 'How far each stream is'
  const streams = new Map<string, { done: number; waiting: number }>()
  for (const point of points) {
    const sum = streams.get(point.stream) ?? { done: 0, waiting: 0 }
    streams.set(point.stream, {
      done: sum.done + (toNumber(point.rows) ?? 0),
      waiting: toNumber(point.backlog) ?? sum.waiting,
    })
  }
  if (!streams.size) return emptyFigure(title, 'No batches: no stream has run yet.')
  const names = [...streams.keys()]
  const bars = [...streams.values()]
  const trace = {
    type: 'bar',
    orientation: 'h',
    y: names.map(text => label(text)),
    x: bars.map(bar => bar.done),
    text: bars.map(
      bar =>
        `${formatNumber(bar.done)} rows, ${bar.waiting ? `${formatNumber(bar.waiting)} files or versions wait` : 'nothing waits'}`,
    ),
    textposition: 'auto',
    cliponaxis: false,
    marker: {
      color: names.map((name, i) => STREAM_COLOURS[name.replace(/_stream$/, '')] ?? SERIES_COLOURS[i % SERIES_COLOURS.length]!),
    },
    hovertemplate: '%{y}: %{text}<extra></extra>',
  }
  return figure([trace], title, count(points.length, 'batches'), {
    xaxis: axis('rows done', { tickformat: ',~r' }),
    yaxis: axis('stream', { type: 'category', autorange: 'reversed', showgrid: false }),
    height: options.height ?? 180 + 44 * names.length,
  })
}

/** Lengths of a bin in milliseconds. */
const BINS = { minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const

/** Options of `sentimentOverTime`. */
export interface SentimentTimeOptions extends ChartOptions {
  /** Column with the moment. Default `timestamp`. */
  time?: string
  /** Column with the class. Default `predicted_sentiment`. */
  sentiment?: string
  /** Column with how many tweets a row stands for; each row is one without it. */
  weight?: string
  /** Length of a bin, in UTC; weeks start on Monday. Default: the shortest that gives at most 90 bins. */
  every?: keyof typeof BINS
  /** Column to filter by, such as `lang`: a menu in the chart switches between all rows and its twelve commonest values. */
  by?: string
}

/** One row that counts: its moment, its class, how many tweets it stands for, and what it may be filtered by. */
interface Mood {
  at: number
  kind: number
  tweets: number
  group: unknown
}

/** The start of the bin that holds a moment, in milliseconds. */
function binStart(time: number, every: keyof typeof BINS): number {
  // 1970-01-01 was a Thursday: weeks are counted from the Monday before.
  const shift = every === 'week' ? 3 * BINS.day : 0
  return Math.floor((time + shift) / BINS[every]) * BINS[every] - shift
}

/** Shares of negative, neutral and positive per bin of time; bins without tweets stay empty. */
export function sentimentOverTime(table: TableLike, options: SentimentTimeOptions = {}): Figure {
  const { time = 'timestamp', sentiment = 'predicted_sentiment', weight, by } = options
  const title = options.title ?? 'How the mood moves over time'
  const rows = chartRows(table, 'sentimentOverTime', [time, sentiment, weight, by])
  if (!rows.length) return emptyFigure(title, 'No rows: no tweet passed the filter.')
  const seen = rows.flatMap((row): Mood[] => {
    const at = toTime(row[time])?.getTime()
    const kind = LABELS.indexOf(row[sentiment] as Label)
    const tweets = tweetsOf(row, weight)
    return at === undefined || kind < 0 ? [] : [{ at, kind, tweets, group: by ? row[by] : null }]
  })
  if (!seen.length) return emptyFigure(title, `No rows with a moment in ${time} and a class in ${sentiment}.`)
  const [first, last] = seen.reduce(([low, high], { at }) => [Math.min(low, at), Math.max(high, at)], [Infinity, -Infinity])
  const names = Object.keys(BINS) as (keyof typeof BINS)[]
  const every = options.every ?? names.find(name => (last! - first!) / BINS[name] <= 90) ?? 'week'
  const { traces, n } = sharesPerBin(seen, every)
  const subtitle = (tweets: number) => `share of each class per ${every}; ${count(tweets, 'tweets')}`
  return figure(traces, title, subtitle(n), {
    of: table,
    barmode: 'stack',
    bargap: 0,
    xaxis: axis(`${every} (UTC)`, { type: 'date', showgrid: false }),
    yaxis: axis('share of tweets (%)', { range: [0, 100] }),
    height: options.height ?? (by ? 415 : 380),
    // The menu has a line of its own below the subtitle.
    ...(by ? { updatemenus: [filterMenu(seen, by, every, subtitle)], margin: { l: 60, r: 24, t: 121, b: 56 } } : {}),
  })
}

/** The bars of the three classes, and how many tweets they stand for. */
function sharesPerBin(seen: readonly Mood[], every: keyof typeof BINS): { traces: Trace[]; n: number } {
  const bins = new Map<number, number[]>()
  for (const { at, kind, tweets } of seen) {
    const start = binStart(at, every)
    const counts = bins.get(start) ?? [0, 0, 0]
    counts[kind]! += tweets
    bins.set(start, counts)
  }
  const starts = [...bins.keys()].sort((a, b) => a - b)
  const totals = starts.map(start => bins.get(start)!.reduce((a, b) => a + b, 0))
  const traces = classColours().map(({ label: name, colour }, kind) => ({
    type: 'bar',
    name,
    x: starts.map(start => new Date(start).toISOString()),
    y: starts.map((start, i) => (totals[i] ? (100 * bins.get(start)![kind]!) / totals[i]! : 0)),
    customdata: starts.map((start, i) => [bins.get(start)![kind]!, totals[i]!]),
    // Plotly centres a bar on its x: shift it to stand on its own bin.
    width: BINS[every],
    offset: 0,
    marker: { color: colour, line: { width: 0 } },
    hovertemplate: `%{x}<br>${name}: %{y:.1f} % (%{customdata[0]:,} of %{customdata[1]:,} tweets)<extra></extra>`,
  }))
  return { traces, n: totals.reduce((a, b) => a + b, 0) }
}

/** A menu that shows the rows of one value of a column; all of it is in the figure, so that it works in a file. */
function filterMenu(seen: readonly Mood[], by: string, every: keyof typeof BINS, subtitle: (n: number) => string): object {
  const groups = new Map<unknown, Mood[]>()
  for (const one of seen) if (!groups.get(one.group)?.push(one)) groups.set(one.group, [one])
  const size = ([, rows]: [unknown, Mood[]]) => rows.reduce((sum, { tweets }) => sum + tweets, 0)
  const commonest = [...groups].sort((a, b) => size(b) - size(a)).slice(0, 12)
  const button = (name: string, rows: readonly Mood[]) => {
    const { traces, n } = sharesPerBin(rows, every)
    const [x, y, customdata] = ['x', 'y', 'customdata'].map(key => traces.map(trace => trace[key]))
    return { label: name, method: 'update', args: [{ x, y, customdata }, { 'title.subtitle.text': label(subtitle(n), 140) }] }
  }
  return {
    buttons: [button(`all: ${label(by, 16)}`, seen), ...commonest.map(([group, rows]) => button(label(group, 20), rows))],
    ...{ x: 0, xanchor: 'left', y: 1.02, yanchor: 'bottom', pad: { b: 2 } },
    ...{ bgcolor: '#ececec', bordercolor: '#9a9a9a', font: { color: '#333333', size: 12 } },
  }
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

/** Options of `hourHeatMap`. */
export interface HourOptions extends ChartOptions {
  /** Column with the moment. Default `timestamp`. */
  time?: string
  /** Column with how many tweets a row stands for; each row is one without it. */
  weight?: string
}

/** Tweets by weekday and hour of the day, in UTC. */
export function hourHeatMap(table: TableLike, options: HourOptions = {}): Figure {
  const { time = 'timestamp', weight } = options
  const title = options.title ?? 'When people tweet: hour by weekday'
  const rows = chartRows(table, 'hourHeatMap', [time, weight])
  if (!rows.length) return emptyFigure(title, 'No rows: no tweet passed the filter.')
  const cells = DAYS.map(() => Array.from({ length: 24 }, () => 0))
  let n = 0
  for (const row of rows) {
    const at = toTime(row[time])
    const tweets = tweetsOf(row, weight)
    if (!at) continue
    cells[(at.getUTCDay() + 6) % 7]![at.getUTCHours()]! += tweets
    n += tweets
  }
  if (!n) return emptyFigure(title, `No rows with a moment in ${time}.`)
  const trace = {
    type: 'heatmap',
    x: Array.from({ length: 24 }, (_, hour) => hour),
    y: DAYS,
    z: cells,
    zmin: 0,
    colorscale: HEAT,
    xgap: 1,
    ygap: 1,
    colorbar: { title: { text: 'tweets' }, tickformat: ',~r', thickness: 14, outlinewidth: 0 },
    hovertemplate: '%{y} %{x}:00–%{x}:59 UTC<br>%{z:,} tweets<extra></extra>',
  }
  return figure([trace], title, count(n, 'tweets'), {
    of: table,
    xaxis: axis('hour of the day (UTC)', { dtick: 3, showgrid: false, zeroline: false }),
    yaxis: axis('weekday', { type: 'category', autorange: 'reversed', showgrid: false }),
    height: options.height ?? 330,
  })
}
