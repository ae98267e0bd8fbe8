/**
 * Taking rows out of a table as if they had never been in it. Data files that hold them are written anew under their own names, and
 * the log's actions for those files are mended, so that every version can still be read. A journal makes it one step: what is in it is
 * done to its end by whoever comes next.
 */
import { randomUUID } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileNotFoundError, type Store } from '../stores/store.js'
import { type Action, type AddFile, commitName, decodePath, formatActions, parseActions } from './actions.js'
import { readCheckpoint, writeCheckpoint } from './checkpoint.js'
import { retention } from './clean-up.js'
import { mappingOf } from './column-mapping.js'
import { requireWritable, type TableCore } from './core.js'
import { duckdb, quoteName, quoteText } from './duckdb.js'
import { UnsupportedFeatureError } from './errors.js'
import { withGone } from './gone.js'
import { localFile } from './local-files.js'
import { LOG, lastCheckpointHint, listLog } from './log.js'
import { writeOneFile } from './parquet.js'
import type { Schema } from './schema.js'
import { commitChange } from './transaction.js'

/** Which rows go, and what else of the table is changed with them. */
export interface PurgeOptions {
  /** SQL predicate: rows that go. */
  where: string
  /** Columns that get new values in the rows that stay and for which `setWhere` is true, as SQL. */
  set?: Readonly<Record<string, string>>
  setWhere?: string
  /** True for a predicate of a former change that must not stay in the log. */
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

/** Operation of the commit that a purge leaves in the log. */
export const FORGET = 'FORGET'
/** Where a purge keeps what it is doing; readers and vacuums pass it by. */
const FOLDER = '_forget/'
const JOURNAL = `${FOLDER}journal.json`
const GRACE_MS = 60_000
/** Files that one query looks at. */
const FILES_AT_ONCE = 500

/** A file that is written anew: where its new content waits, and what the log is to say of it. */
interface Rewritten {
  staged: string
  add: Pick<AddFile, 'size' | 'stats' | 'tags' | 'modificationTime'>
}

type Journal = Record<string, Rewritten>

interface Hit {
  path: string
  row: number
  gone: boolean
}

/** Takes rows out of all versions. */
export async function purgeTable(core: TableCore, options: PurgeOptions): Promise<Purged> {
  const { store } = core
  const state = await core.newest()
  const { metaData, schema } = requireWritable(store, state)
  if (mappingOf(metaData) !== 'none' || metaData.partitionColumns.length)
    throw new UnsupportedFeatureError(store.uri, ['columnMapping'], 'has column mapping or partitions; its rows cannot be purged')
  const earlier = await readJournal(store)
  if (earlier) await finish(core, earlier, options)
  const named = await namedFiles(store)
  const files = await dataFiles(store)
  const hits = await findHits(store, files, named, schema, options)
  const result = { deleted: 0, changed: 0, files: 0, versions: 0, pending: 0 }
  const journal: Journal = {}
  for (const [path, rows] of hits) {
    const add = named.get(path)
    if (!add) {
      if (Date.now() - files.get(path)!.getTime() < (options.graceMs ?? GRACE_MS)) result.pending++
      else await store.delete(path)
      continue
    }
    if (add.deletionVector)
      throw new UnsupportedFeatureError(
        store.uri,
        ['deletionVectors'],
        'has deletion vectors; optimize it before rows are purged',
      )
    const gone = rows.filter(row => row.gone).map(row => row.row)
    journal[path] = await stage(store, path, add, gone, schema, options)
    result.deleted += gone.length
    result.changed += rows.length - gone.length
    result.files++
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

/** Every file that any version names, by path, with its newest action. */
async function namedFiles(store: Store): Promise<Map<string, AddFile>> {
  const named = new Map<string, AddFile>()
  const { commits, checkpoints } = await listLog(store)
  for (const checkpoint of [...checkpoints].reverse())
    for (const file of (await readCheckpoint(store, checkpoint)).files.values()) named.set(decodePath(file.path), file)
  for (const version of [...commits.keys()].sort((a, b) => a - b))
    for (const { add, cdc } of await commitActions(store, version)) {
      if (add) named.set(decodePath(add.path), add)
      else if (cdc) named.set(decodePath(cdc.path), { ...cdc, modificationTime: 0 })
    }
  return named
}

async function commitActions(store: Store, version: number): Promise<Action[]> {
  const path = LOG + commitName(version)
  return parseActions(await store.read(path), store.uri, path, version)
}

/** The Parquet files in a table's folder, with the time of their last change. */
async function dataFiles(store: Store): Promise<Map<string, Date>> {
  const found = new Map<string, Date>()
  for await (const { path, modified } of store.list(''))
    if (path.endsWith('.parquet') && !path.startsWith(LOG) && !path.startsWith(FOLDER)) found.set(path, modified)
  return found
}

/** The rows that go or change, by file. */
async function findHits(
  store: Store,
  files: ReadonlyMap<string, Date>,
  named: ReadonlyMap<string, AddFile>,
  schema: Schema,
  { where, setWhere = 'false' }: PurgeOptions,
): Promise<Map<string, Hit[]>> {
  const database = await duckdb()
  const hits = new Map<string, Hit[]>()
  const paths = [...files.keys()]
  for (let start = 0; start < paths.length; start += FILES_AT_ONCE) {
    const locals = new Map<string, string>()
    for (const path of paths.slice(start, start + FILES_AT_ONCE)) {
      const add = named.get(path)
      locals.set(await localFile(store, path, add ? `${add.size} ${add.modificationTime}` : randomUUID()), path)
    }
    const from = relation([...locals.keys()], schema)
    const select = `SELECT filename AS path, file_row_number AS row, (${where}) IS TRUE AS gone FROM ${from} WHERE (${where}) OR (${setWhere})`
    for await (const rows of database.stream<Hit>(select))
      for (const hit of rows) {
        const path = locals.get(hit.path)!
        const list = hits.get(path)
        if (list) list.push(hit)
        else hits.set(path, [hit])
      }
  }
  return hits
}

/** Files as a table expression with all columns of the table, those that a file lacks as nulls. */
function relation(locals: readonly string[], schema: Schema): string {
  const list = locals.map(quoteText).join(', ')
  // A file that lacks a column is no reason to fail: the columns come from the newest schema.
  const none = schema.fields.map(field => `NULL AS ${quoteName(field.name)}`).join(', ')
  return `(SELECT * FROM read_parquet([${list}], union_by_name=true, filename=true, file_row_number=true, hive_partitioning=false) UNION ALL BY NAME SELECT ${none} WHERE false)`
}

/** Writes what is to be the content of a file to a place where nobody looks for it. */
async function stage(
  store: Store,
  path: string,
  add: AddFile,
  gone: readonly number[],
  schema: Schema,
  { where, set = {}, setWhere = 'false' }: PurgeOptions,
): Promise<Rewritten> {
  const local = await localFile(store, path, `${add.size} ${add.modificationTime}`)
  const columns = (await (await duckdb()).describe(`SELECT * FROM read_parquet(${quoteText(local)})`)).map(column => column.name)
  const values = columns.map(name =>
    set[name] === undefined
      ? quoteName(name)
      : `CASE WHEN ${setWhere} THEN (${set[name]}) ELSE ${quoteName(name)} END AS ${quoteName(name)}`,
  )
  const staged = `${FOLDER}${randomUUID()}.parquet`
  const target = store.localPath?.(staged) ?? join(tmpdir(), `moodlake-purge-${randomUUID()}.parquet`)
  if (store.localPath) await fs.mkdir(join(target, '..'), { recursive: true })
  const sql = `SELECT ${values.join(', ')} FROM ${relation([local], schema)} WHERE (${where}) IS NOT TRUE ORDER BY file_row_number`
  const inFile = { ...schema, fields: schema.fields.filter(field => columns.includes(field.name)) }
  const { size, stats } = await writeOneFile(target, sql, inFile)
  await store.putFile(staged, target)
  return { staged, add: { size, stats, tags: withGone(add, gone), modificationTime: Date.now() } }
}

/** Does what a journal says, from wherever it was left; gives the number of commits that were mended. */
async function finish(core: TableCore, journal: Journal, options: PurgeOptions): Promise<number> {
  const { store } = core
  for (const [path, { staged }] of Object.entries(journal)) {
    if (!(await store.stat(staged))) continue
    if (store.localPath) await store.putFile(path, store.localPath(staged))
    else await store.put(path, await store.read(staged))
  }
  if (Object.keys(journal).length) await commitPurge(core, journal)
  const versions = await mendLog(core, journal, options)
  for await (const { path } of store.list(FOLDER)) if (path !== JOURNAL) await store.delete(path)
  await store.delete(JOURNAL)
  return versions
}

/** A version that tells readers of the new sizes and statistics of the files that are still there. */
async function commitPurge(core: TableCore, journal: Journal): Promise<void> {
  const version = await commitChange(
    core.store,
    {
      operation: FORGET,
      operationParameters: {},
      operationMetrics: { numRewrittenFiles: String(Object.keys(journal).length) },
      isBlindAppend: false,
      base: await core.newest(),
      actions: latest =>
        [...latest.files.values()].flatMap(file => {
          const found = journal[decodePath(file.path)]
          return found ? [{ add: { ...file, ...found.add, dataChange: false } }] : []
        }),
    },
    core.newest,
  )
  await core.afterCommit(version as number)
}

/** Gives the log's actions for rewritten files their new sizes and statistics, and takes out texts that must go. */
async function mendLog(core: TableCore, journal: Journal, { scrub }: PurgeOptions): Promise<number> {
  const { store } = core
  const touched = Object.keys(journal).length > 0
  if (!touched && !scrub) return 0
  const { commits, checkpoints, compacted } = await listLog(store)
  const mend = <T extends { path: string }>(file: T): T => {
    const found = journal[decodePath(file.path)]
    return found ? { ...file, ...found.add } : file
  }
  let versions = 0
  for (const [version, file] of commits) {
    const text = Buffer.from(await store.read(file.path)).toString()
    const actions = parseActions(Buffer.from(text), store.uri, file.path, version).map(action => mendAction(action, mend, scrub))
    const mended = formatActions(actions)
    if (mended === formatActions(parseActions(Buffer.from(text), store.uri, file.path, version))) continue
    await store.put(file.path, mended)
    // Time travel by time goes by the time of the commit's file.
    if (store.localPath) await fs.utimes(store.localPath(file.path), file.modified, file.modified)
    versions++
  }
  if (!touched) return versions
  const hint = await lastCheckpointHint(store)
  const keep = hint === undefined ? undefined : await store.read(`${LOG}_last_checkpoint`)
  const keepMs = retention((await core.newest()).metaData?.configuration['delta.deletedFileRetentionDuration'])
  for (const checkpoint of checkpoints) {
    const state = await readCheckpoint(store, checkpoint, true)
    if (![...state.files.values()].some(file => journal[decodePath(file.path)])) continue
    for (const [key, file] of state.files) state.files.set(key, mend(file))
    await writeCheckpoint(store, state, keepMs)
    const own = `${LOG}${commitName(checkpoint.version).replace('.json', '.checkpoint.parquet')}`
    for (const path of checkpoint.paths) if (path !== own) await store.delete(path)
  }
  if (keep) await store.put(`${LOG}_last_checkpoint`, keep)
  for (const { path } of compacted) await store.delete(path)
  for await (const { path } of store.list(LOG)) if (path.endsWith('.crc')) await store.delete(path)
  return versions
}

function mendAction(action: Action, mend: <T extends { path: string }>(file: T) => T, scrub?: (text: string) => boolean): Action {
  const { add, remove, cdc, commitInfo } = action
  if (add) return { add: mend(add) }
  if (remove) {
    const { size, tags } = mend({ ...remove, path: remove.path }) as AddFile
    return { remove: { ...remove, ...(remove.size === undefined ? {} : { size }), ...(tags ? { tags } : {}) } }
  }
  if (cdc) return { cdc: { ...cdc, size: mend(cdc).size } }
  const { predicate } = commitInfo?.operationParameters ?? {}
  if (predicate !== undefined && scrub?.(String(predicate))) return { commitInfo: { ...commitInfo, operationParameters: {} } }
  return action
}

/** Removes every version but the newest; files that no commit names as `PurgeOptions.graceMs` says. */
export async function dropHistory(core: TableCore, graceMs = GRACE_MS): Promise<{ versions: number }> {
  const { store } = core
  const named = await namedFiles(store)
  await core.checkpoint()
  const state = await core.newest()
  const standing = new Set([...state.files.values()].map(file => decodePath(file.path)))
  // The data first: while the log names a file, the next call finds it.
  for (const [path, modified] of await dataFiles(store))
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
