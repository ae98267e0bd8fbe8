import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, ITopicConfig } from 'kafkajs'
import { kafkaClient } from './kafka-client.js'

/** A record for a topic. The key decides the partition, so that records of one key keep their order. */
export interface KeyedRecord {
  key: string
  value: string | Uint8Array
}

/** Options of `produceRecords`. */
export interface ProduceOptions {
  /** Each `host:port`. */
  brokers: readonly string[]
  topic: string
  /** Most records per second. Default: as fast as the brokers take them. */
  rate?: number
  /** Partitions of the topic if it has to be made. Default: the broker's own setting. */
  partitions?: number
  /** Stops between two sends: what has been counted has arrived, and nothing else. */
  signal?: AbortSignal
  /** Called after every send with the records that have arrived so far. */
  onProgress?(sent: number): void
}

// Below the 1 MiB that brokers take at once unless told otherwise.
const SEND_BYTES = 512 * 1024
const SEND_RECORDS = 1000

/**
 * Sends records to a topic, in order (undefined: what waits is sent now), and makes the topic when it is not there. Every send is acknowledged by all in-sync
 * replicas, and repeated without doubling when an answer is lost (idempotent producer). Gives the number of records sent.
 * @throws when the brokers stay away for about a minute, or a record is larger than they take
 */
export async function produceRecords(
  records: AsyncIterable<KeyedRecord | undefined>,
  { brokers, topic, rate = Number.POSITIVE_INFINITY, partitions, signal, onProgress }: ProduceOptions,
): Promise<number> {
  const client = await kafkaClient(brokers, { retries: 30, initialRetryTime: 100, maxRetryTime: 2000 })
  await ensureTopic(client.admin({ retry: { retries: 3 } }), topic, partitions)
  const { Partitioners } = (await import('kafkajs')).default
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  const t0 = performance.now()
  let sent = 0
  const send = async (messages: { key: string; value: Buffer }[]) => {
    const due = t0 + (1000 * sent) / rate - performance.now()
    if (due > 0) await sleep(due, undefined, { signal }).catch(() => {})
    if (signal?.aborted) return
    await producer.send({ topic, acks: -1, messages }).catch((error: Error & { type?: string }) => {
      if (error.type !== 'MESSAGE_TOO_LARGE') throw error
      const largest = Math.max(...messages.map(message => message.value.length))
      throw new Error(`kafka: ${topic} takes no record of ${largest} bytes (max.message.bytes)`, { cause: error })
    })
    sent += messages.length
    onProgress?.(sent)
  }
  try {
    const most = Math.min(SEND_RECORDS, Math.max(1, Math.ceil(rate / 10)))
    let messages: { key: string; value: Buffer }[] = []
    let bytes = 0
    for await (const record of records) {
      if (signal?.aborted) return sent
      if (!record) {
        if (messages.length) await send(messages)
        messages = []
        bytes = 0
        continue
      }
      const { key, value } = record
      const message = { key, value: Buffer.from(value) }
      if (messages.length === most || (messages.length && bytes + message.value.length > SEND_BYTES)) {
        await send(messages)
        messages = []
        bytes = 0
      }
      messages.push(message)
      bytes += message.value.length
    }
    if (messages.length) await send(messages)
    return sent
  } finally {
    await producer.disconnect()
  }
}

async function ensureTopic(admin: Admin, topic: string, partitions = -1): Promise<void> {
  await admin.connect()
  try {
    if ((await admin.listTopics()).includes(topic)) return
    await makeTopic(admin, { topic, numPartitions: partitions })
  } finally {
    await admin.disconnect()
  }
}

/**
 * Makes a topic and waits until each partition has a leader. The client's own waiting fails on a broker that does not know
 * the new topic yet. Gives up after 20 s.
 */
export async function makeTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [topic], waitForLeaders: false })
  for (let tries = 0; ; tries++) {
    try {
      const [made] = (await admin.fetchTopicMetadata({ topics: [topic.topic] })).topics
      if (made?.partitions.length && made.partitions.every(partition => partition.leader >= 0)) return
      if (tries >= 100) throw new Error(`kafka: topic ${topic.topic} has no leader after 20 s`)
    } catch (error) {
      if (tries >= 100) throw error
    }
    await sleep(200)
  }
}
