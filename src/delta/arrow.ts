/** Rows as Apache Arrow: exact types, a record batch per chunk of a query. */
import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBValue,
} from '@duckdb/node-api'
import * as arrow from '@uwdata/flechette'
import { type DataType, decimalOf, duckdbType, type Field } from './schema.js'

/** How a Delta type becomes Arrow. */
interface Shape {
  /** The type that readers see. */
  type: arrow.DataType
  /** A type of the same memory that takes what `read` gives: flechette makes times out of numbers of milliseconds, and texts slowly. */
  built: arrow.DataType
  /** A value of DuckDB as `built` wants it. */
  read(value: DuckDBValue): unknown
}

const same = (value: DuckDBValue): unknown => value
const micros = (value: DuckDBValue) => (value as DuckDBTimestampValue | DuckDBTimestampTZValue).micros
const simple = (type: arrow.DataType, read: Shape['read'] = same): Shape => ({ type, built: type, read })

const SIMPLE: Record<string, Shape> = {
  string: { type: arrow.utf8(), built: arrow.binary(), read: value => Buffer.from(value as string) },
  long: simple(arrow.int64()),
  integer: simple(arrow.int32()),
  short: simple(arrow.int16()),
  byte: simple(arrow.int8()),
  float: simple(arrow.float32()),
  double: simple(arrow.float64()),
  boolean: simple(arrow.bool()),
  binary: simple(arrow.binary(), value => (value as DuckDBBlobValue).bytes),
  date: { type: arrow.dateDay(), built: arrow.int32(), read: value => (value as DuckDBDateValue).days },
  timestamp: { type: arrow.timestamp(arrow.TimeUnit.MICROSECOND, 'UTC'), built: arrow.int64(), read: micros },
  timestamp_ntz: { type: arrow.timestamp(arrow.TimeUnit.MICROSECOND), built: arrow.int64(), read: micros },
}

function shapeOf(type: DataType): Shape {
  if (typeof type === 'string') {
    const exact = decimalOf(type)
    if (exact) return simple(arrow.decimal(exact.precision, exact.scale), value => (value as DuckDBDecimalValue).value)
    const found = SIMPLE[type]
    if (!found) throw new Error(`arrow: no type for ${duckdbType(type)}`)
    return found
  }
  if (type.type === 'array') {
    const element = nullable(type.elementType)
    return {
      type: arrow.list(arrow.field('element', element.type, type.containsNull)),
      built: arrow.list(element.built),
      read: value => (value as DuckDBListValue).items.map(element.read),
    }
  }
  if (type.type === 'map') {
    const key = nullable(type.keyType)
    const item = nullable(type.valueType)
    return {
      type: arrow.map(arrow.field('key', key.type, false), arrow.field('value', item.type, type.valueContainsNull)),
      built: arrow.map(key.built, item.built),
      read: value => (value as DuckDBMapValue).entries.map(entry => [key.read(entry.key), item.read(entry.value)]),
    }
  }
  const fields = type.fields.map(({ name, type: inner, nullable: maybe }) => ({ name, maybe, shape: nullable(inner) }))
  return {
    type: arrow.struct(fields.map(({ name, maybe, shape }) => arrow.field(name, shape.type, maybe))),
    built: arrow.struct(fields.map(({ name, shape }) => arrow.field(name, shape.built))),
    read: value => {
      const { entries } = value as DuckDBStructValue
      return Object.fromEntries(fields.map(({ name, shape }) => [name, shape.read(entries[name] as DuckDBValue)]))
    },
  }
}

function nullable(type: DataType): Shape {
  const shape = shapeOf(type)
  return { ...shape, read: value => (value === null ? null : shape.read(value)) }
}

/** Writes columns of values as one batch of an IPC stream of its own; no columns give the schema alone. */
function encoder(fields: readonly Field[]): (columns: readonly (readonly DuckDBValue[])[]) => Uint8Array {
  const shapes = fields.map(({ type }) => nullable(type))
  const schema = {
    version: arrow.Version.V5,
    endianness: arrow.Endianness.Little,
    fields: fields.map(({ name, nullable: maybe }, i) => arrow.field(name, (shapes[i] as Shape).type, maybe)),
    metadata: null,
  }
  return columns => {
    const built = shapes.map(({ built: type, read }, i) => arrow.columnFromValues((columns[i] ?? []).map(read), type))
    return arrow.tableToIPC(new arrow.Table(schema, built), { format: 'stream' }) as Uint8Array
  }
}

/** Chunks of a query's columns as Arrow tables, a batch each. */
export async function* arrowTables(
  chunks: AsyncIterable<DuckDBValue[][]>,
  fields: readonly Field[],
  options?: arrow.ExtractionOptions,
): AsyncIterable<arrow.Table> {
  const encode = encoder(fields)
  for await (const columns of chunks) yield arrow.tableFromIPC(encode(columns), options)
}

/** Bytes of the mark that ends a stream. */
const END = 8

/** Chunks of a query's columns as the bytes of one Arrow IPC stream. */
export async function* arrowStream(chunks: AsyncIterable<DuckDBValue[][]>, fields: readonly Field[]): AsyncIterable<Uint8Array> {
  const encode = encoder(fields)
  const empty = encode([])
  const head = empty.length - END
  yield empty.subarray(0, head)
  for await (const columns of chunks) yield encode(columns).subarray(head, -END)
  yield empty.subarray(head)
}
