/** Where tweets come from, drawn on plain axes: plotly's own maps fetch their shapes from a server. */
import { readFileSync } from 'node:fs'
import type { Label } from '../tweet.js'
import { chartRows, toNumber, tweetsOf } from './cells.js'
import { axis, type ChartOptions, count, emptyFigure, type Figure, figure, label, type Trace } from './chart.js'
import { HEAT, INK, LABEL_COLOURS } from './colours.js'
import { type TableLike, toColumns } from './frames.js'
import { formatNumber } from './text-table.js'

/** Options of `placeMap`. */
export interface PlaceOptions extends ChartOptions {
  /** Column of degrees north, [-90, 90]. Default `latitude`. */
  latitude?: string
  /** Column of degrees east, [-180, 180]. Default `longitude`. */
  longitude?: string
  /** Column with the class; bubbles are coloured by positive minus negative. Default `predicted_sentiment`, where there is one. */
  sentiment?: string
  /** Column with the place's name, for the hover text. Default `location`, where there is one. */
  name?: string
  /** Column with how many tweets a row stands for; each row is one without it. */
  weight?: string
  /** `bubbles` (size: tweets, colour: mood) or `heat` (colour: tweets). Default `bubbles`. */
  as?: 'bubbles' | 'heat'
  /** Side of a cell in degrees within which tweets are counted together. Default 2 for bubbles, 5 for heat. */
  cell?: number
}

interface Cell {
  /** Degrees at the middle of the cell. */
  centre: [longitude: number, latitude: number]
  /** Sum of the tweets' own degrees: their mean is where a bubble stands. */
  sum: [longitude: number, latitude: number]
  tweets: number
  positive: number
  negative: number
  names: Map<string, number>
}

/** Tweets in cells of the grid, and how many had a place. */
function gather(rows: readonly Record<string, unknown>[], options: PlaceOptions, size: number) {
  const { latitude = 'latitude', longitude = 'longitude', sentiment = 'predicted_sentiment', name = 'location', weight } = options
  const cells = new Map<string, Cell>()
  let all = 0
  let located = 0
  for (const row of rows) {
    const tweets = tweetsOf(row, weight)
    all += tweets
    const [north, east] = [toNumber(row[latitude]), toNumber(row[longitude])]
    if (tweets <= 0 || north === undefined || east === undefined || Math.abs(north) > 90 || Math.abs(east) > 180) continue
    located += tweets
    const centre = (degrees: number) => Math.floor(degrees / size) * size + size / 2
    const key = `${centre(east)} ${centre(north)}`
    const cell = cells.get(key) ?? {
      centre: [centre(east), centre(north)] as [number, number],
      sum: [0, 0] as [number, number],
      tweets: 0,
      positive: 0,
      negative: 0,
      names: new Map(),
    }
    cells.set(key, cell)
    cell.tweets += tweets
    cell.sum[0] += east * tweets
    cell.sum[1] += north * tweets
    const kind = row[sentiment] as Label
    if (kind === 'positive' || kind === 'negative') cell[kind] += tweets
    if (row[name]) cell.names.set(String(row[name]), (cell.names.get(String(row[name])) ?? 0) + tweets)
  }
  return { cells: [...cells.values()].sort((a, b) => b.tweets - a.tweets), all, located }
}

/** `Bengaluru (12.5° N 77.5° E)`: the commonest name of the cell, and its middle. */
function nameOf(cell: Cell): string {
  const [longitude, latitude] = cell.centre
  const [common] = [...cell.names].sort((a, b) => b[1] - a[1])
  const degrees = `${Math.abs(latitude)}° ${latitude < 0 ? 'S' : 'N'} ${Math.abs(longitude)}° ${longitude < 0 ? 'W' : 'E'}`
  return common ? `${label(common[0], 60)} (${degrees})` : degrees
}

/** Bubbles: the larger the more tweets, colour says positive minus negative. */
function bubbles(cells: readonly Cell[], mood: boolean): Trace {
  const most = cells[0]!.tweets
  const net = cells.map(cell => (100 * (cell.positive - cell.negative)) / cell.tweets)
  return {
    type: 'scatter',
    mode: 'markers',
    x: cells.map(cell => cell.sum[0] / cell.tweets),
    y: cells.map(cell => cell.sum[1] / cell.tweets),
    customdata: cells.map((cell, i) => [nameOf(cell), cell.tweets, net[i]!.toFixed(0)]),
    marker: {
      size: cells.map(cell => 5 + 30 * Math.sqrt(cell.tweets / most)),
      opacity: 0.8,
      line: { width: 0.5, color: INK },
      ...(mood
        ? {
            color: net,
            cmin: -100,
            cmax: 100,
            colorscale: [
              [0, LABEL_COLOURS.negative],
              [0.5, '#d9d9d9'],
              [1, LABEL_COLOURS.positive],
            ],
            colorbar: { title: { text: 'positive −<br>negative (%)' }, thickness: 14, outlinewidth: 0 },
          }
        : { color: LABEL_COLOURS.positive }),
    },
    hovertemplate: `%{customdata[0]}<br>%{customdata[1]:,} tweets${mood ? '<br>positive − negative: %{customdata[2]} %' : ''}<extra></extra>`,
  }
}

/** Cells coloured by how many tweets they hold. */
function heat(cells: readonly Cell[], size: number): Trace {
  return {
    type: 'scatter',
    mode: 'markers',
    x: cells.map(cell => cell.centre[0]),
    y: cells.map(cell => cell.centre[1]),
    customdata: cells.map(cell => [nameOf(cell), cell.tweets]),
    marker: {
      symbol: 'square',
      size: Math.max(6, size * 2.6),
      opacity: 0.9,
      color: cells.map(cell => cell.tweets),
      cmin: 0,
      colorscale: HEAT,
      colorbar: { title: { text: 'tweets' }, tickformat: ',~r', thickness: 14, outlinewidth: 0 },
    },
    hovertemplate: '%{customdata[0]}<br>%{customdata[1]:,} tweets<extra></extra>',
  }
}

/** The outlines of the continents as one line of plotly coordinates; null lifts the pen. */
function coastlines(): { x: (number | null)[]; y: (number | null)[] } {
  const file = readFileSync(new URL('../../data/reference/coastlines.txt', import.meta.url), 'utf8')
  const lines = file
    .trim()
    .split('\n')
    .flatMap(line => (line.startsWith('#') ? [] : [line.split(' ').map(Number)]))
  const turn = (which: number) => lines.flatMap(line => [...line.filter((_, i) => i % 2 === which), null])
  return { x: turn(0), y: turn(1) }
}

/** Tweets on a map; the subtitle says how many of them have a place at all. */
export function placeMap(table: TableLike, options: PlaceOptions = {}): Figure {
  const as = options.as ?? 'bubbles'
  const size = options.cell ?? (as === 'heat' ? 5 : 2)
  const title = options.title ?? (as === 'heat' ? 'Where people tweet' : 'Where people tweet, and in what mood')
  const rows = chartRows(table, 'placeMap', [options.latitude ?? 'latitude', options.longitude ?? 'longitude'])
  if (!rows.length) return emptyFigure(title, 'No rows: no tweet passed the filter.')
  const { cells, all, located } = gather(rows, options, size)
  const share = `${formatNumber(located)} of ${formatNumber(all)} located`
  if (!cells.length) return emptyFigure(title, `${share}: no tweet says where it was written.`)
  const mood = toColumns(table).names.includes(options.sentiment ?? 'predicted_sentiment')
  const land: Trace = {
    type: 'scatter',
    mode: 'lines',
    ...coastlines(),
    fill: 'toself',
    fillcolor: 'rgba(128,128,128,0.14)',
    line: { color: 'rgba(128,128,128,0.55)', width: 1 },
    hoverinfo: 'skip',
  }
  const ticks = (values: number[], negative: string, positive: string) => ({
    tickvals: values,
    ticktext: values.map(value => (value ? `${Math.abs(value)}° ${value < 0 ? negative : positive}` : '0°')),
    zeroline: false,
  })
  return figure(
    [land, as === 'heat' ? heat(cells, size) : bubbles(cells, mood)],
    title,
    `${share}; ${count(all, 'tweets')}; coasts are a sketch`,
    {
      of: table,
      xaxis: axis('longitude', { range: [-180, 180], ...ticks([-120, -60, 0, 60, 120], 'W', 'E') }),
      yaxis: axis('latitude', {
        range: [-60, 85],
        scaleanchor: 'x',
        constrain: 'domain',
        constraintoward: 'top',
        ...ticks([-40, -20, 0, 20, 40, 60, 80], 'S', 'N'),
      }),
      showlegend: false,
      height: options.height ?? 440,
    },
  )
}
