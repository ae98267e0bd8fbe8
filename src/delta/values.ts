/** JavaScript values into vectors by Delta type, each value checked. */
import { type DataType, decimalOf, type MapType, type StructType, typeName } from './schema.js'
import { fieldVector, fillFixed, fillLists, fillNulls, fillTexts, putLong, type Vector } from './vectors.js'

/** A value that does not fit its type; the caller adds table and row. */
export class Misfit extends Error {
  constructor(
    /** Column, or place within it. */
    readonly path: string,
    detail: string,
    /** Place of the value among those given. */
    public index = 0,
  ) {
    super(detail)
  }
}

/** Writes values into a vector; null and undefined become null. Throws `Misfit`. */
export type Fill = (vector: Vector, values: readonly unknown[]) => void

/** What a value is, for a message. */
export function show(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : `Date ${value.toISOString()}`
  if (typeof value === 'string') return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'bigint') return `bigint ${value}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Map) return 'a Map'
  if (typeof value === 'object') return 'an object'
  return `${typeof value} ${String(value)}`
}

const isNull = (value: unknown): value is null | undefined => value === null || value === undefined

function misfit(value: unknown, type: DataType, path: string, index: number): never {
  throw new Misfit(path, `wants ${typeName(type)}, got ${show(value)}`, index)
}

type Numbers = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array

function plain<View extends Numbers | Uint8Array>(
  make: { new (buffer: ArrayBuffer): View; BYTES_PER_ELEMENT: number },
  number: (value: unknown, index: number) => number,
): Fill {
  return (vector, values) =>
    fillFixed(
      vector,
      values,
      make.BYTES_PER_ELEMENT,
      buffer => new make(buffer),
      (view, i, value) => {
        view[i] = number(value, i)
      },
    )
}

function integer(type: string, bits: number, make: Parameters<typeof plain>[0], path: string): Fill {
  const max = 2 ** (bits - 1) - 1
  return plain(make, (value, i) => {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number) || number > max || number < -max - 1)
      return misfit(value, type, path, i)
    return number
  })
}

/** 64-bit integers: `read` gives a number where that is exact. */
function longs(read: (value: unknown, index: number) => number | bigint): Fill {
  return (vector, values) =>
    fillFixed(
      vector,
      values,
      8,
      buffer => ({ words: new Int32Array(buffer), whole: new BigInt64Array(buffer) }),
      ({ words, whole }, i, value) => {
        const number = read(value, i)
        if (typeof number === 'number') putLong(words, i, number)
        else whole[i] = number
      },
    )
}

const isLong = (value: bigint) => BigInt.asIntN(64, value) === value
const DAY_MS = 86_400_000
/** Milliseconds up to which microseconds are exact as a number. */
const EXACT_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000)
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:?\d{2})?$/

function micros(value: unknown, type: string, path: string, index: number): number | bigint {
  if (value instanceof Date) {
    const ms = value.getTime()
    if (Math.abs(ms) <= EXACT_MS) return ms * 1000
    if (Number.isInteger(ms)) return BigInt(ms) * 1000n
  } else if (typeof value === 'bigint' && isLong(value)) return value
  else if (typeof value === 'string') {
    const found = ISO.exec(value)
    // An instant needs its zone; a wall-clock time has none.
    if (found && (found[4] !== undefined) === (type === 'timestamp')) {
      const ms = Date.parse(`${found[1]}T${found[2]}${found[4] ?? 'Z'}`)
      if (!Number.isNaN(ms)) return BigInt(ms) * 1000n + BigInt((found[3] ?? '').padEnd(6, '0'))
    }
  }
  return misfit(value, type, path, index)
}

/** The digits of a decimal without its point. */
function unscaled(value: unknown, scale: number): bigint | undefined {
  const text = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' ? String(value) : ''
  const found = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text)
  const fraction = found?.[3]?.replace(/0+$/, '') ?? ''
  if (!found || fraction.length > scale) return undefined
  const digits = BigInt((found[2] as string) + fraction.padEnd(scale, '0'))
  return found[1] === '-' ? -digits : digits
}

function decimal(type: string, precision: number, scale: number, path: string): Fill {
  const limit = 10n ** BigInt(precision)
  const read = (value: unknown, i: number): bigint => {
    const digits = unscaled(value, scale)
    return digits === undefined || digits >= limit || digits <= -limit ? misfit(value, type, path, i) : digits
  }
  if (precision <= 4) return plain(Int16Array, (value, i) => Number(read(value, i)))
  if (precision <= 9) return plain(Int32Array, (value, i) => Number(read(value, i)))
  if (precision <= 18) return longs(read)
  return (vector, values) =>
    fillFixed(
      vector,
      values,
      16,
      buffer => new BigInt64Array(buffer),
      (view, i, value) => {
        const digits = read(value, i)
        view[2 * i] = BigInt.asIntN(64, digits)
        view[2 * i + 1] = digits >> 64n
      },
    )
}

function texts(type: string, path: string, fits: (value: unknown) => boolean): Fill {
  return (vector, values) => {
    for (let i = 0; i < values.length; i++) if (!isNull(values[i]) && !fits(values[i])) misfit(values[i], type, path, i)
    fillTexts(vector, values as readonly (string | Uint8Array | null | undefined)[])
  }
}

function struct(type: StructType, path: string): Fill {
  const fields = type.fields.map(field => ({
    field,
    at: `${path}.${field.name}`,
    fill: filler(field.type, `${path}.${field.name}`),
  }))
  const names = new Set(type.fields.map(field => field.name))
  return (vector, values) => {
    for (const [i, value] of values.entries()) {
      if (isNull(value)) continue
      if (
        typeof value !== 'object' ||
        Array.isArray(value) ||
        value instanceof Date ||
        value instanceof Map ||
        ArrayBuffer.isView(value)
      )
        misfit(value, type, path, i)
      for (const key in value as object) if (!names.has(key)) throw new Misfit(`${path}.${key}`, 'no such field', i)
    }
    fillNulls(vector, values)
    for (const [k, { field, at, fill }] of fields.entries()) {
      const items = values.map(value => (isNull(value) ? null : (value as Record<string, unknown>)[field.name]))
      if (!field.nullable)
        for (const [i, item] of items.entries())
          if (isNull(item) && !isNull(values[i])) throw new Misfit(at, 'is null, but the field is not null', i)
      fill(fieldVector(vector, k), items)
    }
  }
}

/** Fills lists, whose items `read` gives; `fill` writes the items of all. */
function lists(read: (value: unknown, index: number) => readonly unknown[], fill: Fill): Fill {
  return (vector, values) => {
    const lengths = new Int32Array(values.length)
    const flat: unknown[] = []
    for (let i = 0; i < values.length; i++) {
      if (isNull(values[i])) {
        lengths[i] = -1
        continue
      }
      const items = read(values[i], i)
      lengths[i] = items.length
      for (const item of items) flat.push(item)
    }
    try {
      fill(fillLists(vector, lengths), flat)
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      let row = 0
      for (let left = error.index; left >= Math.max(0, lengths[row] as number); row++) left -= Math.max(0, lengths[row] as number)
      error.index = row
      throw error
    }
  }
}

/** As `fill`, where a null is a misfit. */
function noNulls(fill: Fill, path: string, what: string): Fill {
  return (vector, values) => {
    const at = values.findIndex(isNull)
    if (at >= 0) throw new Misfit(path, what, at)
    fill(vector, values)
  }
}

function map(type: MapType, path: string): Fill {
  const key = noNulls(filler(type.keyType, `${path}.key`), `${path}.key`, 'is null')
  const any = filler(type.valueType, `${path}.value`)
  const value = type.valueContainsNull ? any : noNulls(any, `${path}.value`, 'is null, but the values are not null')
  const read = (given: unknown, i: number): readonly unknown[] => {
    if (given instanceof Map) return [...given]
    if (Array.isArray(given))
      return given.map(entry =>
        Array.isArray(entry) ? entry : [(entry as { key?: unknown })?.key, (entry as { value?: unknown })?.value],
      )
    if (typeof given !== 'object' || given instanceof Date || ArrayBuffer.isView(given)) return misfit(given, type, path, i)
    return Object.entries(given as object)
  }
  return lists(read, (vector, entries) => {
    key(
      fieldVector(vector, 0),
      entries.map(entry => (entry as unknown[])[0]),
    )
    value(
      fieldVector(vector, 1),
      entries.map(entry => (entry as unknown[])[1]),
    )
  })
}

/** How values of a type are written. */
export function filler(type: DataType, path: string): Fill {
  if (typeof type !== 'string') {
    if (type.type === 'struct') return struct(type, path)
    if (type.type === 'map') return map(type, path)
    const any = filler(type.elementType, `${path}.element`)
    const element = type.containsNull ? any : noNulls(any, `${path}.element`, 'is null, but the elements are not null')
    return lists((value, i) => (Array.isArray(value) ? value : misfit(value, type, path, i)), element)
  }
  const exact = decimalOf(type)
  if (exact) return decimal(type, exact.precision, exact.scale, path)
  const number = (value: unknown, i: number): number => (typeof value === 'number' ? value : misfit(value, type, path, i))
  switch (type) {
    case 'string':
      return texts(type, path, value => typeof value === 'string')
    case 'binary':
      return texts(type, path, value => value instanceof Uint8Array)
    case 'boolean':
      return plain(Uint8Array, (value, i) => (typeof value === 'boolean' ? Number(value) : misfit(value, type, path, i)))
    case 'float':
      return plain(Float32Array, number)
    case 'double':
      return plain(Float64Array, number)
    case 'long':
      return longs((value, i) =>
        (typeof value === 'number' && Number.isSafeInteger(value)) || (typeof value === 'bigint' && isLong(value))
          ? value
          : misfit(value, type, path, i),
      )
    case 'integer':
      return integer(type, 32, Int32Array, path)
    case 'short':
      return integer(type, 16, Int16Array, path)
    case 'byte':
      return integer(type, 8, Int8Array, path)
    case 'date':
      return plain(Int32Array, (value, i) => {
        const day = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? new Date(`${value}T00:00:00Z`) : value
        if (!(day instanceof Date) || Number.isNaN(day.getTime())) return misfit(value, type, path, i)
        return Math.floor(day.getTime() / DAY_MS)
      })
    default:
      return longs((value, i) => micros(value, type, path, i))
  }
}
