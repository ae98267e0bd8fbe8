/** Rows of changed files written anew and, where the table keeps a change data feed, what changed in them. */
import type { Store } from '../stores/store.js'
import type { Action, AddFile, MetaData } from './actions.js'
import { removeOf, type TableCore } from './core.js'
import { duckdb, quoteName, tempName } from './duckdb.js'
import { CommitConflictError } from './errors.js'
import { discard, writeError, writeFiles } from './parquet.js'
import type { Field, Schema } from './schema.js'
import { openSource } from './source.js'
import type { TableState } from './state.js'
import type { Change } from './transaction.js'

/** Column of change data: `insert`, `delete`, `update_preimage` or `update_postimage`. */
export const CHANGE_TYPE = '_change_type'

/** A table's schema with `CHANGE_TYPE`. */
export function withChangeType(schema: Schema): Schema {
  const type: Field = { name: CHANGE_TYPE, type: 'string', nullable: true, metadata: {} }
  return { type: 'struct', fields: [...schema.fields, type] }
}

/** What is written, as SELECTs with the table's columns and, when `feed` is true, `CHANGE_TYPE`. */
interface Rewrite {
  metaData: MetaData
  schema: Schema
  /** Rows that the table is to have; those that stay as they were have no change type. */
  after?: string | undefined
  /** Rows as they were before they are changed or deleted; used for the feed alone. */
  before?: string | undefined
  feed: boolean
}

/** Data files and change data files, which belong to the table once a commit names them. Throws as `writeFiles`. */
export async function writeRewrite(store: Store, rewrite: Rewrite): Promise<{ add: AddFile[]; cdc: AddFile[] }> {
  const { metaData, schema, after, before, feed } = rewrite
  const wide = feed ? withChangeType(schema) : schema
  const source = after === undefined ? undefined : await openSource(store.uri, wide, { sql: after }, false)
  if (!feed) return { add: source ? (await writeFiles(store, source, metaData)).add : [], cdc: [] }
  const database = await duckdb()
  const release = async () => undefined
  const columns = schema.fields.map(field => quoteName(field.name)).join(', ')
  const changes = before === undefined ? [] : [`SELECT ${columns}, ${CHANGE_TYPE} FROM (${before})`]
  const made = tempName('rewrite')
  let add: AddFile[] = []
  try {
    if (source) {
      // Worked out once: the feed must tell the very values that the table gets, random ones too.
      await database.run(`CREATE TABLE ${made} AS ${source.sql}`).catch(error => {
        throw writeError(store, schema, error)
      })
      add = (await writeFiles(store, { sql: `SELECT ${columns} FROM ${made}`, schema, release }, metaData)).add
      changes.push(`SELECT * FROM ${made} WHERE ${CHANGE_TYPE} IS NOT NULL`)
    }
    const sql = changes.join(' UNION ALL BY NAME ')
    return { add, cdc: (await writeFiles(store, { sql, schema: wide, release }, metaData, true)).add }
  } catch (error) {
    await discard(store, add)
    throw error
  } finally {
    await database.run(`DROP TABLE IF EXISTS ${made}`)
  }
}

/** Files that take the place of others, and what is told of the change. */
export interface Replacement extends Pick<Change, 'operation' | 'operationParameters' | 'operationMetrics'> {
  removed: readonly AddFile[]
  add: readonly AddFile[]
  cdc: readonly AddFile[]
}

/** Commits a replacement on exactly this state; gives undefined when another writer came first and there may be another attempt. */
export async function commitReplacement(
  core: TableCore,
  base: TableState,
  { removed, add, cdc, ...change }: Replacement,
  last: boolean,
): Promise<number | undefined> {
  const now = Date.now()
  const actions: Action[] = [
    ...removed.map(file => ({ remove: removeOf(file, now) })),
    ...add.map(file => ({ add: file })),
    ...cdc.map(({ path, partitionValues, size }) => ({ cdc: { path, partitionValues, size, dataChange: false } })),
  ]
  try {
    return await core.commit({ ...change, attempts: 1, base, actions: () => actions })
  } catch (error) {
    if (error instanceof CommitConflictError && error.reason === 'attempts' && !last) return undefined
    throw error
  }
}
