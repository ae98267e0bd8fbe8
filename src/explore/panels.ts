/** Several figures as panels of one. */
import { type ChartOptions, chartRows, count, emptyFigure, type Figure, figure, label, type Trace } from './chart.js'
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

/** The traces of all panels with axes of their own, and the layout of those. */
export function arrangePanels(panels: readonly Panel[], { columns, share }: PanelOptions): { data: Trace[]; layout: Axis } {
  const keys = (letter: 'x' | 'y') => new Set(panels.map(({ figure: { data } }) => JSON.stringify(data.map(one => one[letter]))))
  const own = ({ figure: { layout } }: Panel, letter: 'x' | 'y') => layout[`${letter}axis`] as Axis
  const common = (letter: 'x' | 'y') =>
    share.includes(letter) && (panels.every(panel => own(panel, letter).type !== 'category') || keys(letter).size === 1)
  const shared = { x: common('x'), y: common('y') }
  const rows = Math.max(1, Math.ceil(panels.length / columns))
  const [gap, foot] = [shared.y ? 0.035 : 0.095, shared.x ? 0.06 : 0.26]
  const wide = (1 - gap * (columns - 1)) / columns
  const tall = 1 / (rows - foot)
  const narrow = columns > 1 ? { tickfont: { size: 10 }, tickangle: 0 } : {}
  const layout: Axis = {}
  const [data, annotations, shapes]: [Trace[], unknown[], unknown[]] = [[], [], []]
  const named = new Set<unknown>()
  for (const [i, panel] of panels.entries()) {
    const [column, row, id] = [i % columns, Math.floor(i / columns), i ? String(i + 1) : '']
    const left = column * (wide + gap)
    const top = 1 - (row + 0.14) * tall
    const edge = { x: !shared.x || i + columns >= panels.length, y: !shared.y || column === 0 }
    const said = { x: edge.x && (!shared.x || column === Math.floor((columns - 1) / 2)), y: edge.y }
    // Names of bars take a third of a narrow panel.
    const inset = columns > 1 && !shared.y && own(panel, 'y').type === 'category' ? wide / 3 : 0
    const domain = { x: [left + inset, left + wide], y: [Math.max(0, 1 - (row + 1 - foot) * tall), top] }
    for (const letter of ['x', 'y'] as const) {
      const other = letter === 'x' ? 'y' : 'x'
      layout[`${letter}axis${id}`] = {
        ...narrow,
        nticks: columns > 1 && own(panel, letter).type === 'date' ? 3 : inset ? 4 : 5,
        ...own(panel, letter),
        ...(own(panel, letter).scaleanchor ? { scaleanchor: `${other}${id}` } : {}),
        ...(shared[letter] && i ? { matches: letter } : {}),
        ...(edge[letter] ? {} : { showticklabels: false }),
        ...(said[letter] ? {} : { title: undefined }),
        anchor: `${other}${id}`,
        domain: domain[letter],
        automargin: edge[letter] && (letter === 'y' ? column === 0 && !inset : true),
      }
    }
    for (const trace of panel.figure.data) {
      data.push({
        ...trace,
        xaxis: `x${id}`,
        yaxis: `y${id}`,
        ...(trace.name && named.has(trace.name) ? { showlegend: false } : {}),
      })
      named.add(trace.name)
    }
    const here = (over: unknown) => {
      const { xref = 'x', yref = 'y' } = over as { xref?: string; yref?: string }
      const at = (ref: string, letter: string) => (ref === 'paper' ? `${letter}${id} domain` : `${letter}${id}`)
      return { ...(over as object), xref: at(xref, 'x'), yref: at(yref, 'y') }
    }
    annotations.push(...((panel.figure.layout.annotations as unknown[]) ?? []).map(here), {
      ...{ text: panel.heading, showarrow: false, xref: 'paper', yref: 'paper', x: left, y: top + 0.02 * tall },
      ...{ xanchor: 'left', yanchor: 'bottom' },
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
