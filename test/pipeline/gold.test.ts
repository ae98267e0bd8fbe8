import { describe, expect, it } from 'vitest'
import { duckdb, type Row } from '../../src/delta/duckdb.js'
import { goldMentions } from '../../src/explore/lake-sql.js'
import type { Answer } from '../../src/models/model.js'
import type { Translator } from '../../src/models/translator.js'
import { application } from '../../src/pipeline/application.js'
import { gold, type NamedModel } from '../../src/pipeline/gold.js'
import { type Batch, batchOfRows } from '../../src/sources/batch.js'

const now = new Date('2026-09-08T12:00:00Z')
const answers: Record<string, Answer> = {
  good: { label: 'positive', probabilities: [0.1, 0.2, 0.7] },
  bad: { label: 'negative', probabilities: [0.8, 0.15, 0.05] },
  so: { label: 'neutral', probabilities: [0.2, 0.5, 0.3] },
  broken: { error: 'too strange' },
}

/** A model that knows four texts and remembers what it was asked. */
function fakeModel(): NamedModel & { asked: string[] } {
  const asked: string[] = []
  return {
    name: 'fake',
    version: '7',
    textVersion: 'text-1',
    asked,
    async predict(texts) {
      asked.push(...texts)
      return texts.map(text => answers[text] ?? { error: 'unknown' })
    },
  }
}

const TYPES = {
  ...{
    tweet_id: 'VARCHAR',
    timestamp: 'TIMESTAMPTZ',
    user: 'VARCHAR',
    lang: 'VARCHAR',
    full_text: 'VARCHAR',
    cleaned_text: 'VARCHAR',
  },
  ...{
    mentions: 'VARCHAR[]',
    hashtags: 'VARCHAR[]',
    location: 'VARCHAR',
    latitude: 'DOUBLE',
    longitude: 'DOUBLE',
    sentiment: 'VARCHAR',
  },
  source_file: 'VARCHAR',
}
let id = 0
const row = (text: string, mentions: string[] = [], more: Row = {}): Row => ({
  ...{
    tweet_id: String(++id),
    timestamp: new Date(1000 * id),
    user: 'u',
    lang: 'en',
    full_text: text,
    cleaned_text: text,
    mentions,
    hashtags: [],
  },
  source_file: 'f.json',
  ...more,
})

async function rowsOf(batch: Batch): Promise<Row[]> {
  const rows: Row[] = []
  for await (const part of batch.rows()) rows.push(...part)
  return rows
}

describe('gold', () => {
  it('scores each tweet once, whatever it mentions, in order', async () => {
    const model = fakeModel()
    const made = await gold(await batchOfRows([row('good', ['a', 'b', 'c']), row('bad'), row('so', ['a'])], TYPES), {
      model,
      now,
    })
    expect(model.asked).toEqual(['good', 'bad', 'so'])
    const tweets = await rowsOf(made.tweets)
    expect(tweets.map(tweet => [tweet.predicted_sentiment, tweet.predicted_sentiment_id])).toEqual([
      ['positive', 1],
      ['negative', 0],
      ['neutral', null],
    ])
    expect(tweets[0]).toMatchObject({
      negative: 0.1,
      neutral: 0.2,
      positive: 0.7,
      model_name: 'fake',
      model_version: '7',
      scored_at: now,
    })
    expect(tweets.map(tweet => Math.round(tweet.predicted_score as number))).toEqual([70, 80, 50])
  })

  it('lists a failed inference, and never makes a class of it (A6)', async () => {
    const batch = await batchOfRows([row('good'), row('broken'), row('bad')], TYPES)
    const made = await gold(batch, { model: fakeModel(), now })
    expect(made.tweets.count + made.quarantine.count).toBe(batch.count)
    expect(await rowsOf(made.quarantine)).toMatchObject([
      { record: 'broken', rule: 'inference_failed', reason: 'inference failed: too strange' },
    ])
    expect((await rowsOf(made.tweets)).map(tweet => tweet.predicted_sentiment)).toEqual(['positive', 'negative'])
  })

  it('keeps the given sentiment apart from the predicted one', async () => {
    const made = await gold(
      await batchOfRows(
        [row('good', [], { sentiment: 'negative' }), row('good', [], { sentiment: 'neutral' }), row('bad')],
        TYPES,
      ),
      {
        model: fakeModel(),
        now,
      },
    )
    expect((await rowsOf(made.tweets)).map(tweet => [tweet.sentiment, tweet.sentiment_id, tweet.predicted_sentiment_id])).toEqual(
      [
        ['negative', 0, 1],
        ['neutral', null, 1],
        [null, null, 0],
      ],
    )
  })

  it('takes an empty batch', async () => {
    const made = await gold(await batchOfRows([], TYPES), { model: fakeModel(), now })
    expect(made.tweets.count + made.quarantine.count).toBe(0)
  })

  it('scores the English of other languages where there is one, beside the original', async () => {
    const model = fakeModel()
    const asked: string[] = []
    const translator: Translator = {
      name: 'tiny',
      hash: 'f'.repeat(64),
      async translate(texts) {
        asked.push(...texts.map(({ text, lang }) => `${lang}:${text}`))
        return texts.map(({ text }) =>
          text === 'gut' ? { text: 'good' } : text === 'lang' ? { text: 'so', truncated: true } : { error: 'not known' },
        )
      },
      close: async () => undefined,
    }
    const rows = [
      row('bad'),
      row('gut', [], { lang: 'de', full_text: '@x gut' }),
      row('bad', [], { lang: 'und' }),
      row('so', [], { lang: 'fr' }),
      row('lang', [], { lang: 'nl' }),
      row('', [], { lang: 'nl', full_text: 'so' }),
    ]
    const made = await gold(await batchOfRows(rows, TYPES), { model, translator, now })
    expect(asked).toEqual(['de:gut', 'fr:so', 'nl:lang'])
    expect(model.asked).toEqual(['bad', 'good', 'bad', 'so', 'so', 'so'])
    const found = await rowsOf(made.tweets)
    expect(found.map(({ text_en }) => text_en)).toEqual([null, 'good', null, null, 'so', null])
    expect(found.map(({ translation_error }) => translation_error)).toEqual([null, null, null, 'not known', null, null])
    expect(found.map(({ translation_truncated }) => translation_truncated)).toEqual([null, false, null, null, true, null])
    expect(found.map(({ cleaned_text }) => cleaned_text)).toEqual(rows.map(({ cleaned_text }) => cleaned_text))
    expect(made.quarantine.count).toBe(0)
    expect(Object.fromEntries(made.expectations.map(({ rule, failed }) => [rule, failed]))).toEqual({
      ...{ inference_failed: 0, translation_failed: 1, translation_truncated: 1 },
    })
    await made.drop()
  })
})

describe('application (A7)', () => {
  it('counts classes per mention; the sums agree', async () => {
    const rows = [row('good', ['a', 'b']), row('bad', ['a']), row('so', ['a']), row('good'), row('good', ['b'])]
    const made = await gold(await batchOfRows(rows, TYPES), { model: fakeModel(), now })
    const duck = await duckdb()
    const counted = await duck.rows<{
      mention: string
      negative: number
      neutral: number
      positive: number
      total: number
      min_timestamp: Date
      max_timestamp: Date
    }>(application(made.tweets.from))
    expect(counted).toMatchObject([
      { mention: 'a', negative: 1, neutral: 1, positive: 1, total: 3 },
      { mention: 'b', negative: 0, neutral: 0, positive: 2, total: 2 },
    ])
    for (const entry of counted) {
      expect(entry.negative + entry.neutral + entry.positive).toBe(entry.total)
      expect(entry.min_timestamp <= entry.max_timestamp).toBe(true)
    }
    const mentions = await duck.rows<{ mention: string | null }>(`SELECT * FROM ${goldMentions(made.tweets.from)}`)
    expect(counted.reduce((sum, { total }) => sum + total, 0)).toBe(mentions.filter(({ mention }) => mention !== null).length)
    // The tweet without a mention keeps one row.
    expect(mentions.filter(({ mention }) => mention === null)).toHaveLength(1)
  })
})
