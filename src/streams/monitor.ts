import { setTimeout as sleep } from 'node:timers/promises'
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
  /** Receives the lines of each poll, one per stream. */
  onLines?(lines: MonitorLine[]): void
  signal?: AbortSignal
}

/** How a stream stands now. */
export function monitorLine(stream: Stream, t0: number): MonitorLine {
  const done = stream.progress()
  const last: Progress | undefined = done.at(-1)
  return {
    stream: stream.name,
    status: stream.status() === 'running' && !stream.busy() ? 'idle' : stream.status(),
    batches: done.length,
    rows: done.reduce((sum, batch) => sum + batch.rowsOut, 0),
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
 * Watches streams until all have been idle with an empty backlog for `idlePolls` polls in a row, or have ended.
 * A single idle look proves nothing: a stream between two batches looks the same.
 */
export async function monitorStreams(streams: readonly Stream[], options: MonitorOptions): Promise<void> {
  const everyMs = Math.min(options.everyMs ?? 1000, 10_000)
  const idlePolls = options.idlePolls ?? 3
  const t0 = Date.now()
  let idle = 0
  let seen = -1
  for (;;) {
    const lines = streams.map(stream => monitorLine(stream, t0))
    options.onLines?.(lines)
    const batches = lines.reduce((sum, line) => sum + line.batches, 0)
    const quiet = batches === seen && streams.every((stream, i) => !stream.busy() && lines[i]?.backlog === 0)
    seen = batches
    idle = quiet ? idle + 1 : 0
    if (idle >= idlePolls || streams.every(stream => stream.status() !== 'running') || options.signal?.aborted) return
    await Promise.race([
      sleep(everyMs, undefined, { signal: options.signal }).catch(() => {}),
      Promise.all(streams.map(s => s.settled)),
    ])
  }
}

/** How a stream keeps up, with the numbers that say so. */
export interface Verdict {
  stream: string
  verdict: 'slower than its trigger' | 'balanced' | 'under-used' | 'no batches'
  /** Share of the time in which the stream worked, [0, 1]. */
  busyShare: number
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
    meanBatchMs,
    meanBatchRows: batches.length ? rows / batches.length : 0,
    rowsPerSecond: ms > 0 ? (1000 * rows) / ms : 0,
  }
}
