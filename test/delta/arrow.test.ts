import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTable, type DeltaTable, openTable } from '../../src/delta/index.js'
import { askPython, newFolder, noOracle } from './oracle.js'

const SCHEMA = `id int not null, part string, s string, l long, sh short, by byte, f float, d double, small decimal(9,2), dec decimal(38,10),
  b boolean, bin binary, day date, ts timestamp, ntz timestamp_ntz, arr array<timestamp>, st struct<x: int, y: array<decimal(38,0)>>, whole struct<x: int not null> not null,
  m map<string, struct<day: date, n: long>>, none string`

/** Rows with every type, nulls at every depth, over several chunks. */
const ROWS = `
SELECT i::INTEGER AS id, ['a', 'b/c', NULL][i % 3 + 1] AS part,
  CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('é😀', i % 7) || i END AS s,
  CASE WHEN i % 5 THEN 9223372036854775807 - i END AS l, (i % 65536 - 32768)::SMALLINT AS sh, (i % 256 - 128)::TINYINT AS "by",
  CASE i % 6 WHEN 0 THEN 'nan'::FLOAT WHEN 1 THEN NULL ELSE (i / 7)::FLOAT END AS f,
  CASE i % 6 WHEN 0 THEN '-inf'::DOUBLE ELSE 1e300 / (i + 1) END AS d, (i / 100 - 3)::DECIMAL(9,2) AS small,
  CASE WHEN i % 3 THEN '-1234567890123456789012345678.0123456789'::DECIMAL(38,10) + i END AS dec, [true, false, NULL][i % 3 + 1] AS b,
  CASE WHEN i % 2 THEN '\\x00\\xFF'::BLOB || encode(i::VARCHAR) END AS bin, DATE '1960-01-01' + (i * 13)::INTEGER AS day,
  CASE WHEN i % 7 THEN make_timestamptz(-2208988800000001 + i * 7777777777777) END AS ts, make_timestamp(253402300799999999 - i) AS ntz,
  CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN [] ELSE [make_timestamptz(i), NULL] END AS arr,
  CASE WHEN i % 3 THEN {x: i::INTEGER, y: [i::DECIMAL(38,0) * 10000000000000000000000000000, NULL]} END AS st, {x: i::INTEGER} AS whole,
  CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN MAP {} ELSE MAP {('k' || i): {'day': DATE '2024-02-29', 'n': i}, 'z': NULL} END AS m, NULL AS none`

async function everyType(rows: number, from = 0): Promise<{ folder: string; table: DeltaTable }> {
  const folder = newFolder()
  const table = await createTable(folder, { schema: SCHEMA, partitionBy: ['part'] })
  await table.append({ sql: `${ROWS} FROM range(${from}, ${from + rows}) t(i)` })
  return { folder, table }
}

/** Compares an IPC stream to what delta-rs reads of a table. */
const COMPARE = `
import pyarrow.compute
ours = pa.ipc.open_stream(args['file']).read_all()
ours.validate(full=True)
theirs = DeltaTable(args['path']).to_pyarrow_table()
theirs = theirs.select(ours.column_names).filter(pa.compute.less(theirs['id'], args['below']))
columns = [name for name in ours.column_names
  if repr(ours.sort_by('id')[name].to_pylist()) != repr(theirs.sort_by('id')[name].to_pylist())]
types = [[str(f), str(g)] for f, g in zip(ours.schema, theirs.schema) if not f.equals(g)]
print(json.dumps({'rows': ours.num_rows, 'expected': theirs.num_rows, 'columns': columns, 'types': types}))`

describe.skipIf(noOracle)(`Arrow for pyarrow${noOracle ? ` (skipped: ${noOracle})` : ''}`, () => {
  it('has the types and values that delta-rs reads', async () => {
    const { folder, table } = await everyType(5000)
    const file = join(folder, '_rows.arrows')
    await writeFile(file, (await table.snapshot()).arrowStream())
    const all = await askPython(COMPARE, { file, path: folder, below: 1e9 })
    expect(all).toEqual({ rows: 5000, expected: 5000, columns: [], types: [] })
    await writeFile(file, (await table.snapshot()).arrowStream({ columns: ['m', 'id', 'part'], where: 'id < 2100' }))
    expect(await askPython(COMPARE, { file, path: folder, below: 2100 })).toMatchObject({
      rows: 2100,
      expected: 2100,
      columns: [],
      types: [],
    })
    await writeFile(file, (await table.snapshot()).arrowStream({ where: 'false' }))
    expect(await askPython(COMPARE, { file, path: folder, below: -1 })).toEqual({ rows: 0, expected: 0, columns: [], types: [] })
  })
})

describe('Arrow in JavaScript', () => {
  it('comes in tables of about 2,048 rows', async () => {
    const { folder } = await everyType(5000)
    const snapshot = await (await openTable(folder)).snapshot()
    const sizes: number[] = []
    const ids = new Set<number>()
    for await (const table of snapshot.arrow({ columns: ['none', 'id'] })) {
      expect(table.names).toEqual(['none', 'id'])
      expect(table.getChild('none').nullCount).toBe(table.numRows)
      sizes.push(table.numRows)
      for (const id of table.getChild('id')) ids.add(id as number)
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2048)
    expect(ids.size).toBe(5000)
  })

  it('gives values as the options say', async () => {
    const { table } = await everyType(1, 2)
    const exact = { useBigInt: true, useDecimalInt: true, useBigIntTimestamp: true }
    const rows = await only((await table.snapshot()).arrow({ ...exact, where: 'id = 2' }))
    expect(rows.at(0)).toMatchObject({
      l: 2n ** 63n - 3n,
      dec: -12345678901234567890123456760123456789n,
      ntz: 253402300799999997n,
    })
    const plain = await only((await table.snapshot()).arrow({ columns: ['ts', 'small', 'm'], useDate: true }))
    expect(plain.at(0)).toEqual({
      ts: new Date(-2208988800000.001 + 2 * 7777777777.777),
      small: -2.98,
      m: [
        ['k2', { day: new Date('2024-02-29'), n: 2 }],
        ['z', null],
      ],
    })
  })

  it('keeps a struct that is null apart from one whose not-null field is', async () => {
    const table = await createTable(newFolder(), { schema: 'st struct<x: int not null>' })
    await table.append([{ st: null }, { st: { x: 1 } }])
    expect((await only((await table.snapshot()).arrow())).toArray()).toEqual([{ st: null }, { st: { x: 1 } }])
  })

  it('names a column that is not there', async () => {
    const { table } = await everyType(1)
    await expect(only((await table.snapshot()).arrow({ columns: ['nope'] }))).rejects.toThrow('column nope: no such column')
  })
})

async function only<T>(items: AsyncIterable<T>): Promise<T> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  expect(found).toHaveLength(1)
  return found[0] as T
}
