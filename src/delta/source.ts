/** What is to be written, as a SELECT that gives exactly the table's columns: by name, checked, cast. */
import {
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId as Id,
} from '@duckdb/node-api'
import { duckdb, quoteName, quoteText, type Row } from './duckdb.js'
import { SchemaMismatchError } from './errors.js'
import { scanRows, widenByRows } from './rows.js'
import { type DataType, decimalOf, duckdbType, type Field, type Schema, typeName } from './schema.js'
import { show } from './values.js'

/** Rows to write: plain objects, or a SELECT on the shared DuckDB whose columns are matched to the table's by name. */
export type TableData = readonly Row[] | { sql: string }

/** A SELECT with exactly the columns of `schema`, ready to be copied into files. */
export interface Source {
  sql: string
  /** The table's schema, or a wider one when new columns were admitted. */
  schema: Schema
  /** Why a query over it failed, where the reason lies in the rows. */
  failure?(): unknown
  /** Drops what was made for it. */
  release(): Promise<void>
}

const INTEGERS = [
  ...[Id.TINYINT, Id.SMALLINT, Id.INTEGER, Id.BIGINT, Id.HUGEINT],
  ...[Id.UTINYINT, Id.USMALLINT, Id.UINTEGER, Id.UBIGINT, Id.UHUGEINT],
]
/** What goes into a simple type without loss; integers are narrowed with a check of every value. */
const TAKES: Record<string, readonly Id[]> = {
  ...{ byte: INTEGERS, short: INTEGERS, integer: INTEGERS, long: INTEGERS },
  float: [Id.FLOAT, Id.DECIMAL, ...INTEGERS],
  double: [Id.DOUBLE, Id.FLOAT, Id.DECIMAL, ...INTEGERS],
  string: [Id.VARCHAR, Id.ENUM, Id.UUID],
  boolean: [Id.BOOLEAN],
  binary: [Id.BLOB],
  date: [Id.DATE],
  timestamp: [Id.TIMESTAMP_TZ],
  timestamp_ntz: [Id.TIMESTAMP, Id.TIMESTAMP_S, Id.TIMESTAMP_MS],
}

/** True when values of `from` go into `to` without loss. */
function fits(from: DuckDBType, to: DataType): boolean {
  const id = from.typeId
  if (id === Id.SQLNULL) return true
  if (typeof to !== 'string') {
    if (to.type === 'array')
      return (id === Id.LIST || id === Id.ARRAY) && fits((from as DuckDBListType).valueType, to.elementType)
    if (to.type === 'map') {
      const map = from as DuckDBMapType
      return id === Id.MAP && fits(map.keyType, to.keyType) && fits(map.valueType, to.valueType)
    }
    if (id !== Id.STRUCT) return false
    const { entryNames, entryTypes } = from as DuckDBStructType
    const given = new Map(entryNames.map((name, i) => [name, entryTypes[i] as DuckDBType]))
    const known = new Set(to.fields.map(field => field.name))
    return (
      entryNames.every(name => known.has(name)) &&
      to.fields.every(field => {
        const type = given.get(field.name)
        return type ? fits(type, field.type) : field.nullable
      })
    )
  }
  const decimal = decimalOf(to)
  if (decimal) return INTEGERS.includes(id) || (id === Id.DECIMAL && (from as DuckDBDecimalType).scale <= decimal.scale)
  return TAKES[to]?.includes(id) ?? false
}

/**
 * The described type with a struct that nothing converts to wherever it is INTEGER. DuckDB describes an untyped NULL as
 * INTEGER; only an untyped NULL can stand in a list with such a struct.
 */
function nullProbe(type: DuckDBType): string {
  switch (type.typeId) {
    case Id.INTEGER:
      return 'STRUCT("_" INTEGER)'
    case Id.LIST:
      return `${nullProbe((type as DuckDBListType).valueType)}[]`
    case Id.MAP:
      return `MAP(${nullProbe((type as DuckDBMapType).keyType)}, ${nullProbe((type as DuckDBMapType).valueType)})`
    default:
      return String(type)
  }
}

async function isUntyped(sql: string, name: string, type: DuckDBType): Promise<boolean> {
  const probe = nullProbe(type)
  if (!probe.includes('"_"')) return false
  const database = await duckdb()
  return database.describe(`SELECT list_value(${quoteName(name)}, CAST(NULL AS ${probe})) FROM (${sql})`).then(
    () => true,
    () => false,
  )
}

/** The Delta type of a DuckDB type, for columns that a merge admits. */
function deltaType(table: string, column: string, type: DuckDBType): DataType {
  const id = type.typeId
  if (id === Id.LIST || id === Id.ARRAY)
    return { type: 'array', elementType: deltaType(table, column, (type as DuckDBListType).valueType), containsNull: true }
  if (id === Id.MAP) {
    const { keyType, valueType } = type as DuckDBMapType
    return {
      type: 'map',
      keyType: deltaType(table, column, keyType),
      valueType: deltaType(table, column, valueType),
      valueContainsNull: true,
    }
  }
  if (id === Id.STRUCT) {
    const { entryNames, entryTypes } = type as DuckDBStructType
    const fields = entryNames.map((name, i) => ({
      name,
      type: deltaType(table, `${column}.${name}`, entryTypes[i] as DuckDBType),
      nullable: true,
      metadata: {},
    }))
    return { type: 'struct', fields }
  }
  if (id === Id.DECIMAL) return `decimal(${(type as DuckDBDecimalType).width},${(type as DuckDBDecimalType).scale})`
  const named: Partial<Record<Id, string>> = {
    [Id.TINYINT]: 'byte',
    [Id.UTINYINT]: 'short',
    [Id.SMALLINT]: 'short',
    [Id.USMALLINT]: 'integer',
    [Id.INTEGER]: 'integer',
    [Id.UINTEGER]: 'long',
    [Id.BIGINT]: 'long',
    [Id.FLOAT]: 'float',
    [Id.DOUBLE]: 'double',
    [Id.BOOLEAN]: 'boolean',
    [Id.BLOB]: 'binary',
    [Id.DATE]: 'date',
    [Id.TIMESTAMP_TZ]: 'timestamp',
    [Id.TIMESTAMP]: 'timestamp_ntz',
    [Id.VARCHAR]: 'string',
    [Id.ENUM]: 'string',
    [Id.UUID]: 'string',
  }
  const found = named[id]
  if (!found) throw new SchemaMismatchError(table, column, `Delta has no type for ${type}`)
  return found
}

/** SQL that fails, with a mark and a name that `markedName` finds in what DuckDB then says. */
export function failWith(mark: string, name: string): string {
  return `error(${quoteText(mark + encodeURIComponent(name))})`
}

/** The name behind a mark in the message of a failed query; undefined when it complains of something else. */
export function markedName(mark: string, error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : ''
  const at = message.indexOf(mark)
  return at < 0 ? undefined : decodeURIComponent(/^[^\s]*/.exec(message.slice(at + mark.length))?.[0] ?? '')
}

/** Mark of a value that is null where none may be; its name is the column's. */
export const NULL_MARK = 'moodlake:not-null:'

function selected(field: Field, given: boolean): string {
  const type = duckdbType(field.type)
  const value = given ? `CAST(${quoteName(field.name)} AS ${type})` : `CAST(NULL AS ${type})`
  const checked = field.nullable ? value : `coalesce(${value}, ${failWith(NULL_MARK, field.name)})`
  return `${checked} AS ${quoteName(field.name)}`
}

async function sqlSource(table: string, schema: Schema, sql: string, mergeSchema: boolean): Promise<Source> {
  const database = await duckdb()
  const columns = await database.describe(`SELECT * FROM (${sql})`)
  const byName = new Map(schema.fields.map(field => [field.name, field]))
  const given = new Set<string>()
  const added: Field[] = []
  for (const { name, type } of columns) {
    const field = byName.get(name)
    if (!field) {
      const near = schema.fields.find(other => other.name.toLowerCase() === name.toLowerCase())
      if (near) throw new SchemaMismatchError(table, name, `not in the table, which writes it ${near.name}`)
      if (!mergeSchema)
        throw new SchemaMismatchError(table, name, `not in the table (type ${type}); mergeSchema admits new columns`)
      added.push({ name, type: deltaType(table, name, type), nullable: true, metadata: {} })
    } else if (!fits(type, field.type) && !(await isUntyped(sql, name, type)))
      throw new SchemaMismatchError(table, name, `wants ${typeName(field.type)} (${duckdbType(field.type)}), got ${type}`)
    given.add(name)
  }
  for (const field of schema.fields)
    if (!field.nullable && !given.has(field.name))
      throw new SchemaMismatchError(table, field.name, `not given, but the column is not null (${typeName(field.type)})`)
  const wide: Schema = added.length ? { type: 'struct', fields: [...schema.fields, ...added] } : schema
  const select = wide.fields.map(field => selected(field, given.has(field.name)))
  return { sql: `SELECT ${select.join(', ')} FROM (${sql})`, schema: wide, release: async () => undefined }
}

/** The SELECT of data that are not rows, without its semicolon. Throws `TypeError` for data that are neither. */
export function selectOf(table: string, data: TableData): string {
  const sql: unknown = (data as { sql?: unknown } | null | undefined)?.sql
  if (typeof sql === 'string') return sql.trim().replace(/;+\s*$/, '')
  const given = data && typeof data === 'object' ? `an object with ${Object.keys(data).join(', ') || 'nothing'}` : show(data)
  throw new TypeError(`${table}: data: wants an array of rows or { sql: 'SELECT …' }, got ${given}`)
}

/** Makes a source of the caller's data. Throws `SchemaMismatchError` naming column and types, and `TypeError`. */
export async function openSource(table: string, schema: Schema, data: TableData, mergeSchema: boolean): Promise<Source> {
  if (!Array.isArray(data)) return sqlSource(table, schema, selectOf(table, data), mergeSchema)
  const rows = data as readonly Row[]
  const wide = mergeSchema ? widenByRows(table, schema, rows) : schema
  const scan = await scanRows(table, wide, rows)
  return { sql: scan.sql, schema: wide, failure: () => scan.failure, release: async () => scan.drop() }
}
