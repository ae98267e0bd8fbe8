import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Batch } from '../../src/sources/batch.js'
import { type KafkaOffset, type KafkaOptions, kafkaTopic } from '../../src/sources/kafka.js'
import { makeTopic, produceRecords } from '../../src/sources/kafka-producer.js'
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
  await makeTopic(broker.admin, { topic, numPartitions, configEntries })
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
      const byBytes = await drain(source, undefined, { maxBytes: 4050 })
      expect(byBytes.batches.every(batch => batch.length <= 40 && batch.length > 0)).toBe(true)
      expect((await source.latest(undefined, { maxBytes: 1 }))?.backlog).toBe(239)
      for (const { rows } of [byRows, byBytes]) expect(new Set(rows.map(row => row.record)).size).toBe(rows.length)
      expect([byRows.rows.length, byBytes.rows.length]).toEqual([240, 240])
      expect((await source.latest(undefined, { maxBytes: 1050 }))?.backlog).toBe(230)
    })

    it('takes up partitions that are added', async () => {
      const topic = await newTopic()
      await send(topic, ['a'])
      const source = open(topic)
      const first = await drain(source)
      await broker.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
      await send(topic, ['b'], 1)
      await send(topic, ['c'], 2)
      await send(topic, ['d'], 0)
      const second = await drain(source, first.to)
      expect([...first.rows, ...second.rows].map(row => row.record)).toEqual(['a', 'd', 'b', 'c'])
      expect(second.to).toEqual({ topic, began: { 0: 0, 1: 0, 2: 0 }, next: { 0: 2, 1: 1, 2: 1 } })
    })

    it('says which offsets were deleted before they were read, and goes on only when told to', async () => {
      const topic = await newTopic()
      await send(topic, [...'abcd'])
      const source = open(topic)
      const { to } = (await source.latest(undefined, { maxRows: 2 }))!
      await broker.admin.fetchTopicOffsets(topic) // or kafkajs does not know the topic's leader
      await broker.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
      const loss = { name: 'KafkaDataLossError', topic, partition: 0, asked: 2, first: 3, next: 4 }
      await expect(source.latest(to)).rejects.toMatchObject(loss)
      await expect(source.latest(to)).rejects.toThrow(/records 2 to 2 were deleted before they were read/)
      // The batch that was begun before the loss: whole or not at all, also in another process.
      await expect(open(topic).read(undefined, to)).rejects.toMatchObject({ ...loss, asked: 0 })

      const warnings: Error[] = []
      const listen = (warning: Error) => void warnings.push(warning)
      process.on('warning', listen)
      const lenient = open(topic, { onDataLoss: 'continue' })
      expect(await rowsOf(await lenient.read(undefined, to))).toEqual([])
      expect((await drain(lenient, to)).rows.map(row => row.record)).toEqual(['d'])
      await new Promise(setImmediate)
      process.off('warning', listen)
      expect(warnings.map(warning => [warning.name, /records (\S+ to \S+) were/.exec(warning.message)?.[1]])).toEqual([
        ['KafkaDataLossWarning', '0 to 2'],
        ['KafkaDataLossWarning', '2 to 2'],
      ])
      // A stream that starts now has missed nothing that it was asked for.
      expect((await drain(open(topic))).rows.map(row => row.record)).toEqual(['d'])
    })

    it('notices a topic that was made anew, and the offset of another source', async () => {
      const topic = await newTopic()
      await send(topic, [...'abc'])
      const { to } = await drain(open(topic))
      await broker.admin.deleteTopics({ topics: [topic] })
      await expect
        .poll(() => broker.admin.createTopics({ topics: [{ topic }], waitForLeaders: true }).catch(() => false), {
          timeout: 20_000,
        })
        .toBe(true)
      await send(topic, ['x'])
      const anew = open(topic)
      await expect(anew.latest(to)).rejects.toThrow(/asked for offset 3, the log has 0 to 1: the topic was made anew/)
      expect((await drain(open(topic, { onDataLoss: 'continue' }), to)).rows.map(row => row.record)).toEqual(['x'])
      await expect(open('other').latest(to)).rejects.toThrow(/is of another source/)
      await expect(anew.latest(7 as never)).rejects.toThrow(/stands at 7, which is of another source/)
    })

    it('sees what transactions have committed, and nothing else', async () => {
      const topic = await newTopic()
      const transactional = async (transactionalId: string) => {
        const producer = broker.client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
        await producer.connect()
        return producer
      }
      const [one, two] = [await transactional('one'), await transactional('two')]
      const put = (transaction: { send: typeof one.send }, value: string) =>
        transaction.send({ topic, messages: [{ value, partition: 0 }] })
      await send(topic, ['plain'])
      // Two transactions at once, one of which is aborted, then one that stays open.
      const [first, second] = [await one.transaction(), await two.transaction()]
      for (const i of [1, 2, 3]) {
        await put(first, `aborted ${i}`)
        await put(second, `committed ${i}`)
      }
      await first.abort()
      await second.commit()
      const source = open(topic)
      const done = await drain(source, undefined, { maxRows: 2 })
      const committed = ['plain', 'committed 1', 'committed 2', 'committed 3']
      expect(done.rows.map(row => row.record)).toEqual(committed)
      const third = await one.transaction()
      await put(third, 'open')
      await send(topic, ['behind it'])
      expect(await source.latest(done.to)).toBeUndefined()
      await third.abort()
      // The broker writes the marker after its answer.
      await expect.poll(async () => (await drain(source, done.to)).rows.map(row => row.record)).toEqual(['behind it'])
      await Promise.all([one.disconnect(), two.disconnect()])
    })

    it('comes to the end of a topic that was compacted', async () => {
      const compact = { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' }
      const configEntries = Object.entries({ ...compact, 'delete.retention.ms': '0' }).map(([name, value]) => ({ name, value }))
      const topic = await newTopic(1, configEntries)
      const producer = broker.client.producer()
      await producer.connect()
      // Three keys written over and over, then tombstones for one: most offsets go, whole batches among them.
      for (let i = 0; i < 40; i++) {
        await producer.send({ topic, messages: ['a', 'b', 'c'].map(key => ({ key, value: `${key}${i}` })) })
        await new Promise(done => setTimeout(done, 10))
      }
      await producer.send({ topic, messages: [{ key: 'c', value: null }] })
      const offsets = async () => (await drain(open(topic))).rows.length
      await expect
        .poll(
          async () => {
            // The newest segment is never compacted: a further record lets it roll.
            await producer.send({ topic, messages: [{ key: 'roll', value: 'x' }] })
            return offsets()
          },
          { timeout: 60_000, interval: 500 },
        )
        .toBeLessThan(60)
      const { rows } = await drain(open(topic), undefined, { maxRows: 7 })
      expect(rows.filter(row => /^a/.test(row.record)).at(-1)?.record).toBe('a39')
      expect(rows.map(row => row.line)).toEqual([...new Set(rows.map(row => row.line))].sort((a, b) => a - b))
      await producer.disconnect()
    })

    it('reads gzip, and names the codec that is missing', async () => {
      const zipped = await newTopic(1, [{ name: 'compression.type', value: 'gzip' }])
      await send(zipped, ['a'])
      expect((await drain(open(zipped))).rows.map(row => row.record)).toEqual(['a'])
      const snappy = await newTopic(1, [{ name: 'compression.type', value: 'snappy' }])
      await send(snappy, ['a'])
      await expect(drain(open(snappy))).rejects.toThrow(/compressed with Snappy.*CompressionTypes\.Snappy/)
    })

    it('speaks SASL over TLS with what the environment says, and keeps the password to itself', async () => {
      const topic = await newTopic()
      await send(topic, ['a'])
      const { address, password, ca } = broker.secure
      const env = { KAFKA_USERNAME: 'ann', KAFKA_PASSWORD: password, KAFKA_SSL_CA: ca }
      Object.assign(process.env, env)
      try {
        const source = open(topic, { brokers: [address] })
        expect((await drain(source)).rows.map(row => row.record)).toEqual(['a'])
        process.env.KAFKA_PASSWORD = 'wrong horse'
        const refused = await open(topic, { brokers: [address] })
          .latest(undefined)
          .catch((error: Error) => error.message)
        expect(refused).toMatch(/Authentication failed/)
        expect(refused).not.toContain('wrong horse')
      } finally {
        for (const name of Object.keys(env)) delete process.env[name]
      }
    })

    it('names a topic that is not there, brokers that do not answer', async () => {
      await expect(open('no-such-topic').latest(undefined)).rejects.toThrow(/no-such-topic: This server does not host this topic/)
      await expect(kafkaTopic({ brokers: ['127.0.0.1:1'], topic: 't', patienceMs: 300 }).latest(undefined)).rejects.toThrow(
        /kafka:\/\/127\.0\.0\.1:1\/t: .*ECONNREFUSED/,
      )
    })

    it('waits for a broker that was killed, and lets go when stopped', async () => {
      const topic = await newTopic()
      await send(topic, ['a'])
      const source = open(topic)
      const { to } = await drain(source)
      await send(topic, ['b'])
      await broker.kill()
      const waiting = source.latest(to)
      const stop = new AbortController()
      const stopped = open(topic, { patienceMs: 60_000 }).latest(to, {}, stop.signal)
      const began = Date.now()
      setTimeout(() => stop.abort(), 500)
      await expect(stopped).rejects.toThrow(/abort/)
      expect(Date.now() - began).toBeLessThan(2000)
      await broker.restart()
      const found = (await waiting)!
      expect((await rowsOf(await source.read(to, found.to))).map(row => row.record)).toEqual(['b'])
    })
  })

  describe('produceRecords', () => {
    async function* records(count: number, size = 100) {
      for (let i = 0; i < count; i++) yield { key: `key ${i % 997}`, value: `${i} `.padEnd(size, 'x') }
    }

    it('makes the topic, keeps the order of a key, and cuts sends to what brokers take', async () => {
      const topic = `topic-${topics++}`
      const sent = await produceRecords(records(3000, 2000), { brokers: [broker.address], topic, partitions: 3 })
      expect(sent).toBe(3000)
      const { rows, to } = await drain(open(topic))
      expect(Object.keys(to!.next)).toEqual(['0', '1', '2'])
      const seen = new Map<number, number>()
      for (const { record } of rows) {
        const i = Number.parseInt(record, 10)
        expect(i).toBeGreaterThan(seen.get(i % 997) ?? -1)
        seen.set(i % 997, i)
      }
      expect(rows).toHaveLength(3000)
      await expect(produceRecords(records(1, 2 ** 21), { brokers: [broker.address], topic })).rejects.toThrow(
        /takes no record of 2097152 bytes/,
      )
    })

    it('holds to the rate, and stops when told to with what has arrived counted', async () => {
      const topic = await newTopic()
      const stop = new AbortController()
      const began = performance.now()
      const sent = await produceRecords(records(10_000), {
        brokers: [broker.address],
        topic,
        rate: 500,
        signal: stop.signal,
        onProgress: sent => sent >= 500 && stop.abort(),
      })
      expect(performance.now() - began).toBeGreaterThan(900)
      expect(sent).toBe(500)
      expect((await drain(open(topic))).rows).toHaveLength(500)
    })

    it('loses and doubles nothing when the broker is killed in between', async () => {
      const topic = await newTopic(2)
      let killed: Promise<void> | undefined
      const sent = await produceRecords(records(20_000), {
        brokers: [broker.address],
        topic,
        onProgress: sent => {
          if (sent > 5000) killed ??= broker.kill().then(() => broker.restart())
        },
      })
      await killed
      const { rows } = await drain(open(topic))
      expect([sent, rows.length, new Set(rows.map(row => row.record)).size]).toEqual([20_000, 20_000, 20_000])
    })

    it('100,000 records there and back (printed, not judged)', async () => {
      const topic = await newTopic(4)
      const t0 = performance.now()
      await produceRecords(records(100_000, 300), { brokers: [broker.address], topic })
      const t1 = performance.now()
      const source = open(topic)
      let from: KafkaOffset | undefined
      let count = 0
      for (;;) {
        const available = await source.latest(from)
        if (!available) break
        const batch = await source.read(from, available.to)
        count += batch.count
        await batch.drop()
        from = available.to
      }
      const t2 = performance.now()
      const rate = (ms: number) => `${Math.round(100_000 / (ms / 1000)).toLocaleString('en')}/s`
      process.stdout.write(
        `100,000 records of 300 bytes, 4 partitions: produced ${rate(t1 - t0)}, read into batches ${rate(t2 - t1)}\n`,
      )
      expect(count).toBe(100_000)
    })
  })
})
