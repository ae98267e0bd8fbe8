/** Deleting and updating rows: files that hold such rows are rewritten, or get a deletion vector. */
import type { Store } from '../stores/store.js'
import { type Action, type AddFile, fileKey, type MetaData, type Protocol } from './actions.js'
import { removeOf, requireWritable, type TableCore } from './core.js'
import { newVector } from './deletion-vector.js'
import { duckdb, quoteName } from './duckdb.js'
import { CommitConflictError, SchemaMismatchError } from './errors.js'
import { discard, writeFiles } from './parquet.js'
import { checkChangeable, writesVectors } from './protocol.js'
import { dataPath, FILE_COLUMN, locatedSql, type RelationInput, ROW_COLUMN, relationSql } from './relation.js'
import type { Field, Schema } from './schema.js'
import { matchingFiles } from './skip.js'
import { openSource } from './source.js'
import type { TableState } from './state.js'
import { recordCount } from './stats.js'
import { checkUnchanged, commitChange } from './transaction.js'

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
  /** Files that were written for it, to be taken back when it is not committed. */
  made: AddFile[]
}

interface Work {
  store: Store
  state: TableState
  protocol: Protocol
  metaData: MetaData
  schema: Schema
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
      const parts = requireWritable(store, state)
      checkChangeable(store.uri, parts.metaData)
      const fresh = [...state.files].filter(([key]) => !fates.has(key)).map(([, file]) => file)
      const found = await decide({ store, state, change, ...parts }, fresh)
      for (const file of fresh) fates.set(fileKey(file), found.get(file))
      const touched = [...state.files].flatMap(([key, file]) => {
        const fate = fates.get(key)
        return fate ? [{ file, fate }] : []
      })
      const rows = touched.reduce((sum, { fate }) => sum + fate.rows, 0)
      if (!touched.length) return { version: state.version, rows: 0, added: 0, removed: 0 }
      const add = touched.flatMap(({ fate }) => fate.add)
      // From here on a failure may hide a commit that was made: its files stay, whatever is thrown.
      kept = new Set(touched.flatMap(({ fate }) => fate.made))
      const files = touched.map(({ file }) => file)
      const version = await commitFates(core, state, change, { files, add, rows, last: attempt === MAX_ATTEMPTS }).catch(
        error => {
          if (error instanceof CommitConflictError) kept = new Set()
          throw error
        },
      )
      if (version === undefined) {
        kept = new Set()
        continue
      }
      await core.afterCommit(version)
      return { version, rows, added: add.length, removed: touched.length }
    }
  } finally {
    await discard(
      store,
      [...fates.values()].flatMap(fate => fate?.made ?? []).filter(file => !kept.has(file)),
    )
  }
}

interface Decided {
  files: AddFile[]
  add: AddFile[]
  rows: number
  last: boolean
}

/** One attempt to commit on exactly this state; undefined when another writer came first. */
async function commitFates(core: TableCore, base: TableState, change: RowChange, decided: Decided): Promise<number | undefined> {
  const now = Date.now()
  const actions: Action[] = [
    ...decided.files.map(file => ({ remove: removeOf(file, now) })),
    ...decided.add.map(add => ({ add })),
  ]
  const counted = change.set ? 'numUpdatedRows' : 'numDeletedRows'
  try {
    return await commitChange(
      core.store,
      {
        operation: change.set ? 'UPDATE' : 'DELETE',
        operationParameters: { predicate: JSON.stringify(change.where === undefined ? [] : [change.where]) },
        operationMetrics: {
          numAddedFiles: String(decided.add.length),
          numRemovedFiles: String(decided.files.length),
          [counted]: String(decided.rows),
        },
        isBlindAppend: false,
        attempts: 1,
        base,
        actions: () => actions,
      },
      core.newest,
    )
  } catch (error) {
    if (error instanceof CommitConflictError && error.reason === 'attempts' && !decided.last) return undefined
    throw error
  }
}

function relationInput({ store, state, schema, metaData }: Work, files: readonly AddFile[]): RelationInput {
  return { store, version: state.version, schema, partitionColumns: metaData.partitionColumns, mapping: 'none', files }
}

/** What becomes of each of these files; a file that stays as it is has no entry. */
async function decide(work: Work, files: readonly AddFile[]): Promise<Map<AddFile, Fate>> {
  const { change, schema, store } = work
  const fates = new Map<AddFile, Fate>()
  if (!files.length) return fates
  for (const name of Object.keys(change.set ?? {}))
    if (!schema.fields.some(field => field.name === name)) throw new SchemaMismatchError(store.uri, name, 'not in the table')
  const { where: predicate } = change
  const shape = { schema, partitionColumns: work.metaData.partitionColumns, physical: (field: Field) => field.name }
  const candidates = predicate === undefined ? files : await matchingFiles(files, predicate, shape)
  if (!candidates.length) return fates
  const located = await locatedSql(relationInput(work, candidates))
  const where = change.where === undefined ? 'true' : `(${change.where})`
  const database = await duckdb()
  const counts = await database.rows<{ file: number; hits: number; total: number }>(
    `SELECT ${FILE_COLUMN} AS file, count(*) FILTER (WHERE ${where}) AS hits, count(*) AS total FROM ${located.sql} GROUP BY ALL HAVING hits > 0`,
  )
  for (const { file: index, hits, total } of counts) {
    const file = located.files[index] as AddFile
    if (!change.set && hits === total) fates.set(file, { rows: hits, add: [], made: [] })
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

async function write(work: Work, sql: string): Promise<AddFile[]> {
  const { store, schema, metaData } = work
  const source = await openSource(store.uri, schema, { sql }, false)
  try {
    return (await writeFiles(store, source, metaData)).add
  } finally {
    await source.release()
  }
}

async function byRewrite(work: Work, file: AddFile, where: string, hits: number): Promise<Fate> {
  const relation = await relationSql(relationInput(work, [file]))
  const { set } = work.change
  const made = await write(
    work,
    set ? `SELECT ${updated(set, where)} FROM ${relation}` : `SELECT * FROM ${relation} WHERE ${where} IS NOT TRUE`,
  )
  return { rows: hits, add: made, made }
}

async function byVector(work: Work, file: AddFile, where: string, hits: number): Promise<Fate> {
  const { store, state, change } = work
  const database = await duckdb()
  // All rows that are gone: those already, which the scan leaves out, and those meant now.
  const stays = await locatedSql(relationInput(work, [file]))
  const all = await locatedSql(relationInput(work, [{ ...file, deletionVector: undefined }]))
  const gone = await database.rows<{ row: number }>(
    `SELECT ${ROW_COLUMN} AS row FROM ${all.sql} WHERE ${ROW_COLUMN} NOT IN (SELECT ${ROW_COLUMN} FROM ${stays.sql} WHERE ${where} IS NOT TRUE) ORDER BY row`,
  )
  const made: AddFile[] = []
  if (change.set) {
    const relation = await relationSql(relationInput(work, [file]))
    made.push(...(await write(work, `SELECT ${updated(change.set, where)} FROM ${relation} WHERE ${where}`)))
  }
  const total = recordCount(file.stats)
  if (gone.length === total) return { rows: hits, add: [...made], made }
  const { path, bytes, vector } = newVector(gone.map(({ row }) => row))
  await store.put(dataPath(store, state.version, { path }), bytes)
  const stats = file.stats?.replace(/,?"tightBounds":(true|false)/, '').replace(/^\{/, '{"tightBounds":false,')
  const holed: AddFile = { ...file, dataChange: true, deletionVector: vector, ...(stats ? { stats } : {}) }
  return { rows: hits, add: [holed, ...made], made: [{ ...holed, path }, ...made] }
}
