/** JavaScript rows as a SELECT. */
import type { DuckDBType } from '@duckdb/node-api'
import { duckdb, type Row, type Scan } from './duckdb.js'
import { SchemaMismatchError } from './errors.js'
import { type DataType, duckdbType, type Field, type Schema, typeName } from './schema.js'
import { filler, Misfit, show } from './values.js'
import type { Vector } from './vectors.js'

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
  // Rows are mostly of one shape: names in the order of the row before need no look.
  let shape: string[] = []
  for (const row of rows) {
    let at = 0
    let same = true
    for (const key in row) same = key === shape[at++] && same
    if (same && at <= shape.length) continue
    shape = Object.keys(row)
    for (const key in row) if (!known.has(key)) unknown.add(key)
  }
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
    const fill = filler(type, name)
    return {
      name,
      type: types.get(names[i] as string) as DuckDBType,
      fill(vector: Vector, part: readonly Row[], first: number) {
        const values = part.map(row => row[name])
        const absent = nullable ? -1 : values.findIndex(value => value === null || value === undefined)
        if (absent >= 0)
          throw new SchemaMismatchError(
            table,
            name,
            `row ${first + absent} is null, but the column is not null (${typeName(type)})`,
          )
        try {
          fill(vector, values)
        } catch (error) {
          if (error instanceof Misfit)
            throw new SchemaMismatchError(table, error.path, `row ${first + error.index} ${error.message}`)
          throw error
        }
      },
    }
  })
  return database.scan(columns, rows)
}
