import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  CommitConflictError,
  createTable,
  DataFileError,
  type DeltaTable,
  duckdb,
  openTable,
  type Row,
  SchemaMismatchError,
  UnsupportedFeatureError,
} from '../../src/delta/index.js'
import { racing } from './faulty.js'
import { askPython, newFolder, noOracle } from './oracle.js'

async function all(table: DeltaTable, order = 'id'): Promise<Row[]> {
  return (await duckdb()).rows(`SELECT * FROM ${await (await table.snapshot()).relation()} ORDER BY ${order}`)
}

const parquet = (folder: string) =>
  readdirSync(folder, { recursive: true }).filter(
    name => String(name).endsWith('.parquet') && !String(name).includes('_delta_log'),
  )

/** Three files of four rows, in two partitions. */
async function sample(properties: Record<string, string> = {}): Promise<{ folder: string; table: DeltaTable }> {
  const folder = newFolder()
  const table = await createTable(folder, { schema: 'id int, p string, text string', partitionBy: ['p'], properties })
  for (const start of [0, 4, 8])
    await table.append(
      [0, 1, 2, 3].map(i => ({ id: start + i, p: start === 8 ? 'b' : 'a', text: i === 3 ? null : `t${start + i}` })),
    )
  return { folder, table }
}

const vectors = { 'delta.enableDeletionVectors': 'true' }

describe.each([
  ['by rewriting files', {}],
  ['by deletion vectors', vectors],
])('changing rows %s', (_name, properties) => {
  it('deletes what the predicate is true for, and only touches files that hold it', async () => {
    const { table } = await sample(properties)
    const before = (await table.snapshot()).files
    expect(await table.delete(`id IN (1, 2) OR text = 'none'`)).toMatchObject({ version: 4, rows: 2, removed: 1, added: 1 })
    const snapshot = await table.snapshot()
    expect((await all(table)).map(row => row.id)).toEqual([0, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(snapshot.rowCount).toBe(10)
    expect(before.filter(file => snapshot.files.includes(file))).toHaveLength(2)
    expect(await table.delete(`id = 99`)).toMatchObject({ version: 4, rows: 0 })
    expect(await table.delete(`p = 'b'`)).toMatchObject({ version: 5, rows: 4, removed: 1, added: 0 })
    // Null is not true: rows whose text is null stay.
    await table.delete(`text <> 't0'`)
    expect((await all(table)).map(row => row.id)).toEqual([0, 3, 7])
    await table.delete()
    expect(await all(table)).toEqual([])
    expect((await table.snapshot()).files).toEqual([])
    expect((await table.snapshot({ version: 3 })).rowCount).toBe(12)
  })

  it('updates by expressions over the row', async () => {
    const { table } = await sample(properties)
    expect(await table.update({ text: `text || '!'`, p: `'c'` }, { where: 'id >= 6 AND id < 10' })).toMatchObject({ rows: 4 })
    const rows = await all(table)
    expect(rows.slice(5, 11)).toEqual([
      { id: 5, p: 'a', text: 't5' },
      { id: 6, p: 'c', text: 't6!' },
      { id: 7, p: 'c', text: null },
      { id: 8, p: 'c', text: 't8!' },
      { id: 9, p: 'c', text: 't9!' },
      { id: 10, p: 'b', text: 't10' },
    ])
    await expect(table.update({ id: `'x'` })).rejects.toBeInstanceOf(SchemaMismatchError)
    await expect(table.update({ none: '1' })).rejects.toBeInstanceOf(SchemaMismatchError)
  })

  it.skipIf(noOracle)('and delta-rs sees the same', async () => {
    const { folder, table } = await sample(properties)
    await table.delete('id % 3 = 0')
    await table.update({ text: `'new'` }, { where: 'id = 4 OR id = 11' })
    await table.delete('id = 4')
    await table.checkpoint()
    const theirs = await askPython<Row[]>(
      `t = QueryBuilder().register('t', DeltaTable(args['path']))
print(json.dumps(rows(pa.table(t.execute('select id, p, text from t').read_all()), 'id')))`,
      { path: folder },
    )
    const byId = (a: Row, b: Row) => Number(a.id) - Number(b.id)
    expect(theirs.sort(byId)).toEqual(await all(table))
    expect(theirs.map(row => row.id)).toEqual([1, 2, 5, 7, 8, 10, 11])
  })

  it('looks also at rows that others add meanwhile', async () => {
    const { folder } = await sample(properties)
    const other = await openTable(folder)
    const append = (left: number) => other.append([{ id: 1, p: 'z', text: 'late' }, { id: 50 + left }])
    const changed = await (await openTable(racing(folder, append, 3))).delete('id = 1')
    expect(changed.rows).toBe(4)
    expect((await all(other)).map(row => row.id)).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 50, 51, 52])
    // Files that were written for attempts that came too late are gone: only those the log names are there.
    const named = new Set<string>()
    for await (const commit of other.commits()) for (const { path } of commit.add) named.add(path)
    expect(parquet(folder)).toHaveLength(named.size)
  })
})

describe('changing rows', () => {
  it('is refused where the table does not allow it', async () => {
    const { table } = await sample({ 'delta.appendOnly': 'true' })
    await expect(table.delete()).rejects.toBeInstanceOf(UnsupportedFeatureError)
    await expect(table.restore({ version: 1 })).rejects.toThrow('appendOnly')
  })

  it('conflicts with a change of the schema', async () => {
    const { folder } = await sample()
    const widen = async () => (await openTable(folder)).append([{ id: 1, extra: true }], { mergeSchema: true })
    const raced = await openTable(racing(folder, widen))
    const error = await raced.append([{ id: 5 }]).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CommitConflictError)
    expect(error).toMatchObject({ reason: 'metadata' })
  })
})

describe('care of a table', () => {
  it('compacts small files per partition; the rows stay', async () => {
    const { table } = await sample(vectors)
    for (let i = 0; i < 5; i++) await table.append([{ id: 100 + i, p: 'b' }])
    await table.delete('id = 101 OR id = 4')
    const before = await all(table)
    expect(await table.optimize()).toMatchObject({ added: 2, removed: 7 })
    expect(await all(table)).toEqual(before)
    const snapshot = await table.snapshot()
    expect(snapshot.files).toHaveLength(2)
    expect(snapshot.files.every(file => !file.deletionVector)).toBe(true)
    expect(await table.optimize()).toMatchObject({ version: snapshot.version, added: 0 })
    for await (const commit of table.commits({ after: snapshot.version - 1 }))
      expect([...commit.add, ...commit.remove].every(file => !file.dataChange)).toBe(true)
  })

  it('compacts while others append, and gives way when its files are changed', async () => {
    const { folder } = await sample()
    const race = async (work: (other: DeltaTable) => Promise<unknown>) =>
      (await openTable(racing(folder, async () => work(await openTable(folder))))).optimize()
    await race(other => other.append([{ id: 77 }]))
    const table = await openTable(folder)
    expect((await all(table)).map(row => row.id)).toContain(77)
    await table.append([{ id: 78, p: 'a' }])
    await expect(race(other => other.delete('id = 78'))).rejects.toMatchObject({ name: 'CommitConflictError', reason: 'delete' })
    expect((await all(table)).map(row => row.id)).not.toContain(78)
  })

  it('vacuums what no version within the retention names, and nothing else', async () => {
    const { folder, table } = await sample()
    await table.optimize()
    const old = new Date(Date.now() - 8 * 86_400_000)
    for (const name of parquet(folder)) utimesSync(join(folder, String(name)), old, old)
    expect((await table.vacuum({ dryRun: true })).files).toEqual([]) // removed just now
    await expect(table.vacuum({ retentionHours: 1 })).rejects.toThrow('below a week')
    const dry = await table.vacuum({ retentionHours: 0, force: true, dryRun: true })
    expect(dry.files).toHaveLength(2)
    expect(parquet(folder)).toHaveLength(4)
    expect(await table.vacuum({ retentionHours: 0, force: true })).toEqual(dry)
    expect(parquet(folder)).toHaveLength(2)
    expect(await all(table)).toHaveLength(12)
    await expect(table.restore({ version: 2 })).rejects.toBeInstanceOf(DataFileError)
  })

  it('restores a former version, its schema too', async () => {
    const { table } = await sample()
    const before = await all(table)
    await table.append([{ id: 200, extra: 'x' }], { mergeSchema: true })
    await table.delete('id < 6')
    expect(await table.restore({ version: 3 })).toMatchObject({ version: 6, files: 2 })
    expect(await all(table)).toEqual(before)
    expect((await table.history(1))[0]).toMatchObject({ operation: 'RESTORE', operationParameters: { version: '3' } })
    await expect(table.restore({})).rejects.toThrow('name a version')
  })
})
