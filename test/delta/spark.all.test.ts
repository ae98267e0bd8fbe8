import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { ConstraintError, createTable, duckdb, exportTable, openTable, quoteText, type Row } from '../../src/delta/index.js'
import { EVERY_TYPE, FULL } from './every-type.js'
import { newFolder } from './oracle.js'
import { type Spark, startSpark } from './spark.js'

// Spark takes its time, the more on a busy machine.
vi.setConfig({ testTimeout: 600_000 })
const started = await startSpark()
const reason = typeof started === 'string' ? started : undefined
const spark = started as Spark
if (reason) console.warn(`Spark tests skipped: ${reason}`)

interface Compared {
  types: string[]
  onlySpark: string[]
  onlyOurs: string[]
  rows: number
}

/** Both sides must see the same columns, types and rows of a version; gives how many rows that are. */
async function agree(path: string, version?: number): Promise<number> {
  const output = join(newFolder(), 'export.parquet')
  await exportTable(await (await openTable(path)).snapshot(version === undefined ? {} : { version }), output)
  const at = version === undefined ? '' : ` VERSION AS OF ${version}`
  const { rows, ...differences } = await spark.ask<Compared>(`result = compare(args['sql'], args['output'])`, {
    sql: `SELECT * FROM delta.\`${path}\`${at}`,
    output,
  })
  expect(differences).toEqual({ types: [], onlySpark: [], onlyOurs: [] })
  return rows
}

/** Both sides must tell the same changes, with their times; gives how many rows those are. */
async function agreeOnChanges(path: string, from: number, to?: number): Promise<number> {
  const changes = await (await openTable(path)).changes({ from, ...(to === undefined ? {} : { to }) })
  const output = join(newFolder(), 'changes.parquet')
  await (await duckdb()).run(`COPY (FROM ${await changes.relation()}) TO ${quoteText(output)} (FORMAT parquet)`)
  const { rows, ...differences } = await spark.ask<Compared>(`result = compare(args['sql'], args['output'])`, {
    sql: `SELECT * FROM table_changes_by_path('${path}', ${changes.from}, ${changes.to})`,
    output,
  })
  expect(differences).toEqual({ types: [], onlySpark: [], onlyOurs: [] })
  return rows
}

const sql = (text: string) => spark.ask<Row[]>(`result = sql(args)`, text)

const ROWS: Row[] = [
  FULL,
  { id: 2 },
  {
    id: 3,
    s: '',
    d: Number.NaN,
    f: -0,
    ts: new Date('1960-01-01T00:00:00.001Z'),
    ntz: '1899-12-31T23:59:59.999999',
    day: '0001-01-01',
    arr: [],
    m: {},
    st: { x: null, y: null },
  },
  { id: 4, d: Number.NEGATIVE_INFINITY, l: -(2n ** 63n), b: false, small: '0.01', day: '9999-12-31' },
]

const vectors = { 'delta.enableDeletionVectors': 'true' }

/** Statements of Spark's on a table at a path, which they write `$t`. */
async function inSpark(path: string, ...statements: string[]): Promise<void> {
  for (const statement of statements) await sql(statement.replaceAll('$t', `delta.\`${path}\``))
}

const ids = async (path: string) => {
  const rows: Row[] = []
  for await (const some of (await (await openTable(path)).snapshot()).rows({ columns: ['id'] })) rows.push(...some)
  return rows.map(row => Number(row.id)).sort((a, b) => a - b)
}

describe.skipIf(reason)(`Spark${reason ? ` (skipped: ${reason})` : ''}`, () => {
  afterAll(() => spark?.stop?.())

  describe('on tables that we made', () => {
    it('reads every type exactly, and writes it back', async () => {
      const folder = newFolder()
      const table = await createTable(folder, { schema: EVERY_TYPE })
      await table.append(ROWS)
      expect(await agree(folder)).toBe(4)
      await inSpark(
        folder,
        `INSERT INTO $t SELECT * REPLACE (id + 10 AS id) FROM $t`.replace('* REPLACE (id + 10 AS id)', 'id + 10, * EXCEPT (id)'),
      )
      expect(await agree(folder)).toBe(8)
      await table.append(ROWS.map(row => ({ ...row, id: Number(row.id) + 20 })))
      expect(await agree(folder)).toBe(12)
      expect(await agree(folder, 1)).toBe(4)
    })

    it.each([
      ['rewriting', {}],
      ['with deletion vectors', vectors],
    ])('reads, travels, appends, updates, deletes, merges and checkpoints, %s', async (_name, properties) => {
      const folder = newFolder()
      const table = await createTable(folder, { schema: 'id int, p string, n long', partitionBy: ['p'], properties })
      const rows = (from: number) =>
        [0, 1, 2, 3, 4, 5].map(i => ({ id: from + i, p: ['a b/%=ü', null, "'x'"][i % 3] ?? null, n: i }))
      await table.append(rows(0))
      await table.append(rows(10))
      await table.delete('id IN (1, 3)')
      await table.update({ n: 'n + 100' }, { where: 'id = 10' })
      expect(await agree(folder)).toBe(10)
      await inSpark(
        folder,
        `INSERT INTO $t VALUES (20, 'a b/%=ü', 20), (21, NULL, 21)`,
        `DELETE FROM $t WHERE id IN (4, 10)`,
        `UPDATE $t SET n = -n WHERE id = 5`,
        `MERGE INTO $t t USING (SELECT * FROM VALUES (0, 'moved', 7), (30, 'new', 8) AS s(id, p, n)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *`,
      )
      expect(await agree(folder)).toBe(11)
      await spark.ask(`checkpoint(args)`, folder)
      await table.merge(
        [
          { id: 30, n: 9 },
          { id: 40, p: 'ours', n: 1 },
        ],
        { on: 'target.id = source.id' },
      )
      await table.delete('id = 21')
      await table.checkpoint()
      await inSpark(folder, `DELETE FROM $t WHERE id = 40`)
      const last = (await table.snapshot()).version
      expect(last).toBeGreaterThan(9)
      for (let version = 0; version <= last; version++) await agree(folder, version)
      expect(await ids(folder)).toEqual([0, 2, 5, 11, 12, 13, 14, 15, 20, 30])
    })

    it('reads our deletion vectors of every container kind', async () => {
      const folder = newFolder()
      const table = await createTable(folder, { schema: 'id long', properties: vectors })
      await table.append({ sql: 'SELECT range AS id FROM range(200000)' })
      await table.delete('id < 70000 AND id % 3 = 0')
      await table.delete('id BETWEEN 131072 AND 140000 OR id = 199999')
      expect((await table.snapshot()).files.map(file => file.deletionVector?.cardinality)).toEqual([23334 + 8930])
      expect(await agree(folder)).toBe(200000 - 23334 - 8930)
    })

    it('loads our checkpoint alone, with txn, properties and statistics', async () => {
      const folder = newFolder()
      const table = await createTable(folder, {
        schema: 'id int, t timestamp',
        properties: { 'delta.checkpointInterval': '3', ...vectors },
        description: 'what',
      })
      for (let id = 1; id <= 3; id++)
        await table.append([{ id, t: new Date(id) }, { id: -id }], { txn: { appId: 'app', version: id } })
      for (let version = 0; version < 3; version++) rmSync(join(folder, `_delta_log/${String(version).padStart(20, '0')}.json`))
      expect(await agree(folder)).toBe(6)
      const [detail] = await sql(`DESCRIBE DETAIL delta.\`${folder}\``)
      expect(detail).toMatchObject({ numFiles: 3, description: 'what', properties: { 'delta.checkpointInterval': '3' } })
      await inSpark(folder, `DELETE FROM $t WHERE t = TIMESTAMP '1970-01-01 00:00:00.002'`)
      expect(await agree(folder)).toBe(5)
    })

    it('holds our constraints, as we do', async () => {
      const folder = newFolder()
      const table = await createTable(folder, {
        schema: 'id int not null, n int',
        properties: { 'delta.constraints.positive': '`n` > 0 OR n IS NULL' },
      })
      await table.append([{ id: 1, n: 1 }])
      await inSpark(folder, 'INSERT INTO $t VALUES (2, NULL)')
      await expect(inSpark(folder, 'INSERT INTO $t VALUES (3, -1)')).rejects.toThrow(/DELTA_VIOLATE_CONSTRAINT|positive/)
      await expect(inSpark(folder, 'INSERT INTO $t VALUES (NULL, 1)')).rejects.toThrow(/NULL/i)
      expect(await agree(folder)).toBe(2)
    })

    it('keeps to in-commit timestamps', async () => {
      const folder = newFolder()
      const table = await createTable(folder, { schema: 'id int', properties: { 'delta.enableInCommitTimestamps': 'true' } })
      await table.append([{ id: 1 }])
      await inSpark(folder, 'INSERT INTO $t VALUES (2)')
      await table.append([{ id: 3 }])
      const history = await sql(`DESCRIBE HISTORY delta.\`${folder}\``)
      const ours = (await table.history()).map(entry => [entry.version, entry.timestamp.getTime()])
      expect(ours).toEqual(history.map(row => [row.version, Date.parse(`${String(row.timestamp).replace(' ', 'T')}Z`)]))
      expect(await agree(folder)).toBe(3)
    })

    it.each([
      ['rewriting', {}],
      ['with deletion vectors', vectors],
    ])('reads our change data feed, %s', async (_name, more) => {
      const folder = newFolder()
      const properties = { 'delta.enableChangeDataFeed': 'true', ...more }
      const table = await createTable(folder, { schema: 'id int, p string, ts timestamp', partitionBy: ['p'], properties })
      await table.append([1, 2, 3, 4, 5, 6].map(id => ({ id, p: id % 2 ? 'odd/%' : null, ts: new Date(id) })))
      await table.delete('id = 1')
      await table.update({ p: `'moved'` }, { where: 'id IN (2, 3)' })
      await table.merge(
        [
          { id: 3, p: 'merged' },
          { id: 9, p: 'x' },
        ],
        { on: 'target.id = source.id' },
      )
      await table.delete(`p = 'x'`)
      await table.restore({ version: 2 })
      await table.optimize()
      await table.overwrite([{ id: 10, p: 'over', ts: null }])
      expect(await agreeOnChanges(folder, 0)).toBeGreaterThan(15)
      await inSpark(folder, `MERGE INTO $t t USING (SELECT 10 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET p = 'y'`)
      expect(await agreeOnChanges(folder, (await (await openTable(folder)).snapshot()).version)).toBe(2)
    })

    it.each(['name', 'id'])('reads and changes what we map by %s, and renames it', async mode => {
      const folder = newFolder()
      const properties = { 'delta.columnMapping.mode': mode }
      const schema = 'id int, `a b` array<struct<`x;y`: long>>, p string'
      const table = await createTable(folder, { schema, partitionBy: ['p'], properties })
      await table.append([{ id: 1, 'a b': [{ 'x;y': 7 }, null], p: 'q/%' }, { id: 2 }])
      await table.append([{ id: 3, more: { deep: [1.5] } }], { mergeSchema: true })
      expect(await agree(folder)).toBe(3)
      await inSpark(
        folder,
        'INSERT INTO $t (id, `a b`, p, more) VALUES (4, array(named_struct("x;y", 8L)), "new", named_struct("deep", array(2.5D)))',
        'ALTER TABLE $t RENAME COLUMN `a b` TO list',
        'ALTER TABLE $t ADD COLUMN later STRUCT<z: INT>',
        'UPDATE $t SET later = named_struct("z", 1) WHERE id = 1',
      )
      expect(await agree(folder)).toBe(4)
      await table.merge([{ id: 2, list: [{ 'x;y': 1 }], p: 'm', later: { z: 5 } }], { on: 'target.id = source.id' })
      await table.checkpoint()
      expect(await agree(folder)).toBe(4)
    })

    it('restores, optimizes and vacuums', async () => {
      const folder = newFolder()
      const table = await createTable(folder, { schema: 'id int', properties: vectors })
      await table.append([{ id: 1 }, { id: 2 }])
      await table.append([{ id: 3 }])
      await table.delete('id = 1')
      await inSpark(folder, 'OPTIMIZE $t')
      expect(await agree(folder)).toBe(2)
      await inSpark(folder, 'RESTORE TABLE $t TO VERSION AS OF 2')
      expect(await agree(folder)).toBe(3)
      await table.restore({ version: 3 })
      await table.optimize()
      await inSpark(folder, 'VACUUM $t')
      expect(await agree(folder)).toBe(2)
    })
  })

  describe('made tables that we', () => {
    const CREATE = `CREATE TABLE $t (id INT NOT NULL, s STRING, l BIGINT, sh SMALLINT, by TINYINT, f FLOAT, d DOUBLE, dec DECIMAL(38,10), small DECIMAL(7,2), b BOOLEAN, bin BINARY, day DATE, ts TIMESTAMP, ntz TIMESTAMP_NTZ, arr ARRAY<STRING>, st STRUCT<x: INT, y: ARRAY<DOUBLE>>, m MAP<STRING, BIGINT>)`
    const FILL = `INSERT INTO $t VALUES
      (1, 'é', 9223372036854775807, -32768, 127, 0.5, 1e300, 1234567890123456789012345678.0123456789, -99999.99, true, X'00FF', DATE '1969-07-20', TIMESTAMP '2024-03-01 12:34:56.123456', TIMESTAMP_NTZ '1899-12-31 23:59:59.999999', array('a', NULL), named_struct('x', 1, 'y', array(1.5D, NULL)), map('k', 1L, 'z', NULL)),
      (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
      (3, '', -9223372036854775808, 0, 0, CAST('NaN' AS FLOAT), -0.0D, 0, 0.01, false, X'', DATE '0001-01-01', TIMESTAMP '1960-01-01 00:00:00.000001', NULL, array(), named_struct('x', NULL, 'y', NULL), map())`

    it.each([
      ['plain', ''],
      ['with deletion vectors', `TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`],
      ['with column mapping by name', `TBLPROPERTIES ('delta.columnMapping.mode' = 'name')`],
      ['with column mapping by id', `TBLPROPERTIES ('delta.columnMapping.mode' = 'id')`],
      ['with V2 checkpoints', `TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')`],
    ])('read exactly, with every type, %s', async (_name, properties) => {
      const folder = newFolder()
      await inSpark(folder, `${CREATE} USING delta ${properties}`, FILL, 'DELETE FROM $t WHERE id = 2')
      expect(await agree(folder)).toBe(2)
      expect(await agree(folder, 1)).toBe(3)
      await spark.ask(`checkpoint(args)`, folder)
      expect(await agree(folder)).toBe(2)
    })

    it.each([
      ['plain', ''],
      ['with deletion vectors', `TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`],
      ['with V2 checkpoints', `TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.enableDeletionVectors' = 'true')`],
    ])('read, travel, append, update, delete, merge, checkpoint and optimize, %s', async (_name, properties) => {
      const folder = newFolder()
      await inSpark(
        folder,
        `CREATE TABLE $t (id INT, p STRING, n BIGINT) USING delta PARTITIONED BY (p) ${properties}`,
        `INSERT INTO $t SELECT CAST(id AS INT), CASE id % 3 WHEN 0 THEN 'a b/%' WHEN 1 THEN NULL ELSE "'x'" END, id FROM range(0, 30, 1, 1)`,
        `DELETE FROM $t WHERE id IN (1, 5, 6)`,
        `UPDATE $t SET n = -n WHERE id = 7`,
      )
      const table = await openTable(folder)
      expect(await agree(folder)).toBe(27)
      await table.append([
        { id: 100, p: 'new', n: 1 },
        { id: 101, p: null, n: null },
      ])
      await table.delete('id IN (2, 8) OR n = -7')
      await spark.ask(`checkpoint(args)`, folder)
      await table.update({ n: '0' }, { where: 'id = 9' })
      await table.merge(
        [
          { id: 10, n: 11 },
          { id: 200, p: 'a b/%', n: 12 },
        ],
        { on: 'target.id = source.id' },
      )
      expect(await agree(folder)).toBe(27)
      await inSpark(folder, `DELETE FROM $t WHERE id IN (9, 10, 11)`)
      await table.checkpoint()
      await inSpark(folder, `INSERT INTO $t VALUES (300, 'x', 1)`)
      await table.optimize()
      const last = (await table.snapshot()).version
      for (let version = 0; version <= last; version++) await agree(folder, version)
      expect(await ids(folder)).toEqual([
        ...Array.from({ length: 30 }, (_, i) => i).filter(i => ![1, 2, 5, 6, 7, 8, 9, 10, 11].includes(i)),
        100,
        101,
        200,
        300,
      ])
    })

    it('read through V2 checkpoints with sidecars alone', async () => {
      const folder = newFolder()
      await inSpark(
        folder,
        `CREATE TABLE $t (id INT, p INT) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')`,
      )
      for (const format of ['json', 'parquet']) {
        await spark.ask(
          `spark.conf.set('spark.databricks.delta.checkpointV2.topLevelFileFormat', args)
spark.conf.set('spark.databricks.delta.checkpoint.partSize', '4')`,
          format,
        )
        await inSpark(
          folder,
          `INSERT INTO $t SELECT CAST(id AS INT), CAST(id % 10 AS INT) FROM range(20)`,
          'DELETE FROM $t WHERE id = 3',
        )
        await spark.ask(`checkpoint(args)`, folder)
        const { version } = await (await openTable(folder)).snapshot()
        const log = join(folder, '_delta_log')
        const name = readdirSync(log).find(one => one.startsWith(`${String(version).padStart(20, '0')}.checkpoint.`))
        expect(name).toMatch(new RegExp(`\\.${format}$`))
        expect(readdirSync(join(log, '_sidecars')).length).toBeGreaterThan(1)
        for (const one of readdirSync(log))
          if (/^\d{20}\.json$/.test(one) && Number(one.slice(0, 20)) < version) rmSync(join(log, one))
        expect(await agree(folder)).toBe(format === 'json' ? 19 : 38)
      }
      await spark.ask(
        `for key in ('checkpointV2.topLevelFileFormat', 'checkpoint.partSize'): spark.conf.unset('spark.databricks.delta.' + key)`,
      )
      const table = await openTable(folder)
      await table.append([{ id: 99, p: 1 }])
      await table.checkpoint()
      expect(await agree(folder)).toBe(39)
    })

    it('read after columns were renamed, dropped and added', async () => {
      const folder = newFolder()
      await inSpark(
        folder,
        `CREATE TABLE $t (id INT, a STRING, b STRUCT<x: INT, y: STRING>, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true')`,
        `INSERT INTO $t VALUES (1, 'one', named_struct('x', 1, 'y', 'u'), 'p'), (2, 'two', NULL, 'q')`,
        'ALTER TABLE $t RENAME COLUMN a TO `b c`',
        'ALTER TABLE $t RENAME COLUMN b.x TO z',
        'ALTER TABLE $t RENAME COLUMN p TO part',
        'ALTER TABLE $t ADD COLUMN (a BIGINT)',
        `INSERT INTO $t VALUES (3, 'three', named_struct('z', 3, 'y', 'w'), 'p', 33)`,
        'ALTER TABLE $t DROP COLUMN b.y',
        'DELETE FROM $t WHERE id = 1',
      )
      for (let version = 1; version <= 8; version++) await agree(folder, version)
      expect(await ids(folder)).toEqual([2, 3])
    })

    it.each([
      ['rewriting', ''],
      ['with deletion vectors', `'delta.enableDeletionVectors' = 'true',`],
      ['with column mapping by name', `'delta.columnMapping.mode' = 'name',`],
      [
        'with column mapping by id and deletion vectors',
        `'delta.columnMapping.mode' = 'id', 'delta.enableDeletionVectors' = 'true',`,
      ],
    ])('read and go on with the change data feed of, %s', async (_name, properties) => {
      const folder = newFolder()
      await inSpark(
        folder,
        `CREATE TABLE $t (id INT, p STRING, st STRUCT<x: INT>) USING delta PARTITIONED BY (p) TBLPROPERTIES (${properties} 'delta.enableChangeDataFeed' = 'true')`,
        `INSERT INTO $t SELECT CAST(id AS INT), CASE id % 3 WHEN 0 THEN 'a b/%' WHEN 1 THEN NULL ELSE 'x' END, named_struct('x', CAST(id AS INT)) FROM range(0, 12, 1, 1)`,
        'DELETE FROM $t WHERE id IN (1, 2)',
        'UPDATE $t SET st = named_struct("x", -1) WHERE id = 3',
        `MERGE INTO $t t USING (SELECT * FROM VALUES (4, 'x'), (5, 'y'), (20, 'z') AS s(id, p)) s ON t.id = s.id WHEN MATCHED AND s.id = 4 THEN DELETE WHEN MATCHED THEN UPDATE SET p = s.p WHEN NOT MATCHED THEN INSERT (id, p) VALUES (s.id, s.p)`,
        'OPTIMIZE $t',
        'RESTORE TABLE $t TO VERSION AS OF 2',
        `INSERT OVERWRITE $t VALUES (30, 'o', NULL), (31, NULL, named_struct('x', 1))`,
      )
      expect(await agreeOnChanges(folder, 0)).toBeGreaterThan(20)
      const table = await openTable(folder)
      await table.append([
        { id: 40, p: 'ours/%', st: { x: 40 } },
        { id: 41, p: null, st: null },
      ])
      await table.update({ p: `'moved'`, st: `{'x': 7}` }, { where: 'id IN (30, 40)' })
      await table.delete('id = 31')
      await table.merge(
        [
          { id: 41, p: 'm', st: { x: 1 } },
          { id: 50, p: 'm', st: { x: 2 } },
        ],
        { on: 'target.id = source.id' },
      )
      await table.restore({ version: 3 })
      await table.optimize()
      await table.checkpoint()
      const last = (await table.snapshot()).version
      expect(await agreeOnChanges(folder, 8)).toBeGreaterThan(15)
      await inSpark(folder, 'DELETE FROM $t WHERE id = 6', 'OPTIMIZE $t')
      for (let version = 7; version <= last + 1; version++) await agree(folder, version)
      expect(await agreeOnChanges(folder, 0, last + 1)).toBeGreaterThan(40)
    })

    it.each(['name', 'id'])('write, with column mapping by %s', async mode => {
      const folder = newFolder()
      await inSpark(
        folder,
        `CREATE TABLE $t (id INT NOT NULL, p STRING, \`a b\` STRING, st STRUCT<x: INT, \`y z\`: ARRAY<STRUCT<k: BIGINT>>>, m MAP<STRING, STRUCT<v: DOUBLE>>) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = '${mode}')`,
        `INSERT INTO $t VALUES (1, 'p', 'one', named_struct('x', 1, 'y z', array(named_struct('k', 2L))), map('k', named_struct('v', 0.5D)))`,
        'ALTER TABLE $t RENAME COLUMN `a b` TO text',
        'ALTER TABLE $t RENAME COLUMN p TO part',
        'ALTER TABLE $t RENAME COLUMN st.x TO z',
        'ALTER TABLE $t ADD CONSTRAINT short CHECK (length(text) < 10)',
      )
      const table = await openTable(folder)
      const row = (id: number, part: string | null) => ({
        id,
        part,
        text: `row ${id}`,
        st: { z: id, 'y z': [{ k: id }, null] },
        m: { k: { v: id / 2 }, none: null },
      })
      await table.append([row(2, 'p'), row(3, 'new/%'), row(4, null), { id: 5, text: '' }])
      await expect(table.append([{ id: 6, text: 'far too long' }])).rejects.toBeInstanceOf(ConstraintError)
      expect(await agree(folder)).toBe(5)
      const files = (await table.snapshot({ version: 6 })).files
      // Spark's file and ours have the same columns under the same ids; Spark writes the partition column (2) as well.
      const shapes = await spark.ask<string[]>(
        `result = sorted(set(' '.join('='.join(f) for f in re.findall(r'field_id=(\\d+) ([\\w-]+)', str(pq.ParquetFile(path).schema)) if f[0] != '2') for path in args))`,
        files.map(file => join(folder, decodeURIComponent(file.path))),
      )
      expect(shapes).toHaveLength(1)
      expect(shapes[0]?.split(' ').map(shape => shape.split('=')[0])).toEqual(['1', '3', '4', '5', '6', '7', '8', '9'])
      await inSpark(folder, `UPDATE $t SET text = 'spark' WHERE st.z = 3`, `DELETE FROM $t WHERE part = 'p' AND id = 1`)
      await table.delete('id = 2')
      await table.update({ text: `part || '!'`, part: `'q'` }, { where: `part = 'new/%'` })
      await table.merge([row(4, 'merged'), row(7, 'merged')], { on: 'target.id = source.id' })
      await table.optimize()
      await table.overwrite([row(8, 'over')])
      await table.restore({ version: 7 })
      await table.checkpoint()
      const last = (await table.snapshot()).version
      for (let version = 2; version <= last; version++) await agree(folder, version)
      const found = await sql(`SELECT count(*) AS n FROM delta.\`${folder}\` WHERE st.z = 4 AND part IS NULL`)
      expect(found).toEqual([{ n: 1 }])
      await table.append([{ id: 9, text: 'wide', more: [{ deep: 'd', n: 1.5 }] }], { mergeSchema: true })
      await agree(folder)
      await inSpark(folder, 'ALTER TABLE $t RENAME COLUMN more TO most', `UPDATE $t SET text = 'wider' WHERE id = 9`)
      await agree(folder)
    })
  })
})
