/** Several figures as panels of one. */
import { chartRows } from './cells.js'
import { type ChartOptions, count, emptyFigure, type Figure, figure, label, type Trace } from './chart.js'
import type { TableLike } from './frames.js'
import { sentimentOverTime } from './time-charts.js'

/** A figure with what stands above it. */
export interface Panel {
  /** May hold plotly's mark-up: text of strangers goes through `label` first. */
  heading: string
  figure: Figure
}

/** Options of `arrangePanels`. */
export interface PanelOptions {
  /** Panels side by side. */
  columns: number
  /** Axes that all panels have in common: one scale, ticks and titles at the edge only. */
  share: '' | 'x' | 'xy'
}

type Axis = Record<string, unknown>
type Letter = 'x' | 'y'

const axisOf = ({ figure: { layout } }: Panel, letter: Letter) => layout[`${letter}axis`] as Axis

/** Where a panel lies, in shares of the figure, and which of its axes say something there. */
interface Place {
  /** What stands behind `xaxis` and `yaxis`: nothing for the first panel. */
  id: string
  domain: Record<Letter, [number, number]>
  /** At the edge of the figure, where shared axes have their ticks; in its middle they have their title. */
  edge: Record<Letter, boolean>
  middle: boolean
  shared: Record<Letter, boolean>
  /** Room for the names of bars. */
  inset: number
  /** Height of a row of panels. */
  tall: number
}

/** The places of the panels, row by row. */
function places(panels: readonly Panel[], { columns, share }: PanelOptions): Place[] {
  const keys = (letter: Letter) => new Set(panels.map(({ figure: { data } }) => JSON.stringify(data.map(one => one[letter]))))
  const common = (letter: Letter) =>
    share.includes(letter) && (panels.every(panel => axisOf(panel, letter).type !== 'category') || keys(letter).size === 1)
  const shared = { x: common('x'), y: common('y') }
  const rows = Math.max(1, Math.ceil(panels.length / columns))
  const [gap, foot] = [shared.y ? 0.035 : 0.095, shared.x ? 0.06 : 0.26]
  const wide = (1 - gap * (columns - 1)) / columns
  const tall = 1 / (rows - foot)
  return panels.map((panel, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)]
    const left = column * (wide + gap)
    const inset = columns > 1 && !shared.y && axisOf(panel, 'y').type === 'category' ? wide / 3 : 0
    return {
      ...{ id: i ? String(i + 1) : '', shared, inset, tall },
      domain: { x: [left + inset, left + wide], y: [Math.max(0, 1 - (row + 1 - foot) * tall), 1 - (row + 0.14) * tall] },
      edge: { x: !shared.x || i + columns >= panels.length, y: !shared.y || column === 0 },
      middle: column === Math.floor((columns - 1) / 2),
    }
  })
}

/** The axis of a panel at its place. */
function placedAxis(panel: Panel, place: Place, letter: Letter, columns: number): Axis {
  const { id, shared, edge, inset, middle, domain } = place
  const [own, other] = [axisOf(panel, letter), `${letter === 'x' ? 'y' : 'x'}${id}`]
  const said = edge[letter] && (letter === 'y' || !shared.x || middle)
  return {
    ...(columns > 1 && { tickfont: { size: 10 }, tickangle: 0 }),
    nticks: columns > 1 && own.type === 'date' ? 3 : inset ? 4 : 5,
    ...own,
    ...(own.scaleanchor ? { scaleanchor: other } : {}),
    ...(shared[letter] && id ? { matches: letter } : {}),
    ...(edge[letter] ? {} : { showticklabels: false }),
    ...(said ? {} : { title: undefined }),
    ...{ anchor: other, domain: domain[letter] },
    automargin: edge[letter] && (letter === 'x' || (domain.x[0] === 0 && !inset)),
  }
}

/** The traces of all panels with axes of their own, and the layout of those. */
export function arrangePanels(panels: readonly Panel[], options: PanelOptions): { data: Trace[]; layout: Axis } {
  const layout: Axis = {}
  const [data, annotations, shapes]: [Trace[], unknown[], unknown[]] = [[], [], []]
  const named = new Set<unknown>()
  for (const [i, place] of places(panels, options).entries()) {
    const [panel, { id, domain, inset, tall }] = [panels[i]!, place]
    for (const letter of ['x', 'y'] as const) layout[`${letter}axis${id}`] = placedAxis(panel, place, letter, options.columns)
    for (const trace of panel.figure.data) {
      const again = trace.name && named.has(trace.name) ? { showlegend: false } : {}
      data.push({ ...trace, xaxis: `x${id}`, yaxis: `y${id}`, ...again })
      named.add(trace.name)
    }
    const here = (over: unknown) => {
      const { xref = 'x', yref = 'y' } = over as { xref?: string; yref?: string }
      const at = (ref: string, letter: Letter) => (ref === 'paper' ? `${letter}${id} domain` : `${letter}${id}`)
      return { ...(over as object), xref: at(xref, 'x'), yref: at(yref, 'y') }
    }
    annotations.push(...((panel.figure.layout.annotations as unknown[]) ?? []).map(here), {
      ...{ text: panel.heading, showarrow: false, xref: 'paper', yref: 'paper', xanchor: 'left', yanchor: 'bottom' },
      ...{ x: domain.x[0] - inset, y: domain.y[1] + 0.02 * tall },
    })
    shapes.push(...((panel.figure.layout.shapes as unknown[]) ?? []).map(here))
  }
  return { data: oneScale(data), layout: { ...layout, annotations, ...(shapes.length ? { shapes } : {}) } }
}

/** Colours mean the same number in every panel, and have one key. */
function oneScale(data: Trace[]): Trace[] {
  const heat = data.filter(trace => trace.type === 'heatmap')
  const zmax = Math.max(...heat.flatMap(trace => (trace.zmax as number) ?? (trace.z as number[][]).flat()))
  return data.map(trace => (trace.type === 'heatmap' ? { ...trace, zmax, showscale: trace === heat[0] } : trace))
}

/** Options of `smallMultiples`. */
export interface MultiplesOptions extends ChartOptions {
  /** Column whose values get a panel each. */
  by: string
  /** What is drawn of the rows of one value. Default: `sentimentOverTime` by day. */
  chart?: (rows: object[]) => Figure
  /** Panels at most, the values with most rows first. Default 6. */
  top?: number
  /** Panels side by side. Default 3. */
  columns?: number
}

/** The same chart for each value of a column, side by side on one scale; the heading of a panel says its n. */
export function smallMultiples(table: TableLike, options: MultiplesOptions): Figure {
  const { by, chart = rows => sentimentOverTime(rows, { every: 'day' }), top = 6, columns = 3 } = options
  const title = options.title ?? `How ${by} differs, on one scale`
  const all = chartRows(table, 'smallMultiples', [by])
  if (!all.length) return emptyFigure(title, 'No rows: no tweet passed the filter.')
  const groups = new Map<string, object[]>()
  for (const row of all) {
    if (row[by] === null || row[by] === undefined) continue
    const name = String(row[by])
    if (!groups.get(name)?.push(row)) groups.set(name, [row])
  }
  const largest = [...groups].sort((a, b) => b[1].length - a[1].length).slice(0, top)
  const panels = largest.flatMap(([name, rows]): Panel[] => {
    const one = chart(rows)
    const said = (one.layout.title as { subtitle: { text: string } }).subtitle.text
    return one.data.length ? [{ heading: `<b>${label(name, 20)}</b>  ${/n = [\d,]+/.exec(said)?.[0] ?? ''}`, figure: one }] : []
  })
  if (!panels.length) return emptyFigure(title, `No rows with a value in ${by}.`)
  const { data, layout } = arrangePanels(panels, { columns: Math.min(columns, panels.length), share: 'xy' })
  const { barmode, bargap, showlegend } = panels[0]!.figure.layout
  const of = panels.length < groups.size ? `, the commonest of ${groups.size}` : ''
  return figure(data, title, `${panels.length} values of ${by}${of}; ${count(all.length, 'rows')} in all`, {
    of: table,
    ...layout,
    ...{ barmode, bargap, showlegend },
    height: options.height ?? 150 + 150 * Math.ceil(panels.length / columns),
  })
}
