/** How many rows of a batch kept a rule, and how many broke it, of those that no rule before it had taken out. */
export interface RuleCount {
  rule: string
  /** `warn`, `drop`, `quarantine` or `fail`. */
  action: string
  passed: number
  failed: number
}

/** One finished batch. Kept in the checkpoint and by the log, so it outlives the stream. */
export interface Progress {
  stream: string
  batch: number
  /** ISO 8601, UTC. */
  started: string
  rowsIn: number
  rowsOut: number
  counts: Record<string, number>
  expectations?: RuleCount[]
  /** Whole batch, and its parts, in milliseconds; `read` is the wait for its rows, which may have been read before its turn. */
  ms: number
  phases: { read: number; work: number; checkpoint: number }
  /** Files, versions or records that the source still had when the batch began. */
  backlog: number
  /** Resident memory of the process, MB. */
  memory: number
}
