import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ConstraintError,
  createTable,
  type DeltaTable,
  duckdb,
  openTable,
  type Row,
  SchemaMismatchError,
} from '../../src/delta/index.js'
import type { Store } from '../../src/stores/store.js'
import { racing } from './faulty.js'
import { deltaRs, newFolder, noOracle } from './oracle.js'

async function all(table: DeltaTable): Promise<Row[]> {
  return (await duckdb()).rows(`SELECT * FROM ${await (await table.snapshot()).relation()} ORDER BY id`)
}

async function sample(store: string | Store = newFolder()): Promise<DeltaTable> {
  const table = await createTable(store, { schema: 'id int not null, text string, n long' })
  await table.append([
    { id: 1, text: 'a', n: 1 },
    { id: 2, text: 'b', n: 2 },
  ])
  await table.append([{ id: 3, text: 'c', n: 3 }])
  return table
}

const on = 'target.id = source.id'

describe('merge', () => {
  it('upserts; columns that are not given stay, or are null where inserted', async () => {
    const folder = newFolder()
    const table = await sample(folder)
    const given = [
      { id: 2, text: 'B' },
      { id: 9, text: 'I' },
    ]
    expect(await table.merge(given, { on })).toEqual({ version: 3, inserted: 1, updated: 1, deleted: 0 })
    const expected = [
      { id: 1, text: 'a', n: 1 },
      { id: 2, text: 'B', n: 2 },
      { id: 3, text: 'c', n: 3 },
      { id: 9, text: 'I', n: null },
    ]
    expect(await all(table)).toEqual(expected)
    if (!noOracle) expect(await deltaRs(folder, 'id')).toEqual(expected)
    expect((await table.history(1))[0]).toMatchObject({ operation: 'MERGE', operationMetrics: { numTargetFilesRemoved: '1' } })
  })

  it('takes the first clause that holds', async () => {
    const table = await sample()
    const merged = await table.merge(
      { sql: `SELECT * FROM (VALUES (1, 'x'), (2, 'y'), (3, 'z'), (4, 'new'), (5, 'skip')) t(id, word)` },
      {
        on,
        matched: [
          { delete: true, where: `source.word = 'x'` },
          { update: { n: 'target.n * 100', text: `source.word || target.text` }, where: 'target.n > 2' },
        ],
        notMatched: [{ insert: { id: 'source.id', text: 'source.word' }, where: `source.word <> 'skip'` }],
      },
    )
    expect(merged).toMatchObject({ inserted: 1, updated: 1, deleted: 1 })
    expect(await all(table)).toEqual([
      { id: 2, text: 'b', n: 2 },
      { id: 3, text: 'zc', n: 300 },
      { id: 4, text: 'new', n: null },
    ])
  })

  it('only inserts, only deletes, or does nothing', async () => {
    const table = await sample()
    expect(await table.merge([{ id: 1 }, { id: 7 }], { on, matched: [] })).toMatchObject({ inserted: 1, updated: 0 })
    expect(await table.merge([{ id: 1 }, { id: 8 }], { on, matched: [{ delete: true }], notMatched: [] })).toMatchObject({
      deleted: 1,
      inserted: 0,
    })
    expect((await all(table)).map(row => row.id)).toEqual([2, 3, 7])
    expect(await table.merge([{ id: 100 }], { on, notMatched: [] })).toEqual({ version: 4, inserted: 0, updated: 0, deleted: 0 })
    expect(await table.merge([], { on })).toMatchObject({ version: 4 })
  })

  it('refuses what is ambiguous or does not fit', async () => {
    const table = await sample()
    await expect(
      table.merge(
        [
          { id: 1, text: 'x' },
          { id: 1, text: 'y' },
        ],
        { on },
      ),
    ).rejects.toBeInstanceOf(ConstraintError)
    await expect(table.merge([{ id: 1, other: 'x' }], { on })).rejects.toBeInstanceOf(SchemaMismatchError)
    await expect(table.merge({ sql: `SELECT 1 AS id, 'x' AS n` }, { on })).rejects.toBeInstanceOf(SchemaMismatchError)
    await expect(table.merge([{ id: 9 }], { on, notMatched: [{ insert: { text: `'no id'` } }] })).rejects.toThrow('null')
    expect((await table.snapshot()).version).toBe(2)
  })

  it('is worked out anew when another writer comes first', async () => {
    const folder = newFolder()
    await sample(folder)
    const append = async () => (await openTable(folder)).append([{ id: 9, text: 'theirs', n: 9 }])
    const raced = await openTable(racing(folder, append))
    expect(await raced.merge([{ id: 9, text: 'ours' }], { on })).toMatchObject({ inserted: 0, updated: 1 })
    expect((await all(await openTable(folder))).at(-1)).toEqual({ id: 9, text: 'ours', n: 9 })
  })

  it('does as a map does', async () => {
    const entry = fc.record({ id: fc.integer({ min: 0, max: 12 }), n: fc.integer({ min: 0, max: 99 }) })
    const batch = fc.uniqueArray(entry, { selector: row => row.id, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 5 }), async batches => {
        const table = await createTable(newFolder(), { schema: 'id int, n long' })
        const model = new Map<number, number>()
        for (const rows of batches) {
          await table.merge(rows, { on })
          for (const { id, n } of rows) model.set(id, n)
        }
        expect(await all(table)).toEqual([...model].map(([id, n]) => ({ id, n })).sort((a, b) => a.id - b.id))
      }),
      { numRuns: 8 },
    )
  })
})
