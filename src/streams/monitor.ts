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
  onLines(lines: MonitorLine[]): void
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
    options.onLines(lines)
    const batches = lines.reduce((sum, line) => sum + line.batches, 0)
    const quiet = batches === seen && streams.every((stream, i) => !stream.busy() && lines[i]?.backlog === 0)
    seen = batches
    idle = quiet ? idle + 1 : 0
    if (idle >= idlePolls || streams.every(stream => stream.status() !== 'running') || options.signal?.aborted) return
    await Promise.race([sleep(everyMs, undefined, { signal: options.signal }).catch(() => {}), Promise.all(streams.map(s => s.settled))])
  }
}
