/** Threads for work that would hold up this one: both ends of the talk with them. */
import { availableParallelism } from 'node:os'
import { parentPort, type Transferable, Worker } from 'node:worker_threads'

/** Threads that are worth their start beside this one and DuckDB's; on a machine of two cores there are none. */
export const SPARE_THREADS = Math.min(2, Math.max(0, availableParallelism() - 2))
/** Threads without work for so long (ms) are ended. */
const IDLE_MS = 10_000
/** What is asked and answered is large and soon gone: a small nursery (MiB) saves more memory than it costs time. */
const NURSERY = 8

interface Reply {
  id: number
  answer?: unknown
  error?: unknown
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: unknown): void
}

interface Thread {
  worker: Worker
  waiting: Map<number, Waiting>
}

/** Threads of one program that answer questions. */
export interface Threads<Question, Answer> {
  /** Asks the thread that has the least to do. Rejects with what it failed of, also when it died. */
  ask(question: Question): Promise<Answer>
}

/**
 * Threads that start with their first questions, at most `SPARE_THREADS` but one, keep no process alive, and end when they have had nothing to do
 * for a while.
 * @param program compiled; it calls `answerQuestions`
 */
export function threads<Question, Answer>(program: URL): Threads<Question, Answer> {
  const all = new Set<Thread>()
  let asked = 0
  let idle: NodeJS.Timeout | undefined

  function start(): Thread {
    const worker = new Worker(program, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: NURSERY } })
    const thread: Thread = { worker, waiting: new Map() }
    const bury = (error: unknown) => {
      all.delete(thread)
      for (const { reject } of thread.waiting.values()) reject(error)
      thread.waiting.clear()
    }
    worker.on('message', ({ id, answer, error }: Reply) => {
      const { resolve, reject } = thread.waiting.get(id)!
      thread.waiting.delete(id)
      if (error === undefined) resolve(answer)
      else reject(error)
      rest()
    })
    worker.on('error', bury)
    worker.on('exit', code => bury(new Error(`${program.pathname}: the thread ended with code ${code}`)))
    all.add(thread)
    return thread
  }

  function rest(): void {
    clearTimeout(idle)
    for (const { worker, waiting } of all)
      if (waiting.size) worker.ref()
      else worker.unref()
    if ([...all].some(({ waiting }) => waiting.size)) return
    idle = setTimeout(() => {
      for (const { worker } of all) void worker.terminate()
      all.clear()
    }, IDLE_MS)
    idle.unref()
  }

  return {
    ask(question) {
      const thread =
        all.size < Math.max(1, SPARE_THREADS) ? start() : [...all].reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a))
      const id = ++asked
      const answered = new Promise<unknown>((resolve, reject) => thread.waiting.set(id, { resolve, reject }))
      thread.worker.postMessage({ id, question })
      rest()
      return answered as Promise<Answer>
    },
  }
}

/** A compiled program of threads or processes: beside the file that asks for it, or in dist/ when a test imports the source. */
export function programBeside(here: string, name: string): URL {
  return new URL(`${here.endsWith('.ts') ? here.replace(/\/src\/(.*\/)?[^/]*$/, '/dist/$1') : './'}${name}.js`, here)
}

/** The other end: answers in this thread; `hands` names the buffers of an answer that need no copy. */
export function answerQuestions<Question, Answer>(
  answer: (question: Question) => Answer | Promise<Answer>,
  hands: (answer: Answer) => Transferable[] = () => [],
): void {
  parentPort!.on('message', async ({ id, question }: { id: number; question: Question }) => {
    try {
      const given = await answer(question)
      parentPort!.postMessage({ id, answer: given }, hands(given))
    } catch (error) {
      parentPort!.postMessage({ id, error })
    }
  })
}
