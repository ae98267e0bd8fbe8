import { createHash } from 'node:crypto'
import { type DeltaTable, duckdb, FORGET, type LogCommit, quoteName, tempName } from '../delta/index.js'
import { openSink } from '../sources/open-sink.js'
import type { Sink, SinkRow } from '../sources/sink.js'
import type { Source } from '../sources/source.js'
import { type TableOffset, tableSource } from '../sources/table-source.js'
import { openStore } from '../stores/open-store.js'
import { type Stream, startStream } from '../streams/stream.js'
import { lakeCheckpoint, lakeTable } from './lake.js'
import { type PipelineStreamOptions, streamOptions } from './stream-options.js'

/** Options of `startSink`. */
export interface SinkStreamOptions extends PipelineStreamOptions {
  /** Address: `postgres://user:password@host:port/db?table=gold` or `mongodb://host:port/db?collection=gold`. */
  sink: string
  /** Milliseconds for which a database that is out of reach is tried. Default 60,000; with an interval, until the stream is stopped. */
  retryMs?: number
}

/** True for a version of gold that took rows away or changed them. */
const tookAway = ({ commitInfo, remove }: LogCommit) => commitInfo?.operation === FORGET || remove.some(file => file.dataChange)

/** Rows of gold as they come, and, after a version that changed rows, the rows of the files that it changed. */
function goldChanges(gold: DeltaTable): Source<TableOffset> {
  const source = tableSource('gold', async () => gold, {
    added: commit => (commit.commitInfo?.operation === FORGET ? commit.add : commit.add.filter(file => file.dataChange)),
  })
  return {
    ...source,
    async latest(from, limits, signal) {
      const found = await source.latest(from, limits, signal)
      if (found) return found
      const newest = (await gold.snapshot()).version
      for await (const commit of gold.commits({ after: from?.version ?? -1, upTo: newest }))
        if (tookAway(commit)) return { to: { version: newest }, backlog: 0 }
      return undefined
    },
  }
}

/**
 * Starts the stream that keeps a database like `gold`: rows are put there once per tweet and model version, those that left gold are
 * removed. It is a stream of its own: a database that is down stops no other.
 */
export async function startSink(options: SinkStreamOptions): Promise<Stream> {
  const { lake = './lake', trigger } = options
  const endless = trigger !== undefined && trigger !== 'available-now'
  const stopping = new AbortController()
  let linked = false
  const signal = options.signal ? AbortSignal.any([options.signal, stopping.signal]) : stopping.signal
  const retryMs = options.retryMs ?? (endless ? Number.POSITIVE_INFINITY : 60_000)
  const sink = await openSink(options.sink, { retryMs, signal })
  const mark = createHash('sha256')
    .update(`${openStore(lake).uri} ${sink.name}`)
    .digest('hex')
    .slice(0, 8)
  const name = `sink_${sink.name.slice(0, sink.name.indexOf(':'))}_${mark}`
  const gold = await lakeTable(lake, 'gold')
  const source = goldChanges(gold)
  return startStream<TableOffset>({
    ...(await streamOptions(name, options)),
    checkpoint: lakeCheckpoint(lake, name),
    source: { ...source, close: () => sink.close() },
    definition: { source: 'table gold', sink: sink.name },
    async recover() {
      // From the beginning, but under numbers that the sink does not take for batches it has.
      const newest = await sink.progress(name)
      return newest === undefined ? undefined : { id: newest + 1 }
    },
    async work(rows, { id, range, signal: stopped }) {
      // One signal for all batches: what waits for the database hears of it too.
      if (!linked) stopped.addEventListener('abort', () => stopping.abort(), { once: true })
      linked = true
      await sink.write(rows.rows<SinkRow>(), { stream: name, version: id })
      const after = (range.from as TableOffset | undefined)?.version ?? -1
      let removed = 0
      for await (const commit of gold.commits({ after, upTo: (range.to as TableOffset).version }))
        if (tookAway(commit)) {
          removed = await removeMissing(gold, sink)
          break
        }
      return { rows: rows.count, ...(removed ? { counts: { removed } } : {}) }
    },
  })
}

/** Removes from a sink the tweets that gold does not have. */
async function removeMissing(gold: DeltaTable, sink: Sink): Promise<number> {
  const database = await duckdb()
  const [kept, asked] = [tempName('kept'), tempName('asked')]
  const from = await (await gold.snapshot()).relation({ columns: ['tweet_id'] })
  await database.run(`CREATE TABLE ${quoteName(kept)} AS SELECT DISTINCT tweet_id FROM ${from}`)
  try {
    let removed = 0
    for await (const ids of sink.ids()) {
      await database.load(asked, { id: { type: 'VARCHAR', values: ids } })
      const select = `SELECT id FROM ${quoteName(asked)} WHERE id NOT IN (SELECT tweet_id FROM ${quoteName(kept)})`
      const missing = (await database.rows<{ id: string }>(select)).map(({ id }) => id)
      await database.run(`DROP TABLE ${quoteName(asked)}`)
      if (missing.length) removed += await sink.remove(missing)
    }
    return removed
  } finally {
    await database.run(`DROP TABLE ${quoteName(kept)}`)
  }
}
