/** Writing data files: a SELECT becomes Parquet in the table's folder, with statistics, before any commit names it. */
import { randomUUID } from 'node:crypto'
import { promises as fs, mkdirSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import type { Store } from '../stores/store.js'
import { type AddFile, encodePath, type MetaData } from './actions.js'
import { constrained, constraintError } from './constraints.js'
import { duckdb, quoteName, quoteText } from './duckdb.js'
import { SchemaMismatchError } from './errors.js'
import { duckdbType, type Field, type Schema, typeName } from './schema.js'
import { nullColumn, type Source } from './source.js'
import { columnPath, INDEXED_COLUMNS, statsText, type WrittenColumn } from './stats.js'

/** Data files that were written, and how much is in them. */
export interface Written {
  add: AddFile[]
  rows: number
  bytes: number
}

interface CopyRow {
  filename: string
  count: number
  file_size_bytes: number
  column_statistics: { key: string; value: { key: string; value: string }[] }[]
  partition_keys: { key: string; value: string | null }[] | null
}

/** Bytes after which a new data file is begun. */
const FILE_BYTES = '256MB'

function partitionText(field: Field): string {
  const name = quoteName(field.name)
  switch (field.type) {
    case 'timestamp':
      return `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%fZ')`
    case 'timestamp_ntz':
      return `strftime(${name}, '%Y-%m-%d %H:%M:%S.%f')`
    case 'binary':
      return `decode(${name})`
    case 'string':
      // The protocol has one text for both: an empty value of a partition column is null.
      return `nullif(${name}, '')`
    default:
      return `CAST(${name} AS ${duckdbType('string')})`
  }
}

function copySql(source: Source, folder: string, mark: string, partitionColumns: readonly string[]): string {
  const options = `FORMAT parquet, COMPRESSION zstd, RETURN_STATS, APPEND, FILENAME_PATTERN 'part-{uuid}-${mark}.zstd'`
  if (!partitionColumns.length)
    return `COPY (${source.sql}) TO ${quoteText(folder)} (${options}, FILE_SIZE_BYTES '${FILE_BYTES}')`
  const partitions = new Set(partitionColumns)
  const select = source.schema.fields.map(field =>
    partitions.has(field.name) ? `${partitionText(field)} AS ${quoteName(field.name)}` : quoteName(field.name),
  )
  return `COPY (SELECT ${select.join(', ')} FROM (${source.sql})) TO ${quoteText(folder)} (${options}, PARTITION_BY (${partitionColumns.map(quoteName).join(', ')}))`
}

function addOf(row: CopyRow, path: string, schema: Schema, partitionColumns: readonly string[], indexed: number): AddFile {
  const columns = new Map<string, WrittenColumn>()
  for (const { key, value } of row.column_statistics)
    columns.set(JSON.stringify(columnPath(key)), Object.fromEntries(value.map(entry => [entry.key, entry.value])))
  const inFile: Schema = { type: 'struct', fields: schema.fields.filter(field => !partitionColumns.includes(field.name)) }
  const values = new Map(row.partition_keys?.map(entry => [entry.key, entry.value]))
  return {
    path: encodePath(path),
    partitionValues: Object.fromEntries(partitionColumns.map(name => [name, values.get(name) ?? null])),
    size: Number(row.file_size_bytes),
    modificationTime: Date.now(),
    dataChange: true,
    stats: statsText(inFile, Number(row.count), columns, indexed),
  }
}

/**
 * Writes a source's rows as Parquet (zstd) into the table; the files are durable when this resolves and belong to the
 * table once a commit names them. Throws `SchemaMismatchError` for a null where none may be or a value out of range, and
 * `ConstraintError`.
 */
export async function writeFiles(store: Store, unchecked: Source, metaData: MetaData): Promise<Written> {
  const { partitionColumns, configuration } = metaData
  const source = await constrained(store.uri, metaData, unchecked)
  const root = store.localPath?.('')
  const folder = root ?? (await mkdtemp(join(tmpdir(), 'moodlake-write-')))
  if (root !== undefined) mkdirSync(root, { recursive: true })
  const indexed = Number.parseInt(configuration['delta.dataSkippingNumIndexedCols'] ?? '', 10)
  try {
    const mark = randomUUID().slice(0, 8)
    const rows = await (await duckdb()).rows<CopyRow>(copySql(source, folder, mark, partitionColumns)).catch(async error => {
      if (root !== undefined) await dropMarked(store, mark).catch(() => undefined)
      throw source.failure?.() ?? explained(store, source.schema, error)
    })
    const add: AddFile[] = []
    for (const row of rows) {
      const path = relative(folder, row.filename).split(sep).join('/')
      if (Number(row.count) === 0) {
        await fs.rm(row.filename, { force: true })
        continue
      }
      await store.putFile(path, row.filename)
      add.push(addOf(row, path, source.schema, partitionColumns, Number.isNaN(indexed) ? INDEXED_COLUMNS : indexed))
    }
    const sum = (part: (row: CopyRow) => number) => rows.reduce((total, row) => total + part(row), 0)
    return { add, rows: sum(row => Number(row.count)), bytes: add.reduce((total, file) => total + file.size, 0) }
  } finally {
    if (root === undefined) await fs.rm(folder, { recursive: true, force: true })
  }
}

/** Removes what a write that failed has left; what cannot be removed is in no version, and a vacuum's business. */
async function dropMarked(store: Store, mark: string): Promise<void> {
  const left: string[] = []
  for await (const { path } of store.list('')) if (path.endsWith(`-${mark}.zstd.parquet`)) left.push(path)
  await Promise.allSettled(left.map(path => store.delete(path)))
}

function explained(store: Store, schema: Schema, error: unknown): unknown {
  const broken = constraintError(store.uri, error)
  if (broken) return broken
  const column = nullColumn(error)
  if (column !== undefined) {
    const field = schema.fields.find(other => other.name === column)
    return new SchemaMismatchError(
      store.uri,
      column,
      `a row is null, but the column is not null (${field ? typeName(field.type) : '?'})`,
      { cause: error },
    )
  }
  if (error instanceof Error && error.message.includes('Conversion Error'))
    return new SchemaMismatchError(store.uri, '?', error.message, { cause: error })
  return error
}

/** Takes back files that no commit will name. */
export async function discard(store: Store, files: readonly AddFile[]): Promise<void> {
  for (const file of files) await store.delete(decodeURIComponent(file.path))
}
