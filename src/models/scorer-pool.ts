import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { programBeside } from '../threads.js'
import type { Failure } from './model.js'
import type { Scored, WorkerReply, WorkerRequest } from './worker-talk.js'

/** What a worker said of one text. */
export type RawScore = Scored | Failure

/** Worker processes of a model. */
export interface WorkerOptions {
  /** Most worker processes, one core each; default the number of cores, at most 4. They start when there is work for them. */
  workers?: number
  /** Called with each worker that starts: a supervisor may count them, a test may end them. */
  onWorker?: (worker: ChildProcess) => void
}

/** How a pool of scorers is run. */
export interface ScorerPoolOptions extends WorkerOptions {
  /** Name in error messages. */
  name: string
  /** Given to each worker as JSON, its one argument. */
  data: unknown
  /** Program of the workers; default the transformer scorer. It speaks `WorkerRequest` and `WorkerReply`. */
  program?: URL
  /** Texts that a worker answers together, when that is known to change no answer; default 1. */
  batch?: number
  /** A worker that has work and answers nothing for so long (ms) is ended, like one that died; default 60,000. Loading may take a minute in any case. */
  patience?: number
  /** A worker that holds more memory than this (bytes) after a chunk is replaced; default 1.5 GiB. */
  workerMemory?: number
}

/** Processes that score texts; `A` is what they answer of one, beside a failure. */
export interface ScorerPool<A = Scored> {
  /**
   * Scores texts; answers come in the order of the texts, each text is answered once. Texts go out in small chunks to
   * whichever worker is free, several calls take turns, and no more than a chunk per worker is under way: the callers'
   * arrays are the only queue. When a worker dies, another takes its place and the unanswered rest of its chunk is done
   * again; a worker that hangs or has grown too large is replaced too. A text that three workers died of gets an error. Rejects with the signal's reason at once when that aborts.
   */
  score(texts: readonly string[], options?: ScoreOptions): Promise<(A | Failure)[]>
  /** Ends the workers; calls under way are rejected. */
  close(): Promise<void>
}

/** Options of one call. */
export interface ScoreOptions {
  signal?: AbortSignal
  /** Called with the place of each text as it is answered. */
  onScored?: (place: number) => void
}

/** Texts that a worker is given at a time; of a pool that works in batches, batches. */
const CHUNK = 8
const CHUNK_BATCHES = 4
const MAX_CRASHES = 3
/** JavaScript memory of a worker, MiB; the model's own memory is not in it. Past it the worker dies and is replaced. */
const WORKER_HEAP = 512
const PATIENCE = 60_000
const WORKER_MEMORY = 1.5 * 2 ** 30

interface Job<A> {
  texts: readonly string[]
  /** The places of the texts as they are handed out. */
  order: readonly number[]
  answers: (A | Failure)[]
  /** First of `order` that has not been handed out. */
  next: number
  /** Places handed out to workers that died, but not reached by them. */
  again: number[]
  /** Places that workers may have died of: each is tried alone, after all others. */
  suspects: number[]
  left: number
  crashes: Map<number, number>
  onScored?: (place: number) => void
  settle(error?: unknown): void
}

interface Slot<A> {
  worker: ChildProcess
  ready: boolean
  /** What the worker is working on: the places still to be answered, in order. */
  work?: { job: Job<A>; places: number[] }
  /** Ends it when it is silent for too long. */
  alarm?: NodeJS.Timeout
  /** The last that it said on stderr. */
  trouble: string
}

/** The number of workers that a pool has by default. */
export function defaultWorkers(): number {
  return Math.max(1, Math.min(4, availableParallelism()))
}

/** A supervised pool of scorer processes. Idle ones do not keep this process alive, and they end with it. */
export function scorerPool<A extends object = Scored>({
  name,
  data,
  program = programBeside(import.meta.url, 'scorer-worker'),
  batch = 1,
  workers = defaultWorkers(),
  patience = PATIENCE,
  workerMemory = WORKER_MEMORY,
  onWorker,
}: ScorerPoolOptions): ScorerPool<A> {
  if (!Number.isInteger(workers) || workers < 1)
    throw new Error(`${name}: workers must be a whole number of at least 1: ${workers}`)
  const chunk = batch > 1 ? CHUNK_BATCHES * batch : CHUNK
  const slots = new Set<Slot<A>>()
  let jobs: Job<A>[] = []
  let failedStarts = 0
  let closed = false

  function start(): void {
    const worker = fork(fileURLToPath(program), [JSON.stringify(data)], {
      execArgv: [`--max-old-space-size=${WORKER_HEAP}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const slot: Slot<A> = { worker, ready: false, trouble: '' }
    slots.add(slot)
    expect(slot)
    worker.on('message', reply => receive(slot, reply as WorkerReply<A>))
    worker.on('error', error => bury(slot, error.message))
    worker.on('exit', (code, signal) => bury(slot, signal ? `ended by ${signal}` : `ended with code ${code}`))
    worker.stderr?.on('data', text => {
      slot.trouble = (slot.trouble + text).slice(-8000)
    })
    onWorker?.(worker)
  }

  /** Gives a worker its time, from now on, to say something. */
  function expect(slot: Slot<A>): void {
    clearTimeout(slot.alarm)
    const ms = slot.ready ? patience : Math.max(patience, PATIENCE)
    slot.alarm = setTimeout(() => {
      slot.worker.kill('SIGKILL')
      bury(slot, `said nothing for ${ms / 1000} s`)
    }, ms).unref()
  }

  function receive(slot: Slot<A>, reply: WorkerReply<A>): void {
    if (!slots.has(slot)) return
    expect(slot)
    if ('broken' in reply) {
      dismiss(slot)
      failAll(new Error(`${name}: model cannot be loaded: ${reply.broken}`))
      return
    }
    if ('ready' in reply) {
      slot.ready = true
      failedStarts = 0
    } else if (slot.work) {
      // Answers come in the order of the request, so this one is for the first open place.
      const { job, places } = slot.work
      const { place: _, memory = 0, ...answer } = reply
      record(job, places.shift()!, answer as A | Failure)
      if (places.length) return
      slot.work = undefined
      if (memory > workerMemory) {
        dismiss(slot)
        staff()
        return
      }
    }
    feed(slot)
  }

  function dismiss(slot: Slot<A>): void {
    clearTimeout(slot.alarm)
    slots.delete(slot)
    slot.worker.kill('SIGKILL')
  }

  function record(job: Job<A>, place: number, answer: A | Failure): void {
    job.answers[place] = answer
    job.left -= 1
    if (!jobs.includes(job)) return
    job.onScored?.(place)
    if (job.left === 0) job.settle()
  }

  /** Hands the next chunk to a free worker, or lets it rest. */
  function feed(slot: Slot<A>): void {
    for (const job of jobs) {
      const places = cut(job)
      if (places.length === 0) continue
      // The next chunk comes from the next job.
      jobs.push(jobs.splice(jobs.indexOf(job), 1)[0]!)
      slot.work = { job, places }
      hold(slot, true)
      expect(slot)
      // A worker that died meanwhile cannot be told; its end is dealt with when it is heard of.
      slot.worker.send({ texts: places.map(place => job.texts[place]!) } satisfies WorkerRequest, () => {})
      return
    }
    clearTimeout(slot.alarm)
    hold(slot, false)
  }

  /** The next few places of a job; near its end fewer, so that all workers finish together. */
  function cut(job: Job<A>): number[] {
    const size = Math.max(1, Math.min(chunk, Math.ceil((job.texts.length - job.next + job.again.length) / workers)))
    const places = job.again.splice(0, size)
    while (places.length < size && job.next < job.texts.length) places.push(job.order[job.next++]!)
    return places.length ? places : job.suspects.splice(0, 1)
  }

  function bury(slot: Slot<A>, end: string): void {
    clearTimeout(slot.alarm)
    if (!slots.delete(slot) || closed) return
    const trouble = [`a worker ${end}`, errorLine(slot.trouble)].filter(Boolean).join(': ')
    if (!slot.ready && ++failedStarts >= MAX_CRASHES) {
      failAll(new Error(`${name}: workers do not start: ${trouble}`))
      return
    }
    if (slot.work) redo(slot.work.job, slot.work.places, trouble)
    staff()
  }

  /** Queues the rest of a dead worker's chunk. Its first place may be what the worker died of; in batches, each may. */
  function redo(job: Job<A>, places: number[], trouble: string): void {
    if (batch > 1 && places.length > 1) return void job.suspects.push(...places)
    const [suspect, ...rest] = places
    job.again.push(...rest)
    const crashes = (job.crashes.get(suspect!) ?? 0) + 1
    job.crashes.set(suspect!, crashes)
    if (crashes < MAX_CRASHES) job.suspects.push(suspect!)
    else record(job, suspect!, { error: `scoring failed ${crashes} times: ${trouble}` })
  }

  /** As many workers as there is work for; free ones get some. */
  function staff(): void {
    const open = jobs.reduce((sum, job) => sum + job.again.length + job.suspects.length + job.texts.length - job.next, 0)
    const free = [...slots].filter(slot => !slot.work)
    for (let wanted = Math.min(workers - slots.size, Math.ceil(open / CHUNK) - free.length); wanted > 0; wanted--) start()
    // Workers that are still loading are fed when they are ready, and hold the process until then.
    for (const slot of free)
      if (slot.ready) feed(slot)
      else hold(slot, open > 0)
  }

  /** A batch is of texts of like length, which are worked on fastest. */
  function orderOf(texts: readonly string[]): number[] {
    const places = [...texts.keys()]
    return batch > 1 ? places.sort((a, b) => texts[a]!.length - texts[b]!.length) : places
  }

  function failAll(error: Error): void {
    for (const job of [...jobs]) job.settle(error)
  }

  return {
    score(texts, { signal, onScored } = {}) {
      return new Promise((resolve, reject) => {
        if (closed) throw new Error(`${name}: closed`)
        signal?.throwIfAborted()
        if (texts.length === 0) return resolve([])
        const stop = () => job.settle(signal!.reason)
        const job: Job<A> = {
          texts,
          order: orderOf(texts),
          answers: new Array(texts.length),
          next: 0,
          again: [],
          suspects: [],
          left: texts.length,
          crashes: new Map(),
          onScored,
          settle(error) {
            jobs = jobs.filter(other => other !== job)
            signal?.removeEventListener('abort', stop)
            if (error === undefined) resolve(job.answers)
            else reject(error)
          },
        }
        signal?.addEventListener('abort', stop, { once: true })
        jobs.push(job)
        staff()
      })
    },
    async close() {
      closed = true
      failAll(new Error(`${name}: closed`))
      const ends = [...slots].map(({ worker }) => new Promise(resolve => worker.once('exit', resolve)))
      for (const slot of slots) {
        hold(slot, true)
        dismiss(slot)
      }
      await Promise.all(ends)
    },
  }
}

/** Whether a worker keeps this process alive: while it has work. */
function hold({ worker }: Slot<unknown>, alive: boolean): void {
  const stderr = worker.stderr as Socket | null
  for (const handle of [worker, worker.channel, stderr]) {
    if (alive) handle?.ref()
    else handle?.unref()
  }
}

/** The line in which V8 or Node names the error, else the last one. */
function errorLine(text: string): string {
  const lines = text.split('\n').map(line => line.trim())
  return lines.findLast(line => /^(FATAL ERROR|\w*Error)\b/.test(line)) ?? lines.findLast(Boolean) ?? ''
}
