import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { duckdb } from '../../src/delta/duckdb.js'
import { type Batch, batchOfColumns, batchOfQuery } from '../../src/sources/batch.js'

async function valuesOf<T>(batch: Batch, column: string): Promise<T[]> {
  const values: T[] = []
  for await (const rows of batch.rows<Record<string, T>>([column])) values.push(...rows.map(row => row[column]!))
  return values
}

const tables = async () => (await (await duckdb()).rows<{ n: number }>('SELECT count(*) AS n FROM duckdb_tables()'))[0]!.n

/** More than one thread's share of rows, by far. */
const MANY = 300_000

describe('a batch', () => {
  it('keeps its rows in order through selects, views, filters and added columns, whatever threads do', async () => {
    const whole = await batchOfQuery(`SELECT range AS i, md5(range::VARCHAR) AS text FROM range(${MANY})`)
    const some = await whole.sql(from => `SELECT i, text || 'x' AS text FROM ${from} WHERE i % 7 <> 3`)
    const seen = some.view(from => `SELECT i, text FROM ${from} WHERE i % 2 = 0`, (await valuesOf(some, 'i')).length)
    const added = await seen.extend(['text'], { first: 'VARCHAR' }, ({ text }) => ({ first: text!.map(one => String(one)[0]) }), {
      rows: 2048,
    })
    const kept = await added.sql(from => `SELECT i, first = text[1] AS same FROM ${from}`)
    const wanted = Array.from({ length: MANY }, (_, i) => i).filter(i => i % 7 !== 3 && i % 2 === 0)
    expect(await valuesOf(kept, 'i')).toEqual(wanted)
    expect((await valuesOf(kept, 'same')).every(same => same === true)).toBe(true)
    await Promise.all([kept, added, some, whole].map(batch => batch.drop()))
  })

  it('gives a step the texts that it holds, whatever they are, and takes them back', async () => {
    const text = fc.oneof(
      fc.constant(null),
      fc.string({ unit: 'binary', maxLength: 40 }).filter(value => !/[\ud800-\udfff]/u.test(value)),
      fc.constantFrom(
        '',
        'a'.repeat(12),
        'a'.repeat(13),
        'é'.repeat(6),
        '\u0000',
        '\ufeffx',
        '😀'.repeat(2000),
        'long '.repeat(60_000),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 60 }), fc.integer({ min: 1, max: 400 }), async (values, times) => {
        const all = Array.from({ length: times }, () => values)
          .flat()
          .slice(0, 5000)
        const batch = await batchOfColumns({ text: { type: 'VARCHAR', values: all } })
        const given: unknown[] = []
        const again = await batch.extend(
          ['text'],
          { copy: 'VARCHAR', size: 'DOUBLE', empty: 'BOOLEAN' },
          columns => {
            given.push(...columns.text!)
            const lengths = columns.text!.map(value => (value === null ? null : (value as string).length))
            return { copy: columns.text!, size: lengths, empty: lengths.map(length => (length === null ? null : length === 0)) }
          },
          { rows: 2048 },
        )
        expect(given).toEqual(all)
        const same = again.view(from => `SELECT copy IS NOT DISTINCT FROM text AS same FROM ${from}`)
        expect((await valuesOf(same, 'same')).every(value => value === true)).toBe(true)
        expect(await valuesOf(again, 'size')).toEqual(all.map(value => value?.length ?? null))
        expect(await valuesOf(again, 'empty')).toEqual(all.map(value => (value === null ? null : value === '')))
        await Promise.all([again.drop(), batch.drop()])
      }),
      { numRuns: 25 },
    )
  })

  it('hands a step its rows in parts of the size that is enough, or all at once', async () => {
    const batch = await batchOfQuery('SELECT range AS i FROM range(10_000)')
    for (const [rows, parts] of [
      [2048, 5],
      [5000, 2],
      [undefined, 1],
    ] as const) {
      let calls = 0
      const step = ({ i }: Record<string, unknown[]>) => {
        calls++
        return { j: i!.map(Number) }
      }
      const made = await batch.extend(['i'], { j: 'DOUBLE' }, step, rows ? { rows } : undefined)
      expect(calls).toBe(parts)
      expect((await valuesOf<number>(made, 'j')).at(-1)).toBe(9999)
      await made.drop()
    }
    await batch.drop()
  })

  it('leaves no table behind, also when a step fails or gives too few values, and may be dropped twice', async () => {
    const before = await tables()
    const batch = await batchOfQuery('SELECT range AS i FROM range(5000)')
    const failing = batch.extend(['i'], { j: 'DOUBLE' }, () => Promise.reject(new Error('no such luck')), { rows: 2048 })
    await expect(failing).rejects.toThrow('no such luck')
    await expect(batch.extend(['i'], { j: 'DOUBLE' }, () => ({ j: [1] }))).rejects.toThrow(
      /step gave 1 values of j for 5000 rows/,
    )
    const view = batch.view(from => `SELECT i + 1 AS i FROM ${from}`)
    expect(view.count).toBe(5000)
    await Promise.all([view.drop(), batch.drop()])
    await batch.drop()
    expect(await tables()).toBe(before)
  })
})
