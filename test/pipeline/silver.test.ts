import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { duckdb, quoteName, type Row, tempName } from '../../src/delta/duckdb.js'
import { createTable } from '../../src/delta/index.js'
import { bronze } from '../../src/pipeline/bronze.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { SILVER_SCHEMA, type SilverOptions, silver } from '../../src/pipeline/silver.js'
import { type Batch, batchOfColumns } from '../../src/sources/batch.js'
import { rowsOf as lakeRows, newFolder, record } from './lake.js'

const now = new Date('2026-09-08T12:00:00Z')
const date = 'Mon Apr 06 22:19:45 PDT 2009'

async function rowsOf(batch: Batch): Promise<Row[]> {
  const rows: Row[] = []
  for await (const part of batch.rows()) rows.push(...part)
  return rows
}

/** Raw records through bronze and silver. */
async function run(records: object[], options: Partial<SilverOptions> = {}) {
  const texts = records.map(record => (typeof record === 'string' ? record : JSON.stringify(record)))
  const raw = await batchOfColumns({
    record: { type: 'VARCHAR', values: texts },
    source_file: { type: 'VARCHAR', values: texts.map(() => 'f.json') },
    line: { type: 'INTEGER', values: texts.map((_, i) => i + 1) },
    damage: { type: 'VARCHAR', values: texts.map(() => null) },
  })
  const made = await silver((await bronze(raw, { now })).rows, { now, ...options })
  const result = { tweets: await rowsOf(made.tweets), quarantine: await rowsOf(made.quarantine), duplicates: made.duplicates }
  await made.drop()
  return result
}

const tweet = (text: string | null, more: object = {}) => ({ date, user: 'ann', text, sentiment: 'positive', ...more })

describe('silver', () => {
  it('reads the classroom date as UTC (A3)', async () => {
    const { tweets } = await run([tweet('hi')])
    expect(tweets[0]?.timestamp).toEqual(new Date('2009-04-07T05:19:45Z'))
  })

  it('lists mentions in one row, keeps the rest of the text, cleans it of handles (A4)', async () => {
    const { tweets } = await run([tweet('@a hi @B, x@y.com @ #Win')])
    expect(tweets).toHaveLength(1)
    expect(tweets[0]).toMatchObject({ mentions: ['a', 'b'], hashtags: ['win'], full_text: '@a hi @B, x@y.com @ #Win' })
    expect(tweets[0]?.cleaned_text).not.toMatch(/@[ab]\b/i)
    expect(tweets[0]?.cleaned_text).toContain('x@y.com')
  })

  it('keeps tweets without a mention (A5)', async () => {
    const { tweets } = await run([tweet('plain'), tweet('hello @bob')])
    expect(tweets.map(row => row.mentions)).toEqual([[], ['bob']])
  })

  it('sends what breaks a rule to quarantine, with the rule, and loses nothing', async () => {
    const { tweets, quarantine, duplicates } = await run([
      tweet('fine'),
      tweet(null),
      tweet('  \n'),
      tweet('x', { date: 'Mon Apr 31 22:19:45 PDT 2009' }),
      tweet('y', { date: null }),
      '{"text": "cut',
      { delete: { status: 1 } },
      tweet('fine'),
    ] as object[])
    expect(tweets).toHaveLength(1)
    expect(quarantine.map(row => row.rule)).toEqual([
      'text_missing',
      'text_missing',
      'date_not_understood',
      'date_missing',
      'not_json',
      'not_a_tweet',
    ])
    expect(quarantine[2]?.reason).toBe('date not understood: Mon Apr 31 22:19:45 PDT 2009')
    expect(JSON.parse(quarantine[2]?.record as string)).toMatchObject({ text: 'x', user: 'ann' })
    expect(quarantine[4]?.record).toBe('{"text": "cut')
    expect(duplicates).toBe(1)
  })

  it('takes a tweet once, within a batch and against what is known', async () => {
    const v1 = (id: string, text: string) => ({
      id_str: id,
      created_at: 'Wed Oct 10 20:19:24 +0000 2018',
      full_text: text,
      user: { screen_name: 'e' },
    })
    const known = tempName('known')
    await (await duckdb()).load(known, { tweet_id: { type: 'VARCHAR', values: ['3'] } })
    const { tweets, duplicates } = await run([v1('1', 'first'), v1('2', 'x'), v1('1', 'again'), v1('3', 'known')], {
      known: async where => `(SELECT * FROM ${quoteName(known)} WHERE ${where})`,
    })
    expect(tweets.map(row => [row.tweet_id, row.full_text])).toEqual([
      ['1', 'first'],
      ['2', 'x'],
    ])
    expect(duplicates).toBe(2)
  })

  it.each([
    { length: 9000, ids: 5000, what: 'in their order' },
    { length: 30_000, ids: 15_000, what: 'in any order, by several threads' },
  ])(
    'keeps the first rows of $ids tweets, with repeats in the batch and tweets that are there, $what',
    async ({ length, ids }) => {
      const rows = Array.from({ length }, (_, i) => ({ id: (i * 7919) % ids, i }))
      const there = new Set(rows.map(({ id }) => id).filter(id => id % 3 === 0))
      const records = rows.map(({ id, i }) => ({
        ...{
          id_str: `t${id}`,
          full_text: `number ${[...String(i)].join('-')} @user${i} #tag${i % 10}x`,
          created_at: '2026-01-01T00:00:00.000Z',
          user: { id_str: '1' },
        },
        ...(i % 4 === 0 && { user: { id_str: '1', location: 'Berlin' } }),
        lang: 'en',
      }))
      const known = async () => `(SELECT unnest([${[...there].map(id => `'t${id}'`).join(', ')}]) AS tweet_id)`
      const { tweets, duplicates } = await run(records, { known })
      const seen = new Set(there)
      const firsts = rows.filter(({ id }) => !seen.has(id) && seen.add(id))
      expect(duplicates).toBe(rows.length - firsts.length)
      if (ids > 10_000) {
        tweets.sort((a, b) => Number(String(a.tweet_id).slice(1)) - Number(String(b.tweet_id).slice(1)))
        firsts.sort((a, b) => a.id - b.id)
      }
      expect(tweets.map(row => [row.tweet_id, row.cleaned_text, row.mentions, row.hashtags, row.location])).toEqual(
        firsts.map(({ id, i }) => [
          `t${id}`,
          `number ${[...String(i)].join('-')} #tag${i % 10}x`,
          [`user${i}`],
          [`tag${i % 10}x`],
          i % 4 === 0 ? 'Berlin' : null,
        ]),
      )
    },
  )

  it('takes a tweet whose record has half of a surrogate pair, which DuckDB cannot read as JSON', async () => {
    const text = String.raw`{"data":{"id":"7","text":"half \ud83d of it","created_at":"2022-01-01T00:00:00.000Z","author_id":"1"}}`
    const { tweets } = await run([text as unknown as object])
    expect(tweets.map(row => [row.tweet_id, row.cleaned_text])).toEqual([['7', 'half \ufffd of it']])
  })

  it('gives a record without id a stable one, of its date, user and text', async () => {
    const [a, b] = [await run([tweet('one')]), await run([tweet('two'), tweet('one')])]
    expect(a.tweets[0]?.tweet_id).toBe(b.tweets[1]?.tweet_id)
    expect(a.tweets[0]?.tweet_id).not.toBe(b.tweets[0]?.tweet_id)
  })

  it('reads place and language of both platform forms', async () => {
    const { tweets } = await run([
      {
        ...{ id_str: '1', created_at: 'Wed Oct 10 20:19:24 +0000 2018', full_text: 'hallo', lang: 'de' },
        coordinates: { type: 'Point', coordinates: [10, 50] },
        user: { screen_name: 'e', location: 'Paris' },
      },
      {
        id_str: '2',
        created_at: 'Wed Oct 10 20:19:24 +0000 2018',
        full_text: 'ça va',
        lang: 'fr',
        user: { screen_name: 'e', location: 'Paris' },
      },
      {
        data: { id: '3', text: 'hi there', created_at: '2021-01-01T00:00:00.000Z', author_id: '7', geo: { place_id: 'p' } },
        includes: { places: [{ id: 'p', full_name: 'Oslo, Norway', geo: { bbox: [10, 59, 11, 60] } }] },
      },
      { id_str: '4', created_at: 'Wed Oct 10 20:19:24 +0000 2018', full_text: 'x', lang: 'und', user: { location: 'the moon' } },
    ])
    expect(tweets[0]).toMatchObject({ latitude: 50, longitude: 10, lang: 'de' })
    expect(tweets[1]).toMatchObject({ location: 'Paris', lang: 'fr' })
    expect(tweets[2]).toMatchObject({ location: 'Oslo, Norway', latitude: 59.5, longitude: 10.5 })
    expect(tweets[3]).toMatchObject({ location: null, latitude: null, lang: 'und' })
  })

  it('takes only the three classes for a given sentiment', async () => {
    const { tweets } = await run(['Positive', 'neutral', 'great', null].map((sentiment, i) => tweet(`t${i}`, { sentiment })))
    expect(tweets.map(row => row.sentiment)).toEqual(['positive', 'neutral', null, null])
  })

  it('leaves no table behind', async () => {
    const tables = async () =>
      (
        await (
          await duckdb()
        ).rows("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'batch%' OR table_name LIKE 'added%'")
      ).length
    const before = await tables()
    const raw = await batchOfColumns({
      record: { type: 'VARCHAR', values: [JSON.stringify(tweet('x'))] },
      source_file: { type: 'VARCHAR', values: ['f'] },
      line: { type: 'INTEGER', values: [1] },
      damage: { type: 'VARCHAR', values: [null] },
    })
    const b = (await bronze(raw, { now })).rows
    const s = await silver(b, { now })
    await Promise.all([s.drop(), b.drop(), raw.drop()])
    expect(await tables()).toBe(before)
  })
})

describe('near-duplicates', () => {
  it('have one key: other links, mentions, case, white space and a retweet change nothing; a lake without the column gets it', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    const older = SILVER_SCHEMA.replace(', text_key string', '')
    expect(older).not.toBe(SILVER_SCHEMA)
    await createTable(join(lake, 'silver'), { schema: older })
    const texts = [
      'Loving the new tram so much http://t.co/1',
      'RT @ann: loving the new  tram so much @bob https://t.co/2',
      'LOVING THE NEW TRAM SO MUCH',
      'loving the old tram so much',
      'ok',
    ]
    const lines = texts.map((text, i) => JSON.stringify({ ...(record(i) as object), text }))
    writeFileSync(join(source, 'a.jsonl'), `${lines.join('\n')}\n`)
    await runPipeline({ source, lake, until: 'silver' })
    const keys = Object.fromEntries((await lakeRows(lake, 'silver')).map(row => [row.full_text, row.text_key]))
    const [one, two, three, other, short] = texts.map(text => keys[text])
    expect(one).toMatch(/^[0-9a-f]{16}$/)
    expect([two, three]).toEqual([one, one])
    expect(other).not.toBe(one)
    expect(short).toBeNull()
  })
})
