import type { AnyBulkWriteOperation, Document } from 'mongodb'
import { type RetryOptions, retrying } from './retry.js'
import { idChunks, lastOfEach, type Sink, splitAddress } from './sink.js'

type Row = Document & { _id: string; tweet_id: string }
type Mark = Document & { _id: string; batch: number }

const PROGRESS = 'moodlake_progress'
const DURABLE = { writeConcern: { w: 'majority', journal: true } } as const

/** Errors after which the same may work a moment later. */
function mayPass(error: unknown): boolean {
  const {
    name = '',
    code,
    message = '',
    errorLabels,
  } = error as { name?: string; code?: unknown; message?: string; errorLabels?: string[] }
  return (
    /^Mongo(Network|ServerSelection|PoolCleared|NotConnected|TopologyClosed|ConnectionPoolCleared)/.test(name) ||
    (typeof code === 'number' && [6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436].includes(code)) ||
    errorLabels?.includes('RetryableWriteError') === true ||
    /ECONNREFUSED|ECONNRESET|EPIPE|socket .*(ended|closed)|connection .*closed/i.test(message)
  )
}

/**
 * A collection of a MongoDB database (or of a server that speaks its protocol) as a sink. `_id` is tweet and model version, so writing rows
 * again changes nothing; the number of their batch follows them, in a document of its own. Needs no transactions, so no replica set.
 */
export async function mongodbSink(uri: string, options: RetryOptions = {}): Promise<Sink> {
  const { MongoClient } = await import('mongodb')
  const { name, address, value } = splitAddress(uri, 'collection', 'gold')
  const client = new MongoClient(address, { serverSelectionTimeoutMS: 5000, retryWrites: false, appName: 'moodlake' })
  const database = /\/\/[^/]+\/[^?]+/.test(address) ? client.db() : client.db('moodlake')
  const rowsOf = database.collection<Row>(value)
  const marks = database.collection<Mark>(PROGRESS)
  let ready = false

  function attempt<T>(work: () => Promise<T>): Promise<T> {
    const once = async () => {
      if (!ready) {
        await rowsOf.createIndex({ tweet_id: 1 })
        await rowsOf.createIndex({ timestamp: 1 })
        await rowsOf.createIndex({ mentions: 1 })
        ready = true
      }
      return work()
    }
    return retrying(once, mayPass, options).catch(error => {
      throw options.signal?.aborted ? error : new Error(`sink: ${name}: ${(error as Error).message}`, { cause: error })
    })
  }

  const markOf = (stream: string) => `${value}/${stream}`
  const marked = async (stream: string) => (await marks.findOne({ _id: markOf(stream) }))?.batch

  return {
    name,
    progress: stream => attempt(() => marked(stream)),
    // A batch whose connection was lost is written again from its start: a server that was killed may have lost what it had answered for.
    write: (rows, { stream, version }) =>
      attempt(async () => {
        if (((await marked(stream)) ?? -1) >= version) return
        for await (const chunk of rows) {
          if (!chunk.length) continue
          const operations = lastOfEach(chunk, row => `${row.tweet_id}/${row.model_version}`).map(
            (row): AnyBulkWriteOperation<Row> => ({
              replaceOne: { filter: { _id: `${row.tweet_id}/${row.model_version}` }, replacement: row, upsert: true },
            }),
          )
          await rowsOf.bulkWrite(operations, { ordered: false, ...DURABLE })
        }
        await marks.updateOne({ _id: markOf(stream) }, { $set: { batch: version } }, { upsert: true, ...DURABLE })
      }),
    async *ids() {
      for (let after = ''; ; ) {
        const found = await attempt(() =>
          rowsOf
            .find({ tweet_id: { $gt: after } }, { projection: { tweet_id: 1 } })
            .sort({ tweet_id: 1 })
            .limit(10_000)
            .toArray(),
        )
        if (!found.length) return
        yield [...new Set(found.map(row => row.tweet_id))]
        after = found.at(-1)!.tweet_id
      }
    },
    async remove(ids) {
      let removed = 0
      for (const chunk of idChunks(ids))
        removed += (await attempt(() => rowsOf.deleteMany({ tweet_id: { $in: chunk } }, DURABLE))).deletedCount
      return removed
    },
    close: () => client.close(),
  }
}
