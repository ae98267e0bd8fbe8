import { availableParallelism, totalmem } from 'node:os'
import { parameter } from '../explore/parameter.js'
import { clearLake } from './lake.js'

/** Settings of a notebook, with the three switches of the workflow. */
export interface WorkbenchOptions {
  /** Folder of raw tweets. Default `data/tweets`. */
  source?: string
  /** Folder of the lake. Default `lake/<name>`. */
  lake?: string
  /** Registered model that gold loads. Default `models:/sentiment@champion`. */
  model?: string
  /** Switch: remove the tables and checkpoints of the previous run first. Default true. */
  clearPreviousRun?: boolean
  /** Switch: stop all streams at the end. Default true. */
  stopStreams?: boolean
  /** Switch: compact the tables at the end. Default false. */
  optimizeTables?: boolean
  /** Seed of everything random. Default 1, or what `moodlake report --set seed=2` says. */
  seed?: number
  /** Files a batch takes at most. Default 40. */
  filesPerBatch?: number
}

/** A notebook's settings, all of them filled in. */
export interface Workbench extends Required<WorkbenchOptions> {
  name: string
  /** When the run began. */
  started: Date
  /** Files that clearing the previous run removed. */
  removed: number
  /** One row per variable: its name, value and meaning. */
  table(): { variable: string; value: string; meaning: string }[]
}

const MEANING: Record<keyof WorkbenchOptions | 'started', string> = {
  source: 'folder of raw tweets, read by bronze_stream',
  lake: 'folder of the Delta tables and checkpoints',
  model: 'address of the model that gold_stream loads',
  clearPreviousRun: 'switch: remove the tables of the previous run first',
  stopStreams: 'switch: stop all streams at the end',
  optimizeTables: 'switch: compact the tables at the end',
  seed: 'seed of everything random',
  filesPerBatch: 'files that one batch of bronze_stream takes at most',
  started: 'start time (UTC)',
}

/**
 * Begins a notebook: fills in its settings and, when the switch says so, clears the previous run.
 * @param name name of the notebook, also of its folder under `lake/`
 */
export async function openWorkbench(name: string, options: WorkbenchOptions = {}): Promise<Workbench> {
  const settings: Required<WorkbenchOptions> = {
    source: 'data/tweets',
    lake: `lake/${name}`,
    model: 'models:/sentiment@champion',
    clearPreviousRun: true,
    stopStreams: true,
    optimizeTables: false,
    seed: Number(parameter('seed', '1')),
    filesPerBatch: 40,
    ...options,
  }
  const removed = settings.clearPreviousRun ? await clearLake(settings.lake) : 0
  const started = new Date()
  return {
    ...settings,
    name,
    started,
    removed,
    table: () =>
      Object.entries({ ...settings, started: `${started.toISOString().slice(0, 19)}Z` }).map(([variable, value]) => ({
        variable,
        value: String(value),
        meaning: MEANING[variable as keyof typeof MEANING],
      })),
  }
}

/** One engine setting: what it is, and why. */
export interface EngineSetting {
  setting: string
  value: number | string
  why: string
}

/** The engine's settings held against this machine and the load, with the numbers that decide. */
export function engineSettings(load: { files: number; bytes: number; filesPerBatch: number }): EngineSetting[] {
  const cores = availableParallelism()
  const batches = Math.ceil(load.files / load.filesPerBatch)
  const perBatch = load.bytes / Math.max(1, batches)
  return [
    { setting: 'cores', value: cores, why: 'what this machine offers' },
    {
      setting: 'memory',
      value: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      why: `the load is ${(load.bytes / 2 ** 20).toFixed(1)} MB of JSON: it fits many times`,
    },
    {
      setting: 'engine threads',
      value: cores,
      why: 'one partition a core: a batch is one table in memory, cut by the engine itself',
    },
    {
      setting: 'scorer workers',
      value: Math.min(cores, 4),
      why: 'one single-threaded worker a core; more would wait for each other',
    },
    {
      setting: 'files per batch',
      value: load.filesPerBatch,
      why: `${load.files} files make ${batches} batches of about ${Math.round(perBatch / 1024)} kB`,
    },
    { setting: 'rows moved between partitions', value: 0, why: 'one process: nothing is shuffled over a network' },
  ]
}
