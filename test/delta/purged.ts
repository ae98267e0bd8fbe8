import { expect } from 'vitest'
import { type CreateOptions, createTable, type DeltaTable, duckdb, openTable, type Row } from '../../src/delta/index.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { Store } from '../../src/stores/store.js'
import { faulty } from './faulty.js'
import { askPython, noOracle } from './oracle.js'

const NAME = 'eve_the_forgotten'
const MAPPED = (mode: string) => ({ 'delta.columnMapping.mode': mode })
const VECTORS = { 'delta.enableDeletionVectors': 'true' }
const FEED = { 'delta.enableChangeDataFeed': 'true' }

/** The tables that are purged; the change data feed is on in all but the plain one. */
export const KINDS: Record<string, Pick<CreateOptions, 'partitionBy' | 'properties'>> = {
  'a plain table': { properties: {} },
  'a change data feed': { properties: FEED },
  'partitions by a day': { partitionBy: ['day'], properties: FEED },
  'partitions by the user': { partitionBy: ['user', 'day'], properties: FEED },
  'column mapping by name': { properties: { ...FEED, ...MAPPED('name') } },
  'column mapping by id, and partitions': { partitionBy: ['day'], properties: { ...FEED, ...MAPPED('id') } },
  'deletion vectors': { properties: { ...FEED, ...VECTORS } },
  'all of it': { partitionBy: ['user'], properties: { ...FEED, ...VECTORS, ...MAPPED('name') } },
}

const row = (id: number, user: string, more: object = {}) => ({
  id,
  user,
  day: id % 3 ? 'mon' : null,
  text: id % 2 ? `@${NAME} hears ${id}` : `about ${id}`,
  at: new Date(1.7e12 + id),
  thing: { who: `thing ${id}`, n: id },
  ...more,
})

/** A table with a history: appends, updates, deletes, a dropped column, a compaction, a checkpoint between. */
async function history(store: Store, options: (typeof KINDS)[string]): Promise<DeltaTable> {
  const table = await createTable(store, {
    schema: 'id int not null, user string, day string, text string, at timestamp, thing struct<who: string, n: int>, note string',
    ...options,
    properties: { 'delta.checkpointInterval': '4', ...options.properties },
  })
  const users = [NAME, 'ann', 'bob']
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => row(from + i, users[(from + i) % 3]!, { note: `by ${users[(from + i) % 3]}` }))
  await table.append(rows(0, 12))
  await table.append(rows(12, 24))
  await table.update({ text: `'changed ' || text` }, { where: 'id IN (3, 4, 13)' })
  await table.delete('id IN (0, 1, 5)')
  await table.append([row(24, NAME)])
  await table.delete('id = 12 OR id = 14')
  if (options.properties?.['delta.columnMapping.mode']) {
    // As Spark drops a column: the files keep it, and former versions have it.
    const { version, schema, properties, partitionColumns } = await table.snapshot()
    const fields = schema.fields.filter(field => field.name !== 'note')
    const metaData = {
      ...{ id: 'mapped', format: { provider: 'parquet', options: {} }, partitionColumns, configuration: properties },
      schemaString: JSON.stringify({ ...schema, fields }),
    }
    await store.put(`_delta_log/${String(version + 1).padStart(20, '0')}.json`, `${JSON.stringify({ metaData })}\n`)
  }
  await table.append([row(25, 'ann'), row(26, NAME), row(27, 'bob')])
  await table.optimize()
  await table.append([row(28, 'ann')])
  await table.delete('id = 28')
  return table
}

const purge = (table: DeltaTable) =>
  table.purge(schema => {
    const texts = schema.fields.filter(({ type, name }) => type === 'string' && name !== 'user' && name !== 'day')
    return {
      where: `"user" = '${NAME}'`,
      set: Object.fromEntries(texts.map(({ name }) => [name, `replace("${name}", '@${NAME}', '[gone]')`])),
      setWhere: texts.map(({ name }) => `contains("${name}", '@${NAME}')`).join(' OR '),
      scrub: text => text.includes(NAME),
      graceMs: 0,
    }
  })

/** The rows of each version, and of the feed, as text, sorted. */
async function read(table: DeltaTable, upTo: number, feed: boolean): Promise<string[][]> {
  const database = await duckdb()
  const texts = (rows: Row[]) => rows.map(one => JSON.stringify(one)).sort()
  const all: string[][] = []
  for (let version = 0; version <= upTo; version++)
    all.push(texts(await database.rows(`SELECT * FROM ${await (await table.snapshot({ version })).relation()}`)))
  if (feed) {
    const changes = await (await table.changes({ from: 0, to: upTo })).relation()
    all.push(texts(await database.rows(`SELECT * EXCLUDE (_commit_timestamp) FROM ${changes}`)))
  }
  return all
}

const without = (versions: string[][]) =>
  versions.map(rows => rows.filter(one => !one.includes(`"user":"${NAME}"`)).map(one => one.replaceAll(`@${NAME}`, '[gone]')))

/** Files of tables in which the name stands, by pyarrow: of Parquet every value and the footer. */
async function traces(...stores: Store[]): Promise<string[]> {
  const files: Record<string, string> = {}
  for (const [i, store] of stores.entries())
    for await (const { path } of store.list('')) files[`${i}/${path}`] = Buffer.from(await store.read(path)).toString('base64')
  const script = `
import base64, io, pyarrow.parquet as pq
found = []
for path, text in json.load(sys.stdin).items():
    data = base64.b64decode(text)
    texts = [path, data.decode('utf-8', 'replace')]
    if path.endswith('.parquet'):
        file = pq.ParquetFile(io.BytesIO(data))
        texts += [str(file.read().to_pydict()), str(file.metadata.to_dict())]
    if any('${NAME}' in text for text in texts): found.append(path)
print(json.dumps(found))`
  return askPython(script, {}, JSON.stringify(files))
}

/** Rows per version as delta-rs reads them, and the names in them. */
async function deltaRsRows(address: string, upTo: number, options: object = {}): Promise<{ ids: number[][]; named: number }> {
  return askPython(
    `
ids, named = [], 0
for version in range(args['upTo'] + 1):
    t = QueryBuilder().register('t', DeltaTable(args['address'], version=version, storage_options=args['options']))
    found = pa.table(t.execute('select * from t').read_all()).to_pylist()
    ids.append(sorted(row['id'] for row in found))
    named += sum('${NAME}' in str(row) for row in found)
print(json.dumps({'ids': ids, 'named': named}))`,
    { address, upTo, options },
  )
}

const idsOf = (versions: string[][]) =>
  versions.map(rows => rows.map(one => (JSON.parse(one) as { id: number }).id).sort((a, b) => a - b))

async function copy(from: Store, to: Store): Promise<Store> {
  for await (const { path } of from.list('')) await to.put(path, await from.read(path))
  return to
}

/** The version that each moment in the life of a table leads to. */
async function versionsAt(store: Store, moments: readonly Date[]): Promise<number[]> {
  const table = await openTable(store)
  return Promise.all(moments.map(async timestamp => (await table.snapshot({ timestamp })).version))
}

/** Where and how a table is purged. */
export interface Place {
  fresh(): { store: Store; address: string }
  /** Of delta-rs. */
  storage?: Record<string, string>
  /** How often the purge of a copy is killed, at writes that lie evenly apart; default at every one. */
  kills?: number
}

/** Purges a table, and copies of it in which the purge is killed on the way and done again; all must come to the same. */
export async function checkPurge(kind: string, { fresh, storage = {}, kills = Number.POSITIVE_INFINITY }: Place): Promise<void> {
  const options = KINDS[kind]!
  const feed = options.properties?.['delta.enableChangeDataFeed'] === 'true'
  const { store, address } = fresh()
  const table = await history(store, options)
  const { version } = await table.snapshot()
  const moments: Date[] = []
  for await (const { path, modified } of store.list('_delta_log/')) if (/\d{20}\.json$/.test(path)) moments.push(modified)
  const at = await versionsAt(store, moments)
  const before = await read(table, version, feed)
  const wanted = without(before)
  expect(wanted).not.toEqual(before)
  const original = await copy(store, memoryStore())
  const open = await openTable(store)
  const counted = faulty(store, Number.POSITIVE_INFINITY, { error: '', after: false })
  const done = await purge(await openTable(counted))
  expect(done.deleted).toBeGreaterThan(5)
  // The handle that made it, one that was open meanwhile, and a new one.
  for (const handle of [table, open, await openTable(store)]) {
    expect(await read(handle, version, feed)).toEqual(wanted)
    const newest = await handle.snapshot()
    expect((await read(handle, newest.version, false)).at(-1)).toEqual(wanted[version])
    expect(newest.version).toBeGreaterThan(version)
  }
  expect(await versionsAt(store, moments)).toEqual(at)
  // delta-rs has no column mapping by id.
  if (!noOracle && options.properties?.['delta.columnMapping.mode'] !== 'id')
    expect(await deltaRsRows(address, version, storage)).toEqual({ ids: idsOf(wanted.slice(0, version + 1)), named: 0 })
  expect(await purge(await openTable(store))).toEqual({ deleted: 0, changed: 0, files: 0, versions: 0, pending: 0 })
  // It goes on as a table.
  await table.append([row(40, 'ann')])
  await table.optimize()
  expect(await read(table, version, feed)).toEqual(wanted)
  const killed = [store]
  for (let call = 0; call < counted.calls(); call += Math.max(1, Math.ceil(counted.calls() / kills))) {
    const { store: place } = fresh()
    await copy(original, place)
    await purge(await openTable(faulty(place, call, { error: 'killed', after: false, dead: true }))).then(
      () => expect.unreachable(),
      error => expect(String(error)).toContain('killed'),
    )
    await purge(await openTable(place))
    expect(await read(await openTable(place), version, feed)).toEqual(wanted)
    killed.push(place)
  }
  expect(await traces(...killed)).toEqual([])
}
