/** Merge: rows joined with the table's, and what becomes of those that match and those that do not. */

import type { AddFile } from './actions.js'
import { requireWritable, type TableCore } from './core.js'
import { duckdb, quoteName, type Row, tempName } from './duckdb.js'
import { CommitConflictError, ConstraintError, SchemaMismatchError } from './errors.js'
import { discard } from './parquet.js'
import { checkChangeable, writesFeed } from './protocol.js'
import { FILE_COLUMN, locatedSql, ROW_COLUMN, relationOf } from './relation.js'
import { CHANGE_TYPE, commitReplacement, type Replacement, writeRewrite } from './rewrite.js'
import type { Schema } from './schema.js'
import { openSource, type Source, selectOf, type TableData } from './source.js'
import type { TableState } from './state.js'
import { checkUnchanged } from './transaction.js'

/** What becomes of a row of the table that matches; the first clause whose `where` is true counts. */
export type MatchedClause =
  | { update: 'all' | Readonly<Record<string, string>>; delete?: undefined; where?: string }
  | { delete: true; update?: undefined; where?: string }

/** What becomes of a given row that matches none of the table's; the first clause whose `where` is true counts. */
export interface NotMatchedClause {
  insert: 'all' | Readonly<Record<string, string>>
  where?: string
}

/** How rows are merged. Predicates and values are SQL that names the two sides `target` and `source`. */
export interface MergeOptions {
  /** When two rows match, such as `target.id = source.id`. */
  on: string
  /** Default: `[{ update: 'all' }]`, every column that the given rows have. */
  matched?: readonly MatchedClause[]
  /** Default: `[{ insert: 'all' }]`; columns that the given rows lack are null. */
  notMatched?: readonly NotMatchedClause[]
}

/** What a merge did. */
export interface Merged {
  /** Version that was committed; the newest one when nothing was to be done. */
  version: number
  inserted: number
  updated: number
  deleted: number
}

/** Attempts against other writers; each is worked out anew. */
const MAX_ATTEMPTS = 20
/** Number of a given row. */
const SOURCE_COLUMN = '_moodlake_source'

interface Given {
  /** In-memory table of the rows, numbered. */
  name: string
  columns: string[]
}

/** Loads the given rows once, so that every attempt sees the same. */
async function load({ store: { uri } }: TableCore, schema: Schema, data: TableData): Promise<Given> {
  const database = await duckdb()
  const source: Pick<Source, 'sql' | 'failure' | 'release'> = Array.isArray(data)
    ? await openSource(uri, fieldsIn(uri, schema, data as readonly Row[]), data, false)
    : { sql: selectOf(uri, data), release: async () => undefined }
  try {
    const columns = (await database.describe(`SELECT * FROM (${source.sql})`)).map(column => column.name)
    const name = tempName('merge_source')
    const numbered = `SELECT *, row_number() OVER () AS ${SOURCE_COLUMN} FROM (${source.sql})`
    await database.run(`CREATE TABLE ${name} AS ${numbered}`).catch(error => {
      throw source.failure?.() ?? error
    })
    return { name, columns }
  } finally {
    await source.release()
  }
}

/** The columns of the table that some of the rows have, all of them where none has any. */
function fieldsIn(table: string, schema: Schema, rows: readonly Row[]): Schema {
  const names = new Set(rows.flatMap(row => Object.keys(row)))
  const known = schema.fields.filter(field => names.delete(field.name)).map(field => ({ ...field, nullable: true }))
  const [unknown] = names
  if (unknown !== undefined) throw new SchemaMismatchError(table, unknown, 'not in the table')
  return { type: 'struct', fields: known.length ? known : schema.fields }
}

/** Throws `SchemaMismatchError` when the given columns cannot be taken over as they are. */
async function checkWhole(core: TableCore, schema: Schema, given: Given): Promise<void> {
  const fields = schema.fields.filter(field => given.columns.includes(field.name)).map(field => ({ ...field, nullable: true }))
  const sql = `SELECT ${given.columns.map(quoteName).join(', ')} FROM ${given.name}`
  await (await openSource(core.store.uri, { type: 'struct', fields }, { sql }, false)).release()
}

/** SQL that gives the number of the first clause whose condition is true, null when there is none. */
function firstClause(clauses: readonly { where?: string }[]): string {
  if (!clauses.length) return 'CAST(NULL AS INTEGER)'
  return `CASE ${clauses.map(({ where }, i) => `WHEN ${where === undefined ? 'true' : `(${where})`} THEN ${i}`).join(' ')} END`
}

/** The values that a clause sets, as SQL by column. */
function assignments(
  core: TableCore,
  schema: Schema,
  given: Given,
  set: 'all' | Readonly<Record<string, string>>,
): Map<string, string> {
  const found =
    set === 'all' ? new Map(given.columns.map(name => [name, `source.${quoteName(name)}`])) : new Map(Object.entries(set))
  for (const name of found.keys())
    if (!schema.fields.some(field => field.name === name)) throw new SchemaMismatchError(core.store.uri, name, 'not in the table')
  return found
}

interface Plan {
  state: TableState
  removed: AddFile[]
  /** New rows of the touched files with the inserted ones, and the rows that match as they were; change data only where rows change. */
  rewrite: Parameters<typeof writeRewrite>[1]
  counts: { inserted: number; updated: number; deleted: number }
  release(): Promise<void>
}

type Written = Awaited<ReturnType<typeof writeRewrite>>

async function plan(core: TableCore, given: Given, options: MergeOptions): Promise<Plan> {
  const { store } = core
  const state = await core.newest()
  const { metaData, schema } = requireWritable(store, state)
  checkChangeable(store.uri, metaData)
  const { matched = [{ update: 'all' }], notMatched = [{ insert: 'all' }] } = options
  const updates = matched.map(clause => (clause.update ? assignments(core, schema, given, clause.update) : undefined))
  const inserts = notMatched.map(clause => assignments(core, schema, given, clause.insert))
  if (matched.some(clause => clause.update === 'all') || notMatched.some(clause => clause.insert === 'all'))
    await checkWhole(core, schema, given)
  const database = await duckdb()
  const target = await locatedSql({ ...relationOf(store, state.version, metaData, schema), files: [...state.files.values()] })
  const pairs = tempName('merge_pairs')
  const release = async () => {
    await database.run(`DROP TABLE IF EXISTS ${pairs}`)
  }
  try {
    await database.run(
      `CREATE TABLE ${pairs} AS SELECT ${FILE_COLUMN}, ${ROW_COLUMN}, ${SOURCE_COLUMN}, ${firstClause(matched)} AS clause FROM ${target.sql} target JOIN ${given.name} source ON (${options.on})`,
    )
    await checkSingle(core, pairs)
    const touched = await database.rows<{ file: number }>(
      `SELECT DISTINCT ${FILE_COLUMN} AS file FROM ${pairs} WHERE clause IS NOT NULL ORDER BY file`,
    )
    const fresh = `(SELECT *, ${firstClause(notMatched)} AS _moodlake_clause FROM ${given.name} source WHERE ${SOURCE_COLUMN} NOT IN (SELECT ${SOURCE_COLUMN} FROM ${pairs}))`
    const counts = await countClauses(pairs, fresh, updates)
    const feed = writesFeed(metaData) && touched.length > 0
    const files = touched.map(({ file }) => file)
    const changed = files.length ? changedSql({ schema, target: target.sql, pairs, given, updates, files, feed }) : undefined
    const columns = clauseColumns(schema, inserts, 'source._moodlake_clause', () => 'NULL')
    const type = feed ? `, 'insert' AS ${CHANGE_TYPE}` : ''
    const inserted = `SELECT ${columns}${type} FROM ${fresh} source WHERE source._moodlake_clause IS NOT NULL`
    const after = [...(changed ? [changed.after] : []), ...(counts.inserted ? [inserted] : [])].join(' UNION ALL BY NAME ')
    const removed = files.map(file => target.files[file] as AddFile)
    return { state, removed, rewrite: { metaData, schema, after, before: changed?.before, feed }, counts, release }
  } catch (error) {
    await release()
    throw error
  }
}

type Assigned = ReadonlyMap<string, string> | undefined

/** The table's columns, each as the clause whose number is in `clause` sets it, else as `otherwise` says. */
function clauseColumns(schema: Schema, sets: readonly Assigned[], clause: string, otherwise: (column: string) => string): string {
  const columns = schema.fields.map(({ name }) => {
    const cases = sets.flatMap((set, i) => (set?.has(name) ? [`WHEN ${i} THEN (${set.get(name)})`] : []))
    const other = otherwise(quoteName(name))
    return `${cases.length ? `CASE ${clause} ${cases.join(' ')} ELSE ${other} END` : other} AS ${quoteName(name)}`
  })
  return columns.join(', ')
}

interface Changing {
  schema: Schema
  target: string
  pairs: string
  given: Given
  /** What the clauses for rows that match set; undefined for those that delete. */
  updates: readonly Assigned[]
  /** Numbers of the files with such rows. */
  files: readonly number[]
  feed: boolean
}

/** The rows of the touched files as they are to be, and those that match as they were. */
function changedSql({ schema, target, pairs, given, updates, files, feed }: Changing): { after: string; before: string } {
  const typed = (type: string) => (feed ? `, ${type} AS ${CHANGE_TYPE}` : '')
  const gone = updates.flatMap((set, i) => (set ? [] : [i])).join(', ')
  const place = `${FILE_COLUMN}, ${ROW_COLUMN}`
  const type = gone ? `CASE WHEN p.clause IN (${gone}) THEN 'delete' ELSE 'update_preimage' END` : `'update_preimage'`
  const names = schema.fields.map(({ name }) => `target.${quoteName(name)}`).join(', ')
  const columns = clauseColumns(schema, updates, 'p.clause', column => `target.${column}`)
  return {
    before: `SELECT ${names}${typed(type)} FROM ${target} target JOIN ${pairs} p USING (${place}) WHERE p.clause IS NOT NULL`,
    after: `SELECT ${columns}${typed(`CASE WHEN p.clause IS NOT NULL THEN 'update_postimage' END`)} FROM ${target} target LEFT JOIN (SELECT * FROM ${pairs} WHERE clause IS NOT NULL) p USING (${place}) LEFT JOIN ${given.name} source USING (${SOURCE_COLUMN}) WHERE ${FILE_COLUMN} IN (${files.join(', ')})${gone ? ` AND coalesce(p.clause NOT IN (${gone}), true)` : ''}`,
  }
}

async function countClauses(pairs: string, fresh: string, updates: readonly Assigned[]): Promise<Plan['counts']> {
  const counts = { inserted: 0, updated: 0, deleted: 0 }
  const counted = await (await duckdb()).rows<{ clause: number; n: number }>(
    `SELECT clause, count(*) AS n FROM ${pairs} WHERE clause IS NOT NULL GROUP BY ALL UNION ALL SELECT -1, count(*) FROM ${fresh} WHERE _moodlake_clause IS NOT NULL`,
  )
  for (const { clause, n } of counted) counts[clause < 0 ? 'inserted' : updates[clause] ? 'updated' : 'deleted'] += n
  return counts
}

/** A row of the table may be changed by one given row alone. */
async function checkSingle(core: TableCore, pairs: string): Promise<void> {
  const [twice] = await (await duckdb()).rows<{ n: number }>(
    `SELECT count(*) AS n FROM ${pairs} WHERE clause IS NOT NULL GROUP BY ${FILE_COLUMN}, ${ROW_COLUMN} HAVING n > 1 LIMIT 1`,
  )
  if (twice) throw new ConstraintError(core.store.uri, 'merge', `${twice.n} given rows match one row of the table`)
}

/** What is committed of a plan. */
function replacementOf({ removed, counts }: Plan, { add, cdc }: Written, on: string): Replacement {
  return {
    ...{ removed, add, cdc },
    operation: 'MERGE',
    operationParameters: { predicate: on },
    operationMetrics: {
      numTargetRowsInserted: counts.inserted,
      numTargetRowsUpdated: counts.updated,
      numTargetRowsDeleted: counts.deleted,
      numTargetFilesAdded: add.length,
      numTargetFilesRemoved: removed.length,
    },
  }
}

/** Merges rows into the table and commits that. */
export async function mergeRows(core: TableCore, data: TableData, options: MergeOptions): Promise<Merged> {
  const { store } = core
  const first = await core.newest()
  const given = await load(core, requireWritable(store, first).schema, data)
  try {
    for (let attempt = 1; ; attempt++) {
      const planned = await plan(core, given, options)
      const { state, removed, rewrite, counts } = planned
      if (state !== first) checkUnchanged(store, first, state)
      let written: Written = { add: [], cdc: [] }
      try {
        if (!rewrite.after && !removed.length) return { version: state.version, ...counts }
        written = await writeRewrite(store, rewrite)
        const decided = replacementOf(planned, written, options.on)
        const version = await commitReplacement(core, state, decided, attempt === MAX_ATTEMPTS)
        if (version !== undefined) return { version, ...counts }
        await discard(store, [...written.add, ...written.cdc])
      } catch (error) {
        // Only where it is certain that no commit names the files.
        if (error instanceof CommitConflictError) await discard(store, [...written.add, ...written.cdc])
        throw error
      } finally {
        await planned.release()
      }
    }
  } finally {
    await (await duckdb()).run(`DROP TABLE IF EXISTS ${given.name}`)
  }
}
