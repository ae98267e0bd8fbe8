import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamPoint } from '../explore/time-charts.js'
import { type MonitorLine, showLines } from '../streams/monitor.js'
import type { Progress } from '../streams/progress.js'
import { stopButton } from '../streams/stream.js'
import { lakeStatus, STREAMS, streamHistory } from './lake.js'

/** Options of `attach`. */
export interface AttachOptions {
  /** Milliseconds between looks. Default 1,000. */
  everyMs?: number
  /** Looks in a row without a new batch and without a backlog after which it ends. Default 3. */
  idlePolls?: number
  /** Receives the lines of each look. Default: a table that changes in place. */
  onLines?(lines: MonitorLine[]): void
  /** Ends it early; Stop does so too. The streams go on. */
  signal?: AbortSignal
}

/** A stream's batches as a line of the monitor; `news` tells whether one has come since the last look. */
function lineOf(stream: string, batches: readonly Progress[], news: boolean, seconds: number): MonitorLine {
  const last = batches.at(-1)
  const rows = batches.reduce((sum, { rowsOut }) => sum + rowsOut, 0)
  const newest = { batchRows: last?.rowsOut ?? 0, batchMs: last?.ms ?? 0, backlog: last?.backlog ?? 0 }
  return { stream, status: news ? 'running' : 'idle', batches: batches.length, rows, ...newest, seconds }
}

/**
 * Shows how the streams of a lake have done and do, whoever started them: another cell, a tab that was closed, a terminal. Everything is read from the lake,
 * so nothing of it is lost with a page. Ends when nothing has moved for some looks.
 * @returns a point per batch since the first, for `streamRowsChart` and `streamTimeChart`
 * @throws Error when there is no table of the pipeline in the lake
 */
export async function attach(lake: string, options: AttachOptions = {}): Promise<StreamPoint[]> {
  const { everyMs = 1000, idlePolls = 3, onLines = showLines() } = options
  const signals = [options.signal, stopButton()].filter(signal => signal !== undefined)
  const signal = signals.length ? AbortSignal.any(signals) : undefined
  const t0 = Date.now()
  let seen = -1
  for (let idle = 0; ; ) {
    const histories = await Promise.all(STREAMS.map(stream => streamHistory(lake, stream)))
    const batches = histories.flat()
    const news = batches.length > seen
    const seconds = Math.round((Date.now() - t0) / 100) / 10
    onLines(histories.map((history, i) => lineOf(STREAMS[i]!, history, news, seconds)))
    idle = news ? 0 : idle + 1
    seen = batches.length
    // What waits may be under way: a batch of a slow model takes a while.
    const patience = histories.some(history => history.at(-1)?.backlog) ? 10 * idlePolls : idlePolls
    if (idle >= patience || signal?.aborted) {
      // Nothing at all: is it a lake?
      if (!batches.length) await lakeStatus(lake)
      return batches.map(({ stream, started: time, rowsOut: rows, ms, backlog }) => ({ stream, time, rows, ms, backlog }))
    }
    await sleep(everyMs, undefined, { signal }).catch(() => {})
  }
}
