/** Schemas in the shape in which Delta's log holds them, a DDL to write them, and their DuckDB types. */
import { quoteName } from './duckdb.js'
import { InvalidSchemaError } from './errors.js'

/** `string`, `long`, …, `decimal(10,2)`. */
export type PrimitiveType = string

/** A struct of named fields; the schema of a table is one. */
export interface StructType {
  type: 'struct'
  fields: readonly Field[]
}

/** A list. */
export interface ArrayType {
  type: 'array'
  elementType: DataType
  containsNull: boolean
}

/** A map. */
export interface MapType {
  type: 'map'
  keyType: DataType
  valueType: DataType
  valueContainsNull: boolean
}

/** Any type of the Delta protocol. */
export type DataType = PrimitiveType | StructType | ArrayType | MapType

/** A column, or a field of a struct. */
export interface Field {
  name: string
  type: DataType
  nullable: boolean
  /** Free keys of the protocol, such as `delta.columnMapping.physicalName` or `comment`. */
  metadata: Readonly<Record<string, unknown>>
}

/** The columns of a table. */
export type Schema = StructType

const DUCKDB: Record<string, string> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  integer: 'INTEGER',
  short: 'SMALLINT',
  byte: 'TINYINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMPTZ',
  timestamp_ntz: 'TIMESTAMP',
}
const ALIASES: Record<string, string> = { bigint: 'long', int: 'integer', smallint: 'short', tinyint: 'byte', real: 'float' }

/** A type with every field of the structs in it, from the outside in, as `each` gives it, and every simple type as `leaf` does. */
export function mapType(type: DataType, each: (field: Field) => Field, leaf = (simple: string): DataType => simple): DataType {
  if (typeof type !== 'object' || type === null) return leaf(type)
  const inside = (inner: DataType) => mapType(inner, each, leaf)
  if (type.type === 'array') return { ...type, elementType: inside(type.elementType) }
  if (type.type === 'map') return { ...type, keyType: inside(type.keyType), valueType: inside(type.valueType) }
  if (type.type !== 'struct') return type
  const fields = type.fields.map(field => {
    const made = each(field)
    return { ...made, type: inside(made.type) }
  })
  return { ...type, fields }
}

/** Precision and scale of a decimal type, undefined for any other. */
export function decimalOf(type: DataType): { precision: number; scale: number } | undefined {
  const found = typeof type === 'string' ? /^decimal\(\s*(\d+)\s*,\s*(-?\d+)\s*\)$/.exec(type) : undefined
  return found ? { precision: Number(found[1]), scale: Number(found[2]) } : undefined
}

/** The DuckDB SQL type that holds a Delta type exactly. Throws `InvalidSchemaError` for a type that is not known. */
export function duckdbType(type: DataType): string {
  if (typeof type === 'string') {
    const decimal = decimalOf(type)
    if (decimal) return `DECIMAL(${decimal.precision},${decimal.scale})`
    const known = Object.hasOwn(DUCKDB, type) ? DUCKDB[type] : undefined
    if (!known) throw new InvalidSchemaError(`schema: type not understood: ${type}`)
    return known
  }
  if (type.type === 'array') return `${duckdbType(type.elementType)}[]`
  if (type.type === 'map') return `MAP(${duckdbType(type.keyType)}, ${duckdbType(type.valueType)})`
  return `STRUCT(${type.fields.map(field => `${quoteName(field.name)} ${duckdbType(field.type)}`).join(', ')})`
}

/** DuckDB SQL types by column name, such as `{ tweet_id: 'VARCHAR', mentions: 'VARCHAR[]' }`. */
export function schemaToDuckdb(schema: Schema): Record<string, string> {
  return Object.fromEntries(schema.fields.map(field => [field.name, duckdbType(field.type)]))
}

/** A type as the DDL writes it: `array<string>`, `struct<a: long>`, `decimal(10,2)`. */
export function typeName(type: DataType): string {
  if (typeof type === 'string') return type
  if (type.type === 'array') return `array<${typeName(type.elementType)}>`
  if (type.type === 'map') return `map<${typeName(type.keyType)}, ${typeName(type.valueType)}>`
  return `struct<${type.fields.map(field => `${field.name}: ${typeName(field.type)}${field.nullable ? '' : ' not null'}`).join(', ')}>`
}

/** A schema as DDL text; `parseSchema` reads it back. */
export function formatSchema(schema: Schema): string {
  const name = (text: string) => (/^[A-Za-z_]\w*$/.test(text) ? text : `\`${text.replaceAll('`', '``')}\``)
  return schema.fields.map(field => `${name(field.name)} ${typeName(field.type)}${field.nullable ? '' : ' not null'}`).join(', ')
}

const TOKEN = /\s*(?:`((?:[^`]|``)*)`|'((?:[^']|'')*)'|([\w]+)|([<>(),:]))/y

interface Token {
  text: string
  quoted: boolean
}

function tokens(ddl: string): Token[] {
  const found: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < ddl.trimEnd().length) {
    const start = TOKEN.lastIndex
    const match = TOKEN.exec(ddl)
    if (!match) throw new InvalidSchemaError(`schema: not understood at ${JSON.stringify(ddl.slice(start, start + 20))}`)
    const quoted = match[1]?.replaceAll('``', '`') ?? match[2]?.replaceAll("''", "'")
    found.push({ text: quoted ?? match[3] ?? match[4] ?? '', quoted: quoted !== undefined })
  }
  return found
}

/**
 * Reads a schema written as DDL: `tweet_id string not null, timestamp timestamp, mentions array<string>, price
 * decimal(10,2), at struct<lat: double, lon: double>, counts map<string, long>`. Names that are not words stand in
 * backquotes. Throws `InvalidSchemaError`.
 */
export function parseSchema(ddl: string): Schema {
  const list = tokens(ddl)
  let at = 0
  const peek = () => (list[at]?.quoted ? undefined : list[at]?.text.toLowerCase())
  const fail = (wanted: string): never => {
    throw new InvalidSchemaError(
      `schema: wanted ${wanted}, found ${list[at] ? JSON.stringify(list[at]?.text) : 'the end'} in: ${ddl}`,
    )
  }
  const take = (text: string): void => {
    if (peek() !== text) fail(`"${text}"`)
    at++
  }
  const word = (wanted: string): string => {
    const token = list[at]
    if (!token || (!token.quoted && !/^\w+$/.test(token.text))) return fail(wanted)
    at++
    return token.text
  }
  const inBrackets = <T>(read: () => T): T => {
    take('<')
    const inside = read()
    take('>')
    return inside
  }
  const decimal = (): string => {
    if (peek() !== '(') return 'decimal(10,0)'
    take('(')
    const precision = word('a precision')
    const comma = peek() === ','
    if (comma) take(',')
    const scale = comma ? word('a scale') : '0'
    take(')')
    return `decimal(${Number(precision)},${Number(scale)})`
  }
  const type = (): DataType => {
    const name = word('a type').toLowerCase()
    if (name === 'array') return { type: 'array', elementType: inBrackets(type), containsNull: true }
    if (name === 'map')
      return inBrackets(() => {
        const keyType = type()
        take(',')
        return { type: 'map', keyType, valueType: type(), valueContainsNull: true }
      })
    if (name === 'struct') return { type: 'struct', fields: inBrackets(() => fieldList('>')) }
    if (name === 'decimal' || name === 'numeric') return decimal()
    const known = ALIASES[name] ?? name
    if (!Object.hasOwn(DUCKDB, known)) throw new InvalidSchemaError(`schema: type not understood: ${name} in: ${ddl}`)
    return known
  }
  const fieldList = (end: string | undefined): Field[] => {
    const fields: Field[] = []
    if (at === list.length || (end !== undefined && peek() === end)) return fields
    for (;;) {
      const name = word('a column name')
      if (peek() === ':') at++
      const fieldType = type()
      let nullable = true
      if (peek() === 'not') {
        at++
        take('null')
        nullable = false
      } else if (peek() === 'null') at++
      const metadata: Record<string, unknown> = {}
      if (peek() === 'comment') {
        at++
        metadata.comment = list[at++]?.text ?? ''
      }
      fields.push({ name, type: fieldType, nullable, metadata })
      if (peek() !== ',') return fields
      at++
    }
  }
  const fields = fieldList(undefined)
  if (at < list.length) fail('the end')
  return checkedSchema({ type: 'struct', fields })
}

/** Gives the schema back if its names are distinct (case aside) and its types are known. Throws `InvalidSchemaError`. */
export function checkedSchema(schema: Schema): Schema {
  if (schema?.type !== 'struct' || !Array.isArray(schema.fields)) throw new InvalidSchemaError('schema: not a struct with fields')
  if (schema.fields.length === 0) throw new InvalidSchemaError('schema: a table needs at least one column')
  const check = (type: DataType, path: string): void => {
    if (typeof type === 'string') {
      const decimal = decimalOf(type)
      if (decimal && (decimal.precision < 1 || decimal.precision > 38 || decimal.scale < 0 || decimal.scale > decimal.precision))
        throw new InvalidSchemaError(`schema: column ${path}: ${type}: precision is 1 to 38, scale 0 to the precision`)
      try {
        duckdbType(type)
      } catch (cause) {
        throw new InvalidSchemaError(`schema: column ${path}: type not understood: ${type}`, { cause })
      }
    } else if (type?.type === 'array') check(type.elementType, `${path}.element`)
    else if (type?.type === 'map') {
      check(type.keyType, `${path}.key`)
      check(type.valueType, `${path}.value`)
    } else if (type?.type === 'struct' && Array.isArray(type.fields)) {
      const seen = new Set<string>()
      for (const field of type.fields) {
        const at = path ? `${path}.${field.name}` : field.name
        if (typeof field.name !== 'string' || field.name === '')
          throw new InvalidSchemaError(`schema: a field of ${path || 'the table'} has no name`)
        if (seen.has(field.name.toLowerCase())) throw new InvalidSchemaError(`schema: column ${at} appears twice`)
        seen.add(field.name.toLowerCase())
        check(field.type, at)
      }
    } else throw new InvalidSchemaError(`schema: column ${path}: type not understood: ${JSON.stringify(type)}`)
  }
  check(schema, '')
  return schema
}

/** Reads the `schemaString` of the log. Throws `InvalidSchemaError`. */
export function parseSchemaString(text: string): Schema {
  let schema: Schema
  try {
    schema = JSON.parse(text) as Schema
  } catch (cause) {
    throw new InvalidSchemaError('schema: schemaString is not JSON', { cause })
  }
  if (!Array.isArray(schema?.fields)) throw new InvalidSchemaError('schema: schemaString is not a struct with fields')
  const each = (field: Field) => ({ ...field, nullable: field.nullable ?? true, metadata: field.metadata ?? {} })
  try {
    return checkedSchema(mapType(schema, each, simple => (simple === 'decimal' ? 'decimal(10,0)' : simple)) as Schema)
  } catch (cause) {
    if (cause instanceof InvalidSchemaError) throw cause
    // A type that is no type, or nesting deeper than the stack.
    throw new InvalidSchemaError('schema: schemaString is not a schema', { cause })
  }
}
