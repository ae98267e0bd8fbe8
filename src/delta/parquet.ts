/** Writing data files: a SELECT becomes Parquet in the table's folder, with statistics, before any commit names it. */
import { randomUUID } from 'node:crypto'
import { promises as fs, mkdirSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative, sep } from 'node:path'
import type { Store } from '../stores/store.js'
import { type AddFile, encodePath, type MetaData } from './actions.js'
import { fieldIds, mappingOf, physicalName, physicalType, rename } from './column-mapping.js'
import { constrained, constraintError } from './constraints.js'
import { duckdb, quoteName, quoteText } from './duckdb.js'
import { SchemaMismatchError } from './errors.js'
import { duckdbType, type Field, type Schema, typeName } from './schema.js'
import { markedName, NULL_MARK, type Source } from './source.js'
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

/** How rows become files. */
interface Layout {
  partitionColumns: readonly string[]
  /** True when the files have physical column names and field ids. */
  mapped: boolean
  /** What file names begin with. */
  name: string
  /** What the names of one write's files have in common. */
  mark: string
}

/** Bytes after which a new data file is begun. */
const FILE_BYTES = '256MB'
/** Rows of a row group: few enough that threads share one write and one read, which costs no size. */
const GROUP_ROWS = 30_720
/** Where the protocol has change data files. */
const FEED_FOLDER = '_change_data'

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

function copySql(source: Source, folder: string, { partitionColumns, mapped, name, mark }: Layout): string {
  const partitions = new Set(partitionColumns)
  const { fields } = source.schema
  const ids = mapped ? fieldIds(fields.filter(field => !partitions.has(field.name))) : ''
  const options = `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${GROUP_ROWS}, RETURN_STATS, APPEND, FILENAME_PATTERN '${name}-{uuid}-${mark}.zstd'${ids && `, FIELD_IDS {${ids}}`}`
  const inFile = (field: Field) => quoteName(mapped ? physicalName(field) : field.name)
  const select = fields.map(field => {
    if (partitions.has(field.name)) return `${partitionText(field)} AS ${inFile(field)}`
    return mapped ? `${rename(quoteName(field.name), field.type, 'physical')} AS ${inFile(field)}` : quoteName(field.name)
  })
  const whole = mapped || partitions.size ? `SELECT ${select.join(', ')} FROM (${source.sql})` : source.sql
  const split = fields.filter(field => partitions.has(field.name))
  const by = partitionColumns.map(column => inFile(split.find(field => field.name === column) as Field))
  const into = by.length ? `PARTITION_BY (${by.join(', ')})` : `FILE_SIZE_BYTES '${FILE_BYTES}'`
  return `COPY (${whole}) TO ${quoteText(folder)} (${options}, ${into})`
}

function addOf(row: CopyRow, path: string, schema: Schema, { partitionColumns, mapped }: Layout, indexed: number): AddFile {
  const columns = new Map<string, WrittenColumn>()
  for (const { key, value } of row.column_statistics)
    columns.set(JSON.stringify(columnPath(key)), Object.fromEntries(value.map(entry => [entry.key, entry.value])))
  const fields = schema.fields.filter(field => !partitionColumns.includes(field.name))
  const inFile = { type: 'struct', fields } as const
  const values = new Map(row.partition_keys?.map(entry => [entry.key, entry.value]))
  const partitions = schema.fields.filter(field => partitionColumns.includes(field.name))
  const named = new Map(partitions.map(field => [field.name, mapped ? physicalName(field) : field.name]))
  return {
    path: encodePath(path),
    partitionValues: Object.fromEntries(
      partitionColumns.map(column => named.get(column) as string).map(name => [name, values.get(name) ?? null]),
    ),
    size: Number(row.file_size_bytes),
    modificationTime: Date.now(),
    dataChange: true,
    stats: statsText(mapped ? (physicalType(inFile) as Schema) : inFile, Number(row.count), columns, indexed),
  }
}

/**
 * Writes a source's rows as Parquet (zstd) into the table; the files are durable when this resolves and belong to the
 * table once a commit names them. Throws `SchemaMismatchError` for a null where none may be or a value out of range, and
 * `ConstraintError`.
 * @param feed writes change data files: into their own folder, and the constraints are not looked at again
 */
export async function writeFiles(store: Store, unchecked: Source, metaData: MetaData, feed = false): Promise<Written> {
  const { configuration } = metaData
  const layout = {
    partitionColumns: metaData.partitionColumns,
    mapped: mappingOf(metaData) !== 'none',
    name: feed ? 'cdc' : 'part',
    mark: randomUUID().slice(0, 8),
  }
  const source = feed ? unchecked : await constrained(store.uri, metaData, unchecked)
  const root = store.localPath?.('')
  const near = root !== undefined && feed ? join(root, FEED_FOLDER) : root
  if (near !== undefined) mkdirSync(near, { recursive: true })
  // Change data files lie side by side, whatever their partition: delta-rs does not decode the paths of a feed.
  const own = root === undefined || feed
  const folder = own ? await mkdtemp(join(near ?? tmpdir(), '.moodlake-write-')) : root
  const indexed = Number.parseInt(configuration['delta.dataSkippingNumIndexedCols'] ?? '', 10)
  try {
    const rows = await (await duckdb()).rows<CopyRow>(copySql(source, folder, layout)).catch(async error => {
      if (!own) await dropMarked(store, layout.mark).catch(() => undefined)
      throw source.failure?.() ?? writeError(store, source.schema, error)
    })
    const add: AddFile[] = []
    for (const row of rows) {
      const path = feed ? `${FEED_FOLDER}/${basename(row.filename)}` : relative(folder, row.filename).split(sep).join('/')
      if (Number(row.count) === 0) {
        await fs.rm(row.filename, { force: true })
        continue
      }
      await store.putFile(path, row.filename)
      add.push(addOf(row, path, source.schema, layout, Number.isNaN(indexed) ? INDEXED_COLUMNS : indexed))
    }
    const sum = (part: (row: CopyRow) => number) => rows.reduce((total, row) => total + part(row), 0)
    return { add, rows: sum(row => Number(row.count)), bytes: add.reduce((total, file) => total + file.size, 0) }
  } finally {
    if (own) await fs.rm(folder, { recursive: true, force: true })
  }
}

/**
 * Writes rows as one Parquet file (zstd) of this machine's disk, also when there are none. Gives size and statistics.
 * @param mapped true when the columns have physical names, and field ids
 */
export async function writeOneFile(
  local: string,
  sql: string,
  schema: Schema,
  mapped = false,
): Promise<Pick<AddFile, 'size' | 'stats'>> {
  const ids = mapped ? fieldIds(schema.fields) : ''
  const options = `FORMAT parquet, COMPRESSION zstd, RETURN_STATS${ids && `, FIELD_IDS {${ids}}`}`
  const [row] = await (await duckdb()).rows<CopyRow>(`COPY (${sql}) TO ${quoteText(local)} (${options})`)
  const { size, stats } = addOf(row!, '', schema, { partitionColumns: [], mapped, name: '', mark: '' }, INDEXED_COLUMNS)
  return { size, stats }
}

/** Removes what a write that failed has left; what cannot be removed is in no version, and a vacuum's business. */
async function dropMarked(store: Store, mark: string): Promise<void> {
  const left: string[] = []
  for await (const { path } of store.list('')) if (path.endsWith(`-${mark}.zstd.parquet`)) left.push(path)
  await Promise.allSettled(left.map(path => store.delete(path)))
}

/** What a query that makes rows fails of, as an error of this library that names the column or constraint. */
export function writeError(store: Store, schema: Schema, error: unknown): unknown {
  const broken = constraintError(store.uri, error)
  if (broken) return broken
  const column = markedName(NULL_MARK, error)
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
