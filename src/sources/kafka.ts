import { setTimeout as sleep } from 'node:timers/promises'
import { type Batch, batchOfColumns } from './batch.js'
import {
  clusterOf,
  type FetchedPartition,
  type KafkaCluster,
  kafkaClient,
  READ_COMMITTED,
  type WireRecord,
} from './kafka-client.js'
import { readText } from './records.js'
import type { Available, Limits, Source } from './source.js'

/** Where a stream stands in a topic: per partition the offset where it began, and the one it reads next. */
export interface KafkaOffset {
  topic: string
  began: Record<string, number>
  next: Record<string, number>
}

/** Options of `kafkaTopic`. */
export interface KafkaOptions {
  /** Each `host:port`; any one that answers will do. */
  brokers: readonly string[]
  topic: string
  /** Records that went before they were read: `fail` throws a `KafkaDataLossError`, `continue` warns and goes on. Default `fail`. */
  onDataLoss?: 'fail' | 'continue'
  /** Milliseconds for which brokers that have answered once are waited for when they do not. Default 60,000. */
  patienceMs?: number
}

/** Records that a stream had still to read are not in the topic any more. */
export class KafkaDataLossError extends Error {
  override name = 'KafkaDataLossError'
  /**
   * @param asked offset that was to be read
   * @param first oldest offset that the partition has
   * @param next offset that its next record will have
   */
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly asked: number,
    readonly first: number,
    readonly next: number,
  ) {
    const why =
      asked < first
        ? `records ${asked} to ${first - 1} were deleted before they were read (retention)`
        : 'the topic was made anew or lost its end'
    super(
      `kafka: ${topic}/${partition}: asked for offset ${asked}, the log has ${first} to ${next}: ${why}; onDataLoss=continue goes on from ${first}`,
    )
  }
}

/** Oldest offset and next offset of a partition. */
export interface PartitionLog {
  partition: number
  first: number
  next: number
}

/** Records of a partition from `start` up to, not including, `end`. */
export interface PartitionRange {
  partition: number
  start: number
  end: number
}

const DEFAULT_ROWS = 100_000
const DEFAULT_BYTES = 64 * 2 ** 20
const FETCH_BYTES = 4 * 2 ** 20
const FIRST_PATIENCE_MS = 5000

/** What each partition has after `from`; a range that has lost its beginning is told to `onLoss` and starts with what is left. */
export function remaining(
  topic: string,
  from: KafkaOffset | undefined,
  logs: readonly PartitionLog[],
  onLoss: (loss: KafkaDataLossError) => void,
): PartitionRange[] {
  const gone = Object.keys(from?.next ?? {}).filter(partition => !logs.some(log => log.partition === Number(partition)))
  for (const partition of gone) onLoss(new KafkaDataLossError(topic, Number(partition), from!.next[partition]!, 0, 0))
  return logs.map(({ partition, first, next }) => {
    // A partition that came later is read from its beginning, which is 0.
    const asked = from ? (from.next[partition] ?? 0) : first
    if (asked >= first && asked <= next) return { partition, start: asked, end: next }
    onLoss(new KafkaDataLossError(topic, partition, asked, first, next))
    return { partition, start: first, end: next }
  })
}

/** Cuts ranges to at most `maxRows` records in all, each partition by its share, the longest first. */
export function fitRows(ranges: readonly PartitionRange[], maxRows: number): PartitionRange[] {
  const total = countOf(ranges)
  if (total <= maxRows) return [...ranges]
  let left = maxRows
  return [...ranges]
    .sort((a, b) => b.end - b.start - (a.end - a.start))
    .map(range => {
      const rows = range.end - range.start
      const take = Math.min(rows, left, Math.max(1, Math.floor((rows * maxRows) / total)))
      left -= take
      return { ...range, end: range.start + take }
    })
    .sort((a, b) => a.partition - b.partition)
}

const countOf = (ranges: readonly PartitionRange[]) => ranges.reduce((sum, { start, end }) => sum + end - start, 0)

/** The records of a fetch from `start` on that a reader may see: no control records, nothing of an aborted transaction. */
export function visibleRecords(fetched: FetchedPartition, start: number): WireRecord[] {
  const aborted = [...(fetched.abortedTransactions ?? [])].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  const open = new Set<string>()
  return fetched.messages.filter(({ offset, isControlRecord, batchContext: { producerId, inTransaction } }) => {
    if (Number(offset) < start) return false
    while (aborted.length && Number(aborted[0]!.firstOffset) <= Number(offset)) open.add(aborted.shift()!.producerId)
    if (isControlRecord) open.delete(producerId)
    return !isControlRecord && !(inTransaction && open.has(producerId))
  })
}

interface Columns {
  record: string[]
  source_file: string[]
  line: number[]
  damage: (string | null)[]
}

const noColumns = (): Columns => ({ record: [], source_file: [], line: [], damage: [] })

/**
 * A Kafka topic as a replayable source: ranges of offsets, fetched without a consumer group, so that the stream's checkpoint
 * and table commits alone say what has been read. Rows are `{record, source_file, line, damage}` with `kafka:TOPIC/PARTITION`
 * and the offset as origin; `damage` holds the bytes (base64) of a value that is not UTF-8, and a null value (a tombstone)
 * becomes the record `null`. Partitions that are added are taken up; only committed records are seen.
 * Limits: `maxRows` (default 100,000) and `maxBytes` of values (default 64 MiB, at least one record).
 * @throws KafkaDataLossError when records went before they were read, unless `onDataLoss` is `continue`
 */
export function kafkaTopic(options: KafkaOptions): Source<KafkaOffset> & { close(): Promise<void> } {
  const { topic, brokers, onDataLoss = 'fail' } = options
  const name = `kafka://${brokers.join(',')}/${topic}`
  const { withCluster, close } = connection(options, name)
  let prepared: { key: string; columns: Columns } | undefined
  const keyOf = (from: KafkaOffset | undefined, to: KafkaOffset) => JSON.stringify([from?.next, to.next])

  const onLoss = (loss: KafkaDataLossError) => {
    if (onDataLoss === 'fail') throw loss
    process.emitWarning(loss.message, 'KafkaDataLossWarning')
  }
  const check = (offset: KafkaOffset | undefined) => {
    if (offset && offset.topic !== topic)
      throw new Error(
        `${name}: the stream stands at ${JSON.stringify(offset)}, which is of another source; give it a lake of its own`,
      )
  }

  return {
    name,
    close,

    async latest(from, limits: Limits = {}, signal): Promise<Available<KafkaOffset> | undefined> {
      check(from)
      return withCluster(signal, async cluster => {
        const logs = await partitionLogs(cluster, topic)
        const all = remaining(topic, from, logs, onLoss)
        if (!countOf(all)) return undefined
        // Only the records themselves say how many bytes they are: they are fetched now, and kept for `read`.
        const columns = noColumns()
        const taken = await fetchRanges(cluster, topic, fitRows(all, limits.maxRows ?? DEFAULT_ROWS), columns, limits.maxBytes)
        const began = { ...from?.began }
        for (const { partition, start } of all) began[partition] ??= from ? 0 : start
        const to = { topic, began, next: Object.fromEntries(taken.map(({ partition, end }) => [partition, end])) }
        prepared = { key: keyOf(from, to), columns }
        return { to, backlog: countOf(all) - countOf(taken) }
      })
    },

    async read(from, to, signal): Promise<Batch> {
      check(from)
      check(to)
      const ready = prepared?.key === keyOf(from, to) ? prepared.columns : undefined
      prepared = undefined
      const columns = ready ?? (await withCluster(signal, cluster => refetch(cluster, from, to)))
      return batchOfColumns({
        record: { type: 'VARCHAR', values: columns.record },
        source_file: { type: 'VARCHAR', values: columns.source_file },
        line: { type: 'BIGINT', values: columns.line },
        damage: { type: 'VARCHAR', values: columns.damage },
      })
    },
  }

  /** Fetches a range again, as after a crash. */
  async function refetch(cluster: KafkaCluster, from: KafkaOffset | undefined, to: KafkaOffset): Promise<Columns> {
    const asked = Object.entries(to.next).map(([partition, end]) => {
      const start = from?.next[partition] ?? to.began[partition] ?? 0
      // A stream that went on after the topic was made anew: from its beginning.
      return [partition, start > end ? 0 : start] as const
    })
    const logs = await partitionLogs(cluster, topic)
    const ranges = remaining(topic, { topic, began: to.began, next: Object.fromEntries(asked) }, logs, onLoss).map(range => {
      const end = to.next[range.partition] ?? range.start
      if (end > range.end) onLoss(new KafkaDataLossError(topic, range.partition, end, range.start, range.end))
      return { ...range, end: Math.min(end, range.end) }
    })
    const columns = noColumns()
    await fetchRanges(cluster, topic, ranges, columns, Number.POSITIVE_INFINITY)
    return columns
  }
}

/** The partitions of a topic as they are now, with what each holds. */
async function partitionLogs(cluster: KafkaCluster, topic: string): Promise<PartitionLog[]> {
  await cluster.refreshMetadata()
  const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }))
  const ask = async (fromBeginning: boolean) => {
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning }])
    return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  const [first, next] = [await ask(true), await ask(false)]
  return partitions
    .map(({ partition }) => ({ partition, first: first.get(partition)!, next: next.get(partition)! }))
    .sort((a, b) => a.partition - b.partition)
}

/**
 * Fetches ranges into columns, by partition and offset, until `maxBytes` of values are taken (at least one record), of which
 * each partition has its share. Gives the ranges as far as they were taken.
 */
async function fetchRanges(
  cluster: KafkaCluster,
  topic: string,
  ranges: readonly PartitionRange[],
  columns: Columns,
  maxBytes = DEFAULT_BYTES,
): Promise<PartitionRange[]> {
  const taken: PartitionRange[] = []
  let bytes = 0
  // One after the other: kafkajs opens, and forgets, a connection for each of several first fetches at once.
  for (const { partition, start, end } of ranges) {
    const most = bytes + (maxBytes - bytes) / (ranges.length - taken.length)
    let full = false
    let at = start
    while (at < end && !full) {
      const fetched = await fetchPartition(cluster, topic, partition, at, Math.min(FETCH_BYTES, maxBytes))
      for (const { offset, value } of visibleRecords(fetched, at)) {
        if (Number(offset) >= end) break
        full = bytes > 0 && bytes + (value?.length ?? 0) > most
        if (full) break
        const { text, damage } = value ? readText(value) : { text: 'null', damage: null }
        columns.record.push(text)
        columns.source_file.push(`kafka:${topic}/${partition}`)
        columns.line.push(Number(offset))
        columns.damage.push(damage)
        bytes += value?.length ?? 0
        at = Number(offset) + 1
      }
      if (!full) at = Math.min(end, Math.max(at, endOf(fetched, at)))
    }
    taken.push({ partition, start, end: at })
  }
  return taken
}

async function fetchPartition(
  cluster: KafkaCluster,
  topic: string,
  partition: number,
  offset: number,
  maxBytes: number,
): Promise<FetchedPartition> {
  // One partition a request: the broker then answers with at least one whole batch, however large.
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  const broker = await cluster.findBroker({ nodeId: leader! })
  const { responses } = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: 500,
    minBytes: 1,
    maxBytes,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes }] }],
  })
  const fetched = responses[0]?.partitions[0]
  if (!fetched) throw new Error(`kafka: ${topic}/${partition}: the broker's answer to a fetch is empty`)
  return fetched
}

/** The offset after everything that a fetch at `at` covers, records that are gone by compaction included. */
function endOf({ messages, lastStableOffset }: FetchedPartition, at: number): number {
  const last = messages.at(-1)
  if (last) return Number(last.batchContext.firstOffset) + last.batchContext.lastOffsetDelta + 1
  // A batch of which compaction left nothing but its header: past it, step by step. Else the broker is only late.
  return Number(lastStableOffset) > at ? at + 1 : at
}

/** What trying again does not mend. */
const FINAL = [
  'KafkaJSNotImplemented',
  'KafkaJSSASLAuthenticationError',
  'KafkaJSUnsupportedMagicByteInMessageSet',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
]

/** Keeps a connection to the brokers: opened at first use, opened anew after a fault, for as long as patience lasts. */
function connection({ brokers, topic, patienceMs = 60_000 }: KafkaOptions, name: string) {
  let cluster: KafkaCluster | undefined
  let met = false

  async function open(): Promise<KafkaCluster> {
    cluster ??= clusterOf(await kafkaClient(brokers, { retries: 1, initialRetryTime: 100 }))
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    return cluster
  }

  /** Not waited for: a broker that hangs would hold up a stream that is to stop. */
  async function close(): Promise<void> {
    void cluster?.disconnect().catch(() => {})
    cluster = undefined
  }

  /** Whether an error may go away by itself. A topic that has never been seen is not waited for. */
  function passes(error: Error & { type?: string }): boolean {
    if (!error.name.startsWith('KafkaJS')) return false
    const { name, type = '' } = (error.cause as Error & { type?: string }) ?? error
    return !FINAL.includes(name) && !FINAL.includes(type) && (met || type !== 'UNKNOWN_TOPIC_OR_PARTITION')
  }

  async function withCluster<T>(signal: AbortSignal | undefined, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
    const began = Date.now()
    for (let wait = 100; ; wait = Math.min(2 * wait, 2000)) {
      signal?.throwIfAborted()
      const stop = new AbortController()
      try {
        const result = await Promise.race([open().then(work), rejectOn(signal, stop.signal)])
        met = true
        return result
      } catch (thrown) {
        const error = thrown as Error
        await close()
        if (signal?.aborted || error instanceof KafkaDataLossError) throw error
        if (!passes(error) || Date.now() - began > (met ? patienceMs : Math.min(patienceMs, FIRST_PATIENCE_MS)))
          throw new Error(`${name}: ${explain(error)}`, { cause: error })
      } finally {
        stop.abort()
      }
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
  }
  return { withCluster, close }
}

/** Rejects when `signal` aborts; forgotten when `done` does. */
function rejectOn(signal: AbortSignal | undefined, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: done }),
  )
}

function explain(error: Error): string {
  const codec = /^(\w+) compression not implemented/.exec(error.message)?.[1]
  if (!codec) return error.message
  return `records are compressed with ${codec}, for which kafkajs has no codec here (it brings gzip only); register one as CompressionCodecs[CompressionTypes.${codec}] of kafkajs`
}
