import { describe, expect, it } from 'vitest'
import { createTable, duckdb, openTable, type Row } from '../../src/delta/index.js'
import { EVERY_TYPE, FULL } from './every-type.js'
import { askPython, deltaRs, newFolder, noOracle } from './oracle.js'

const ROWS: Row[] = [
  FULL,
  { id: 2 },
  { id: 3, s: '', ts: new Date('1960-01-01T00:00:00.001Z'), arr: [], m: {}, st: { x: null, y: null } },
]

const nulls = Object.fromEntries(Object.keys(FULL).map(name => [name, null]))
const SEEN: Row[] = [
  {
    ...FULL,
    l: Number(FULL.l),
    bin: '00ff',
    ts: '2024-03-01T10:34:56.123456+00:00',
    m: [
      ['k', 1],
      ['z', null],
    ],
  },
  { ...nulls, id: 2 },
  { ...nulls, id: 3, s: '', ts: '1960-01-01T00:00:00.001000+00:00', arr: [], m: [], st: { x: null, y: null } },
]

describe.skipIf(noOracle)(`delta-rs${noOracle ? ` (skipped: ${noOracle})` : ''}`, () => {
  it('reads every type that we write, exactly', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: EVERY_TYPE })
    await table.append(ROWS)
    expect(await deltaRs(folder, 'id')).toEqual(SEEN)
    const again = { sql: `SELECT * REPLACE (id + 10 AS id) FROM ${await (await table.snapshot()).relation()}` }
    await table.append(again)
    expect((await deltaRs(folder, 'id')).filter(row => Number(row.id) > 10)).toEqual(
      SEEN.map(row => ({ ...row, id: Number(row.id) + 10 })),
    )
  })

  it('travels in time, also over our checkpoints and widened schemas', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int, p string', partitionBy: ['p'] })
    for (let id = 1; id <= 11; id++) await table.append([{ id, p: id % 3 ? `p ${id % 3}/%` : null }])
    await table.append([{ id: 12, p: 'x', extra: 'e' }], { mergeSchema: true })
    await table.overwrite([{ id: 99, p: 'y', extra: null }])
    for (const version of [0, 1, 9, 10, 11, 12, 13]) {
      const ours = await (await duckdb()).rows(`SELECT * FROM ${await (await table.snapshot({ version })).relation()}`)
      const theirs = await deltaRs(folder, 'id', version)
      const sort = (rows: Row[]) => rows.sort((a, b) => String(a.id).localeCompare(String(b.id)))
      expect(sort(theirs)).toEqual(sort(ours))
      expect(ours).toHaveLength(version === 13 ? 1 : version)
    }
  })

  it('loads from our checkpoint alone, statistics, txn and properties included', async () => {
    const folder = newFolder()
    const table = await createTable(folder, {
      schema: 'id int, t timestamp',
      properties: { 'delta.checkpointInterval': '3' },
      description: 'what',
    })
    for (let id = 1; id <= 3; id++) await table.append([{ id, t: new Date(id) }], { txn: { appId: 'app', version: id } })
    const seen = await askPython<Record<string, unknown>>(
      `for v in range(3): os.remove(f"{args['path']}/_delta_log/{v:020d}.json")
t = DeltaTable(args['path'])
acts = t.get_add_actions(flatten=True)
rows_ = pa.table(acts).to_pylist()
print(json.dumps({'version': t.version(), 'rows': rows(t.to_pyarrow_table(), 'id'), 'min': sorted(str(plain(r['min.t'])) for r in rows_), 'records': [r['num_records'] for r in rows_], 'txn': t.transaction_version('app'), 'config': t.metadata().configuration, 'description': t.metadata().description}))`,
      { path: folder },
    )
    expect(seen).toMatchObject({
      version: 3,
      records: [1, 1, 1],
      txn: 3,
      config: { 'delta.checkpointInterval': '3' },
      description: 'what',
    })
    expect(seen.min).toEqual([
      '1970-01-01T00:00:00.001000+00:00',
      '1970-01-01T00:00:00.002000+00:00',
      '1970-01-01T00:00:00.003000+00:00',
    ])
    expect((seen.rows as unknown[]).length).toBe(3)
    expect((await (await openTable(folder)).snapshot()).rowCount).toBe(3)
  })

  it('skips files by our statistics and loses no row by it', async () => {
    const folder = newFolder()
    const table = await createTable(folder, {
      schema: 'id int, s string, d double, n decimal(20,4), t timestamp, day date, b boolean',
    })
    const long = 'z'.repeat(40)
    await table.append([
      { id: 1, s: long, d: -0, n: '-1.5', t: '2020-01-01T00:00:00.000001Z', day: '2020-01-01' },
      { id: 2, s: `${long}z`, d: 7, n: '99999999999.9999', t: '2020-01-01T00:00:00.999999Z', day: '2020-12-31' },
    ])
    await table.append([
      { id: 3, s: 'a', d: 1, n: '0', t: '2021-01-01T00:00:00Z', day: '2021-01-01', b: true },
      { id: 4, b: false },
    ])
    const found = await askPython<Record<string, number>>(
      `import pyarrow.dataset as ds
t = DeltaTable(args['path']).to_pyarrow_dataset()
D = decimal.Decimal
utc = datetime.timezone.utc
f = ds.field
tests = {
  'long': f('s') == 'z' * 41, 'zero': f('d') == 0.0, 'minus': f('n') == D('-1.5'), 'big': f('n') == D('99999999999.9999'),
  'micro': f('t') == datetime.datetime(2020,1,1,0,0,0,1,utc), 'last': f('t') == datetime.datetime(2020,1,1,0,0,0,999999,utc), 'day': f('day') == datetime.date(2020,12,31), 'true': f('b') == True, 'false': f('b') == False, 'null': f('day').is_null(),
}
print(json.dumps({k: t.to_table(filter=v).num_rows for k, v in tests.items()}))`,
      { path: folder },
    )
    expect(found).toEqual({ long: 1, zero: 1, minus: 1, big: 1, micro: 1, last: 1, day: 1, true: 1, false: 1, null: 1 })
  })

  it('finds a row beside NaN', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int, d double' })
    await table.append([
      { id: 1, d: Number.NaN },
      { id: 2, d: 0 },
    ])
    const count = (where: string) =>
      askPython<number>(
        `t = QueryBuilder().register('t', DeltaTable(args['path']))
print(json.dumps(pa.table(t.execute("select count(*) n from t where " + args['where']).read_all()).to_pylist()[0]['n']))`,
        { path: folder, where },
      )
    expect(await count('d = 0')).toBe(1)
    expect(await count("d = 'NaN'")).toBe(1)
  })

  it('appends, deletes, merges, optimizes and checkpoints what we made, and we read it', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int, text string, at timestamp' })
    await table.append([
      { id: 1, text: 'ours', at: new Date(0) },
      { id: 2, text: 'ours', at: null },
    ])
    await askPython(
      `s = pa.schema([('id', pa.int32()), ('text', pa.string()), ('at', pa.timestamp('us', 'UTC'))])
new = lambda *ids: pa.table({'id': pa.array(ids, pa.int32()), 'text': ['theirs'] * len(ids), 'at': [datetime.datetime(2020,1,1,tzinfo=datetime.timezone.utc)] * len(ids)}, schema=s)
write_deltalake(args['path'], new(3, 4), mode='append')
t = DeltaTable(args['path'])
t.delete('id = 1')
t.merge(new(2, 5), 'target.id = source.id', source_alias='source', target_alias='target').when_matched_update_all().when_not_matched_insert_all().execute()
t.optimize.compact()
t.create_checkpoint()
print('1')`,
      { path: folder },
    )
    await table.append([{ id: 6, text: 'ours again', at: null }])
    const at = new Date('2020-01-01T00:00:00Z')
    const expected = [
      { id: 2, text: 'theirs', at },
      { id: 3, text: 'theirs', at },
      { id: 4, text: 'theirs', at },
      { id: 5, text: 'theirs', at },
      { id: 6, text: 'ours again', at: null },
    ]
    const fresh = await openTable(folder)
    for (const one of [table, fresh])
      expect(await (await duckdb()).rows(`SELECT * FROM ${await (await one.snapshot()).relation()} ORDER BY id`)).toEqual(
        expected,
      )
    expect((await deltaRs(folder, 'id')).length).toBe(5)
  })

  it('reads a table with timestamps without zone', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int, n timestamp_ntz' })
    await table.append([{ id: 1, n: '2024-01-01T01:02:03.000004' }])
    expect(await deltaRs(folder, 'id')).toEqual([{ id: 1, n: '2024-01-01T01:02:03.000004' }])
  })
})
