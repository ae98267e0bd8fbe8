/** A snapshot as a SQL table expression: the data files, each column under its name and with its exact type. */
import { existsSync } from 'node:fs'
import { FileNotFoundError, type Store } from '../stores/store.js'
import { type AddFile, type DeletionVector, decodePath, encodePath, type MetaData } from './actions.js'
import { mappingOf, nameInFiles, physicalType, rename } from './column-mapping.js'
import { readVector, vectorPath } from './deletion-vector.js'
import { duckdb, quoteName, quoteText, tempName } from './duckdb.js'
import { DataFileError, SchemaMismatchError } from './errors.js'
import { cachedFile, localFile } from './local-files.js'
import { duckdbType, type Field, type Schema } from './schema.js'
import { matchingFiles } from './skip.js'

/** What of a table a relation is made of. */
export interface RelationInput {
  store: Store
  version: number
  schema: Schema
  partitionColumns: readonly string[]
  /** `none`, `name` or `id`: how columns are found in the files (`delta.columnMapping.mode`). */
  mapping: string
  files: readonly AddFile[]
  /** Names of columns to give, in this order; default all. */
  columns?: readonly string[]
  /** A SQL predicate over the table's columns. */
  where?: string
  /** Chooses among the files that are left by `where`. */
  pick?(files: readonly AddFile[]): Promise<readonly AddFile[]>
  /** Adds `FILE_COLUMN` and `ROW_COLUMN`. */
  located?: boolean
}

/** What all relations on a version of a table have in common. */
export function relationOf(store: Store, version: number, metaData: MetaData, schema: Schema): Omit<RelationInput, 'files'> {
  return { store, version, schema, partitionColumns: metaData.partitionColumns, mapping: mappingOf(metaData) }
}

/** Column of `locatedSql`: place of the row's file in the list of files. */
export const FILE_COLUMN = '_moodlake_file'
/** Column of `locatedSql`: number of the row in its file, from 0. */
export const ROW_COLUMN = '_moodlake_row'

/** Path of a data file within the table's store. Throws `DataFileError` when it leads elsewhere. */
export function dataPath(store: Store, version: number, file: { path: string }): string {
  let path = decodePath(file.path)
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:\/?\//.test(path) || path.startsWith('/')) {
    const base = `${store.uri.replace(/\/+$/, '')}/`
    const own = store.localPath ? [base, decodePath(base), `${store.localPath('')}/`, `file:${store.localPath('')}/`] : [base]
    const root = own.find(prefix => path.startsWith(prefix) || file.path.startsWith(prefix))
    if (root === undefined) throw new DataFileError(store.uri, file.path, version, 'lies outside of the table')
    path = path.startsWith(root) ? path.slice(root.length) : decodePath(file.path.slice(root.length))
  }
  const parts = path.split('/')
  if (path.includes('\0') || path.includes('\\') || parts.some(part => part === '' || part === '.' || part === '..'))
    throw new DataFileError(store.uri, file.path, version, 'lies outside of the table')
  return path
}

/** Path, within the table's store, of the file that holds a deletion vector; undefined for an inline one. Throws as `dataPath`. */
export function vectorFile(store: Store, version: number, vector: DeletionVector): string | undefined {
  const path = vectorPath(vector)
  return path && dataPath(store, version, { path: vector.storageType === 'p' ? path : encodePath(path) })
}

/** A partition column: a constant of each file, given by the file's place in the list. */
function partitionColumn(field: Field, files: readonly AddFile[], mapping: string): string {
  const key = nameInFiles(field, mapping)
  const values = files.map(file => file.partitionValues[key] ?? file.partitionValues[field.name] ?? null)
  const literal = (value: string | null) => (value === null || value === '' ? 'NULL' : quoteText(value))
  const literals = values.map(literal)
  const sql =
    new Set(literals).size === 1 ? literals[0] : `(CAST([${literals.join(', ')}] AS VARCHAR[]))[CAST(f.file_index AS BIGINT) + 1]`
  // The protocol writes a binary as text of \uXXXX escapes or as it is; here it is taken as UTF-8.
  return field.type === 'binary'
    ? `encode(CAST(${sql} AS VARCHAR))`
    : `CAST(CAST(${sql} AS VARCHAR) AS ${duckdbType(field.type)})`
}

async function localFiles(input: RelationInput, files: readonly AddFile[]): Promise<string[]> {
  const { store, version } = input
  const one = async (file: AddFile): Promise<string> => {
    try {
      const path = await localFile(store, dataPath(store, version, file), `${file.size} ${file.modificationTime}`)
      if (store.localPath && !existsSync(path)) throw new FileNotFoundError(store.uri, file.path)
      return path
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error
      throw new DataFileError(store.uri, file.path, version, 'the data file is missing', { cause: error })
    }
  }
  const paths: string[] = []
  const ahead = store.localPath ? 256 : 8
  for (let start = 0; start < files.length; start += ahead)
    paths.push(...(await Promise.all(files.slice(start, start + ahead).map(one))))
  return paths
}

/** A Parquet file that lists the deleted rows of a data file, kept in the cache folder. */
async function deletedRows(input: RelationInput, file: AddFile, vector: DeletionVector): Promise<string> {
  const { store, version } = input
  const fail = (error: unknown): never => {
    const detail = error instanceof FileNotFoundError ? 'the deletion vector is missing' : (error as Error).message
    throw error instanceof DataFileError ? error : new DataFileError(store.uri, file.path, version, detail, { cause: error })
  }
  let inStore: string
  try {
    inStore = vectorFile(store, version, vector) ?? ''
  } catch (error) {
    return fail(error)
  }
  const key = `deleted\0${store.uri}\0${inStore}\0${JSON.stringify(vector)}\0${store.uri.startsWith('memory:') ? process.pid : ''}`
  return cachedFile(key, 'parquet', async target => {
    const rows = await readVector(vector, (start, end) => store.read(inStore, { start, end }))
    const database = await duckdb()
    const name = tempName('deleted')
    try {
      await database.load(name, { row: { type: 'BIGINT', values: rows } })
      await database.run(`COPY ${name} TO ${quoteText(target)} (FORMAT parquet)`)
    } finally {
      await database.run(`DROP TABLE IF EXISTS ${name}`)
    }
  }).catch(fail)
}

function split(files: readonly AddFile[]): { whole: AddFile[]; holed: AddFile[] } {
  return { whole: files.filter(file => !file.deletionVector), holed: files.filter(file => file.deletionVector) }
}

/** The rows of files, those deleted by vectors left out; valid with no files too. */
async function scanAll(input: RelationInput, columns: readonly Field[]): Promise<string> {
  if (!input.files.length) {
    const empty = columns.map(field => `CAST(NULL AS ${duckdbType(field.type)}) AS ${quoteName(field.name)}`)
    if (input.located) empty.push(`0::BIGINT AS ${FILE_COLUMN}, 0::BIGINT AS ${ROW_COLUMN}`)
    return `SELECT ${empty.join(', ')} WHERE false`
  }
  const { whole, holed } = split(input.files)
  const parts: string[] = []
  if (whole.length) parts.push(scan(input, columns, whole, await localFiles(input, whole), 0))
  if (holed.length) {
    const deleted: string[] = []
    for (const file of holed) deleted.push(await deletedRows(input, file, file.deletionVector as DeletionVector))
    // The n-th list of deleted rows belongs to the n-th file.
    const lists = `read_parquet([${deleted.map(quoteText).join(', ')}])`
    const join = `ANTI JOIN ${lists} d ON f.file_index = d.file_index AND f.file_row_number = d."row"`
    parts.push(`${scan(input, columns, holed, await localFiles(input, holed), whole.length)} ${join}`)
  }
  return parts.join(' UNION ALL ')
}

function scan(
  input: RelationInput,
  columns: readonly Field[],
  files: readonly AddFile[],
  paths: readonly string[],
  offset: number,
): string {
  const partitions = new Set(input.partitionColumns)
  const inFiles = input.schema.fields.filter(field => !partitions.has(field.name))
  const wanted = columns.filter(field => !partitions.has(field.name))
  // At least one column is read so that there are rows to count.
  const read = wanted.length ? wanted : inFiles.slice(0, 1)
  const entries = read.map(field => {
    const key =
      input.mapping === 'id' ? String(field.metadata['delta.columnMapping.id']) : quoteText(nameInFiles(field, input.mapping))
    return `${key}: {name: ${quoteText(field.name)}, type: ${quoteText(duckdbType(input.mapping === 'none' ? field.type : physicalType(field.type)))}, default_value: NULL}`
  })
  const select = columns.map(field => {
    const sql = partitions.has(field.name)
      ? partitionColumn(field, files, input.mapping)
      : input.mapping === 'none'
        ? `f.${quoteName(field.name)}`
        : rename(`f.${quoteName(field.name)}`, field.type, 'logical')
    return `${sql} AS ${quoteName(field.name)}`
  })
  if (input.located) select.push(`CAST(f.file_index AS BIGINT) + ${offset} AS ${FILE_COLUMN}, f.file_row_number AS ${ROW_COLUMN}`)
  const list = paths.map(quoteText).join(', ')
  return `SELECT ${select.join(', ')} FROM read_parquet([${list}], schema=MAP {${entries.join(', ')}}, hive_partitioning=false) f`
}

/** Rows with the place they lie at: all columns, `FILE_COLUMN` (an index into `files`) and `ROW_COLUMN`. */
export async function locatedSql(input: Omit<RelationInput, 'columns' | 'where'>): Promise<{ sql: string; files: AddFile[] }> {
  const { whole, holed } = split(input.files)
  return { sql: `(${await scanAll({ ...input, located: true }, input.schema.fields)})`, files: [...whole, ...holed] }
}

/** A SQL table expression with exactly the wanted columns and types; valid with no files too. */
export async function relationSql(input: RelationInput): Promise<string> {
  const { schema } = input
  const byName = new Map(schema.fields.map(field => [field.name, field]))
  const all = input.columns === undefined || input.where !== undefined ? schema.fields : undefined
  const chosen = (input.columns ?? schema.fields.map(field => field.name)).map(name => {
    const field = byName.get(name)
    if (!field) throw new SchemaMismatchError(input.store.uri, name, `no such column; there are ${[...byName.keys()].join(', ')}`)
    return field
  })
  const columns = all ?? chosen
  const matching = input.where === undefined ? input.files : await matchingFiles(input.files, input.where, input)
  const files = (await input.pick?.(matching)) ?? matching
  const base = await scanAll({ ...input, files }, columns)
  if (input.where === undefined) return `(${base})`
  return `(SELECT ${chosen.map(field => quoteName(field.name)).join(', ')} FROM (${base}) WHERE (${input.where}\n))`
}
