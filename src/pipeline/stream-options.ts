import type { Limits } from '../sources/source.js'
import type { Progress, Stream, Trigger } from '../streams/stream.js'
import { type DiskBudget, diskGuard } from './disk-budget.js'
import type { Expectation } from './expectations.js'
import { lakeCheckpoint, lakeLog } from './lake.js'

/** Options that every stream of the pipeline takes. */
export interface PipelineStreamOptions {
  /** Folder or address of the lake. Default `./lake`. */
  lake?: string
  /** Default `available-now`. */
  trigger?: Trigger
  limits?: Limits
  /** The stream that feeds this one: with `available-now` this stream ends after it. */
  upstream?: Pick<Stream, 'settled'>
  /** Rules for the rows of the stream's table, beyond its own. */
  rules?: readonly Expectation[]
  /** Room that the lake may take; the stream ends with `DiskBudgetError` before it takes more. */
  disk?: DiskBudget
  signal?: AbortSignal
  onProgress?(progress: Progress): void
  /** Hears what a live feed has to say: lost connections, gaps. Default: process warnings. */
  onNotice?(text: string): void
}

/** What all streams have in common. */
export async function streamOptions(name: string, options: PipelineStreamOptions) {
  const { lake = './lake', trigger, limits, upstream, disk, signal, onProgress } = options
  return {
    ...{ name, trigger, limits, upstream, signal, onProgress },
    checkpoint: lakeCheckpoint(lake, name),
    log: await lakeLog(lake, name),
    guard: diskGuard(lake, disk),
  }
}
