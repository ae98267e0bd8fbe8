/**
 * The program that the crash test kills: the pipeline over a lake, or, forked by the first, one of its scorer workers. A
 * kill happens at a named step, which is a write of the lake: nothing in the engine knows of it.
 */
import type { ChildProcess } from 'node:child_process'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { predictionFromLogits } from '../models/answer.js'
import { scorerPool } from '../models/scorer-pool.js'
import { wrapStores } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import { TEXT_VERSION } from '../text/clean.js'
import type { NamedModel } from './gold.js'

/** What the child is started with: its one argument, as JSON. */
export interface CrashChildOptions {
  source: string
  lake: string
  /** Files in a batch. */
  maxFiles: number
  mode: 'linear' | 'concurrent'
  /** Kills this process when it comes to its nth step, from 0. */
  killAt?: number
  /** Kills a scorer worker in the middle of its work. */
  killWorker?: boolean
  /** Leaves the `txn` out of all commits: an engine that must fail the test. */
  broken?: boolean
}

/** What the child says on stdout, one JSON document a line. */
export type CrashChildNews =
  | { started: true }
  /** Where it dies. */
  | { died: string }
  /** It came to its end: the steps it took, and the workers killed. */
  | { steps: number; workers: number }

const say = (news: CrashChildNews) => writeSync(1, `${JSON.stringify(news)}\n`)

/** The name of a write, such as `bronze_stream: begin batch` or `gold: commit`. */
function stepName(store: string, path: string): string {
  const [, stream, kind] = /^_checkpoints\/(\w+)\/(\w+)/.exec(path) ?? []
  const names: Record<string, string> = {
    definition: 'define',
    files: 'log files',
    offsets: 'begin batch',
    commits: 'finish batch',
  }
  if (stream) return `${stream}: ${names[kind!] ?? kind}`
  const table = store.slice(store.lastIndexOf('/') + 1)
  if (!path.startsWith('_delta_log/')) return `${table}: data file`
  return `${table}: ${/\/\d+\.json$/.test(path) ? 'commit' : 'checkpoint of the log'}`
}

/** Every store of this process counts its writes, before and after each, and dies at the one that is asked for. */
function injectFaults({ killAt, broken }: CrashChildOptions): () => number {
  let steps = 0
  const step = (name: string) => {
    if (steps++ !== killAt) return
    say({ died: name })
    process.kill(process.pid, 'SIGKILL')
  }
  wrapStores((store: Store): Store => {
    const around = async <T>(path: string, write: () => Promise<T>): Promise<T> => {
      const name = stepName(store.uri, path)
      step(`before ${name}`)
      const result = await write()
      step(`after ${name}`)
      return result
    }
    const withoutTxn = (bytes: Uint8Array | string) =>
      Buffer.from(bytes)
        .toString()
        .replace(/^\{"txn":.*\n/gm, '')
    return {
      ...store,
      put: (path, bytes) => around(path, () => store.put(path, bytes)),
      putFile: (path, file) => around(path, () => store.putFile(path, file)),
      putIfAbsent: (path, bytes) =>
        around(path, () => store.putIfAbsent(path, broken && path.startsWith('_delta_log/') ? withoutTxn(bytes) : bytes)),
    }
  })
  return () => steps
}

/** Answers by the length of the text, in workers that take a moment for each. */
function workerModel(onWorker: (worker: ChildProcess) => void): NamedModel & { close(): Promise<void> } {
  const pool = scorerPool({ name: 'crash-test', data: {}, program: new URL(import.meta.url), workers: 2, onWorker })
  return {
    ...{ name: 'length', version: '1', textVersion: TEXT_VERSION },
    async predict(texts, { signal } = {}) {
      const scores = await pool.score(texts, { signal })
      return scores.map(score => ('error' in score ? score : predictionFromLogits(...(score.logits as [number, number, number]))))
    },
    close: () => pool.close(),
  }
}

async function runLake(options: CrashChildOptions): Promise<void> {
  const { runPipeline } = await import('./run.js')
  const steps = injectFaults(options)
  let workers = 0
  const model = workerModel(worker => {
    // Its first word is that it is ready, its second an answer: more are open then.
    let heard = 0
    worker.on('message', () => {
      if (options.killWorker && ++heard === 2 && !workers && worker.kill('SIGKILL')) workers++
    })
  })
  say({ started: true })
  const { source, lake, mode, maxFiles } = options
  await runPipeline({ source, lake, mode, model, limits: { maxFiles } })
  await model.close()
  say({ steps: steps(), workers })
}

function serveScorer(): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', async ({ texts }: { texts: string[] }) => {
    for (const [place, text] of texts.entries()) {
      await sleep(1)
      const logits = [0, 1, 2].map(i => (text.length + i) % 3)
      process.send?.(text.includes('unscorable') ? { place, error: 'asked to fail' } : { place, logits })
    }
  })
  process.send?.({ ready: true })
}

if (process.send) serveScorer()
else void runLake(JSON.parse(process.argv[2] ?? '{}') as CrashChildOptions)
