/** JavaScript rows into DuckDB columns, each value checked against the table's type. */
import {
  blobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { duckdb, type Row, type Scan, tempName } from './duckdb.js'
import { SchemaMismatchError } from './errors.js'
import {
  type DataType,
  decimalOf,
  duckdbType,
  type Field,
  type MapType,
  type Schema,
  type StructType,
  typeName,
} from './schema.js'

/** Thrown inside a conversion; the caller adds row and column. */
class Misfit extends Error {
  constructor(
    readonly path: string,
    detail: string,
  ) {
    super(detail)
  }
}

type Convert = (value: unknown, path: string) => DuckDBValue

function show(value: unknown): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : `Date ${value.toISOString()}`
  if (typeof value === 'string') return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'bigint') return `bigint ${value}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Map) return 'a Map'
  if (typeof value === 'object') return 'an object'
  return `${typeof value} ${String(value)}`
}

function misfit(value: unknown, type: DataType, path: string): never {
  throw new Misfit(path, `wants ${typeName(type)}, got ${show(value)}`)
}

function integer(type: string, bits: bigint, big: boolean): Convert {
  const max = 2n ** (bits - 1n) - 1n
  const min = -max - 1n
  const [low, high] = big ? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] : [Number(min), Number(max)]
  return (value, path) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return big ? BigInt(value) : value
    if (typeof value === 'bigint' && value >= min && value <= max) return big ? value : Number(value)
    return misfit(value, type, path)
  }
}

const DAY_MS = 86_400_000
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:?\d{2})?$/

function micros(value: unknown, type: string, path: string): bigint {
  if (value instanceof Date) {
    const ms = value.getTime()
    if (Number.isInteger(ms)) return BigInt(ms) * 1000n
  } else if (typeof value === 'bigint') return value
  else if (typeof value === 'string') {
    const found = ISO.exec(value)
    // An instant needs its zone; a wall-clock time has none.
    if (found && (found[4] !== undefined) === (type === 'timestamp')) {
      const ms = Date.parse(`${found[1]}T${found[2]}${found[4] ?? 'Z'}`)
      if (!Number.isNaN(ms)) return BigInt(ms) * 1000n + BigInt((found[3] ?? '').padEnd(6, '0'))
    }
  }
  return misfit(value, type, path)
}

function decimal(type: string, precision: number, scale: number): Convert {
  const limit = 10n ** BigInt(precision)
  return (value, path) => {
    const text = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' ? String(value) : ''
    const found = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text)
    const fraction = found?.[3]?.replace(/0+$/, '') ?? ''
    if (!found || fraction.length > scale) return misfit(value, type, path)
    const digits = BigInt((found[2] as string) + fraction.padEnd(scale, '0'))
    if (digits >= limit) return misfit(value, type, path)
    return new DuckDBDecimalValue(found[1] === '-' ? -digits : digits, precision, scale)
  }
}

function struct(type: StructType): Convert {
  const fields = type.fields.map(field => ({ field, convert: converter(field.type) }))
  const names = new Set(type.fields.map(field => field.name))
  return (value, path) => {
    if (
      typeof value !== 'object' ||
      Array.isArray(value) ||
      value instanceof Date ||
      value instanceof Map ||
      ArrayBuffer.isView(value)
    )
      return misfit(value, type, path)
    for (const key of Object.keys(value as object)) if (!names.has(key)) throw new Misfit(`${path}.${key}`, 'no such field')
    const entries: Record<string, DuckDBValue> = {}
    for (const { field, convert } of fields) {
      const item = (value as Row)[field.name]
      if (item === null || item === undefined) {
        if (!field.nullable) throw new Misfit(`${path}.${field.name}`, 'is null, but the field is not null')
        entries[field.name] = null
      } else entries[field.name] = convert(item, `${path}.${field.name}`)
    }
    return new DuckDBStructValue(entries)
  }
}

function map(type: MapType): Convert {
  const key = converter(type.keyType)
  const item = converter(type.valueType)
  return (value, path) => {
    const entries: unknown[] | undefined =
      value instanceof Map
        ? [...value]
        : Array.isArray(value)
          ? value.map(entry => (Array.isArray(entry) ? entry : [(entry as Row)?.key, (entry as Row)?.value]))
          : typeof value === 'object' && !(value instanceof Date) && !ArrayBuffer.isView(value)
            ? Object.entries(value as object)
            : misfit(value, type, path)
    return new DuckDBMapValue(
      (entries as [unknown, unknown][]).map(([k, v]) => {
        if (k === null || k === undefined) throw new Misfit(`${path}.key`, 'is null')
        if ((v === null || v === undefined) && !type.valueContainsNull)
          throw new Misfit(`${path}.value`, 'is null, but the values are not null')
        return { key: key(k, `${path}.key`), value: v === null || v === undefined ? null : item(v, `${path}.value`) }
      }),
    )
  }
}

/** How a value of a type becomes DuckDB's; null is the caller's business. */
function converter(type: DataType): Convert {
  if (typeof type !== 'string') {
    if (type.type === 'struct') return struct(type)
    if (type.type === 'map') return map(type)
    const item = converter(type.elementType)
    return (value, path) => {
      if (!Array.isArray(value)) return misfit(value, type, path)
      return new DuckDBListValue(
        value.map(element => {
          if (element !== null && element !== undefined) return item(element, `${path}.element`)
          if (!type.containsNull) throw new Misfit(`${path}.element`, 'is null, but the elements are not null')
          return null
        }),
      )
    }
  }
  const exact = decimalOf(type)
  if (exact) return decimal(type, exact.precision, exact.scale)
  switch (type) {
    case 'string':
      return (value, path) => (typeof value === 'string' ? value : misfit(value, type, path))
    case 'boolean':
      return (value, path) => (typeof value === 'boolean' ? value : misfit(value, type, path))
    case 'float':
    case 'double':
      return (value, path) => (typeof value === 'number' ? value : misfit(value, type, path))
    case 'long':
      return integer(type, 64n, true)
    case 'integer':
      return integer(type, 32n, false)
    case 'short':
      return integer(type, 16n, false)
    case 'byte':
      return integer(type, 8n, false)
    case 'binary':
      return (value, path) => (value instanceof Uint8Array ? blobValue(value) : misfit(value, type, path))
    case 'date':
      return (value, path) => {
        const day = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? new Date(`${value}T00:00:00Z`) : value
        if (!(day instanceof Date) || Number.isNaN(day.getTime())) return misfit(value, type, path)
        return new DuckDBDateValue(Math.floor(day.getTime() / DAY_MS))
      }
    case 'timestamp':
      return (value, path) => new DuckDBTimestampTZValue(micros(value, type, path))
    default:
      return (value, path) => new DuckDBTimestampValue(micros(value, type, path))
  }
}

/** The type that a value has by itself, for columns that a merge admits. */
function inferred(value: unknown, path: string): DataType | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'bigint') return 'long'
  if (typeof value === 'number') return Number.isInteger(value) ? 'long' : 'double'
  if (value instanceof Date) return 'timestamp'
  if (value instanceof Uint8Array) return 'binary'
  if (Array.isArray(value)) {
    const elementType = value.reduce<DataType | undefined>((type, item) => widest(type, inferred(item, path)), undefined)
    return { type: 'array', elementType: elementType ?? 'string', containsNull: true }
  }
  if (typeof value !== 'object' || value instanceof Map) throw new Misfit(path, `no type can be told from ${show(value)}`)
  const fields: Field[] = []
  for (const [name, item] of Object.entries(value))
    fields.push({ name, type: inferred(item, `${path}.${name}`) ?? 'string', nullable: true, metadata: {} })
  return { type: 'struct', fields }
}

function widest(a: DataType | undefined, b: DataType | undefined): DataType | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a === 'long' && b === 'double' ? b : a
}

/** Names in the rows that the schema does not have, in order of appearance. */
function unknownNames(rows: readonly Row[], schema: Schema): string[] {
  const known = new Set(schema.fields.map(field => field.name))
  const unknown = new Set<string>()
  for (const row of rows) for (const key in row) if (!known.has(key)) unknown.add(key)
  return [...unknown]
}

/** The schema with a column for each name in the rows that it lacks; types are told from the values. */
export function widenByRows(table: string, schema: Schema, rows: readonly Row[]): Schema {
  const added = unknownNames(rows, schema).map(name => {
    try {
      const type = rows.reduce<DataType | undefined>((found, row) => widest(found, inferred(row[name], name)), undefined)
      return { name, type: type ?? 'string', nullable: true, metadata: {} }
    } catch (error) {
      if (error instanceof Misfit) throw new SchemaMismatchError(table, error.path, error.message)
      throw error
    }
  })
  return added.length ? { type: 'struct', fields: [...schema.fields, ...added] } : schema
}

/** DuckDB's types by their names. */
const types = new Map<string, DuckDBType>()

/**
 * Rows as a SELECT with the schema's columns, each value checked and converted as it is read. Throws
 * `SchemaMismatchError` for an unknown column; a wrong type, or a null where none may be, is the scan's `failure`.
 */
export async function scanRows(table: string, schema: Schema, rows: readonly Row[]): Promise<Scan> {
  const unknown = unknownNames(rows, schema)[0]
  if (unknown !== undefined) {
    const value = rows.find(row => unknown in row)?.[unknown]
    throw new SchemaMismatchError(table, unknown, `not in the table (value: ${show(value)}); mergeSchema admits new columns`)
  }
  const database = await duckdb()
  const names = schema.fields.map(field => duckdbType(field.type))
  const fresh = [...new Set(names)].filter(name => !types.has(name))
  const described = fresh.length ? await database.describe(`SELECT ${fresh.map(name => `CAST(NULL AS ${name})`).join(', ')}`) : []
  for (const [i, { type }] of described.entries()) types.set(fresh[i] as string, type)
  const columns = schema.fields.map(({ name, type, nullable }, i) => {
    const convert = converter(type)
    return {
      name,
      type: types.get(names[i] as string) as DuckDBType,
      value(row: Row, index: number) {
        const value = row[name]
        if (value === null || value === undefined) {
          if (nullable) return null
          throw new SchemaMismatchError(table, name, `row ${index} is null, but the column is not null (${typeName(type)})`)
        }
        try {
          return convert(value, name)
        } catch (error) {
          if (error instanceof Misfit) throw new SchemaMismatchError(table, error.path, `row ${index} ${error.message}`)
          throw error
        }
      },
    }
  })
  return database.scan(columns, rows)
}

/**
 * Loads rows into a new in-memory table with the schema's columns; gives its name, for the caller to drop. Throws
 * `SchemaMismatchError` for an unknown column, a wrong type, or a null where none may be.
 */
export async function loadRows(table: string, schema: Schema, rows: readonly Row[]): Promise<string> {
  const scan = await scanRows(table, schema, rows)
  const name = tempName('rows')
  try {
    await (await duckdb()).run(`CREATE TABLE ${name} AS ${scan.sql}`)
  } catch (error) {
    throw scan.failure ?? error
  } finally {
    scan.drop()
  }
  return name
}
