import type { DeltaTable, Row } from '../delta/index.js'
import type { Checkpoint } from './checkpoint.js'
import type { Progress } from './progress.js'

/** Columns of `progress`, in Delta's words: a row per finished batch; times in ms, `memory` in MB, `counts` a JSON object. */
export const PROGRESS_SCHEMA = `stream string not null, batch long not null, started timestamp not null, rows_in long not null, rows_out long not null,
  ms double not null, read_ms double not null, work_ms double not null, checkpoint_ms double not null, backlog long not null, memory double not null,
  counts string not null`

/** Columns of `expectations`, in Delta's words: how many rows of a batch kept a rule and how many broke it. */
export const EXPECTATIONS_SCHEMA = `stream string not null, batch long not null, rule string not null, action string not null, passed long not null,
  failed long not null, time timestamp not null`

/** Keeps what became of a stream's batches in tables that outlive it. */
export interface BatchLog {
  /** Takes up the batches that an earlier process finished and did not come to write. */
  open(): Promise<void>
  add(progress: Progress): void
  /** Writes what there is, in one commit a table; batches that are there already are left out. */
  flush(): Promise<void>
}

/** Finished batches that stay in a checkpoint; older ones are in the tables alone. */
const KEPT = 100

const progressRow = ({ phases, counts, rowsIn, rowsOut, started, ...rest }: Progress): Row => ({
  ...{ stream: rest.stream, batch: rest.batch, started: new Date(started), rows_in: rowsIn, rows_out: rowsOut, ms: rest.ms },
  ...{ read_ms: phases.read, work_ms: phases.work, checkpoint_ms: phases.checkpoint, backlog: rest.backlog },
  ...{ memory: rest.memory, counts: JSON.stringify(counts) },
})

/** A row of `progress` as it was before it was written. */
export function progressOf(row: Row): Progress {
  const { rows_in, rows_out, read_ms, work_ms, checkpoint_ms, started, counts, ...rest } = row as Record<string, unknown>
  return {
    ...(rest as Pick<Progress, 'stream' | 'batch' | 'ms' | 'backlog' | 'memory'>),
    started: (started as Date).toISOString(),
    rowsIn: rows_in as number,
    rowsOut: rows_out as number,
    phases: { read: read_ms as number, work: work_ms as number, checkpoint: checkpoint_ms as number },
    counts: JSON.parse(counts as string) as Record<string, number>,
  }
}

function ruleRows({ stream, batch, started, expectations = [] }: Progress): Row[] {
  return expectations.map(count => ({ stream, batch, ...count, time: new Date(started) }))
}

/**
 * The log of one stream in the tables `progress` and `expectations`. It is written in groups, beside the work: every commit carries
 * `txn {stream, newest batch}`, and what a killed process did not come to write is read from the checkpoint.
 */
export function batchLog(
  stream: string,
  checkpoint: Checkpoint,
  tables: { progress: DeltaTable; expectations: DeltaTable },
): BatchLog {
  const outlets = [
    { table: tables.progress, rows: (one: Progress) => [progressRow(one)] },
    { table: tables.expectations, rows: ruleRows },
  ]
  let waiting: Progress[] = []
  let writing: Promise<void> = Promise.resolve()

  const written = async ({ table }: { table: DeltaTable }) => (await table.snapshot()).txn(stream) ?? -1

  async function write(): Promise<void> {
    // A copy: batches that end while this is written belong to the next group.
    const group = [...waiting]
    const last = group.at(-1)?.batch
    if (last === undefined) return
    for (const outlet of outlets) {
      const before = await written(outlet)
      const rows = group.filter(one => one.batch > before).flatMap(outlet.rows)
      if (rows.length) await outlet.table.append(rows, { txn: { appId: stream, version: last } })
    }
    waiting = waiting.slice(group.length)
    await checkpoint.prune(last - KEPT)
  }

  return {
    async open() {
      const before = Math.min(...(await Promise.all(outlets.map(written))))
      for await (const progress of checkpoint.history<Progress>(before)) waiting.push(progress)
      await this.flush()
    },
    add: progress => void waiting.push(progress),
    flush() {
      writing = writing.then(write, write)
      return writing
    },
  }
}
