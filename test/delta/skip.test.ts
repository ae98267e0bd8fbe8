import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTable, type DeltaTable, duckdb, type Row } from '../../src/delta/index.js'
import { matchingFiles } from '../../src/delta/skip.js'
import { newFolder } from './oracle.js'

let table: DeltaTable
let database: Awaited<ReturnType<typeof duckdb>>

/** How many of the table's files a predicate leaves. */
async function left(where: string): Promise<number> {
  const { files, schema, partitionColumns } = await table.snapshot()
  return (await matchingFiles(files, where, { schema, partitionColumns, mapping: 'none' })).length
}

beforeAll(async () => {
  database = await duckdb()
  table = await createTable(newFolder(), {
    schema: 'id int, s string, l long, d double, day date, t timestamp, n decimal(10,2), b boolean, p string, q date',
    partitionBy: ['p', 'q'],
  })
  const row = (i: number): Row => ({
    id: i,
    s: i % 7 ? `k${String(i).padStart(2, '0')}` : '\u{1F600}'.repeat(20 + i),
    l: i % 2 ? 2n ** 60n + BigInt(i) : i,
    d: i / 4,
    day: new Date(Date.UTC(2020, 0, 1 + i)),
    t: `2020-01-01T00:00:${String(i).padStart(2, '0')}.000${i % 10}5Z`,
    n: i / 4,
    b: i % 2 === 0,
    p: i % 3 ? `p${i % 3}` : null,
    q: i % 5 ? new Date(Date.UTC(2021, 0, i % 5)) : null,
  })
  for (let i = 0; i < 30; i += 3) await table.append([row(i), row(i + 1)])
  await table.append([{ id: null, p: 'p1' }])
})

describe('file skipping', () => {
  it.each([
    ['id = 3', 1],
    ['3 >= id', 3],
    ['id BETWEEN 6 AND 10 AND d > 0', 4],
    ['id IN (0, 28)', 2],
    ["s = 'k01'", 1],
    ["day < '2020-01-03'", 2],
    ["day = DATE '2020-01-05'", 1],
    ["t >= TIMESTAMPTZ '2020-01-01 00:00:27Z'", 2],
    ["p = 'p2'", 0],
    ["q = DATE '2021-01-02'", 4],
    ['id > 100', 0],
    ['id = 3 OR id = 4', 21],
    ['id + 0 = 3', 21],
    ['id IS NULL', 21],
    ['d = 1.5', 20],
    ['d = 3', 1],
    ['d > 3', 20],
    ['true', 21],
  ])('%s leaves %i files', async (where, files) => {
    const all = (await table.snapshot()).files.length
    expect(all).toBe(21)
    expect(await left(where)).toBe(files)
  })

  it('never loses a row', async () => {
    const integer = fc.integer({ min: -2, max: 32 })
    const operator = fc.constantFrom('=', '<', '<=', '>', '>=', '<>')
    const pad = (n: number) => String(Math.abs(n) % 30).padStart(2, '0')
    const value: Record<string, (n: number) => string> = {
      id: n => String(n),
      l: n => (n % 2 ? String(2n ** 60n + BigInt(n)) : String(n)),
      d: n => (n % 2 ? String(n) : String(n / 4)),
      n: n => String(n / 4),
      s: n => (n % 7 ? `'k${pad(n)}'` : `'${'\u{1F600}'.repeat(20 + Math.abs(n))}'`),
      day: n => `DATE '2020-01-${String((Math.abs(n) % 30) + 1).padStart(2, '0')}'`,
      t: n => `'2020-01-01 00:00:${pad(n)}.000${Math.abs(n) % 10}5Z'`,
      p: n => `'p${Math.abs(n) % 4}'`,
      q: n => `'2021-01-0${(Math.abs(n) % 8) + 1}'`,
      b: n => String(n % 2 === 0),
    }
    const simple = fc
      .tuple(fc.constantFrom(...Object.keys(value)), operator, integer, fc.boolean())
      .map(([name, op, n, flip]) => (flip ? `${value[name]?.(n)} ${op} ${name}` : `${name} ${op} ${value[name]?.(n)}`))
    const between = fc.tuple(fc.constantFrom(...Object.keys(value)), integer, integer, fc.boolean()).map(([name, a, b, list]) => {
      const [x, y] = [value[name]?.(a), value[name]?.(b)]
      return list ? `${name} IN (${x}, ${y})` : `${name} BETWEEN ${x} AND ${y}`
    })
    const where = fc
      .array(fc.tuple(fc.oneof(simple, between), fc.constantFrom('AND', 'AND', 'OR'), fc.boolean()), {
        minLength: 1,
        maxLength: 3,
      })
      .map(parts => parts.map(([text, join, not], i) => `${i ? ` ${join} ` : ''}${not && i ? 'NOT ' : ''}${text}`).join(''))
    const snapshot = await table.snapshot()
    const whole = await snapshot.relation()
    await fc.assert(
      fc.asyncProperty(where, async predicate => {
        const ids = async (sql: string) => (await database.rows<{ id: number | null }>(`${sql} ORDER BY id`)).map(row => row.id)
        expect(await ids(`SELECT id FROM ${await snapshot.relation({ where: predicate })}`)).toEqual(
          await ids(`SELECT id FROM ${whole} WHERE ${predicate}`),
        )
      }),
      { numRuns: 150 },
    )
  })

  it('is used by deletes and takes odd predicates as they are', async () => {
    expect(await left("p = 'p1' -- comment")).toBe(11)
    await expect(
      (await table.snapshot()).relation({ where: 'id = 1) OR (true' }).then(sql => database.rows(`SELECT * FROM ${sql}`)),
    ).resolves.toBeDefined()
    expect((await table.delete('id = 27')).rows).toBe(1)
    expect((await table.delete('id = 1000')).rows).toBe(0)
  })
})
