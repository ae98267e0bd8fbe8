import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Batch } from '../../src/sources/batch.js'
import { type KafkaOffset, type KafkaOptions, kafkaTopic } from '../../src/sources/kafka.js'
import type { Source } from '../../src/sources/source.js'
import { sourceContract } from '../contracts/source.js'
import { type KafkaBroker, noKafka, startKafka } from './kafka-broker.js'

interface Raw {
  record: string
  source_file: string
  line: number
  damage: string | null
}

async function rowsOf(batch: Batch): Promise<Raw[]> {
  const all: Raw[] = []
  for await (const part of batch.rows<Raw>()) all.push(...part)
  return all
}

let broker: KafkaBroker
let topics = 0
const opened: { close(): Promise<void> }[] = []

/** A new topic. */
async function newTopic(numPartitions = 1, configEntries: { name: string; value: string }[] = []): Promise<string> {
  const topic = `topic-${topics++}`
  await broker.admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true })
  return topic
}

async function send(topic: string, values: (string | Buffer | null)[], partition = 0): Promise<void> {
  const producer = broker.client.producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map(value => ({ value, partition })) })
  await producer.disconnect()
}

function open(topic: string, options: Partial<KafkaOptions> = {}) {
  const source = kafkaTopic({ brokers: [broker.address], topic, ...options })
  opened.push(source)
  return source
}

/** All rows after `from`, batch by batch, and where that ends. */
async function drain(source: Source<KafkaOffset>, from?: KafkaOffset, limits = {}) {
  const batches: Raw[][] = []
  for (;;) {
    const available = await source.latest(from, limits)
    if (!available) return { batches, rows: batches.flat(), to: from }
    const batch = await source.read(from, available.to)
    batches.push(await rowsOf(batch))
    await batch.drop()
    from = JSON.parse(JSON.stringify(available.to)) as KafkaOffset
  }
}

describe.skipIf(noKafka)(`Kafka${noKafka ? ` (skipped: ${noKafka})` : ''}`, () => {
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(async () => {
    await Promise.all(opened.map(source => source.close()))
    await broker?.stop()
  })

  sourceContract('kafkaTopic', async () => {
    const topic = await newTopic()
    return {
      open: async () => {
        const source = open(topic)
        // The contract limits by files; a topic has none, and counts records.
        const latest: Source<KafkaOffset>['latest'] = (from, { maxFiles } = {}) => source.latest(from, { maxRows: maxFiles })
        return { ...source, latest } as Source
      },
      add: async values => send(topic, values),
      values: async batch => (await rowsOf(batch)).map(row => row.record),
    }
  })

  describe('kafkaTopic', () => {
    it('keeps what is not text, and tombstones, with partition and offset', async () => {
      const topic = await newTopic(2)
      const bad = Buffer.from([0x7b, 0xff, 0xfe, 0x7d])
      await send(topic, ['{"a":1}', bad, null, '{"a":\n2}'])
      await send(topic, ['{"a":3}'], 1)
      const { rows } = await drain(open(topic))
      expect(rows.map(row => [row.record, row.source_file, row.line])).toEqual([
        ['{"a":1}', `kafka:${topic}/0`, 0],
        ['{��}', `kafka:${topic}/0`, 1],
        ['null', `kafka:${topic}/0`, 2],
        ['{"a":\n2}', `kafka:${topic}/0`, 3],
        ['{"a":3}', `kafka:${topic}/1`, 0],
      ])
      expect(rows.map(row => row.damage)).toEqual([null, bad.toString('base64'), null, null, null])
    })

    it('holds to rows and bytes, gives every record once, and says what remains', async () => {
      const topic = await newTopic(3)
      for (const partition of [0, 1, 2])
        await send(
          topic,
          Array.from({ length: 40 * (partition + 1) }, (_, i) => `${partition}-${i}`.padEnd(100)),
          partition,
        )
      const source = open(topic)
      const byRows = await drain(source, undefined, { maxRows: 50 })
      expect(Math.max(...byRows.batches.map(batch => batch.length))).toBeLessThanOrEqual(50)
      const byBytes = await drain(source, undefined, { maxBytes: 1050 })
      expect(byBytes.batches.every(batch => batch.length <= 10 && batch.length > 0)).toBe(true)
      expect((await drain(source, undefined, { maxBytes: 1 })).batches).toHaveLength(240)
      for (const { rows } of [byRows, byBytes]) expect(new Set(rows.map(row => row.record)).size).toBe(rows.length)
      expect([byRows.rows.length, byBytes.rows.length]).toEqual([240, 240])
      expect((await source.latest(undefined, { maxBytes: 1050 }))?.backlog).toBe(230)
    })
  })
})
