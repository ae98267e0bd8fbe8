/**
 * Values into DuckDB's vectors, and texts out of them, at the level of its C API, a column of a chunk at a time: what crosses is
 * one block of memory a column, not one call a value.
 */
import type { DuckDBDataChunk } from '@duckdb/node-api'
import bindings, { type Vector } from '@duckdb/node-bindings'

export type { Vector } from '@duckdb/node-bindings'

/** Bytes of text handed over at once. */
const BLOCK_BYTES = 1 << 26
/** Bytes that a `duckdb_string_t` holds without a pointer. */
const INLINE_BYTES = 12
const ENTRY_BYTES = 16

let scratch = new ArrayBuffer(1 << 20)
let heap = Buffer.allocUnsafe(1 << 20)
let ends = new Int32Array(1 << 12)

/** Memory for one column, valid until the next call. */
function memory(bytes: number): ArrayBuffer {
  if (scratch.byteLength < bytes) scratch = new ArrayBuffer(2 ** Math.ceil(Math.log2(bytes)))
  return scratch
}

/** Fills a vector of fixed-width values: `put` writes those that are not null into memory of `width` bytes a value. */
export function fillFixed<View>(
  vector: Vector,
  values: readonly unknown[],
  width: number,
  view: (buffer: ArrayBuffer) => View,
  put: (view: View, i: number, value: unknown) => void,
): void {
  const buffer = memory(values.length * width)
  const target = view(buffer)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value !== null && value !== undefined) put(target, i, value)
  }
  bindings.copy_data_to_vector(vector, 0, buffer, 0, values.length * width)
  fillNulls(vector, values)
}

/** Marks null and undefined as null. */
export function fillNulls(vector: Vector, values: readonly unknown[]): void {
  let i = 0
  while (i < values.length && values[i] !== null && values[i] !== undefined) i++
  if (i === values.length) return
  const bytes = 8 * Math.ceil(values.length / 64)
  const buffer = memory(bytes)
  const mask = new Uint8Array(buffer, 0, bytes).fill(0xff)
  for (; i < values.length; i++)
    if (values[i] === null || values[i] === undefined) mask[i >> 3] = (mask[i >> 3] as number) & ~(1 << (i & 7))
  bindings.vector_ensure_validity_writable(vector)
  bindings.copy_data_to_vector_validity(vector, 0, buffer, 0, bytes)
}

/**
 * Fills a vector of texts or bytes; throws `TypeError` for what is neither. They are written one behind the other into one block, which DuckDB copies (and checks to
 * be UTF-8) as the text of one row; then each row's `duckdb_string_t` is pointed at its part of that copy.
 */
export function fillTexts(vector: Vector, values: readonly (string | Uint8Array | null | undefined)[]): void {
  const count = values.length
  if (ends.length < count) ends = new Int32Array(2 * count)
  let first = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]
    if (value !== null && value !== undefined) {
      const most = typeof value === 'string' ? 3 * value.length : value.length
      if (i > first && at + most > BLOCK_BYTES) {
        pointInto(vector, first, i, at)
        first = i
        at = 0
      }
      if (heap.length - at < most) heap = Buffer.concat([heap.subarray(0, at)], Math.max(2 * heap.length, at + most))
      if (typeof value === 'string') at += heap.write(value, at)
      else if (value instanceof Uint8Array) {
        heap.set(value, at)
        at += value.length
      } else throw new TypeError(`row ${i}: neither a text nor bytes: ${String(value)}`)
    }
    ends[i] = at
  }
  pointInto(vector, first, count, at)
  if (heap.length > BLOCK_BYTES) heap = Buffer.allocUnsafe(1 << 20)
  fillNulls(vector, values)
}

/** The entries of rows `first` to `end`, whose texts are the first `bytes` bytes of the heap. */
function pointInto(vector: Vector, first: number, end: number, bytes: number): void {
  const size = (end - first) * ENTRY_BYTES
  const buffer = memory(size)
  const words = new Uint32Array(buffer)
  const inline = new Uint8Array(buffer)
  let low = 0
  let high = 0
  if (bytes > INLINE_BYTES) {
    bindings.vector_assign_string_element_len(vector, first, heap.subarray(0, bytes))
    const data = bindings.vector_get_data(vector, (first + 1) * ENTRY_BYTES)
    const entry = new DataView(data.buffer, data.byteOffset + first * ENTRY_BYTES, ENTRY_BYTES)
    low = entry.getUint32(8, true)
    high = entry.getUint32(12, true)
  }
  let start = 0
  for (let i = first; i < end; i++) {
    const length = (ends[i] as number) - start
    const word = 4 * (i - first)
    words[word] = length
    if (length <= INLINE_BYTES) {
      words[word + 1] = words[word + 2] = words[word + 3] = 0
      for (let k = 0; k < length; k++) inline[4 * word + 4 + k] = heap[start + k] as number
    } else {
      for (let k = 0; k < 4; k++) inline[4 * word + 4 + k] = heap[start + k] as number
      const pointer = low + start
      words[word + 2] = pointer
      words[word + 3] = high + (pointer > 0xffffffff ? 1 : 0)
    }
    start = ends[i] as number
  }
  bindings.copy_data_to_vector(vector, first * ENTRY_BYTES, buffer, 0, size)
}

/** Writes a 64-bit integer that a number holds exactly, as two words. */
export function putLong(words: Int32Array, i: number, value: number): void {
  const high = Math.floor(value / 2 ** 32)
  words[2 * i] = value - high * 2 ** 32
  words[2 * i + 1] = high
}

/** Fills a vector of lists (or maps) by how many items each has, -1 for null; gives the vector of the items. */
export function fillLists(vector: Vector, lengths: Int32Array): Vector {
  const count = lengths.length
  const buffer = memory(count * ENTRY_BYTES)
  const words = new Uint32Array(buffer)
  const nulls = new Array<number | null>(count)
  let total = 0
  for (let i = 0; i < count; i++) {
    const length = lengths[i] as number
    nulls[i] = length < 0 ? null : 0
    words[4 * i] = total
    words[4 * i + 2] = Math.max(0, length)
    words[4 * i + 1] = words[4 * i + 3] = 0
    total += Math.max(0, length)
  }
  bindings.copy_data_to_vector(vector, 0, buffer, 0, count * ENTRY_BYTES)
  fillNulls(vector, nulls)
  bindings.list_vector_reserve(vector, total)
  bindings.list_vector_set_size(vector, total)
  return bindings.list_vector_get_child(vector)
}

/** Vector of a chunk's column. */
export function columnVector({ chunk }: DuckDBDataChunk, index: number): Vector {
  return bindings.data_chunk_get_vector(chunk, index)
}

/** Vector of a struct's field. */
export function fieldVector(vector: Vector, index: number): Vector {
  return bindings.struct_vector_get_child(vector, index)
}

/** Less than a page of memory: between two texts that lie no further apart all can be read. */
const GAP_BYTES = 4000

/** The texts of a vector's first rows, null where they are null. Those that lie side by side are fetched together. */
export function readTexts(vector: Vector, count: number): (string | null)[] {
  const entries = bindings.vector_get_data(vector, count * ENTRY_BYTES)
  const inline = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength)
  const words = new Uint32Array(entries.buffer, entries.byteOffset, 4 * count)
  const valid = bindings.vector_get_validity(vector, 8 * Math.ceil(count / 64)) as Uint8Array | null
  const texts = new Array<string | null>(count).fill(null)
  const isNull = (i: number) => valid !== null && !((valid[i >> 3] as number) & (1 << (i & 7)))
  const lengthOf = (i: number) => words[4 * i] as number
  const addressOf = (i: number) => (words[4 * i + 3] as number) * 2 ** 32 + (words[4 * i + 2] as number)
  const pointer = new Uint32Array(2)
  let [first, low, high] = [0, Number.POSITIVE_INFINITY, 0]

  function fetch(end: number): void {
    if (high === 0) return
    pointer[0] = low % 2 ** 32
    pointer[1] = Math.floor(low / 2 ** 32)
    const bytes = bindings.get_data_from_pointer(pointer.buffer, 0, high - low)
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let i = first; i < end; i++) {
      if (isNull(i) || lengthOf(i) <= INLINE_BYTES) continue
      const at = addressOf(i) - low
      texts[i] = block.toString('utf8', at, at + lengthOf(i))
    }
  }

  for (let i = 0; i < count; i++) {
    if (isNull(i)) continue
    const length = lengthOf(i)
    if (length <= INLINE_BYTES) {
      texts[i] = inline.toString('utf8', i * ENTRY_BYTES + 4, i * ENTRY_BYTES + 4 + length)
      continue
    }
    const at = addressOf(i)
    if (high && (at > high + GAP_BYTES || at + length < low - GAP_BYTES)) {
      fetch(i)
      first = i
      low = Number.POSITIVE_INFINITY
      high = 0
    }
    low = Math.min(low, at)
    high = Math.max(high, at + length)
  }
  fetch(count)
  return texts
}
