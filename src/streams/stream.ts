import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch } from '../sources/batch.js'
import type { Available, Limits, Source } from '../sources/source.js'
import type { BatchLog } from './batch-log.js'
import type { BatchRange, Checkpoint, StreamDefinition } from './checkpoint.js'
import type { Progress, RuleCount } from './progress.js'

export type { Progress, RuleCount } from './progress.js'

/** When batches begin: all there is now and then end, or one every so many milliseconds until stopped; 0 is one after another. */
export type Trigger = 'available-now' | { everyMs: number }

/** What a batch is told about itself. */
export interface BatchContext {
  /** Number of the batch, from 0. */
  id: number
  /** To be put into every table commit of the batch: a commit that is already there is then skipped. */
  txn: { appId: string; version: number }
  /** Range of the source; put into the commits, it lets a stream go on whose checkpoint was lost. */
  range: { from: unknown; to: unknown }
  /** Aborts when the stream is stopped; the batch is then done again from its start. */
  signal: AbortSignal
}

/** What the work on a batch gives back. */
export interface BatchResult {
  /** Rows committed to the stream's table. */
  rows: number
  /** Anything else worth counting, such as `{ quarantined: 3, duplicates: 1 }`. */
  counts?: Record<string, number>
  expectations?: RuleCount[]
}

/** What a stream must know of the rows of a batch. */
export type BatchRows = Pick<Batch, 'count' | 'drop'>

/** Options of `startStream`. */
export interface StreamOptions<Offset, Rows extends BatchRows = Batch> {
  /** Name of the stream, such as `bronze_stream`; also its identity in table commits. */
  name: string
  source: Source<Offset, Rows>
  checkpoint: Checkpoint
  /** Does the work of one batch, table commits included. Called again with the same rows if it did not come to its end. */
  work(batch: Rows, context: BatchContext): Promise<BatchResult>
  /** Default `available-now`. */
  trigger?: Trigger
  /** Limits of a batch; a function is asked before each, and no batch is then read before the one before it is done. */
  limits?: Limits | (() => Limits)
  /** Batches that are read before their turn, at once, from a source that can. Default 1. */
  ahead?: number
  /** What makes the stream what it is, such as `{ source: 'table bronze', text: 'text-2' }`; refused when it has changed. */
  definition?: StreamDefinition
  /** Asked when the checkpoint knows of no batch: the newest batch that the tables know of, to be taken up again. */
  recover?(): Promise<BatchRange | undefined>
  /** Asked before each batch begins; what it throws ends the stream, with nothing of the batch begun. */
  guard?(): Promise<void>
  /** Keeps the progress of the batches, beside the checkpoint. */
  log?: BatchLog
  /** A stream that feeds this one's source: `available-now` then means until that has ended too. */
  upstream?: Pick<Stream, 'settled'>
  signal?: AbortSignal
  /** Called after every batch. */
  onProgress?(progress: Progress): void
}

/** What the batches of a stream come to; `ms` is the time spent on them. */
export type Totals = Pick<Progress, 'rowsIn' | 'rowsOut' | 'ms' | 'counts'> & { batches: number }

/** Batches of a run that are kept in memory: one of weeks has millions. */
const KEPT = 5000

/** A running micro-batch query. */
export interface Stream {
  readonly name: string
  /** `running` until it ends by itself (`finished`), is stopped, or fails. */
  status(): 'running' | 'finished' | 'stopped' | 'failed'
  /** The newest batches done in this run, at most 5,000, oldest first. */
  progress(): readonly Progress[]
  /** All that was done in this run, but for batches that an earlier one had committed: they added nothing. */
  totals(): Totals
  /** True while a batch is being worked on. */
  busy(): boolean
  /** Stops within a second; the batch under way is abandoned and done again at the next start. */
  stop(): Promise<void>
  /** Resolves when the stream has ended or was stopped; rejects when it failed. */
  readonly done: Promise<void>
  /** Resolves when the stream has ended in whatever way. */
  readonly settled: Promise<void>
}

const POLL_MS = 50
/** Between two writes of the log. */
const LOG_MS = 5000
const STOP_POLL_MS = 500
const running = new Set<Stream>()

/** The streams that run in this process. */
export function runningStreams(): Stream[] {
  return [...running]
}

/** Stops every stream of this process. */
export async function stopStreams(): Promise<void> {
  await Promise.all([...running].map(stream => stream.stop()))
}

/**
 * Starts a stream: batch after batch of its source goes through `work`, each exactly once. The range of a batch is written
 * to the checkpoint before work on it begins, and `work` commits with the batch's number, so a batch that was interrupted
 * anywhere is done again without trace of the first try.
 */
export function startStream<Offset, Rows extends BatchRows = Batch>(options: StreamOptions<Offset, Rows>): Stream {
  const stopping = new AbortController()
  const signal = AbortSignal.any([options.signal, stopButton(), stopping.signal].filter(one => one !== undefined))
  const batches: Progress[] = []
  const totals: Totals = { batches: 0, rowsIn: 0, rowsOut: 0, ms: 0, counts: {} }
  let status: 'running' | 'finished' | 'stopped' | 'failed' = 'running'
  let busy = false

  const done = drive(options, signal, {
    busy: value => {
      busy = value
    },
    progress: progress => {
      // A run of weeks has many: what the log keeps of them is not kept here as well.
      const { expectations, ...kept } = progress
      batches.push(kept)
      if (batches.length > KEPT) batches.shift()
      if (!kept.counts.replayed) count(totals, kept)
      options.onProgress?.(progress)
    },
    stop: () => stopping.abort(),
  }).then(
    () => {
      status = signal.aborted ? 'stopped' : 'finished'
    },
    error => {
      if (signal.aborted) status = 'stopped'
      else {
        status = 'failed'
        throw error
      }
    },
  )
  const stream: Stream = {
    name: options.name,
    status: () => status,
    progress: () => batches,
    totals: () => totals,
    busy: () => busy,
    async stop() {
      stopping.abort()
      await stream.settled
    },
    done,
    settled: done.catch(() => {}),
  }
  running.add(stream)
  void stream.settled.finally(() => running.delete(stream))
  return stream
}

function count(totals: Totals, { rowsIn, rowsOut, ms, counts }: Progress): void {
  totals.batches++
  totals.rowsIn += rowsIn
  totals.rowsOut += rowsOut
  totals.ms += ms
  for (const [name, n] of Object.entries(counts)) totals.counts[name] = (totals.counts[name] ?? 0) + n
}

/** The signal of the notebook's Stop button, undefined outside a notebook; see kernel/launcher.cjs. */
export function stopButton(): AbortSignal | undefined {
  const armed = (globalThis as { [key: symbol]: unknown })[Symbol.for('moodlake.interrupt')]
  return typeof armed === 'function' ? (armed() as AbortSignal) : undefined
}

interface Hooks {
  busy(value: boolean): void
  progress(progress: Progress): void
  stop(): void
}

/** What goes on beside the batches: requests to stop are heard, and the log is written. Gives the way to end it. */
function attend({ checkpoint, log }: Pick<StreamOptions<unknown>, 'checkpoint' | 'log'>, stop: () => void): () => void {
  const hear = () => checkpoint.stopRequested().then(asked => asked && stop())
  // What fails here is tried again, and the log at the end for the last time.
  const timers = [
    setInterval(() => void hear().catch(() => {}), STOP_POLL_MS),
    setInterval(() => void log?.flush().catch(() => {}), LOG_MS),
  ]
  for (const timer of timers) timer.unref()
  return () => timers.forEach(clearInterval)
}

/** The loop of a stream; returns when it has ended or `signal` aborts. */
async function drive<Offset, Rows extends BatchRows>(
  options: StreamOptions<Offset, Rows>,
  signal: AbortSignal,
  hooks: Hooks,
): Promise<void> {
  const { source, checkpoint, trigger = 'available-now' } = options
  const batches = reader(options, signal)
  await checkpoint.clearStop()
  const leave = attend(options, hooks.stop)
  let upstreamEnded = options.upstream === undefined
  void options.upstream?.settled.then(() => {
    upstreamEnded = true
  })
  try {
    if (options.definition) await checkpoint.define(options.definition)
    await options.log?.open()
    const range = (await checkpoint.start()) ?? (await recovered(options)) ?? { id: 0 }
    let { id, from, to } = range as { id: number; from?: Offset; to?: Offset }
    while (!signal.aborted) {
      const tick = performance.now()
      const sourceIsComplete = upstreamEnded
      let next: Next<Offset, Rows> | undefined
      await options.guard?.()
      if (to === undefined) {
        next = await batches.next(from)
        if (!next) {
          if (source.ended?.() || (trigger === 'available-now' && sourceIsComplete)) return
          await pause(trigger === 'available-now' ? POLL_MS : Math.max(POLL_MS, trigger.everyMs), signal)
          continue
        }
        await checkpoint.begin(id, { from, to: next.to })
      }
      // A batch that was begun before is read anew.
      const { to: end, backlog, rows: reading } = next ?? { to: to as Offset, backlog: 0 }
      hooks.busy(true)
      const onRead = () => backlog && batches.readAhead(end)
      const progress = await runBatch(options, { id, from, to: end, backlog, signal, reading, onRead })
      hooks.busy(false)
      options.log?.add(progress)
      hooks.progress(progress)
      from = end
      to = undefined
      id++
      if (trigger !== 'available-now' && !backlog) await pause(trigger.everyMs - (performance.now() - tick), signal)
    }
  } finally {
    hooks.busy(false)
    leave()
    await batches.close()
    await options.log?.flush()
    await checkpoint.clearStop()
  }
}

/** Writes the batch that the tables know of, where it may be unfinished, into an empty checkpoint: done again, it finds its commits. */
async function recovered({
  recover,
  checkpoint,
}: Pick<StreamOptions<unknown>, 'recover' | 'checkpoint'>): Promise<BatchRange | undefined> {
  const range = await recover?.()
  if (range?.to !== undefined) await checkpoint.begin(range.id, { from: range.from, to: range.to })
  return range
}

/** A batch that can be begun; `rows` when it is being read already. */
interface Next<Offset, Rows> extends Available<Offset> {
  rows?: Promise<Rows>
}

/** The batches of a source in order; one may be read before its turn. What fails then does so when its turn comes. */
function reader<Offset, Rows extends BatchRows>(options: StreamOptions<Offset, Rows>, signal: AbortSignal) {
  const { source, limits, ahead: most = 1 } = options
  type Found = Promise<Next<Offset, Rows> | undefined>
  let taken: Found | undefined
  const ahead: Found[] = []
  const drop = (found?: Found) => found?.then(next => next?.rows?.then(rows => rows.drop())).catch(() => {})
  async function read(from: Offset): Found {
    const available = await source.latest(from, limits as Limits | undefined, signal)
    const rows = available && source.read(from, available.to, signal)
    rows?.catch(() => {})
    return available && { ...available, rows: rows! }
  }
  return {
    async next(from: Offset | undefined): Promise<Next<Offset, Rows> | undefined> {
      taken = ahead.shift()
      return (await taken) ?? source.latest(from, typeof limits === 'function' ? limits() : limits, signal)
    },
    readAhead(from: Offset): void {
      while (typeof limits !== 'function' && ahead.length < most) {
        const found = ahead.at(-1)?.then(before => (before?.backlog ? read(before.to) : undefined)) ?? read(from)
        found.catch(() => {})
        ahead.push(found)
      }
    },
    async close(): Promise<void> {
      await Promise.all([taken, ...ahead].map(drop))
      await source.close?.()
    },
  }
}

interface Turn<Offset, Rows> {
  id: number
  from: Offset | undefined
  to: Offset
  backlog: number
  signal: AbortSignal
  /** The rows, where they are being read already. */
  reading: Promise<Rows> | undefined
  onRead(): unknown
}

async function runBatch<Offset, Rows extends BatchRows>(
  options: StreamOptions<Offset, Rows>,
  { id, from, to, backlog, signal, reading, onRead }: Turn<Offset, Rows>,
): Promise<Progress> {
  const started = new Date()
  const t0 = performance.now()
  const batch = await (reading ?? options.source.read(from, to, signal))
  try {
    signal.throwIfAborted()
    onRead()
    const t1 = performance.now()
    const {
      rows,
      counts = {},
      expectations,
    } = await options.work(batch, {
      id,
      txn: { appId: options.name, version: id },
      range: { from, to },
      signal,
    })
    const t2 = performance.now()
    const progress: Progress = {
      stream: options.name,
      batch: id,
      started: started.toISOString(),
      rowsIn: batch.count,
      rowsOut: rows,
      counts,
      ...(expectations?.length ? { expectations } : {}),
      ms: round(performance.now() - t0),
      phases: { read: round(t1 - t0), work: round(t2 - t1), checkpoint: 0 },
      backlog,
      memory: Math.round(process.memoryUsage.rss() / 2 ** 20),
    }
    await options.checkpoint.finish(id, progress)
    progress.phases.checkpoint = round(performance.now() - t2)
    progress.ms = round(performance.now() - t0)
    return progress
  } finally {
    await batch.drop()
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {})
}
