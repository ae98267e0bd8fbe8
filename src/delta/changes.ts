/** The change data feed: which rows each version inserted, updated and deleted ("Change Data Files" in PROTOCOL.md). */

import { type Action, type AddFile, decodePath, type MetaData } from './actions.js'
import { physicalName } from './column-mapping.js'
import type { TableCore } from './core.js'
import { duckdb, quoteName, quoteText, type Row } from './duckdb.js'
import { DataFileError, SchemaMismatchError, UnsupportedFeatureError, VersionNotFoundError } from './errors.js'
import { readCommits } from './log.js'
import { checkReadable, writesFeed } from './protocol.js'
import { FILE_COLUMN, locatedSql, type RelationInput, ROW_COLUMN, relationOf } from './relation.js'
import { CHANGE_TYPE, withChangeType } from './rewrite.js'
import { parseSchemaString, type Schema, typeName } from './schema.js'
import { commitTimes } from './travel.js'

/** Which versions to tell of, both ends included. */
export interface ChangeRange {
  from: number
  /** Default: the newest version. */
  to?: number
}

/**
 * What changed in a range of versions: the table's columns as of its end, then `_change_type` (`insert`, `delete`,
 * `update_preimage`, `update_postimage`), `_commit_version` (BIGINT) and `_commit_timestamp` (TIMESTAMPTZ).
 */
export interface Changes {
  readonly from: number
  readonly to: number
  /** A SQL table expression for the shared DuckDB (`duckdb()`). Throws `DataFileError` for a file that is missing. */
  relation(): Promise<string>
  /** The rows in chunks of about 2,048, in no order. */
  rows(): AsyncIterable<Row[]>
}

/** A file whose rows changed, and when. */
interface Dated {
  file: AddFile
  version: number
  /** Milliseconds since the epoch. */
  time: number
  /** The same data file with the deletion vector it got. */
  now?: AddFile
}

interface Found {
  insert: Dated[]
  delete: Dated[]
  /** Files of change data. */
  cdc: Dated[]
  /** Files that only their deletion vector was changed of. */
  both: Dated[]
}

/** Reads the change data feed. Throws `VersionNotFoundError`, and `UnsupportedFeatureError` for versions without a feed. */
export async function changesOf(core: TableCore, { from, to }: ChangeRange): Promise<Changes> {
  const { store } = core
  const latest = await core.newest()
  const end = to ?? latest.version
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(end) || from < 0 || end < from)
    throw new RangeError(`${store.uri}: not a range of versions: ${from} to ${end}`)
  if (end > latest.version) throw new VersionNotFoundError(store.uri, end, `no version ${end}; the newest is ${latest.version}`)
  const times = await commitTimes(store, from, end)
  if (!times.has(from)) throw new VersionNotFoundError(store.uri, from, `version ${from} is no longer in the log`)
  const state = await core.stateAt({ version: end })
  const metaData = state.metaData as MetaData
  const { partitionColumns } = metaData
  if (state.protocol) checkReadable(store.uri, state.protocol)
  const schema = parseSchemaString(metaData.schemaString)
  checkFeed(store.uri, (await core.stateAt({ version: from })).metaData as MetaData, from, schema)
  const found: Found = { insert: [], delete: [], cdc: [], both: [] }
  for await (const { version, actions } of readCommits(store, from, end)) {
    const changed = actions.find(action => action.metaData)?.metaData
    if (changed) checkFeed(store.uri, changed, version, schema)
    const own = actions.find(action => action.commitInfo)?.commitInfo?.inCommitTimestamp
    const bare = partitionColumns.length ? actions.find(({ remove }) => remove?.dataChange && !remove.partitionValues) : undefined
    if (bare?.remove)
      throw new DataFileError(store.uri, bare.remove.path, version, 'was removed without a word on its partition values')
    collect(found, actions, { version, time: own ?? times.get(version)?.getTime() ?? 0 })
  }
  const input = relationOf(store, end, metaData, schema)
  const relation = () => changesSql(input, found)
  return {
    from,
    to: end,
    relation,
    async *rows() {
      yield* (await duckdb()).stream(`SELECT * FROM ${await relation()}`)
    },
  }
}

/** Throws when a version has no feed, or columns whose values the range's last schema cannot hold. */
function checkFeed(table: string, metaData: MetaData, version: number, schema: Schema): void {
  if (!writesFeed(metaData))
    throw new UnsupportedFeatureError(table, ['changeDataFeed'], `version ${version} keeps no changeDataFeed`)
  const now = new Map(schema.fields.map(field => [physicalName(field), typeName(field.type)]))
  for (const field of parseSchemaString(metaData.schemaString).fields) {
    const type = now.get(physicalName(field))
    if (type === undefined || type === typeName(field.type) || typeof field.type !== 'string') continue
    throw new SchemaMismatchError(table, field.name, `is ${typeName(field.type)} in version ${version}, ${type} at the end`)
  }
}

/** Sorts a version's files. With change data the version is told by that alone. */
function collect(found: Found, actions: readonly Action[], when: { version: number; time: number }): void {
  const dated = (file: Partial<AddFile> & { path: string; dataChange: boolean }): Dated => ({
    ...when,
    file: { size: 0, modificationTime: 0, ...file, partitionValues: file.partitionValues ?? {} },
  })
  const cdc = actions.flatMap(action => (action.cdc ? [dated(action.cdc)] : []))
  found.cdc.push(...cdc)
  if (cdc.length) return
  const added = new Map(actions.flatMap(({ add }) => (add?.dataChange ? [[decodePath(add.path), add]] : [])))
  for (const { remove } of actions) {
    if (!remove?.dataChange) continue
    const { partitionValues, size, stats, tags, ...rest } = remove
    const before = dated({ ...rest, partitionValues: partitionValues ?? {}, size: size ?? 0 })
    const now = added.get(decodePath(remove.path))
    if (now) {
      added.delete(decodePath(remove.path))
      found.both.push({ ...before, file: { ...now, deletionVector: remove.deletionVector }, now })
    } else found.delete.push(before)
  }
  found.insert.push(...[...added.values()].map(dated))
}

/** SQL that gives a file's part of a list, by the file's place. */
function perFile(files: readonly Dated[], part: (one: Dated) => string): string {
  return `[${files.map(part).join(', ')}][${FILE_COLUMN} + 1]`
}

async function changesSql(input: Omit<RelationInput, 'files'>, found: Found): Promise<string> {
  const names = input.schema.fields.map(field => quoteName(field.name)).join(', ')
  const stamped = (files: readonly Dated[]) =>
    `CAST(${perFile(files, one => String(one.version))} AS BIGINT) AS _commit_version, ${perFile(files, one => `TIMESTAMPTZ '${new Date(one.time).toISOString()}'`)} AS _commit_timestamp`
  /** Rows of files, and the files in the order in which the rows name them. */
  const locate = async (files: readonly Dated[], wanted: Omit<RelationInput, 'files'>, pick: (one: Dated) => AddFile) => {
    const of = new Map(files.map(one => [pick(one), one]))
    const located = await locatedSql({ ...wanted, files: [...of.keys()] })
    return { sql: located.sql, files: located.files.map(file => of.get(file) as Dated) }
  }
  const parts: string[] = []
  for (const type of ['insert', 'delete'] as const) {
    if (!found[type].length) continue
    const { sql, files } = await locate(found[type], input, one => one.file)
    parts.push(`SELECT ${names}, ${quoteText(type)} AS ${CHANGE_TYPE}, ${stamped(files)} FROM ${sql}`)
  }
  if (found.cdc.length) {
    // The change type has no field id: these files are read by their physical names.
    const mapping = input.mapping === 'id' ? 'name' : input.mapping
    const wide = { ...input, mapping, schema: withChangeType(input.schema) }
    const { sql, files } = await locate(found.cdc, wide, one => one.file)
    parts.push(`SELECT ${names}, ${CHANGE_TYPE}, ${stamped(files)} FROM ${sql}`)
  }
  if (found.both.length) {
    const place = new Map(found.both.map((one, i) => [one, i]))
    const sides = [await locate(found.both, input, one => one.file), await locate(found.both, input, one => one.now as AddFile)]
    const [old, now] = sides.map(
      ({ sql, files }) =>
        `(SELECT ${names}, ${ROW_COLUMN}, ${perFile(files, one => String(place.get(one)))} AS pair, ${stamped(files)} FROM ${sql})`,
    )
    const only = (a: string | undefined, b: string | undefined, type: string) =>
      `SELECT ${names}, '${type}' AS ${CHANGE_TYPE}, _commit_version, _commit_timestamp FROM ${a} ANTI JOIN ${b} USING (pair, ${ROW_COLUMN})`
    parts.push(only(old, now, 'delete'), only(now, old, 'insert'))
  }
  if (parts.length) return `(${parts.join(' UNION ALL ')})`
  const { sql } = await locatedSql({ ...input, files: [] })
  return `(SELECT ${names}, '' AS ${CHANGE_TYPE}, 0::BIGINT AS _commit_version, now() AS _commit_timestamp FROM ${sql})`
}
