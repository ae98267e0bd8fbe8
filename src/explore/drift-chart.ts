/** How a column moves away from what it was. */
import { chartRows, toNumber } from './cells.js'
import { type ChartOptions, count, emptyFigure, type Figure, figure } from './chart.js'
import { LABEL_COLOURS, SERIES_COLOURS } from './colours.js'
import type { TableLike } from './frames.js'
import { arrangePanels } from './panels.js'
import { formatNumber } from './text-table.js'
import { lineChart } from './time-charts.js'

/** One row of `driftOf`, as far as it is drawn. */
interface Row {
  from: Date
  value: string
  share: { value: number }
  expected: number
  n: number
  referenceN: number
  distance: number
  chance: number
}

const AGAINST = '#d55e00'
const LINE = { x: 'from', xTitle: 'start of the window (UTC)' }
const isApart = ({ distance, chance }: Row) => distance > chance

/** How far each window is from the reference, and how far chance would take it. */
function divergence(windows: readonly Row[]): Figure {
  const drawn = lineChart(
    windows.flatMap(({ from, distance, chance }) => [
      { from, bits: distance, what: 'divergence' },
      { from, bits: chance, what: 'chance' },
    ]),
    { ...LINE, y: 'bits', series: 'what', yTitle: 'divergence (bits)', colours: { chance: AGAINST } },
  )
  const quiet = { name: undefined, showlegend: false }
  const marker = {
    symbol: windows.map(window => (isApart(window) ? 'diamond' : 'circle')),
    color: windows.map(window => (isApart(window) ? AGAINST : SERIES_COLOURS[0])),
    size: windows.map(window => (isApart(window) ? 11 : 7)),
    ...{ opacity: 1, line: { width: 0 } },
  }
  const [distance, chance] = drawn.data
  return {
    ...drawn,
    data: [
      { ...distance!, ...quiet, marker },
      { ...chance!, ...quiet, mode: 'lines' },
    ],
  }
}

/** The share of each value in each window, and in the reference. */
function shares(rows: readonly Row[]): Figure {
  const drawn = lineChart(rows, { ...LINE, y: 'share', series: 'value', yTitle: 'share (0 to 1)', colours: LABEL_COLOURS })
  const values = [...new Set(rows.map(({ value }) => value))]
  const expected = drawn.data.map(({ x, line }, i) => ({
    ...{ type: 'scatter', mode: 'lines', hoverinfo: 'skip', showlegend: false, x },
    y: (x as string[]).map(() => rows.find(({ value }) => value === values[i])!.expected),
    line: { ...(line as object), dash: 'dot', width: 1 },
  }))
  return { ...drawn, data: [...expected, ...drawn.data] }
}

/**
 * Windows of time held against a reference: above, how far each window's shares diverge and how far chance alone would take them; below,
 * the shares themselves with 95 % intervals, dotted those of the reference. The title counts the windows that chance does not explain.
 * @param table what `driftOf` gives
 */
export function driftChart(table: TableLike, options: ChartOptions & { column?: string } = {}): Figure {
  const { column = 'column' } = options
  const rows = chartRows(table, 'driftChart', ['from', 'value', 'share', 'expected', 'distance', 'chance']) as unknown as Row[]
  if (!rows.length) return emptyFigure(options.title ?? `Has ${column} drifted?`, 'No rows: no window follows the reference.')
  const windows = rows.filter((row, i) => rows.findIndex(one => Number(one.from) === Number(row.from)) === i)
  const { data, layout } = arrangePanels(
    [
      { heading: '<b>divergence</b>; dashed: what chance alone passes in 1 of 20 such charts', figure: divergence(windows) },
      { heading: '<b>shares</b>, 95 % intervals; dotted: the reference', figure: shares(rows) },
    ],
    { columns: 1, share: 'x' },
  )
  const [n, m] = [windows.reduce((sum, one) => sum + (toNumber(one.n) ?? 0), 0), toNumber(rows[0]!.referenceN) ?? 0]
  return figure(
    data,
    options.title ?? `${windows.filter(isApart).length} of ${windows.length} windows differ in ${column} by more than chance`,
    `Jensen–Shannon divergence of each window; ${count(n, 'rows')} against ${formatNumber(m)} of the reference`,
    { of: table, ...layout, height: options.height ?? 520 },
  )
}
