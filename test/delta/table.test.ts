import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  createTable,
  duckdb,
  isTable,
  openTable,
  type Row,
  SchemaMismatchError,
  type Snapshot,
  TableExistsError,
  TableNotFoundError,
  UnsupportedFeatureError,
  VersionNotFoundError,
} from '../../src/delta/index.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { newFolder } from './oracle.js'

async function all(snapshot: Snapshot, order = 'id'): Promise<Row[]> {
  return (await duckdb()).rows(`SELECT * FROM ${await snapshot.relation()} ORDER BY ${order}`)
}

describe('table', () => {
  it('says what it takes when given neither rows nor SQL', async () => {
    const table = await createTable(newFolder(), { schema: 'id string' })
    const wrong = [{ rows: [{ id: 'a' }] }, {}, null, undefined, 'SELECT 1', new Map()] as unknown as Row[][]
    for (const data of wrong)
      for (const write of [table.append, table.overwrite, () => table.merge(data, { on: 'target.id = source.id' })])
        await expect(write(data)).rejects.toThrow(/wants an array of rows or \{ sql: 'SELECT …' \}, got /)
    await expect(table.append(wrong[0] as Row[])).rejects.toThrow(TypeError)
    await expect(table.append(wrong[0] as Row[])).rejects.toThrow('got an object with rows')
    await expect(table.append(wrong[2] as Row[])).rejects.toThrow('got null')
    expect((await table.snapshot()).version).toBe(0)
  })

  it('is created, found, opened, and not created twice', async () => {
    const folder = newFolder()
    expect(await isTable(folder)).toBe(false)
    await expect(openTable(folder)).rejects.toBeInstanceOf(TableNotFoundError)
    const table = await createTable(folder, { schema: 'id string', description: 'd', properties: { 'delta.appendOnly': 'true' } })
    const snapshot = await table.snapshot()
    expect(snapshot).toMatchObject({ version: 0, rowCount: 0, sizeInBytes: 0, description: 'd', files: [] })
    expect(snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 })
    expect(await all(snapshot)).toEqual([])
    expect(await isTable(folder)).toBe(true)
    await expect(createTable(folder, { schema: 'id string' })).rejects.toBeInstanceOf(TableExistsError)
    expect((await (await createTable(folder, { schema: 'id string', ifNotExists: true })).snapshot()).version).toBe(0)
    await table.append([{ id: 'a' }])
    await expect(table.overwrite([{ id: 'b' }])).rejects.toBeInstanceOf(UnsupportedFeatureError)
  })

  it('travels in time by version and by timestamp', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    const times = [new Date()]
    for (let id = 1; id <= 12; id++) {
      await table.append([{ id }])
      // Room on both sides: file times come from a clock that ticks every few milliseconds.
      await new Promise(done => setTimeout(done, 25))
      times.push(new Date())
      await new Promise(done => setTimeout(done, 25))
    }
    for (const version of [0, 1, 9, 10, 11, 12]) {
      expect((await table.snapshot({ version })).rowCount).toBe(version)
      expect((await all(await table.snapshot({ version }))).length).toBe(version)
      if (version > 0) expect((await table.snapshot({ timestamp: times[version] as Date })).version).toBe(version)
    }
    await expect(table.snapshot({ version: 13 })).rejects.toBeInstanceOf(VersionNotFoundError)
    await expect(table.snapshot({ timestamp: '2001-01-01T00:00:00Z' })).rejects.toBeInstanceOf(VersionNotFoundError)
    await expect(table.snapshot({ timestamp: 'yesterday-ish' })).rejects.toThrow('yesterday-ish')
    expect((await table.snapshot({ timestamp: '2999-01-01T00:00:00Z' })).version).toBe(12)
  })

  it('matches SQL to columns by name, casts what fits and refuses the rest', async () => {
    const table = await createTable(newFolder(), {
      schema: 'id string not null, n long, d double, s struct<a: int, b: string>, l array<string>, small byte',
    })
    await table.append({ sql: `SELECT 3 AS n, 'x' AS id, 1.5 AS d, {'b': 'q', 'a': 1} AS s, [] AS l, NULL AS small;` })
    await table.append({ sql: `SELECT 'y' AS id, NULL AS l` })
    expect(await all(await table.snapshot())).toEqual([
      { id: 'x', n: 3, d: 1.5, s: { a: 1, b: 'q' }, l: [], small: null },
      { id: 'y', n: null, d: null, s: null, l: null, small: null },
    ])
    const refuse = async (sql: string, column: string, text: string) => {
      const error = await table.append({ sql }).catch((caught: unknown) => caught)
      expect(error, sql).toBeInstanceOf(SchemaMismatchError)
      expect(error).toMatchObject({ column })
      expect(String(error)).toContain(text)
    }
    await refuse(`SELECT 'x' AS id, 'q' AS n`, 'n', 'wants long (BIGINT), got VARCHAR')
    await refuse(`SELECT 'x' AS id, 1.5::DOUBLE AS n`, 'n', 'got DOUBLE')
    await refuse(`SELECT 1 AS id`, 'id', 'wants string (VARCHAR), got INTEGER')
    await refuse(`SELECT [1] AS l, 'x' AS id`, 'l', 'wants array<string>')
    await refuse(`SELECT 'x' AS id, 1 AS other`, 'other', 'not in the table')
    await refuse(`SELECT 'x' AS ID`, 'ID', 'writes it id')
    await refuse(`SELECT 1 AS n`, 'id', 'not given')
    await refuse(`SELECT CASE WHEN i < 1 THEN 'x' END AS id FROM range(3) t(i)`, 'id', 'is null')
    await refuse(`SELECT 'x' AS id, 300 AS small`, '?', '300')
    expect((await table.snapshot()).version).toBe(2)
  })

  it.each<[string, unknown, string]>([
    ['id', 1, 'wants string, got number 1'],
    ['id', null, 'row 0 is null'],
    ['n', 1.5, 'wants long, got number 1.5'],
    ['n', 2n ** 63n, 'wants long'],
    ['i', 2 ** 31, 'wants integer'],
    ['t', 'yesterday', 'wants timestamp'],
    ['t', '2020-01-01T00:00:00', 'wants timestamp'],
    ['t', new Date(Number.NaN), 'an invalid Date'],
    ['l', 'x', 'wants array<string>'],
    ['l', ['x', 1], 'wants string, got number 1'],
    ['s', { a: 1, z: 2 }, 'no such field'],
    ['dec', '1.234', 'wants decimal(5,2)'],
    ['dec', 1000, 'wants decimal(5,2)'],
    ['b', true, 'wants binary'],
    ['other', 1, 'not in the table'],
  ])('refuses a row whose %s is %o', async (column, value, text) => {
    const table = await createTable(memoryStore(), {
      schema: 'id string not null, n long, i int, t timestamp, l array<string>, s struct<a: int>, dec decimal(5,2), b binary',
    })
    const error = await table.append([{ id: 'x', [column]: value }]).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(SchemaMismatchError)
    expect((error as SchemaMismatchError).column.split('.')[0]).toBe(column)
    expect(String(error)).toContain(text)
    expect((await table.snapshot()).version).toBe(0)
  })

  it('takes many rows at once, and leaves no file when one of the last does not fit', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id long, text string, part string', partitionBy: ['part'] })
    const rows: Row[] = Array.from({ length: 60_000 }, (_, id) => ({ id, text: `t${id}`, part: id % 2 ? 'odd' : 'even' }))
    const wrong = rows.with(59_990, { id: 'x', text: '', part: 'odd' })
    await expect(table.append(wrong)).rejects.toThrow('column id: row 59990 wants long')
    const parquet = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.parquet'))
    expect(parquet()).toEqual([])
    await table.append(rows)
    const relation = await (await table.snapshot()).relation()
    const [seen] = await (await duckdb()).rows(
      `SELECT count(*) AS n, count(DISTINCT id) AS ids, bool_and(text = 't' || id AND (part = 'odd') = (id % 2 = 1)) AS right FROM ${relation}`,
    )
    expect(seen).toEqual({ n: 60_000, ids: 60_000, right: true })
  })

  it('admits new columns by mergeSchema alone', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    await table.append([{ id: 1 }])
    await table.append(
      [
        { id: 2, text: 'x', tags: ['a'], at: new Date(0), n: 1 },
        { id: 3, n: 1.5 },
      ],
      { mergeSchema: true },
    )
    await table.append({ sql: "SELECT 4 AS id, DATE '2020-01-01' AS day" }, { mergeSchema: true })
    const none = { text: null, tags: null, at: null, n: null, day: null }
    expect(await all(await table.snapshot())).toEqual([
      { id: 1, ...none },
      { id: 2, ...none, text: 'x', tags: ['a'], at: new Date(0), n: 1 },
      { id: 3, ...none, n: 1.5 },
      { id: 4, ...none, day: new Date('2020-01-01') },
    ])
    expect((await table.snapshot({ version: 1 })).schema.fields.map(field => field.name)).toEqual(['id'])
  })

  it('commits a txn once, also an empty one, and leaves no stray files', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int' })
    const txn = (version: number) => ({ txn: { appId: 'stream', version } })
    expect(await table.append([{ id: 1 }], txn(0))).toMatchObject({ version: 1, skipped: false, rows: 1 })
    expect(await table.append([{ id: 1 }], txn(0))).toMatchObject({ version: 1, skipped: true, rows: 0 })
    expect(await table.append([], txn(1))).toMatchObject({ version: 2, skipped: false, rows: 0, files: 0 })
    expect(await table.append([{ id: 9 }], txn(1))).toMatchObject({ skipped: true })
    const [a, b] = await Promise.all([table.append([{ id: 2 }], txn(2)), (await openTable(folder)).append([{ id: 2 }], txn(2))])
    expect([a.skipped, b.skipped].sort()).toEqual([false, true])
    const snapshot = await table.snapshot()
    expect(snapshot.txn('stream')).toBe(2)
    expect(snapshot.txn('other')).toBeUndefined()
    expect(await all(snapshot)).toEqual([{ id: 1 }, { id: 2 }])
    expect(readdirSync(folder).filter(name => name.endsWith('.parquet'))).toHaveLength(2)
    for (let id = 10; id < 22; id++) await table.append([{ id }])
    expect((await (await openTable(folder)).snapshot()).txn('stream')).toBe(2)
  })

  it('overwrites', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    await table.append([{ id: 1 }, { id: 2 }])
    await table.overwrite({ sql: 'SELECT 7 AS id' })
    expect(await all(await table.snapshot())).toEqual([{ id: 7 }])
    expect((await table.snapshot({ version: 1 })).rowCount).toBe(2)
  })

  it('travels by in-commit timestamps where the table has them, whatever the files say', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int', properties: { 'delta.enableInCommitTimestamps': 'true' } })
    expect((await table.snapshot()).protocol).toMatchObject({ minReaderVersion: 1, minWriterVersion: 7 })
    for (let id = 1; id <= 11; id++) await (await openTable(folder)).append([{ id }])
    const times: number[] = []
    for await (const commit of table.commits()) times.push(commit.commitInfo?.inCommitTimestamp ?? Number.NaN)
    expect(times.every((time, i) => i === 0 || time > (times[i - 1] as number))).toBe(true)
    const now = new Date()
    for (const name of readdirSync(join(folder, '_delta_log'))) utimesSync(join(folder, '_delta_log', name), now, now)
    for (const version of [0, 3, 11])
      expect((await table.snapshot({ timestamp: new Date(times[version] as number) })).version).toBe(version)
  })

  it('refuses at creation what it could not keep', async () => {
    const create = (properties: Record<string, string>) => createTable(memoryStore(), { schema: 'id int', properties })
    await expect(create({ 'delta.enableRowTracking': 'true' })).rejects.toThrow('rowTracking')
    await expect(create({ 'delta.columnMapping.mode': 'other' })).rejects.toThrow('columnMapping mode other')
    const table = await create({})
    const ntz = { sql: `SELECT 1 AS id, TIMESTAMP '2020-01-01 00:00:00' AS t` }
    await expect(table.append(ntz, { mergeSchema: true })).rejects.toThrow('timestampNtz')
  })

  it('keeps partition values of every kind', async () => {
    const table = await createTable(newFolder(), {
      schema: 'id int, p string, d date, t timestamp, n timestamp_ntz, k decimal(8,2), b boolean, f double',
      partitionBy: ['p', 'd', 't', 'n', 'k', 'b', 'f'],
    })
    const rows = [
      {
        id: 1,
        p: 'x /=%é:?',
        d: new Date('2020-02-03'),
        t: new Date('2020-01-01T01:02:03.456Z'),
        n: new Date('2020-01-01T01:02:03.456Z'),
        k: -1.5,
        b: true,
        f: 0.1,
      },
      { id: 2, p: null, d: null, t: null, n: null, k: null, b: null, f: null },
      { id: 3, p: '__HIVE_DEFAULT_PARTITION__', d: null, t: null, n: null, k: null, b: false, f: 1e300 },
    ]
    await table.append(rows)
    const snapshot = await table.snapshot()
    expect(await all(snapshot)).toEqual(rows)
    const one = (await duckdb()).rows(`SELECT * FROM ${await snapshot.relation({ columns: ['p'], where: 'id = 1' })}`)
    expect(await one).toEqual([{ p: 'x /=%é:?' }])
  })

  it('reads some columns, some rows, some files', async () => {
    const table = await createTable(memoryStore(), { schema: 'id int, text string' })
    await table.append([{ id: 1, text: 'a' }])
    await table.append([{ id: 2, text: 'b' }])
    const snapshot = await table.snapshot()
    const rows: Row[] = []
    for await (const chunk of snapshot.rows({ columns: ['text'], where: 'id > 1' })) rows.push(...chunk)
    expect(rows).toEqual([{ text: 'b' }])
    const newest = snapshot.files.slice(1)
    for await (const chunk of snapshot.rows({ files: newest })) expect(chunk).toEqual([{ id: 2, text: 'b' }])
    await expect(snapshot.relation({ columns: ['none'] })).rejects.toBeInstanceOf(SchemaMismatchError)
  })

  it('lists commits and history', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    await table.append([{ id: 1 }], { txn: { appId: 'a', version: 5 }, operationParameters: { queryId: 'q' } })
    await table.overwrite([{ id: 2 }])
    const commits = []
    for await (const commit of table.commits({ after: 0 })) commits.push(commit)
    expect(commits.map(commit => [commit.version, commit.add.length, commit.remove.length])).toEqual([
      [1, 1, 0],
      [2, 1, 1],
    ])
    expect(commits[0]?.txn).toMatchObject([{ appId: 'a', version: 5 }])
    const history = await table.history(2)
    expect(history.map(entry => [entry.version, entry.operation])).toEqual([
      [2, 'WRITE'],
      [1, 'WRITE'],
    ])
    expect(history[1]?.operationParameters).toMatchObject({ mode: 'Append', queryId: 'q' })
    expect(Math.abs(Date.now() - (history[0]?.timestamp.getTime() ?? 0))).toBeLessThan(60_000)
  })

  it('sees what others commit, and a table made anew at its place', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int' })
    const other = await openTable(folder)
    await other.append([{ id: 1 }])
    expect((await table.snapshot()).version).toBe(1)
    expect(await table.snapshot()).not.toBe(await table.snapshot())
    rmSync(folder, { recursive: true })
    await expect(table.snapshot()).rejects.toBeInstanceOf(TableNotFoundError)
    await createTable(folder, { schema: 'name string' })
    expect((await table.snapshot()).schema.fields[0]?.name).toBe('name')
  })

  it.each([
    [{ minReaderVersion: 99, minWriterVersion: 7 }, 'written by a newer protocol (reader version 99'],
    [
      { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['variantType'], writerFeatures: ['variantType'] },
      'variantType',
    ],
  ])('refuses to read protocol %o', async (protocol, text) => {
    const folder = newFolder()
    await createTable(folder, { schema: 'id int' })
    writeFileSync(join(folder, '_delta_log', '00000000000000000001.json'), JSON.stringify({ protocol }))
    await expect(openTable(folder)).rejects.toBeInstanceOf(UnsupportedFeatureError)
    await expect(openTable(folder)).rejects.toThrow(text)
  })

  it.each([
    [{ minReaderVersion: 1, minWriterVersion: 8 }, 'writer version 8'],
    [{ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] }, 'rowTracking'],
  ])('refuses to write protocol %o, yet reads it', async (protocol, text) => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int' })
    await table.append([{ id: 1 }])
    writeFileSync(join(folder, '_delta_log', '00000000000000000002.json'), JSON.stringify({ protocol }))
    await expect(table.append([{ id: 2 }])).rejects.toThrow(text)
    expect(await all(await table.snapshot())).toEqual([{ id: 1 }])
  })
})
