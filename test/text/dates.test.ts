import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { duckdb, tempName } from '../../src/delta/duckdb.js'
import { parseTweetDate, tweetDateSql } from '../../src/text/dates.js'

const KNOWN: [string, string | undefined][] = [
  ['Mon Apr 06 22:19:45 PDT 2009', '2009-04-07T05:19:45.000Z'],
  ['Wed Oct 10 20:19:24 +0000 2018', '2018-10-10T20:19:24.000Z'],
  ['Wed Oct 10 20:19:24 -0330 2018', '2018-10-10T23:49:24.000Z'],
  ['  mon  apr  6 22:19:45  pst 2009 ', '2009-04-07T06:19:45.000Z'],
  ['Tue Sep 08 22:19:45 EST 2026', '2026-09-09T03:19:45.000Z'],
  ['Tue Sep 08 22:19:45 UTC 2026', '2026-09-08T22:19:45.000Z'],
  ['Tue Sep 08 22:19:45 IST 2026', '2026-09-08T16:49:45.000Z'],
  ['Tue, 07 Apr 2009 05:19:45 +0000', '2009-04-07T05:19:45.000Z'],
  ['Tue, 7 Apr 2009 05:19:45 GMT', '2009-04-07T05:19:45.000Z'],
  ['2020-04-13T14:14:01.000Z', '2020-04-13T14:14:01.000Z'],
  ['2020-04-13T14:14:01Z', '2020-04-13T14:14:01.000Z'],
  ['2020-04-13T14:14:01.123456789Z', '2020-04-13T14:14:01.123Z'],
  ['2020-04-13T14:14:01.999999+05:30', '2020-04-13T08:44:01.999Z'],
  ['2020-04-13 14:14:01,5+0530', '2020-04-13T08:44:01.500Z'],
  ['2020-04-13T14:14-07', '2020-04-13T21:14:00.000Z'],
  ['2020-04-13T14:14:01', '2020-04-13T14:14:01.000Z'],
  ['2020-04-13', '2020-04-13T00:00:00.000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['2023-02-29T00:00:00Z', undefined],
  ['Mon Feb 30 22:19:45 PDT 2009', undefined],
  ['Mon Apr 31 22:19:45 PDT 2009', undefined],
  ['Mon Apr 00 22:19:45 PDT 2009', undefined],
  ['Mon Apr 06 25:19:45 PDT 2009', undefined],
  ['Mon Apr 06 24:00:00 PDT 2009', undefined],
  ['Mon Apr 06 22:60:45 PDT 2009', undefined],
  ['Mon Apr 06 22:19:60 PDT 2009', undefined],
  ['Mon Apr 06 22:19:45 XYZ 2009', undefined],
  ['Mon Apr 06 22:19:45 +1500 2009', undefined],
  ['Mon Apr 06 22:19:45 2009', undefined],
  ['Mon Foo 06 22:19:45 PDT 2009', undefined],
  ['Xxx Apr 06 22:19:45 PDT 2009', undefined],
  ['Mon Apr 06 22:19:45 PDT 09', undefined],
  ['2020-13-01T00:00:00Z', undefined],
  ['2020-00-10T00:00:00Z', undefined],
  ['0000-01-01T00:00:00Z', undefined],
  ['infinity', undefined],
  ['epoch', undefined],
  ['1239081585', undefined],
  ['', undefined],
  [' ', undefined],
  ['yesterday', undefined],
  ['\ud83d', undefined],
  ["'; DROP TABLE t; --", undefined],
  ['9'.repeat(100_000), undefined],
  [' '.repeat(100_000), undefined],
]

/** What the SQL rule makes of texts, in milliseconds cut off. */
async function bySql(texts: readonly (string | null)[]): Promise<(string | undefined)[]> {
  const db = await duckdb()
  const table = tempName('dates')
  await db.load(table, {
    i: { type: 'INTEGER', values: texts.map((_, i) => i) },
    d: { type: 'VARCHAR', values: texts.map(text => text?.replace(/[\ud800-\udfff]/gu, '\ufffd') ?? null) },
  })
  const rows = await db.rows<{ us: number | bigint | null }>(
    `SELECT epoch_us(${tweetDateSql('d')}) AS us FROM ${table} ORDER BY i`,
  )
  await db.run(`DROP TABLE ${table}`)
  return rows.map(({ us }) =>
    us === null ? undefined : new Date(Number((BigInt(us) - (((BigInt(us) % 1000n) + 1000n) % 1000n)) / 1000n)).toISOString(),
  )
}

describe('parseTweetDate', () => {
  it.each(KNOWN)('%.60s → %s', (text, expected) => expect(parseTweetDate(text)?.toISOString()).toBe(expected))
})

const two = (from: number, to: number) => fc.integer({ min: from, max: to }).map(n => String(n).padStart(2, '0'))
const zone = fc.oneof(
  fc.constantFrom('PDT', 'PST', 'EDT', 'EST', 'CDT', 'CST', 'MDT', 'MST', 'UTC', 'GMT', 'CEST', 'JST', 'pdt', 'ABC', 'QQQQ', ''),
  fc.tuple(fc.constantFrom('+', '-'), two(0, 16), fc.constantFrom('', ':'), two(0, 61)).map(parts => parts.join('')),
)
const month = fc.constantFrom('Jan', 'Feb', 'Mar', 'Apr', 'May', 'JUN', 'jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec', 'Dez')
const clock = fc.tuple(two(0, 25), two(0, 61), two(0, 61)).map(parts => parts.join(':'))
const year = fc.integer({ min: 1000, max: 9998 }).map(String)
const twitterDate = fc
  .tuple(fc.constantFrom('Mon', 'tue', 'Sun', 'So'), month, two(0, 32), clock, zone, year)
  .map(parts => parts.join(' '))
const isoDate = fc
  .tuple(
    year,
    two(0, 13),
    two(0, 32),
    fc.constantFrom('T', ' ', 't', '_'),
    clock,
    fc.option(fc.tuple(fc.constantFrom('.', ','), fc.stringMatching(/^[0-9]{1,10}$/)), { nil: undefined }),
    fc.oneof(zone, fc.constantFrom('Z', 'z', '+05', '')),
  )
  .map(([y, m, d, t, c, f, z]) => `${y}-${m}-${d}${t}${c}${f?.join('') ?? ''}${z}`)

describe('tweetDateSql', () => {
  it('reads the known dates alike', async () => {
    expect(await bySql(KNOWN.map(([text]) => text))).toEqual(KNOWN.map(([, expected]) => expected))
  })

  it('gives NULL for NULL, keeps microseconds and the type', async () => {
    const db = await duckdb()
    expect(await bySql([null])).toEqual([undefined])
    const [row] = await db.rows(
      `SELECT typeof(v) AS type, epoch_us(v) % 1000000 AS us FROM (SELECT ${tweetDateSql("'2020-04-13T14:14:01.123456Z'")} AS v)`,
    )
    expect(row).toEqual({ type: 'TIMESTAMP WITH TIME ZONE', us: 123456 })
  })

  it('agrees with parseTweetDate on any text', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.oneof(twitterDate, isoDate, fc.string({ maxLength: 30 })), { minLength: 100, maxLength: 200 }),
      async texts => {
        expect(await bySql(texts)).toEqual(texts.map(text => parseTweetDate(text)?.toISOString()))
      },
    )
    await fc.assert(property, { numRuns: 20 })
  })

  it('finds dates among the generated ones', () => {
    const samples = fc.sample(fc.oneof(twitterDate, isoDate), { numRuns: 2000, seed: 1 })
    expect(samples.filter(text => parseTweetDate(text)).length).toBeGreaterThan(300)
  })
})
