import type { Batch } from './batch.js'

/** How much one batch may take. */
export interface Limits {
  /** Most files (JSON files) or table versions in a batch. Default: the source's own. */
  maxFiles?: number
  /** Most rows in a batch, for sources that can end a batch inside a file (tables, topics). Default: the source's own. */
  maxRows?: number
  /** Most bytes of input in a batch, at least one file or record. Default: the source's own. */
  maxBytes?: number
}

/** What a source has that a stream has not read. */
export interface Available<Offset> {
  /** Where the next batch ends. */
  to: Offset
  /** Files, versions or records that remain after `to`, as far as is known without reading them. */
  backlog: number
}

/**
 * A replayable input. An offset is plain JSON; `read(from, to)` gives the same rows every time, in the same order, also in
 * another process. `undefined` as `from` means the beginning. Every source runs `test/contracts/source.ts`.
 */
export interface Source<Offset = unknown, Rows = Batch> {
  /** What is read, for messages and for the checkpoint. */
  readonly name: string
  /** The end of the next batch after `from`, or undefined when there is nothing new. Safe to call again with the same `from`. */
  latest(from: Offset | undefined, limits?: Limits, signal?: AbortSignal): Promise<Available<Offset> | undefined>
  /** The rows after `from` up to and including `to`; a stream reads a batch while it still works on the one before. */
  read(from: Offset | undefined, to: Offset, signal?: AbortSignal): Promise<Rows>
  /** True when nothing will ever come again: the stream then ends, whatever its trigger. Default: never. */
  ended?(): boolean
  /** Lets go of connections, where it has any; the stream calls it when it has ended. */
  close?(): Promise<void>
}
