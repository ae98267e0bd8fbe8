import { type AddFile, fileKey, type MetaData, type Protocol } from './actions.js'
import { requireWritable, type TableCore } from './core.js'
import { newVector } from './deletion-vector.js'
import { duckdb, quoteName, quoteText } from './duckdb.js'
import { CommitConflictError, SchemaMismatchError } from './errors.js'
import { discard } from './parquet.js'
import { checkChangeable, writesFeed, writesVectors } from './protocol.js'
import { dataPath, FILE_COLUMN, locatedSql, type RelationInput, ROW_COLUMN, relationOf, relationSql } from './relation.js'
import { CHANGE_TYPE, commitReplacement, writeRewrite } from './rewrite.js'
import { matchingFiles } from './skip.js'
import { recordCount } from './stats.js'
import { checkUnchanged } from './transaction.js'

/** What a delete or an update did. */
export interface Changed {
  /** Version that was committed; the newest one when no row was meant. */
  version: number
  /** Rows deleted or updated. */
  rows: number
  /** Files added, and files removed or replaced. */
  added: number
  removed: number
}

/** Rows to change: all for which `where` is true (all of all, without one), deleted or, with `set`, updated. */
export interface RowChange {
  where?: string
  set?: Readonly<Record<string, string>>
}

/** Attempts against other writers; each looks only at the files that are new since the one before. */
const MAX_ATTEMPTS = 50

/** What becomes of one file. */
interface Fate {
  rows: number
  add: AddFile[]
  /** Change data files. */
  cdc: AddFile[]
  /** Files that were written for it, to be taken back when it is not committed. */
  made: AddFile[]
}

interface Work extends Omit<RelationInput, 'files'> {
  protocol: Protocol
  metaData: MetaData
  change: RowChange
}

/** Deletes or updates rows and commits that. */
export async function changeRows(core: TableCore, change: RowChange): Promise<Changed> {
  const { store } = core
  const first = await core.newest()
  const fates = new Map<string, Fate | undefined>()
  let kept = new Set<AddFile>()
  try {
    for (let attempt = 1; ; attempt++) {
      const state = await core.newest()
      if (state !== first) checkUnchanged(store, first, state)
      const { protocol, metaData, schema } = requireWritable(store, state)
      checkChangeable(store.uri, metaData)
      const work: Work = { ...relationOf(store, state.version, metaData, schema), protocol, metaData, change }
      const fresh = [...state.files].filter(([key]) => !fates.has(key)).map(([, file]) => file)
      const found = await decide(work, fresh)
      for (const file of fresh) fates.set(fileKey(file), found.get(file))
      const touched = [...state.files].flatMap(([key, file]) => {
        const fate = fates.get(key)
        return fate ? [{ file, fate }] : []
      })
      if (!touched.length) return { version: state.version, rows: 0, added: 0, removed: 0 }
      await completeFeed(work, touched)
      const decided = replacementOf(change, touched)
      const counts = { rows: decided.rows, added: decided.add.length, removed: decided.removed.length }
      // From here on a failure may hide a commit that was made: its files stay, whatever is thrown.
      kept = new Set(touched.flatMap(({ fate }) => fate.made))
      const version = await commitReplacement(core, state, decided, attempt === MAX_ATTEMPTS).catch(error => {
        if (error instanceof CommitConflictError) kept = new Set()
        throw error
      })
      if (version !== undefined) return { version, ...counts }
      kept = new Set()
    }
  } finally {
    await discard(
      store,
      [...fates.values()].flatMap(fate => fate?.made ?? []).filter(file => !kept.has(file)),
    )
  }
}

/** What is committed of the files that change. */
function replacementOf({ set, where }: RowChange, touched: readonly { file: AddFile; fate: Fate }[]) {
  const rows = touched.reduce((sum, { fate }) => sum + fate.rows, 0)
  const add = touched.flatMap(({ fate }) => fate.add)
  return {
    rows,
    add,
    cdc: touched.flatMap(({ fate }) => fate.cdc),
    removed: touched.map(({ file }) => file),
    operation: set ? 'UPDATE' : 'DELETE',
    operationParameters: { predicate: JSON.stringify(where === undefined ? [] : [where]) },
    operationMetrics: {
      numAddedFiles: add.length,
      numRemovedFiles: touched.length,
      [set ? 'numUpdatedRows' : 'numDeletedRows']: rows,
    },
  }
}

/** A commit with change data says all that it changed there: files that went as a whole are told of too. */
async function completeFeed(work: Work, touched: readonly { file: AddFile; fate: Fate }[]): Promise<void> {
  if (!touched.some(({ fate }) => fate.cdc.length)) return
  for (const { file, fate } of touched) {
    if (fate.cdc.length) continue
    fate.cdc = (
      await write(work, { before: `SELECT *, 'delete' AS ${CHANGE_TYPE} FROM ${await relationSql({ ...work, files: [file] })}` })
    ).cdc
    fate.made.push(...fate.cdc)
  }
}

/** What becomes of each of these files; a file that stays as it is has no entry. */
async function decide(work: Work, files: readonly AddFile[]): Promise<Map<AddFile, Fate>> {
  const { change, schema, store } = work
  const fates = new Map<AddFile, Fate>()
  if (!files.length) return fates
  for (const name of Object.keys(change.set ?? {}))
    if (!schema.fields.some(field => field.name === name)) throw new SchemaMismatchError(store.uri, name, 'not in the table')
  const { where: predicate } = change
  const candidates = predicate === undefined ? files : await matchingFiles(files, predicate, work)
  if (!candidates.length) return fates
  const located = await locatedSql({ ...work, files: candidates })
  const where = change.where === undefined ? 'true' : `(${change.where})`
  const database = await duckdb()
  const counts = await database.rows<{ file: number; hits: number; total: number }>(
    `SELECT ${FILE_COLUMN} AS file, count(*) FILTER (WHERE ${where}) AS hits, count(*) AS total FROM ${located.sql} GROUP BY ALL HAVING hits > 0`,
  )
  for (const { file: index, hits, total } of counts) {
    const file = located.files[index] as AddFile
    if (!change.set && hits === total) fates.set(file, { rows: hits, add: [], cdc: [], made: [] })
    else if (writesVectors(work.protocol, work.metaData)) fates.set(file, await byVector(work, file, where, hits))
    else fates.set(file, await byRewrite(work, file, where, hits))
  }
  return fates
}

/** The rows with their new values, as SQL over the table's columns. */
function updated(set: Readonly<Record<string, string>>, where: string): string {
  const columns = Object.entries(set).map(
    ([name, value]) => `CASE WHEN ${where} THEN (${value}) ELSE ${quoteName(name)} END AS ${quoteName(name)}`,
  )
  return columns.length ? `* REPLACE (${columns.join(', ')})` : '*'
}

function write({ store, schema, metaData }: Work, sql: { after?: string | undefined; before: string }) {
  return writeRewrite(store, { metaData, schema, feed: writesFeed(metaData), ...sql })
}

/** The rows that are changed as they were, as SQL with their change type. */
function beforeSql({ set }: RowChange, relation: string, where: string): string {
  return `SELECT *, ${quoteText(set ? 'update_preimage' : 'delete')} AS ${CHANGE_TYPE} FROM ${relation} WHERE ${where}`
}

async function byRewrite(work: Work, file: AddFile, where: string, hits: number): Promise<Fate> {
  const relation = await relationSql({ ...work, files: [file] })
  const { set } = work.change
  const type = writesFeed(work.metaData)
    ? `, CASE WHEN ${set ? where : 'false'} THEN 'update_postimage' END AS ${CHANGE_TYPE}`
    : ''
  const after = set
    ? `SELECT ${updated(set, where)}${type} FROM ${relation}`
    : `SELECT *${type} FROM ${relation} WHERE ${where} IS NOT TRUE`
  const { add, cdc } = await write(work, { after, before: beforeSql(work.change, relation, where) })
  return { rows: hits, add, cdc, made: [...add, ...cdc] }
}

async function byVector(work: Work, file: AddFile, where: string, hits: number): Promise<Fate> {
  const { store, version, change } = work
  const database = await duckdb()
  // All rows that are gone: those already, which the scan leaves out, and those meant now.
  const stays = await locatedSql({ ...work, files: [file] })
  const all = await locatedSql({ ...work, files: [{ ...file, deletionVector: undefined }] })
  const gone = await database.rows<{ row: number }>(
    `SELECT ${ROW_COLUMN} AS row FROM ${all.sql} WHERE ${ROW_COLUMN} NOT IN (SELECT ${ROW_COLUMN} FROM ${stays.sql} WHERE ${where} IS NOT TRUE) ORDER BY row`,
  )
  const relation = await relationSql({ ...work, files: [file] })
  const type = writesFeed(work.metaData) ? `, 'update_postimage' AS ${CHANGE_TYPE}` : ''
  const after = change.set && `SELECT ${updated(change.set, where)}${type} FROM ${relation} WHERE ${where}`
  const { add, cdc } = await write(work, { after, before: beforeSql(change, relation, where) })
  const made = [...add, ...cdc]
  const total = recordCount(file.stats)
  if (gone.length === total) return { rows: hits, add, cdc, made }
  const { path, bytes, vector } = newVector(gone.map(({ row }) => row))
  await store.put(dataPath(store, version, { path }), bytes)
  const stats = file.stats?.replace(/,?"tightBounds":(true|false)/, '').replace(/^\{/, '{"tightBounds":false,')
  const holed: AddFile = { ...file, dataChange: true, deletionVector: vector, ...(stats ? { stats } : {}) }
  return { rows: hits, add: [holed, ...add], cdc, made: [{ ...holed, path }, ...made] }
}
