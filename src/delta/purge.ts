/**
 * Taking rows out of a table as if they had never been in it. Data files that hold them are written anew, and the log's actions for
 * those files are mended, so that every version can still be read. A journal makes it one step: what is in it is done to its end by
 * whoever comes next. A file keeps its name, unless its deletion vectors or partition values change: then the two are seen to change at once.
 */
import { randomUUID } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FileNotFoundError, type Store, type StoredFile } from '../stores/store.js'
import { type AddFile, type DeletionVector, decodePath, encodePath, type MetaData } from './actions.js'
import { mappingOf, nameInFiles, physicalName, rename } from './column-mapping.js'
import { removeOf, requireWritable, type TableCore } from './core.js'
import { newVector, readVector } from './deletion-vector.js'
import { duckdb, quoteName, quoteText } from './duckdb.js'
import { UnsupportedFeatureError } from './errors.js'
import { FORGET, presentBefore, withGone } from './gone.js'
import { localFile } from './local-files.js'
import { LOG } from './log.js'
import { writeOneFile } from './parquet.js'
import { type Journal, mendFile, mendLog, type NamedFile, namedFiles, type Rewritten } from './purge-log.js'
import { dataPath, FILE_COLUMN, locatedSql, type RelationInput, ROW_COLUMN, vectorFile } from './relation.js'
import { CHANGE_TYPE, withChangeType } from './rewrite.js'
import { parseSchemaString, type Schema } from './schema.js'

/** Which rows go, and what else of the table is changed with them. */
export interface PurgeOptions {
  /** SQL predicate: rows that go. */
  where: string
  /** Columns that get new values in the rows that stay and for which `setWhere` is true, as SQL. */
  set?: Readonly<Record<string, string>>
  setWhere?: string
  /** True for a parameter of a former operation that must not stay in the log. */
  scrub?(text: string): boolean
  /** Files that no commit names are left alone for so many milliseconds: somebody may be about to commit them. Default 60,000. */
  graceMs?: number
}

/** What a purge did. */
export interface Purged {
  /** Rows that went and rows that were changed, each counted once for every data file it was in. */
  deleted: number
  changed: number
  /** Data files written anew, and commits whose actions were mended. */
  files: number
  versions: number
  /** Files with such rows that no commit names yet: call again later. */
  pending: number
}

/** Where a purge keeps what it is doing; readers and vacuums pass it by. */
const FOLDER = '_forget/'
const JOURNAL = `${FOLDER}journal.json`
/** Where the protocol has change data files. */
const FEED_FOLDER = '_change_data/'
const GRACE_MS = 60_000
/** Files that one query looks at. */
const FILES_AT_ONCE = 500

interface Hit {
  path: string
  row: number
  gone: boolean
}

/** A table while it is purged. */
interface Work extends PurgeOptions {
  store: Store
  version: number
  mapping: string
  /** Every column of any version that is kept. */
  schema: Schema
}

/** Takes rows out of all versions; what to do may depend on the columns, which are those of all versions. */
export async function purgeTable(core: TableCore, wanted: PurgeOptions | ((schema: Schema) => PurgeOptions)): Promise<Purged> {
  const { store } = core
  const state = await core.newest()
  const { metaData } = requireWritable(store, state)
  const earlier = await readJournal(store)
  if (earlier) await finish(core, earlier, typeof wanted === 'function' ? {} : wanted)
  const { version } = await core.newest()
  const { files: named, schemas } = await namedFiles(store, version)
  const schema = allColumns([metaData, ...schemas])
  const options = typeof wanted === 'function' ? wanted(schema) : wanted
  const work: Work = { ...options, store, version, mapping: mappingOf(metaData), schema }
  const found = await dataFiles(store)
  const result: Purged = { deleted: 0, changed: 0, files: 0, versions: 0, pending: 0 }
  const journal: Journal = {}
  try {
    for (const [path, rows] of await findHits(
      work,
      [...named].filter(([path]) => found.has(path)),
    )) {
      const gone = rows.filter(row => row.gone).map(row => row.row)
      journal[path] = await stage(work, path, named.get(path)!, gone)
      result.deleted += gone.length
      result.changed += rows.length - gone.length
      result.files++
    }
    result.pending = await dropUnnamed(
      work,
      [...found.values()].filter(({ path }) => !named.has(path)),
    )
  } catch (error) {
    for (const { staged } of Object.values(journal)) await store.delete(staged).catch(() => undefined)
    throw error
  }
  if (result.files) await store.put(JOURNAL, JSON.stringify(journal))
  result.versions = await finish(core, journal, options)
  return result
}

async function readJournal(store: Store): Promise<Journal | undefined> {
  try {
    return JSON.parse(Buffer.from(await store.read(JOURNAL)).toString()) as Journal
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined
    throw error
  }
}

/** The columns of several versions, the newest first; one that shares its name with a newer one goes by its physical name. */
function allColumns(versions: readonly MetaData[]): Schema {
  const fields = new Map<string, Schema['fields'][number]>()
  const names = new Set<string>()
  for (const { schemaString } of versions)
    for (const field of parseSchemaString(schemaString).fields) {
      const physical = physicalName(field)
      if (fields.has(physical)) continue
      const name = names.has(field.name) ? physical : field.name
      names.add(name)
      // Rows of other versions may lack it.
      fields.set(physical, { ...field, name, nullable: true })
    }
  return { type: 'struct', fields: [...fields.values()] }
}

/** The Parquet files in a table's folder. */
async function dataFiles(store: Store): Promise<Map<string, StoredFile>> {
  const found = new Map<string, StoredFile>()
  for await (const file of store.list(''))
    if (file.path.endsWith('.parquet') && !file.path.startsWith(LOG) && !file.path.startsWith(FOLDER)) found.set(file.path, file)
  return found
}

/** Files of one kind as a relation with the numbers of their rows, deleted ones too. */
function inputOf({ store, version, schema, mapping }: Work, files: readonly AddFile[]): RelationInput {
  const keys = Object.keys(files[0]?.partitionValues ?? {})
  const partitionColumns = schema.fields
    .filter(field => keys.includes(physicalName(field)) || keys.includes(field.name))
    .map(field => field.name)
  // The change type has no field id: files of the feed are read by their physical names.
  const byName = mapping === 'id' && isFeed(files[0])
  return { store, version, schema, partitionColumns, mapping: byName ? 'name' : mapping, files: files.map(withoutVector) }
}

const isFeed = (file: AddFile | undefined) => file !== undefined && decodePath(file.path).startsWith(FEED_FOLDER)
const withoutVector = (file: AddFile): AddFile => ({ ...file, deletionVector: undefined })

/** The rows that go or change, by file. */
async function findHits(work: Work, named: readonly (readonly [string, { add: AddFile }])[]): Promise<Map<string, Hit[]>> {
  const { where, setWhere = 'false' } = work
  const kinds = new Map<string, (readonly [string, { add: AddFile }])[]>()
  for (const one of named) {
    const kind = JSON.stringify([isFeed(one[1].add), Object.keys(one[1].add.partitionValues).sort()])
    if (!kinds.get(kind)?.push(one)) kinds.set(kind, [one])
  }
  const database = await duckdb()
  const hits = new Map<string, Hit[]>()
  for (const files of kinds.values())
    for (let start = 0; start < files.length; start += FILES_AT_ONCE) {
      const part = files.slice(start, start + FILES_AT_ONCE)
      const { sql } = await locatedSql(
        inputOf(
          work,
          part.map(([, { add }]) => add),
        ),
      )
      const select = `SELECT ${FILE_COLUMN} AS file, ${ROW_COLUMN} AS row, (${where}) IS TRUE AS gone FROM ${sql} WHERE (${where}) OR (${setWhere})`
      for await (const rows of database.stream<Omit<Hit, 'path'> & { file: number }>(select))
        for (const { file, row, gone } of rows) {
          const [path] = part[file]!
          const hit = { path, row, gone }
          if (!hits.get(path)?.push(hit)) hits.set(path, [hit])
        }
    }
  return hits
}

/** Removes files that no version names and that hold such rows, or nothing that can be read; gives how many are too young for that. */
async function dropUnnamed(work: Work, files: readonly StoredFile[]): Promise<number> {
  let pending = 0
  for (const { path, size, modified } of files) {
    const parts = [...path.matchAll(/([^/=]+)=([^/]*)\//g)].map(([, name, value]) => [name!, decodePath(value!)])
    const add: AddFile = {
      path: encodePath(path),
      partitionValues: Object.fromEntries(parts),
      size,
      modificationTime: modified.getTime(),
      dataChange: false,
    }
    const hits = await findHits(work, [[path, { add }]]).catch(() => undefined)
    if (hits?.size === 0) continue
    if (Date.now() - modified.getTime() < (work.graceMs ?? GRACE_MS)) pending++
    else await work.store.delete(path)
  }
  return pending
}

/** Writes what is to be the content of a file to a place where nobody looks for it. */
async function stage(work: Work, path: string, { add, vectors }: NamedFile, gone: readonly number[]): Promise<Rewritten> {
  const { store } = work
  const input = inputOf(work, [add])
  const { sql: located } = await locatedSql(input)
  const local = await localFile(store, path, `${add.size} ${add.modificationTime}`)
  const fields = await fieldsOf(work, add, local)
  const partitionValues = await partitionsAfter(work, add, located)
  const staged = `${FOLDER}${randomUUID()}.parquet`
  const target = store.localPath?.(staged) ?? join(tmpdir(), `moodlake-purge-${randomUUID()}.parquet`)
  if (store.localPath) await fs.mkdir(join(target, '..'), { recursive: true })
  const sql = rowsAfter(work, input.mapping, fields, local, located)
  const { size, stats } = await writeOneFile(target, sql, { type: 'struct', fields }, input.mapping !== 'none')
  await store.putFile(staged, target)
  const moved = JSON.stringify(partitionValues) !== JSON.stringify(add.partitionValues)
  const holes = gone.length ? await shiftVectors(work, [...vectors.values()], gone) : []
  // Its folder may tell the values: a file that gets others lies in none.
  const folder = moved ? (isFeed(add) ? FEED_FOLDER : '') : path.slice(0, path.lastIndexOf('/') + 1)
  return {
    staged,
    ...(moved || holes.length ? { to: `${folder}part-${randomUUID()}.zstd.parquet` } : {}),
    ...(holes.length ? { vectors: holes } : {}),
    add: { size, stats, tags: withGone(add, gone), modificationTime: Date.now(), ...(moved ? { partitionValues } : {}) },
  }
}

/** SQL: the rows of a file that stay, in their order, with all that is in the file, and new values where they get some. */
function rowsAfter(work: Work, mapping: string, fields: Schema['fields'], local: string, located: string): string {
  const { where, set = {}, setWhere = 'false' } = work
  const values: string[] = []
  const columns = fields.map(field => {
    const name = quoteName(nameInFiles(field, mapping))
    const value = set[field.name]
    if (value === undefined) return `r.${name}`
    const now = `l._moodlake_${values.length}`
    values.push(`, (${value}) AS _moodlake_${values.length}`)
    return `CASE WHEN l._moodlake_set THEN ${mapping === 'none' ? now : rename(now, field.type, 'physical')} ELSE r.${name} END AS ${name}`
  })
  const stays = `SELECT ${ROW_COLUMN}, (${setWhere}) IS TRUE AS _moodlake_set${values.join('')} FROM ${located} WHERE (${where}) IS NOT TRUE`
  const rows = `read_parquet(${quoteText(local)}, file_row_number=true, hive_partitioning=false)`
  return `SELECT ${columns.join(', ')} FROM ${rows} r JOIN (${stays}) l ON r.file_row_number = l.${ROW_COLUMN} ORDER BY r.file_row_number`
}

/** The partition values of a file's rows that stay: where none do, nulls, which tell of nobody. */
async function partitionsAfter(work: Work, add: AddFile, located: string): Promise<AddFile['partitionValues']> {
  const { where, set = {}, setWhere = 'false' } = work
  const now: AddFile['partitionValues'] = {}
  for (const [key, before] of Object.entries(add.partitionValues)) {
    const name = work.schema.fields.find(field => physicalName(field) === key || field.name === key)?.name ?? key
    const kept = before === null ? 'NULL' : quoteText(before)
    const value =
      set[name] === undefined ? kept : `CASE WHEN ${setWhere} THEN nullif(CAST((${set[name]}) AS VARCHAR), '') ELSE ${kept} END`
    const found = await (await duckdb()).rows<{ value: string | null }>(
      `SELECT DISTINCT ${value} AS value FROM ${located} WHERE (${where}) IS NOT TRUE`,
    )
    if (found.length > 1)
      throw refusal(work, 'partitions', `would get several values of its partition column ${name} in one file`)
    now[key] = found[0]?.value ?? null
  }
  return now
}

function refusal({ store }: Work, feature: string, detail: string): UnsupportedFeatureError {
  return new UnsupportedFeatureError(store.uri, [feature], `${detail}; its rows cannot be purged`)
}

/** The columns of a data file that some version can read. */
async function fieldsOf(work: Work, add: AddFile, local: string): Promise<Schema['fields']> {
  const database = await duckdb()
  const file = `read_parquet(${quoteText(local)}, hive_partitioning=false)`
  const there = new Set((await database.describe(`SELECT * FROM ${file}`)).map(({ name }) => name))
  if (work.mapping === 'id' && !isFeed(add)) {
    const byId = await database.rows<{ name: string; id: number }>(
      `SELECT name, field_id AS id FROM parquet_schema(${quoteText(local)}) WHERE field_id IS NOT NULL`,
    )
    for (const field of work.schema.fields) {
      const other = byId.find(({ id }) => id === field.metadata['delta.columnMapping.id'])
      if (other && other.name !== physicalName(field))
        throw refusal(work, 'columnMapping', `has the column ${field.name} under another name in ${add.path}`)
    }
  }
  const schema = there.has(CHANGE_TYPE) ? withChangeType(work.schema) : work.schema
  return schema.fields.filter(field => there.has(nameInFiles(field, work.mapping)))
}

/** Deletion vectors of a file, each with one of its own file for what is left when some rows go. */
async function shiftVectors(
  work: Work,
  vectors: readonly DeletionVector[],
  gone: readonly number[],
): Promise<[DeletionVector, DeletionVector][]> {
  const { store } = work
  const sorted = [...gone].sort((a, b) => a - b)
  const lost = new Set(sorted)
  const shifted: [DeletionVector, DeletionVector][] = []
  for (const vector of vectors) {
    const path = vectorFile(store, work.version, vector) ?? ''
    const rows = await readVector(vector, (start, end) => store.read(path, { start, end }))
    const made = newVector(rows.filter(row => !lost.has(row)).map(row => presentBefore(sorted, row)))
    await store.put(made.path, made.bytes)
    shifted.push([vector, made.vector])
  }
  return shifted
}

/** Does what a journal says, from wherever it was left; gives the number of commits that were mended. */
async function finish(core: TableCore, journal: Journal, options: Pick<PurgeOptions, 'scrub'>): Promise<number> {
  const { store } = core
  for (const [path, { staged, to = path }] of Object.entries(journal)) {
    if (!(await store.stat(staged))) continue
    if (store.localPath) await store.putFile(to, store.localPath(staged))
    else await store.put(to, await store.read(staged))
  }
  if (Object.keys(journal).length) await commitPurge(core, journal)
  const versions = await mendLog(core, journal, options.scrub)
  await dropFormer(core, journal)
  for await (const { path } of store.list(FOLDER)) if (path !== JOURNAL) await store.delete(path)
  await store.delete(JOURNAL)
  return versions
}

/** Removes files that have a new name now, and the deletion vectors that were theirs alone. */
async function dropFormer({ store, newest }: TableCore, journal: Journal): Promise<void> {
  const former = Object.entries(journal).filter(([, { to }]) => to !== undefined)
  if (!former.length) return
  const { version } = await newest()
  const files = [...(await namedFiles(store, version)).files].filter(([path]) => journal[path]?.to === undefined)
  const kept = new Set(
    files.flatMap(([, { vectors }]) => [...vectors.values()].map(vector => vectorFile(store, version, vector))),
  )
  for (const [path, { vectors = [] }] of former) {
    for (const place of vectors.map(([before]) => vectorFile(store, version, before)))
      if (place !== undefined && !kept.has(place)) await store.delete(place)
    await store.delete(path)
    // The name of an empty folder may be a partition value; one that is not empty stays.
    for (let folder = dirname(path); store.localPath && folder !== '.'; folder = dirname(folder))
      await fs.rmdir(store.localPath(folder)).catch(() => undefined)
  }
}

/** A version that tells readers of the new names, sizes and statistics of the files that are still there. */
async function commitPurge(core: TableCore, journal: Journal): Promise<void> {
  const { store } = core
  await core.commit({
    operation: FORGET,
    operationParameters: {},
    operationMetrics: { numRewrittenFiles: Object.keys(journal).length },
    base: await core.newest(),
    actions: latest =>
      [...latest.files.values()].flatMap(file => {
        const found = journal[dataPath(store, latest.version, file)]
        if (!found) return []
        const add = { add: { ...mendFile(found, file), dataChange: false } }
        return found.to === undefined ? [add] : [{ remove: removeOf(file, Date.now(), false) }, add]
      }),
  })
  // Readers of the newest version need nothing of the log before this checkpoint, which is mended next.
  if (Object.values(journal).some(({ to }) => to !== undefined)) await core.checkpoint()
}

/** Removes every version but the newest; files that no commit names as `PurgeOptions.graceMs` says. */
export async function dropHistory(core: TableCore, graceMs = GRACE_MS): Promise<{ versions: number }> {
  const { store } = core
  const { files: named } = await namedFiles(store, (await core.newest()).version)
  await core.checkpoint()
  const state = await core.newest()
  const standing = new Set([...state.files.values()].map(file => decodePath(file.path)))
  // The data first: while the log names a file, the next call finds it.
  for (const [path, { modified }] of await dataFiles(store))
    if (!standing.has(path) && (named.has(path) || Date.now() - modified.getTime() >= graceMs)) await store.delete(path)
  const removed: string[] = []
  for await (const { path } of store.list(LOG)) {
    const version = Number(/^(\d{20})\./.exec(path.slice(LOG.length))?.[1] ?? Number.NaN)
    if (version < state.version) removed.push(path)
  }
  // Oldest first: whatever stops this, a reader finds no gap after a checkpoint.
  for (const path of removed) await store.delete(path)
  return { versions: removed.filter(path => /\d{20}\.json$/.test(path)).length }
}
