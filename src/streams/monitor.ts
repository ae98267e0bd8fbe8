import { setTimeout as sleep } from 'node:timers/promises'
import { liveTable } from '../explore/display.js'
import type { Progress, Stream } from './stream.js'

/** A line of the monitor: how one stream stands. */
export interface MonitorLine {
  stream: string
  status: string
  /** Batches and rows done in this run. */
  batches: number
  rows: number
  /** Rows and milliseconds of the newest batch. */
  batchRows: number
  batchMs: number
  backlog: number
  /** Seconds since the monitor began: one clock for all streams. */
  seconds: number
}

/** Options of `monitorStreams`. */
export interface MonitorOptions {
  /** Milliseconds between lines, at most 10,000. Default 1,000. */
  everyMs?: number
  /** Polls in a row without work or backlog after which the monitor ends. Default 3. */
  idlePolls?: number
  /** Streams that there will be in the end, where more are still put into the list. Default: those that are there. */
  expected?: number
  /** Receives the lines of each poll, one per stream; `showLines()` shows them. */
  onLines?(lines: MonitorLine[]): void
  signal?: AbortSignal
}

/** How a stream stands now. */
export function monitorLine(stream: Stream, t0: number): MonitorLine {
  const last = stream.progress().at(-1)
  const { batches, rowsOut: rows } = stream.totals()
  return {
    stream: stream.name,
    status: stream.status() === 'running' && !stream.busy() ? 'idle' : stream.status(),
    batches,
    rows,
    batchRows: last?.rowsOut ?? 0,
    batchMs: last?.ms ?? 0,
    backlog: last?.backlog ?? 0,
    seconds: Math.round((Date.now() - t0) / 100) / 10,
  }
}

/** A monitor line as text: `12.3 s  silver_stream  running  4 batches, 1,200 rows (last 300 in 45 ms), backlog 2`. */
export function monitorLineText(line: MonitorLine): string {
  const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 0 })
  const last = `last ${number(line.batchRows)} in ${number(line.batchMs)} ms`
  const done = `${line.batches} batches, ${number(line.rows)} rows (${last}), backlog ${line.backlog}`
  return `${line.seconds.toFixed(1).padStart(6)} s  ${line.stream.padEnd(13)}  ${line.status.padEnd(8)}  ${done}`
}

/** A log gets a line of a stream at most this often, ms. */
const LINE_MS = 10_000

/**
 * Shows how streams stand: as one table that changes in place in a notebook and on a terminal, elsewhere through `say`, a line per
 * stream at most every 10 seconds.
 * @param say takes a line; default stderr
 */
export function showLines(say = (line: string) => void process.stderr.write(`${line}\n`)): (lines: MonitorLine[]) => void {
  const table = liveTable()
  let said = 0
  return lines => {
    if (!lines.length) return
    if (table.live)
      table.update(lines.map(({ batchRows, batchMs, ...line }) => ({ ...line, 'last rows': batchRows, 'last ms': batchMs })))
    else if (Date.now() - said >= LINE_MS) {
      said = Date.now()
      for (const line of lines) say(monitorLineText(line))
    }
  }
}

/** The batches of streams as points for charts: when each began, its rows and its milliseconds. */
export function streamPoints(
  streams: readonly Stream[],
): { stream: string; time: string; rows: number; ms: number; backlog: number }[] {
  return streams.flatMap(stream =>
    stream
      .progress()
      .map(({ started, rowsOut, ms, backlog }) => ({ stream: stream.name, time: started, rows: rowsOut, ms, backlog })),
  )
}

/**
 * Watches streams until all have been idle with an empty backlog for `idlePolls` polls in a row (`idle`), have ended, or `signal`
 * aborts. A single idle look proves nothing: a stream between two batches looks the same.
 */
export async function monitorStreams(
  streams: readonly Stream[],
  options: MonitorOptions = {},
): Promise<'idle' | 'ended' | 'aborted'> {
  const { idlePolls = 3, signal } = options
  const everyMs = Math.min(options.everyMs ?? 1000, 10_000)
  const t0 = Date.now()
  let idle = 0
  let seen = -1
  for (;;) {
    const lines = streams.map(stream => monitorLine(stream, t0))
    options.onLines?.(lines)
    const complete = streams.length >= (options.expected ?? streams.length)
    const batches = lines.reduce((sum, line) => sum + line.batches, 0)
    const quiet = complete && batches === seen && streams.every((stream, i) => !stream.busy() && lines[i]?.backlog === 0)
    seen = batches
    idle = quiet ? idle + 1 : 0
    if (signal?.aborted) return 'aborted'
    if (complete && streams.every(stream => stream.status() !== 'running')) return 'ended'
    if (idle >= idlePolls) return 'idle'
    const wait = sleep(everyMs, undefined, { signal }).catch(() => {})
    await (complete ? Promise.race([wait, Promise.all(streams.map(stream => stream.settled))]) : wait)
  }
}

/** How a stream keeps up, with the numbers that say so. */
export interface Verdict {
  stream: string
  verdict: 'slower than its trigger' | 'balanced' | 'under-used' | 'no batches'
  /** Share of the time in which the stream worked, [0, 1]. */
  busyShare: number
  batches: number
  /** Mean milliseconds and rows of a batch. */
  meanBatchMs: number
  meanBatchRows: number
  rowsPerSecond: number
}

/**
 * Judges how a stream keeps up: slower than its trigger when a mean batch takes longer than the interval (or, with no
 * interval, when it works more than 90 % of the time), under-used below 25 %, else balanced.
 * @param triggerMs interval of the trigger; leave it out for `available-now`
 */
export function streamVerdict(stream: string, batches: readonly Progress[], triggerMs?: number): Verdict {
  const ms = batches.reduce((sum, batch) => sum + batch.ms, 0)
  const rows = batches.reduce((sum, batch) => sum + batch.rowsIn, 0)
  const first = Date.parse(batches[0]?.started ?? '')
  const last = batches.at(-1)
  const span = last ? Date.parse(last.started) + last.ms - first : 0
  const meanBatchMs = batches.length ? ms / batches.length : 0
  const busyShare = triggerMs ? meanBatchMs / triggerMs : span > 0 ? Math.min(1, ms / span) : 0
  const slow = triggerMs ? busyShare > 1 : busyShare > 0.9
  const verdict = !batches.length ? 'no batches' : slow ? 'slower than its trigger' : busyShare < 0.25 ? 'under-used' : 'balanced'
  return {
    stream,
    verdict,
    busyShare,
    batches: batches.length,
    meanBatchMs,
    meanBatchRows: batches.length ? rows / batches.length : 0,
    rowsPerSecond: ms > 0 ? (1000 * rows) / ms : 0,
  }
}

/** A verdict in words with its numbers: `gold_stream: balanced: busy 43 %, 12 batches of 310 rows in 220 ms, 1,409 rows/s`. */
export function verdictText({ stream, verdict, busyShare, batches, meanBatchMs, meanBatchRows, rowsPerSecond }: Verdict): string {
  if (!batches) return `${stream}: ${verdict}`
  const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 0 })
  const each = `${number(batches)} batches of ${number(meanBatchRows)} rows in ${number(meanBatchMs)} ms`
  return `${stream}: ${verdict}: busy ${number(100 * busyShare)} %, ${each}, ${number(rowsPerSecond)} rows/s`
}
