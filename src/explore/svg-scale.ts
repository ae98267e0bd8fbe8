/** Where the values of a figure lie along an axis, and what is written there. */
import type { Trace } from './chart.js'
import { formatNumber } from './text-table.js'

/** Part of a figure, read as it comes. */
export type Options = Record<string, unknown>
/** A number for a value of a trace. */
export type Pixel = (value: unknown) => number

/** An axis of values: where they lie between 0 and 1, and what is written beside it. */
export interface Scale {
  /** [0, 1] from left to right, or from bottom to top. */
  at: Pixel
  low: number
  high: number
  /** Position of a value before it is scaled: a number, a moment in milliseconds, a category's place. */
  number: Pixel
  ticks: { at: number; text: string }[]
  title: string
  visible: boolean
  grid: boolean
}

/** A part of a figure, empty where there is none. */
export const options = (value: unknown) => (value ?? {}) as Options
/** A list of a figure, empty where there is none. */
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const isCategory = (value: unknown) => typeof value === 'string' && !/^\d{4}-\d\d-\d\d/.test(value)

const MINUTE = 60_000
const DAY = 86_400_000
const TIME_STEPS = [1, 5, 15, 30, 60, 180, 360, 720]
  .map(n => n * MINUTE)
  .concat([1, 2, 3, 7, 14, 30, 91, 182, 365, 730].map(n => n * DAY))

/** About `wanted` round ticks between two numbers. */
function roundTicks(low: number, high: number, time: boolean, wanted: number, step?: number): { value: number; text: string }[] {
  const raw = (high - low) / wanted || 1
  const power = 10 ** Math.floor(Math.log10(raw))
  const every =
    step ?? (time ? (TIME_STEPS.find(one => one >= raw) ?? raw) : power * ([1, 2, 5].find(n => n * power >= raw) ?? 10))
  const first = Math.ceil(low / every - 1e-9)
  const last = Math.floor(high / every + 1e-9)
  return Array.from({ length: Math.max(0, Math.min(60, last - first + 1)) }, (_, i) => {
    const value = (first + i) * every
    if (!time) return { value, text: formatNumber(Number(value.toPrecision(12))) }
    const moment = new Date(value).toISOString()
    const day = `${Number(moment.slice(8, 10))} ${'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[Number(moment.slice(5, 7)) - 1]}`
    return { value, text: every >= 300 * DAY ? moment.slice(0, 4) : value % DAY ? moment.slice(11, 16) : day }
  })
}

/** The numbers that a trace covers on one axis. */
function extent(trace: Trace, letter: 'x' | 'y', number: Pixel, stacks: Map<string, number>): number[] {
  const values = list(trace[letter]).map(number)
  if (trace.type === 'heatmap') return values.flatMap(value => [value - 0.5, value + 0.5])
  if (trace.type !== 'bar') {
    const { array, arrayminus } = options(trace.error_y)
    const reach = (by: unknown, sign: number) => list(by).map((size, i) => values[i]! + sign * Number(size))
    return letter === 'y' ? [...values, ...reach(array, 1), ...reach(arrayminus, -1)] : values
  }
  const lying = trace.orientation === 'h'
  if (lying === (letter === 'y')) {
    const half = Number(trace.width ?? 0) / 2
    return values.flatMap(value => (trace.offset === 0 ? [value, value + 2 * half] : [value - half, value + half]))
  }
  const pad = trace.textposition === 'outside' ? 1.12 : 1.03
  const keys = list(trace[lying ? 'y' : 'x'])
  return [0, ...values.map((value, i) => pad * ((stacks.get(stackKey(trace, keys[i])) ?? 0) || value))]
}

/** Bars are stacked on those of their own panel. */
const stackKey = (trace: Trace, key: unknown) => `${trace.xaxis} ${key}`

/** How the values of one axis are laid out. */
export function scaleOf(letter: 'x' | 'y', traces: Trace[], axis: Options, stacked: boolean): Scale {
  const values = traces.flatMap(trace => list(trace[letter])).filter(value => value !== null)
  const named = axis.type === 'category' || values.some(isCategory)
  const time = axis.type === 'date' || (!named && values.some(value => typeof value === 'string'))
  const names = new Map([...new Set(values.map(String))].map((name, i) => [name, i]))
  const number = (value: unknown) =>
    named && typeof value !== 'number'
      ? (names.get(String(value)) ?? Number.NaN)
      : time
        ? new Date(value as string).getTime()
        : value === null
          ? Number.NaN
          : axis.type === 'log'
            ? Math.log10(Number(value))
            : Number(value)
  const stacks = new Map<string, number>()
  if (stacked)
    for (const trace of traces) {
      const [keys, lengths] = trace.orientation === 'h' ? [list(trace.y), list(trace.x)] : [list(trace.x), list(trace.y)]
      for (const [i, key] of keys.entries())
        stacks.set(stackKey(trace, key), (stacks.get(stackKey(trace, key)) ?? 0) + Number(lengths[i]))
    }
  const covered = traces.flatMap(trace => extent(trace, letter, number, stacks)).filter(Number.isFinite)
  let [low, high] = axis.range ? (list(axis.range).map(number) as [number, number]) : [Math.min(...covered), Math.max(...covered)]
  if (!axis.range) {
    if (axis.rangemode === 'tozero') low = Math.min(0, low)
    const pad = named ? 0 : traces.some(trace => trace.type === 'scatter') ? 0.04 * (high - low || 1) : 0
    ;[low, high] = named ? [-0.5, names.size - 0.5] : [low === 0 && axis.rangemode ? 0 : low - pad, high + pad]
  }
  if (!(high > low)) high = low + 1
  const turned = axis.autorange === 'reversed'
  const place = (value: unknown) => (turned ? high - number(value) : number(value) - low) / (high - low)
  const fixed = list(axis.tickvals).map((value, i) => ({ value, text: String(list(axis.ticktext)[i]) }))
  const step = Number(axis.dtick) || undefined
  const ticks = named
    ? [...names].map(([text, value]) => ({ value, text }))
    : fixed.length
      ? fixed
      : roundTicks(low, high, time, Number(axis.nticks ?? (letter === 'x' ? 7 : 6)), step)
  const shown = ticks.map(({ value, text }) => ({ at: place(value), text })).filter(tick => tick.at > -0.001 && tick.at < 1.001)
  const title = String(options(axis.title).text ?? '')
  return {
    at: place,
    low,
    high,
    number,
    title,
    ticks: axis.showticklabels === false ? [] : shown,
    visible: axis.visible !== false,
    grid: axis.showgrid !== false,
  }
}
