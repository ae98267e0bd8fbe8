/** How a column moves away from what it was. */
import {
  type ChartOptions,
  chartRows,
  count,
  emptyFigure,
  type Figure,
  figure,
  LABEL_COLOURS,
  SERIES_COLOURS,
  toNumber,
} from './chart.js'
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
  const passed = windows.filter(({ distance, chance }) => distance > chance)
  const line = { x: 'from', xTitle: 'start of the window (UTC)' }
  const far = lineChart(
    windows.flatMap(({ from, distance, chance }) => [
      { from, bits: distance, what: 'divergence' },
      { from, bits: chance, what: 'chance' },
    ]),
    { ...line, y: 'bits', series: 'what', yTitle: 'divergence (bits)', colours: { chance: AGAINST } },
  )
  const beyond = windows.map(({ distance, chance }) => distance > chance)
  far.data[0]!.marker = {
    symbol: beyond.map(yes => (yes ? 'diamond' : 'circle')),
    color: beyond.map(yes => (yes ? AGAINST : SERIES_COLOURS[0])),
    size: beyond.map(yes => (yes ? 11 : 7)),
    opacity: 1,
    line: { width: 0 },
  }
  far.data = far.data.map((trace, i) => ({ ...trace, name: undefined, showlegend: false, ...(i ? { mode: 'lines' } : {}) }))
  const shares = lineChart(rows, { ...line, y: 'share', series: 'value', yTitle: 'share (0 to 1)', colours: LABEL_COLOURS })
  const values = [...new Set(rows.map(({ value }) => value))]
  const expected = shares.data.map(({ x, line }, i) => ({
    ...{ type: 'scatter', mode: 'lines', hoverinfo: 'skip', showlegend: false, x },
    y: (x as string[]).map(() => rows.find(({ value }) => value === values[i])!.expected),
    line: { ...(line as object), dash: 'dot', width: 1 },
  }))
  shares.data = [...expected, ...shares.data]
  const { data, layout } = arrangePanels(
    [
      { heading: '<b>divergence</b>; dashed: what chance alone passes in 1 of 20 such charts', figure: far },
      { heading: '<b>shares</b>, 95 % intervals; dotted: the reference', figure: shares },
    ],
    { columns: 1, share: 'x' },
  )
  const [n, m] = [windows.reduce((sum, one) => sum + (toNumber(one.n) ?? 0), 0), toNumber(rows[0]!.referenceN) ?? 0]
  return figure(
    data,
    options.title ?? `${passed.length} of ${windows.length} windows differ in ${column} by more than chance`,
    `Jensen–Shannon divergence of each window; ${count(n, 'rows')} against ${formatNumber(m)} of the reference`,
    { of: table, ...layout, height: options.height ?? 520 },
  )
}
