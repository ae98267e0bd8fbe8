/** What a cell shows: rich output in the notebook kernel, text anywhere else. */
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import type { Explanation } from '../models/explain.js'
import type { Figure } from './chart.js'
import { type ConfusionCounts, confusionMatrixChart } from './evaluation-charts.js'
import { isTableLike, type TableLike, toColumns } from './frames.js'
import { escapeHtml, explanationHtml, figureTitle, type HtmlTableOptions, tableHtml } from './html.js'
import { figureSvg } from './svg.js'
import { formatNumber, formatValue, textTable } from './text-table.js'

/** One output in several forms, best one chosen by whoever shows it. */
export type MimeBundle = Record<string, unknown>

type Write = (message: { data: MimeBundle; metadata: object; transient: object }, update: boolean) => void

/**
 * The kernel's way to send output to the cell that runs now; undefined outside a kernel. tslab keeps it in a module of its own
 * copy, which is found among the loaded modules: nothing is loaded here.
 */
function kernelWrite(): Write | undefined {
  if (!Reflect.has(globalThis, '__tslab__')) return undefined
  const { cache } = createRequire(import.meta.url)
  const key = Object.keys(cache).find(path => /[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(path))
  return (key && (cache[key]!.exports as { lastWriteDisplayData?: Write | null }).lastWriteDisplayData) || undefined
}

/** True inside the notebook kernel. */
export function inKernel(): boolean {
  return kernelWrite() !== undefined
}

/** True for an object with such fields. */
function has<T>(value: unknown, fields: Partial<Record<keyof T & string, 'array' | 'object' | 'any'>>): value is T {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(fields).every(([name, kind]) => {
    const field: unknown = Reflect.get(value, name)
    return kind === 'array' ? Array.isArray(field) : kind === 'object' ? typeof field === 'object' : name in value
  })
}
const isFigure = (value: unknown) => has<Figure>(value, { data: 'array', layout: 'object' })

/** A figure for JupyterLab and reports, as a picture for GitHub, nbviewer and paper, and in words. */
function figureBundle(figure: Figure): MimeBundle {
  const annotations = figure.layout.annotations as unknown[] | undefined
  if (!figure.data.length && !annotations?.length) throw new Error('show: the figure has no data: nothing would be drawn')
  const { title, subtitle } = figureTitle(figure)
  const traces = [...new Set(figure.data.flatMap(trace => (trace.name ? String(trace.name) : [])))]
  return {
    // JupyterLab's extension fits charts to their place itself; where plotly does so as well, a change of theme leaves no height.
    [PLOTLY]: { ...figure, config: { ...figure.config, responsive: false } },
    'image/svg+xml': figureSvg(figure),
    'text/plain': [`[chart] ${title}`, subtitle, traces.length > 1 ? `series: ${traces.join(', ')}` : '']
      .filter(Boolean)
      .join('\n'),
  }
}

/** Where the rows of a query come from, in a line; empty for other tables. */
function provenance(table: TableLike): string {
  const tables = Reflect.get(table, 'tables') as { name: string; version: number }[] | undefined
  if (!Array.isArray(tables)) return ''
  const from = tables.map(({ name, version }) => `${name}@v${version}`).join(', ')
  return `${formatNumber(toColumns(table).n)} rows${from ? ` from ${from}` : ''}, ${formatNumber(Math.round(Number(Reflect.get(table, 'ms')) || 0))} ms`
}

/** A value as the output of a cell. */
export function toBundle(value: unknown, options: HtmlTableOptions = {}): MimeBundle {
  if (isFigure(value)) return figureBundle(value)
  if (has<ConfusionCounts>(value, { labels: 'array', counts: 'array' })) return figureBundle(confusionMatrixChart(value))
  if (has<Explanation>(value, { parts: 'any', faithfulness: 'any' })) {
    const words = value.parts.filter(part => part.weight).map(part => `${part.text} ${part.weight.toFixed(3)}`)
    return {
      'text/html': explanationHtml(value),
      'text/plain': `${value.label} ${value.probability.toFixed(3)} (${value.method}): ${words.join(', ')}`,
    }
  }
  if (has<{ mime: MimeBundle }>(value, { mime: 'object' })) return value.mime
  if (isTableLike(value)) {
    const from = provenance(value)
    // A profile is a table that people see in another form than programs.
    const table = (Reflect.get(value, 'view') ?? value) as TableLike
    const text = textTable(table, { maxRows: Math.min(options.maxRows ?? 20, 200) })
    const html = tableHtml(table, options)
    return {
      'text/html': from ? `${html}<p style="opacity:.7;margin:.3em 0">${escapeHtml(from)}</p>` : html,
      'text/plain': [options.caption, text, from].filter(Boolean).join('\n'),
    }
  }
  return { 'text/plain': typeof value === 'string' ? value : inspect(value, { depth: 4 }) }
}

/**
 * A place in the output of the cell that runs now: each bundle takes the place of the one before, whatever cell runs then. Outside a kernel
 * the text of each is printed.
 */
export function outputSlot(): (bundle: MimeBundle) => void {
  const write = kernelWrite()
  if (!write) return emit
  const transient = { display_id: `moodlake-${process.pid}-${++slots}` }
  let last: MimeBundle | undefined
  return bundle => {
    const send = (data: MimeBundle) => write({ data, metadata: {}, transient }, last !== undefined)
    // JupyterLab's extension draws a chart once: only another kind of output between two charts makes it draw the second.
    if (last?.[PLOTLY] && bundle[PLOTLY]) {
      const { height } = (last[PLOTLY] as Figure).layout
      send({ 'text/html': `<div style="height:${Number(height) || 360}px"></div>`, 'text/plain': '' })
    }
    send(bundle)
    last = bundle
  }
}

const PLOTLY = 'application/vnd.plotly.v1+json'

let slots = 0

/** Sends a bundle to the running cell, or prints its text on stdout outside a kernel. */
function emit(bundle: MimeBundle): void {
  const write = kernelWrite()
  if (write) write({ data: bundle, metadata: {}, transient: {} }, false)
  else process.stdout.write(`${String(bundle['text/plain'])}\n`)
}

/**
 * Shows a chart, a table (rows, query result, arquero, danfo), a profile, a confusion matrix, an explanation, or any other value. In a notebook it is drawn;
 * elsewhere its text is printed on stdout.
 * @throws Error for a figure that would be blank
 */
export function show(value: unknown, options: HtmlTableOptions = {}): void {
  emit(toBundle(value, options))
  const picture = isTableLike(value) ? Reflect.get(value, 'figure') : undefined
  if (isFigure(picture)) emit(toBundle(picture))
}

/** Text that Markdown shows as it is. */
function escapeMarkdown(text: string): string {
  return escapeHtml(text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+!|~$-]/g, '\\$&'))
}

/**
 * A sentence whose numbers are computed, shown as Markdown: ``prose`**${n}** of ${all} tweets are positive.` ``. Numbers get
 * separators, and values are inert.
 */
export function prose(text: TemplateStringsArray, ...values: unknown[]): void {
  const fill = (turn: (value: string) => string) =>
    text.reduce((done, part, i) => done + turn(formatValue(values[i - 1]) ?? 'null') + part).trim()
  emit({ 'text/markdown': fill(escapeMarkdown), 'text/plain': fill(value => value) })
}

/** A bar that moves. */
export interface Progress {
  /** Sets what is done so far, with a word on what is being done. */
  update(done: number, note?: string): void
  /** Adds to what is done; default 1. */
  tick(more?: number, note?: string): void
  /** Ends the bar with the time it took. Later calls change nothing. */
  done(note?: string): void
}

/** Options of `progress`. */
export interface ProgressOptions {
  /** What is counted, such as `tweets`. Default none. */
  unit?: string
  /** Least time between two updates in milliseconds. Default 100 in a notebook and on a terminal, 10,000 in a log. */
  everyMs?: number
}

/** `12 s` · `3 min 05 s` · `2 h 10 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')} min`
}

/** One state of a bar in words: `scoring 1,200 of 5,000 tweets (24 %), 12 s left`. */
function words(title: string, done: number, total: number, unit: string, ms: number, note: string, ended: boolean): string {
  const share = total > 0 ? Math.min(1, done / total) : 1
  const time = ended
    ? `took ${formatDuration(ms)}`
    : done > 0 && share < 1
      ? `${formatDuration((ms * (1 - share)) / share)} left`
      : ''
  const counted = `${formatNumber(done)} of ${formatNumber(total)}${unit ? ` ${unit}` : ''} (${Math.floor(100 * share)} %)`
  return [`${title} ${counted}`, time, note].filter(Boolean).join(', ')
}

/** A table that is shown over and over in one place. */
export interface LiveTable {
  /** True in a notebook and on a terminal; in a log nothing can be shown over. */
  readonly live: boolean
  update(table: TableLike): void
}

/** A table that changes in place: in a notebook in the cell that runs now, on a terminal in the lines that it took on stderr. */
export function liveTable(): LiveTable {
  if (inKernel()) {
    const output = outputSlot()
    return { live: true, update: table => output(toBundle(table)) }
  }
  const { stderr } = process
  let lines = 0
  let written: number | undefined
  const update = (table: TableLike) => {
    const text = textTable(table).split('\n')
    // Whole columns, as many as fit: half a number would be another one.
    const wide = (stderr.columns || 80) - 1
    const rule = text[1] ?? ''
    const end = rule.length > wide ? rule.lastIndexOf('  ', wide) : wide
    // What someone else has said meanwhile stays, and the table goes on below it.
    const up = lines && written === stderr.bytesWritten ? `\u001b[${lines}A` : ''
    stderr.write(up + text.map(line => `${line.slice(0, end)}\u001b[K\n`).join(''))
    lines = text.length
    written = stderr.bytesWritten
  }
  return stderr.isTTY ? { live: true, update } : { live: false, update: () => {} }
}

/** Sends the states of one bar: over each other in a notebook and on a terminal, line by line in a log. */
function barOutput(): { send(text: string, share: number, last: boolean): void; live: boolean } {
  if (inKernel()) {
    const output = outputSlot()
    const send = (text: string, share: number) => {
      const html = `<progress value="${share.toFixed(4)}" max="1" style="width:16em;vertical-align:middle"></progress> ${escapeHtml(text)}`
      output({ 'text/html': html, 'text/plain': text })
    }
    return { send, live: true }
  }
  const { stderr } = process
  if (!stderr.isTTY) return { send: text => stderr.write(`${text}\n`), live: false }
  const send = (text: string, share: number, last: boolean) => {
    const line = `${'█'.repeat(Math.round(share * 20)).padEnd(20, '░')} ${text}`
    stderr.write(`\r${line.slice(0, (stderr.columns || 80) - 1)}\u001b[K${last ? '\n' : ''}`)
  }
  return { send, live: true }
}

/**
 * A progress bar with the time left. In a notebook it moves in place; on a terminal it is one line of stderr; in a log a line at
 * most every 10 seconds.
 * @param total how much there is to do; 0 counts as done
 * @param title what is being done
 */
export function progress(total: number, title: string, options: ProgressOptions = {}): Progress {
  const { unit = '' } = options
  const { send, live } = barOutput()
  const everyMs = options.everyMs ?? (live ? 100 : 10_000)
  const start = performance.now()
  let state = 0
  let said = Number.NEGATIVE_INFINITY
  let ended = false
  const tell = (note: string, last: boolean) => {
    said = performance.now()
    send(words(title, state, total, unit, said - start, note, last), total > 0 ? Math.min(1, state / total) : 1, last)
  }
  const update = (done: number, note = '') => {
    if (ended) return
    state = done
    if (performance.now() - said >= everyMs) tell(note, false)
  }
  if (live) tell('', false)
  else said = start
  return {
    update,
    tick: (more = 1, note = '') => update(state + more, note),
    done(note = '') {
      if (ended) return
      tell(note, true)
      ended = true
    },
  }
}
