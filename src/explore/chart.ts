/** What every chart has in common: colours, ink, titles that say what to see, and n. */
import type { Measured } from './cells.js'
import { INK, SERIES_COLOURS } from './colours.js'
import { type Origin, originOf } from './origin.js'
import { formatNumber } from './text-table.js'

/** A plotly trace as plain JSON. */
export type Trace = { type: string } & Record<string, unknown>

/** A plotly figure as plain JSON: what JupyterLab, a report and a web page draw. */
export interface Figure {
  data: Trace[]
  layout: Record<string, unknown>
  config: Record<string, unknown>
}

/** What every chart builder takes. */
export interface ChartOptions {
  /** Says what to see in the chart; each builder has a default. */
  title?: string
  /** Height in pixels; each builder has a default. */
  height?: number
}

const GRID = 'rgba(128,128,128,0.28)'

const BIDI_MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/

/**
 * Text of a tweet or user as a chart may show it: mark-up is inert, right-to-left text stays in its place, and what is longer than
 * `length` characters (default 28) is cut with `…`.
 */
export function label(text: unknown, length = 28): string {
  const characters = [
    ...String(text ?? '(none)')
      .replace(BIDI_MARKS, '')
      .replace(/\s+/g, ' '),
  ]
  const short = characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : characters.join('')
  const inert = short.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return RIGHT_TO_LEFT.test(inert) ? `\u2068${inert}\u2069` : inert
}

/** Text of a label, its entities read. */
export const plainText = (label: string) => label.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

/** `n = 5,000 tweets`. */
export function count(n: number, unit: string): string {
  return `n = ${formatNumber(n)} ${unit}`
}

/** An axis with its title and, for numbers, separators in place of `40k`. */
export function axis(title: string, options: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    title: { text: title, standoff: 8 },
    gridcolor: GRID,
    zerolinecolor: GRID,
    linecolor: GRID,
    automargin: true,
    ...options,
  }
}

/**
 * A figure with the common look. `subtitle` says n and units; the origin of the table that it is drawn `of`, where it has one, travels in
 * the layout.
 */
export function figure(
  data: Trace[],
  title: string,
  subtitle: string,
  { of: table, ...layout }: Record<string, unknown> & { of?: object } = {},
): Figure {
  const origin = table && originOf(table)
  return {
    data,
    layout: {
      ...(origin && { meta: { origin } }),
      title: {
        text: label(title, 110),
        subtitle: { text: label(subtitle, 140), font: { size: 12, color: INK, weight: 400 } },
        x: 0.012,
        xref: 'container',
        xanchor: 'left',
        y: 0.97,
        yref: 'container',
        yanchor: 'top',
        font: { size: 16, color: INK, weight: 600 },
      },
      font: { family: 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif', size: 12, color: INK },
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      colorway: [...SERIES_COLOURS],
      separators: '.,',
      height: 380,
      margin: { l: 60, r: 24, t: 86, b: 56 },
      legend: { orientation: 'h', x: 1, xanchor: 'right', y: 1.0, yanchor: 'bottom', traceorder: 'normal' },
      hoverlabel: { align: 'left' },
      modebar: { bgcolor: 'rgba(0,0,0,0)', color: INK, activecolor: SERIES_COLOURS[0] },
      ...layout,
    },
    config: { displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'] },
  }
}

/** The query that a figure was drawn from; undefined where a cell computed the table. */
export function figureOrigin(figure: Figure): Origin | undefined {
  return (figure.layout.meta as { origin?: Origin } | undefined)?.origin
}

/** A figure that says why there is nothing to see, in place of a blank picture. */
export function emptyFigure(title: string, why: string): Figure {
  return figure([], title, 'n = 0', {
    height: 180,
    xaxis: { visible: false },
    yaxis: { visible: false },
    annotations: [
      { text: label(why, 140), showarrow: false, font: { size: 14, color: INK }, xref: 'paper', yref: 'paper', x: 0.5, y: 0.5 },
    ],
  })
}

/** The intervals of a trace's points as whiskers; none where no point has one. */
export function whiskers(points: readonly Measured[]): { error_y?: object } {
  if (points.every(({ low, high }) => low === undefined && high === undefined)) return {}
  const array = points.map(({ value, high = value }) => high - value)
  const arrayminus = points.map(({ value, low = value }) => value - low)
  return { error_y: { type: 'data', symmetric: false, array, arrayminus, color: INK, thickness: 1.2, width: 3 } }
}
