import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bronze } from '../../src/pipeline/bronze.js'
import { readRecord } from '../../src/pipeline/record.js'
import { batchOfColumns } from '../../src/sources/batch.js'

type Bronze = Record<string, unknown>
const now = new Date('2026-09-08T00:00:00Z')

/** Runs records (one per line of a file `f.json`) through the bronze step. */
async function run(records: string[], admitted: string[] = []): Promise<Bronze[]> {
  const raw = await batchOfColumns({
    record: { type: 'VARCHAR', values: records },
    source_file: { type: 'VARCHAR', values: records.map(() => 'f.json') },
    line: { type: 'INTEGER', values: records.map((_, i) => i + 1) },
    damage: { type: 'VARCHAR', values: records.map(() => null) },
  })
  const rows: Bronze[] = []
  const batch = (await bronze(raw, { admitted, now })).rows
  for await (const part of batch.rows<Bronze>()) rows.push(...part)
  await batch.drop()
  await raw.drop()
  return rows
}

const classroom = { date: 'Mon Apr 06 22:19:45 PDT 2009', user: 'ann', text: 'hello @bob', sentiment: 'positive' }
const v1 = {
  id_str: '12',
  created_at: 'Wed Oct 10 20:19:24 +0000 2018',
  full_text: 'hola',
  lang: 'es',
  user: { screen_name: 'eve', id_str: '9' },
}

describe('bronze', () => {
  it('accepts a record with exactly the raw fields (A1)', async () => {
    const [row] = await run([JSON.stringify(classroom)])
    expect(row).toMatchObject({
      ...classroom,
      form: 'classroom',
      rescue: null,
      record: null,
      source_file: 'f.json',
      source_line: 1,
      processing_time: now,
    })
  })

  it('keeps in rescue what does not fit, and admits a column only when told to (A1)', async () => {
    const odd = JSON.stringify({ ...classroom, likes: 3, user: 7 })
    expect((await run([odd]))[0]).toMatchObject({ user: null, text: classroom.text, rescue: '{"user":7,"likes":3}' })
    expect((await run([odd], ['likes']))[0]).toMatchObject({ likes: '3', rescue: '{"user":7}' })
    expect((await run([JSON.stringify(classroom)], ['likes']))[0]).toMatchObject({ likes: null, user: 'ann' })
  })

  it('keeps malformed records whole, in order', async () => {
    const rows = await run(['{"text":', JSON.stringify(classroom), '[1,2]', '"x"', '{"delete":{"status":1}}', ''])
    expect(rows.map(row => row.form)).toEqual(['unknown', 'classroom', 'unknown', 'unknown', 'unknown', 'unknown'])
    expect(rows.map(row => row.rescue)).toEqual(['{"text":', null, '[1,2]', '"x"', '{"delete":{"status":1}}', ''])
    expect(rows.map(row => row.source_line)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('reads v1.1, with extended text, numeric ids past 2^53 and missing parts', async () => {
    const rows = await run([
      JSON.stringify(v1),
      JSON.stringify({ ...v1, extended_tweet: { full_text: 'the whole text' } }),
      '{"id":580319546592112641,"text":"hi","created_at":"x","user":{"id_str":"5","screen_name":null}}',
      JSON.stringify({ ...v1, full_text: null }),
    ])
    expect(rows.map(({ id, user, text, form }) => [id, user, text, form])).toEqual([
      ['12', 'eve', 'hola', 'twitter-v1'],
      ['12', 'eve', 'the whole text', 'twitter-v1'],
      ['580319546592112641', '5', 'hi', 'twitter-v1'],
      ['12', 'eve', null, 'twitter-v1'],
    ])
    expect(rows[0]?.record).toBe(JSON.stringify(v1))
  })

  it('makes a row of each tweet of a v2 response, and keeps its errors', async () => {
    const response = {
      data: [
        { id: '1', text: 'one', author_id: '7', created_at: '2021-01-01T00:00:00.000Z', lang: 'en', geo: { place_id: 'p' } },
        { id: '2', text: 'two', author_id: '8' },
        { end: '2021', tweet_count: 5 },
      ],
      includes: { users: [{ id: '7', username: 'ann' }], places: [{ id: 'p', full_name: 'Oslo' }] },
      errors: [{ title: 'Not Found' }],
    }
    const rows = await run([
      JSON.stringify(response),
      '{"errors":[{"title":"operational-disconnect"}]}',
      '{"data":{"id":"3","text":"stream"}}',
    ])
    expect(rows.map(({ id, user, text, form }) => [id, user, text, form])).toEqual([
      ['1', 'ann', 'one', 'twitter-v2'],
      ['2', '8', 'two', 'twitter-v2'],
      [null, null, null, 'unknown'],
      [null, null, null, 'unknown'],
      [null, null, null, 'unknown'],
      ['3', null, 'stream', 'twitter-v2'],
    ])
    expect(JSON.parse(rows[0]?.record as string)).toEqual({
      data: response.data[0],
      includes: { users: [response.includes.users[0]], places: [response.includes.places[0]] },
    })
    expect(rows[3]?.rescue).toBe('{"errors":[{"title":"Not Found"}]}')
  })

  it('gives in SQL what readRecord gives in TypeScript, for any record', async () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constant(null),
      fc.integer(),
      fc.boolean(),
      fc.constant({}),
      fc.constant(['x']),
    )
    const nearlyClassroom = fc.record(
      { date: scalar, user: scalar, text: scalar, sentiment: scalar, extra: scalar },
      { requiredKeys: [] },
    )
    const nearlyV1 = fc.record(
      {
        id_str: scalar,
        created_at: scalar,
        full_text: scalar,
        text: scalar,
        lang: scalar,
        user: fc.oneof(scalar, fc.record({ screen_name: scalar, id_str: fc.string() }, { requiredKeys: [] })),
        data: scalar,
        extended_tweet: fc.oneof(scalar, fc.record({ full_text: scalar })),
      },
      { requiredKeys: ['id_str', 'created_at'] },
    )
    const strings = fc.record({
      date: fc.string(),
      user: fc.string(),
      text: fc.string({ unit: 'binary' }),
      sentiment: fc.string(),
    })
    const any = fc.oneof(nearlyClassroom, nearlyV1, strings, fc.jsonValue()).map(value => JSON.stringify(value))
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 60 }), async records => {
        const got = (await run(records)).map(({ source_file, source_line, processing_time, ...fields }) => fields)
        const want = records.flatMap(record => readRecord(record)).map(({ extra, ...fields }) => fields)
        const wellFormed = (value: unknown) => (typeof value === 'string' ? Buffer.from(value).toString() : value)
        expect(got).toEqual(want.map(row => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, wellFormed(v)]))))
      }),
      { numRuns: 60 },
    )
  })
})
