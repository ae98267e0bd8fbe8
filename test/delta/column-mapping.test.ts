import { describe, expect, it } from 'vitest'
import { createTable, type DeltaTable, duckdb, openTable, quoteText, type Row } from '../../src/delta/index.js'
import { askPython, newFolder, noOracle } from './oracle.js'

const ID = 'delta.columnMapping.id'
const NAME = 'delta.columnMapping.physicalName'

/** A table as Spark makes it with column mapping: partitioned by `p`, with a struct in a list. */
async function mapped(mode: string): Promise<{ folder: string; table: DeltaTable }> {
  const folder = newFolder()
  const { store } = await createTable(folder, { schema: 'id int' })
  const field = (id: number, name: string, type: unknown) => ({
    name,
    type,
    nullable: true,
    metadata: { [ID]: id, [NAME]: `c-${id}` },
  })
  const item = { type: 'struct', fields: [field(4, 'x', 'long')] }
  const list = { type: 'array', elementType: item, containsNull: true }
  const metaData = {
    id: 'mapped',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({
      type: 'struct',
      fields: [field(1, 'id', 'integer'), field(2, 'p', 'string'), field(3, 'l', list)],
    }),
    partitionColumns: ['p'],
    configuration: {
      'delta.columnMapping.mode': mode,
      'delta.columnMapping.maxColumnId': '4',
      'delta.enableChangeDataFeed': 'true',
    },
  }
  const lines = [{ protocol: { minReaderVersion: 2, minWriterVersion: 5 } }, { metaData }]
  await store.put('_delta_log/00000000000000000001.json', lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  return { folder, table: await openTable(folder) }
}

async function all(table: DeltaTable): Promise<Row[]> {
  return (await duckdb()).rows(`SELECT * FROM ${await (await table.snapshot()).relation()} ORDER BY id`)
}

describe.each(['name', 'id'])('column mapping by %s', mode => {
  it('is written under physical names and ids', async () => {
    const { folder, table } = await mapped(mode)
    await table.append([
      { id: 1, p: 'a/b', l: [{ x: 1 }, null] },
      { id: 2, p: null, l: null },
      { id: 3, p: 'a/b', l: [] },
    ])
    const [file] = (await table.snapshot()).files.filter(one => Object.values(one.partitionValues)[0] === 'a/b')
    expect(file?.partitionValues).toEqual({ 'c-2': 'a/b' })
    expect(JSON.parse(file?.stats ?? '')).toMatchObject({ minValues: { 'c-1': 1 }, maxValues: { 'c-1': 3 } })
    const path = quoteText(`${folder}/${decodeURIComponent(file?.path ?? '')}`)
    const columns = await (await duckdb()).rows(`SELECT name, field_id FROM parquet_schema(${path}) WHERE field_id IS NOT NULL`)
    expect(columns).toEqual([1, 3, 4].map(id => ({ name: `c-${id}`, field_id: id })))
    await table.update({ l: `[{'x': 30}]`, p: `'moved'` }, { where: 'id = 3' })
    await table.delete('id = 1')
    await table.merge(
      [
        { id: 2, l: [{ x: 20 }] },
        { id: 4, p: 'n', l: null },
      ],
      { on: 'target.id = source.id' },
    )
    await table.optimize()
    const expected = [
      { id: 2, p: null, l: [{ x: 20 }] },
      { id: 3, p: 'moved', l: [{ x: 30 }] },
      { id: 4, p: 'n', l: null },
    ]
    expect(await all(table)).toEqual(expected)
    expect(await all(await openTable(folder))).toEqual(expected)
    const changes = await (await table.changes({ from: 3 })).relation()
    const told = await (await duckdb()).rows(
      `SELECT id, p, l, _change_type AS t FROM ${changes} ORDER BY _commit_version, t DESC, id`,
    )
    expect(told.slice(0, 3)).toEqual([
      { id: 3, p: 'a/b', l: [], t: 'update_preimage' },
      { id: 3, p: 'moved', l: [{ x: 30 }], t: 'update_postimage' },
      { id: 1, p: 'a/b', l: [{ x: 1 }, null], t: 'delete' },
    ])
    if (noOracle || mode === 'id') return
    const theirs = await askPython<Row[]>(
      `t = QueryBuilder().register('t', DeltaTable(args))
print(json.dumps(pa.table(t.execute('select id, p, l from t order by id').read_all()).to_pylist()))`,
      folder,
    )
    expect(theirs).toEqual(expected)
  })

  it('is set up for a new table, and for the columns that come later', async () => {
    const folder = newFolder()
    const properties = { 'delta.columnMapping.mode': mode }
    const table = await createTable(folder, {
      schema: 'id int, `a b` struct<`x;y`: long>, p string',
      partitionBy: ['p'],
      properties,
    })
    expect((await table.snapshot()).protocol).toEqual({ minReaderVersion: 2, minWriterVersion: 5 })
    await table.append([{ id: 1, 'a b': { 'x;y': 7 }, p: 'q' }])
    await table.append([{ id: 2, more: [{ deep: 'd' }], p: null }], { mergeSchema: true })
    await table.append({ sql: `SELECT 3::INT AS id, {'v': 1} AS last` }, { mergeSchema: true })
    const { schema, properties: now } = await table.snapshot()
    const found: [number, string][] = []
    JSON.stringify(schema, (key, value) => {
      if (key === 'metadata') found.push([value[ID], String(value[NAME]).slice(0, 4)])
      return value
    })
    expect(found.map(([id]) => id).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(new Set(found.map(([, name]) => name))).toEqual(new Set(['col-']))
    expect(now['delta.columnMapping.maxColumnId']).toBe('8')
    const rows = [
      { id: 1, 'a b': { 'x;y': 7 }, p: 'q', more: null, last: null },
      { id: 2, 'a b': null, p: null, more: [{ deep: 'd' }], last: null },
      { id: 3, 'a b': null, p: null, more: null, last: { v: 1 } },
    ]
    expect(await all(await openTable(folder))).toEqual(rows)
    if (noOracle || mode === 'id') return
    const theirs = await askPython<Row[]>(
      `t = QueryBuilder().register('t', DeltaTable(args))
print(json.dumps(pa.table(t.execute('select * from t order by id').read_all()).to_pylist()))`,
      folder,
    )
    expect(theirs).toEqual(rows)
  })

  it('is listed as a feature where the table has others', async () => {
    const properties = { 'delta.columnMapping.mode': mode, 'delta.enableDeletionVectors': 'true' }
    const table = await createTable(newFolder(), { schema: 'id int', properties })
    expect((await table.snapshot()).protocol).toMatchObject({
      minReaderVersion: 3,
      readerFeatures: ['deletionVectors', 'columnMapping'],
      writerFeatures: expect.arrayContaining(['columnMapping']),
    })
  })
})
