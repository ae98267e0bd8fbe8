import fc from 'fast-check'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { fitRows, type KafkaDataLossError, type PartitionRange, remaining, visibleRecords } from '../../src/sources/kafka.js'
import { clusterOf, kafkaSecurity, parseKafkaAddress } from '../../src/sources/kafka-client.js'

describe('parseKafkaAddress', () => {
  it('reads brokers, topic and what to do about lost data', () => {
    expect(parseKafkaAddress('kafka://127.0.0.1:9092,b-2.example.org:9093,[::1]:9094/the.tweets_1-a')).toEqual({
      brokers: ['127.0.0.1:9092', 'b-2.example.org:9093', '[::1]:9094'],
      topic: 'the.tweets_1-a',
      onDataLoss: 'fail',
    })
    expect(parseKafkaAddress('kafka://h:1/t?onDataLoss=continue').onDataLoss).toBe('continue')
  })

  it.each([
    ['kafka://h/t', "not a broker's HOST:PORT: h"],
    ['kafka://h:99999/t', "not a broker's HOST:PORT: h:99999"],
    ['kafka://h:1,/t', "not a broker's HOST:PORT: (nothing)"],
    ['kafka://h:1/', "not a topic's name: "],
    ['kafka://h:1', 'not an address of the form kafka://HOST:PORT'],
    ['kafka://h:1/a/b', 'not an address of the form'],
    ['kafka://h:1/a?group=g', 'not an address of the form'],
    ['kafka://h:1/a?onDataLoss=maybe', 'not an address of the form'],
  ])('refuses %s', (address, why) => {
    expect(() => parseKafkaAddress(address)).toThrow(why)
  })

  it('refuses a password without repeating it', () => {
    expect(() => parseKafkaAddress('kafka://ann:secret@h:1/t')).toThrow(/^((?!secret).)*$/)
  })
})

describe('kafkaSecurity', () => {
  it('is none by default, TLS and SASL with a user, and what the protocol says', () => {
    expect(kafkaSecurity({})).toEqual({})
    const user = { KAFKA_USERNAME: 'ann', KAFKA_PASSWORD: 'pw' }
    const sasl = { mechanism: 'plain', username: 'ann', password: 'pw' }
    expect(kafkaSecurity(user)).toEqual({ ssl: {}, sasl })
    expect(kafkaSecurity({ ...user, KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT', KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' })).toEqual({
      sasl: { ...sasl, mechanism: 'scram-sha-512' },
    })
    expect(kafkaSecurity({ KAFKA_SECURITY_PROTOCOL: 'ssl' })).toEqual({ ssl: {} })
  })

  it('names what is wrong, never the password', () => {
    expect(() => kafkaSecurity({ KAFKA_SECURITY_PROTOCOL: 'SASL_SSL' })).toThrow(/needs KAFKA_USERNAME and KAFKA_PASSWORD/)
    expect(() => kafkaSecurity({ KAFKA_SECURITY_PROTOCOL: 'TLS' })).toThrow(/TLS is none of PLAINTEXT/)
    const odd = { KAFKA_USERNAME: 'ann', KAFKA_PASSWORD: 'secret', KAFKA_SASL_MECHANISM: 'gssapi' }
    expect(() => kafkaSecurity(odd)).toThrow(/^KAFKA_SASL_MECHANISM: gssapi is none of((?!secret).)*$/)
  })
})

it('finds the cluster inside the kafkajs that is installed', () => {
  expect(clusterOf(new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING }))).toHaveProperty('fetchTopicsOffset')
})

describe('offsets', () => {
  const at = (next: Record<string, number>, began: Record<string, number> = {}) => ({ topic: 't', began, next })
  const none = (loss: KafkaDataLossError) => {
    throw loss
  }

  it('begins where the log begins, goes on where the stream stands, takes a new partition from 0', () => {
    const logs = [
      { partition: 0, first: 5, next: 9 },
      { partition: 1, first: 0, next: 3 },
    ]
    expect(remaining('t', undefined, logs, none)).toEqual([
      { partition: 0, start: 5, end: 9 },
      { partition: 1, start: 0, end: 3 },
    ])
    expect(remaining('t', at({ 0: 7 }), logs, none)).toEqual([
      { partition: 0, start: 7, end: 9 },
      { partition: 1, start: 0, end: 3 },
    ])
  })

  it('tells every way of losing records, with its numbers', () => {
    const losses = (from: Record<string, number>, first: number, next: number) => {
      const found: unknown[] = []
      const ranges = remaining('t', at(from), [{ partition: 0, first, next }], loss =>
        found.push([loss.partition, loss.asked, loss.first, loss.next]),
      )
      return [ranges[0]?.start, ...found]
    }
    expect(losses({ 0: 5 }, 5, 9)).toEqual([5])
    expect(losses({ 0: 4 }, 5, 9)).toEqual([5, [0, 4, 5, 9]]) // retention
    expect(losses({ 0: 10 }, 5, 9)).toEqual([5, [0, 10, 5, 9]]) // made anew
    expect(losses({}, 5, 9)).toEqual([5, [0, 0, 5, 9]]) // a new partition that retention has reached
    expect(losses({ 0: 9, 1: 2 }, 5, 9)).toEqual([9, [1, 2, 0, 0]]) // a partition that has gone
  })

  it('are safe beyond 2^31, as far as numbers are', () => {
    const big = 2 ** 52
    expect(remaining('t', at({ 0: big }), [{ partition: 0, first: 3, next: big + 2 }], none)).toEqual([
      { partition: 0, start: big, end: big + 2 },
    ])
  })

  it('fit: no more rows than allowed, none twice or skipped, something from the longest, ends reached in time', () => {
    const ranges = fc
      .array(fc.record({ start: fc.nat(1000), rows: fc.nat(50) }), { minLength: 1, maxLength: 6 })
      .map(list => list.map(({ start, rows }, partition): PartitionRange => ({ partition, start, end: start + rows })))
    fc.assert(
      fc.property(ranges, fc.integer({ min: 1, max: 40 }), (all, maxRows) => {
        let left = all
        for (let rounds = 0; left.some(({ start, end }) => end > start); rounds++) {
          const taken = fitRows(left, maxRows)
          const rows = taken.reduce((sum, { start, end }) => sum + end - start, 0)
          expect(rows).toBeGreaterThan(0)
          expect(rows).toBeLessThanOrEqual(maxRows)
          expect(taken.map(({ partition, start }) => [partition, start])).toEqual(
            left.map(({ partition, start }) => [partition, start]),
          )
          left = left.map((range, i) => ({ ...range, start: taken[i]!.end }))
          expect(left.every(({ start, end }) => start <= end)).toBe(true)
          expect(rounds).toBeLessThan(1000)
        }
      }),
    )
  })
})

describe('visibleRecords', () => {
  const record = (offset: number, producerId = '-1', kind: 'plain' | 'data' | 'marker' = 'plain') => ({
    offset: String(offset),
    value: Buffer.from(`${offset}`),
    isControlRecord: kind === 'marker',
    batchContext: { firstOffset: String(offset), lastOffsetDelta: 0, producerId, inTransaction: kind !== 'plain' },
  })

  it('leaves out markers, aborted transactions (also two at once), and what comes before', () => {
    const messages = [
      record(8),
      record(9, 'b', 'data'), // of an aborted transaction that began before the fetch
      record(10, 'a', 'data'), // aborted
      record(11, 'c', 'data'), // committed
      record(12, 'a', 'marker'),
      record(13, 'a', 'data'), // committed by the producer that aborted before
      record(14),
      record(15, 'b', 'data'),
      record(16, 'b', 'marker'),
      record(17, 'c', 'marker'),
    ]
    const abortedTransactions = [
      { producerId: 'a', firstOffset: '10' },
      { producerId: 'b', firstOffset: '3' },
    ]
    const seen = visibleRecords({ lastStableOffset: '18', abortedTransactions, messages }, 9)
    expect(seen.map(({ offset }) => Number(offset))).toEqual([11, 13, 14])
  })
})
