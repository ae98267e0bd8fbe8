import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSink } from '../../src/sources/open-sink.js'
import type { Sink, SinkRow } from '../../src/sources/sink.js'
import type { DatabaseServer } from '../sources/postgres-server.js'

/** What a database under test must offer: a server, and a look at what is there by its own client. */
export interface SinkSetup {
  server: DatabaseServer
  /** An address of a table or collection that is empty. */
  address(): string
  /** The rows of a sink, as its database's own client sees them. */
  rows(sink: Sink): Promise<Record<string, unknown>[]>
}

export function goldRow(i: number, more: object = {}): SinkRow {
  return {
    ...{
      tweet_id: `t${String(i).padStart(6, '0')}`,
      timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, i)),
      user: `ann${i % 3}`,
      lang: 'en',
    },
    ...{
      cleaned_text: `it's "text" ${i} \u{1f600} \\ `,
      mentions: i % 2 ? ['a', 'b,"c'] : [],
      hashtags: [],
      location: null,
      latitude: 1.5,
      longitude: null,
    },
    ...{ sentiment: null, sentiment_id: null, predicted_sentiment: 'positive', predicted_sentiment_id: 1, predicted_score: 70 },
    ...{ negative: 0.1, neutral: 0.2, positive: 0.7, model_name: 'm', model_version: '1', scored_at: new Date(0), ...more },
  }
}

async function* chunks(...parts: SinkRow[][]): AsyncIterable<SinkRow[]> {
  yield* parts
}

/** What every sink promises. */
export function sinkContract(name: string, setup: () => Promise<SinkSetup>): void {
  describe(`sink contract: ${name}`, () => {
    let given: SinkSetup
    beforeAll(async () => {
      given = await setup()
    })
    afterAll(() => given?.server.stop())
    const range = (from: number, to: number, more = {}) => Array.from({ length: to - from }, (_, i) => goldRow(from + i, more))

    it('makes its table, keeps rows as they are, and knows how far it is', async () => {
      const sink = await openSink(given.address())
      expect(await sink.progress('s')).toBeUndefined()
      await sink.write(chunks(range(0, 3), [], range(3, 5)), { stream: 's', version: 0 })
      expect(await sink.progress('s')).toBe(0)
      const rows = await given.rows(sink)
      expect(rows).toHaveLength(5)
      expect(rows.sort((a, b) => String(a.tweet_id).localeCompare(String(b.tweet_id)))[1]).toMatchObject(goldRow(1))
      await sink.close()
    })

    it('takes a batch once, and a tweet once per model version', async () => {
      const sink = await openSink(given.address())
      await sink.write(chunks(range(0, 4)), { stream: 's', version: 3 })
      // Sent again after a lost answer: nothing changes, whatever is in it.
      await sink.write(chunks(range(0, 4, { predicted_score: 1 })), { stream: 's', version: 3 })
      await sink.write(chunks(range(2, 6), range(2, 3, { predicted_score: 80 })), { stream: 's', version: 4 })
      await sink.write(chunks(range(0, 2, { model_version: '2' })), { stream: 's', version: 5 })
      await sink.write(chunks(range(9, 10)), { stream: 'other', version: 0 })
      const rows = await given.rows(sink)
      expect(rows).toHaveLength(6 + 2 + 1)
      expect(rows.filter(row => row.tweet_id === 't000002').map(row => row.predicted_score)).toEqual([80])
      expect(await sink.progress('s')).toBe(5)
      await sink.close()
    })

    it('lists ids and removes tweets in all model versions', async () => {
      const sink = await openSink(given.address())
      await sink.write(chunks(range(0, 12_000)), { stream: 's', version: 0 })
      await sink.write(chunks(range(0, 1, { model_version: '2' })), { stream: 's', version: 1 })
      const ids: string[] = []
      for await (const some of sink.ids()) ids.push(...some)
      expect(ids.sort()).toEqual(range(0, 12_000).map(row => row.tweet_id))
      expect(await sink.remove(['t000000', 't000001', 'nobody'])).toBe(3)
      expect(await given.rows(sink)).toHaveLength(11_998)
      await sink.close()
    })

    it('waits for a server that was killed, and takes the batch whole', async () => {
      const sink = await openSink(given.address())
      await sink.write(chunks(range(0, 10)), { stream: 's', version: 0 })
      async function* interrupted(): AsyncIterable<SinkRow[]> {
        yield range(10, 20)
        if (!killed) {
          killed = true
          await given.server.kill()
          void given.server.restart()
        }
        yield range(20, 30)
      }
      let killed = false
      // The rows of a batch can be asked for again.
      const rows = { [Symbol.asyncIterator]: () => interrupted()[Symbol.asyncIterator]() }
      await sink.write(rows, { stream: 's', version: 1 })
      expect(await given.rows(sink)).toHaveLength(30)
      expect(await sink.progress('s')).toBe(1)
      await sink.close()
    }, 60_000)

    it('says which server is out of reach, and no password', async () => {
      const sink = await openSink(given.address().replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9'), { retryMs: 300 })
      const said = await sink.progress('s').then(String, String)
      expect(said).toContain('127.0.0.1:9')
      expect(said).not.toContain('secret-word')
      await sink.close()
    }, 30_000)
  })
}
