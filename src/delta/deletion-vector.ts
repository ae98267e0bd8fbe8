/**
 * Deletion vectors: which rows of a data file are deleted, as a 64-bit roaring bitmap of row numbers ("Deletion Vector
 * Format" in PROTOCOL.md; containers as in the portable format of the RoaringFormatSpec).
 */
import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { DeletionVector } from './actions.js'

const MAGIC = 1681511377
const COOKIE = 12346
const RUN_COOKIE = 12347
const RUN_OFFSETS_FROM = 4
const ARRAY_MAX = 4096
const BITMAP_BYTES = 8192
const FILE_VERSION = 1

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/** Bytes of a Z85 text. Throws on a character or length that is none. */
function decodeZ85(text: string): Buffer {
  if (text.length % 5) throw new Error(`not base85: length ${text.length}`)
  const bytes = Buffer.alloc((text.length / 5) * 4)
  for (let i = 0; i < text.length; i += 5) {
    let value = 0
    for (let j = i; j < i + 5; j++) {
      const digit = Z85.indexOf(text[j] as string)
      if (digit < 0) throw new Error(`not base85: ${JSON.stringify(text[j])}`)
      value = value * 85 + digit
    }
    if (value > 0xffffffff) throw new Error('not base85: a group is too large')
    bytes.writeUInt32BE(value, (i / 5) * 4)
  }
  return bytes
}

/** Z85 text of bytes, whose number must be a multiple of four. */
function encodeZ85(bytes: Buffer): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 4) {
    let value = bytes.readUInt32BE(i)
    let group = ''
    for (let j = 0; j < 5; j++) {
      group = Z85[value % 85] + group
      value = Math.floor(value / 85)
    }
    text += group
  }
  return text
}

/** Path, within the table, of the file that holds a vector; undefined for an inline one. */
export function vectorPath(vector: DeletionVector): string | undefined {
  if (vector.storageType === 'i') return undefined
  if (vector.storageType === 'p') return vector.pathOrInlineDv
  const text = vector.pathOrInlineDv
  const id = decodeZ85(text.slice(-20)).toString('hex')
  const uuid = `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`
  const folder = text.slice(0, -20)
  return `${folder ? `${folder}/` : ''}deletion_vector_${uuid}.bin`
}

/** Row numbers of a vector, rising. Throws with the reason when the bytes are damaged. */
export async function readVector(
  vector: DeletionVector,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<number[]> {
  const data =
    vector.storageType === 'i' ? decodeZ85(vector.pathOrInlineDv).subarray(0, vector.sizeInBytes) : await stored(vector, read)
  const rows = parseBitmap(data)
  if (rows.length !== vector.cardinality)
    throw new Error(`deletion vector has ${rows.length} rows, the log says ${vector.cardinality}`)
  return rows
}

async function stored(vector: DeletionVector, read: (start: number, end: number) => Promise<Uint8Array>): Promise<Buffer> {
  const start = vector.offset ?? 1
  const bytes = Buffer.from(await read(start, start + vector.sizeInBytes + 8))
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== vector.sizeInBytes || bytes.length < vector.sizeInBytes + 8)
    throw new Error('deletion vector is cut short or not at its place')
  const data = bytes.subarray(4, 4 + vector.sizeInBytes)
  if (bytes.readUInt32BE(4 + vector.sizeInBytes) !== crc32(data)) throw new Error('deletion vector has a wrong checksum')
  return data
}

/** Row numbers of a serialised 64-bit bitmap. Throws on bytes that are none. */
function parseBitmap(data: Buffer): number[] {
  try {
    if (data.readUInt32LE(0) !== MAGIC) throw new Error('deletion vector does not begin with its magic number')
    const count = data.readBigUInt64LE(4)
    const rows: number[] = []
    let at = 12
    for (let i = 0n; i < count; i++) {
      const high = data.readUInt32LE(at) * 2 ** 32
      if (high > Number.MAX_SAFE_INTEGER) throw new Error('deletion vector has a row number out of range')
      at = parseBitmap32(data, at + 4, high, rows)
    }
    return rows
  } catch (error) {
    if (error instanceof RangeError) throw new Error('deletion vector is cut short', { cause: error })
    throw error
  }
}

function parseBitmap32(data: Buffer, start: number, high: number, rows: number[]): number {
  let at = start
  const cookie = data.readUInt32LE(at)
  at += 4
  let containers: number
  let runs: Buffer | undefined
  if ((cookie & 0xffff) === RUN_COOKIE) {
    containers = (cookie >>> 16) + 1
    runs = data.subarray(at, at + ((containers + 7) >> 3))
    at += (containers + 7) >> 3
  } else if (cookie === COOKIE) {
    containers = data.readUInt32LE(at)
    at += 4
  } else throw new Error(`deletion vector has an unknown bitmap format ${cookie}`)
  if (containers > 65536) throw new Error('deletion vector has too many containers')
  const headers = at
  at += containers * 4
  if (!runs || containers >= RUN_OFFSETS_FROM) at += containers * 4
  for (let i = 0; i < containers; i++) {
    const base = high + data.readUInt16LE(headers + i * 4) * 65536
    const cardinality = data.readUInt16LE(headers + i * 4 + 2) + 1
    if (runs && (runs[i >> 3] as number) & (1 << (i & 7))) {
      const count = data.readUInt16LE(at)
      at += 2
      for (let run = 0; run < count; run++, at += 4) {
        const first = data.readUInt16LE(at)
        const length = data.readUInt16LE(at + 2)
        for (let k = 0; k <= length; k++) rows.push(base + first + k)
      }
    } else if (cardinality > ARRAY_MAX) {
      const bitmap = data.subarray(at, at + BITMAP_BYTES)
      if (bitmap.length < BITMAP_BYTES) throw new RangeError('short')
      for (let byte = 0; byte < BITMAP_BYTES; byte++)
        for (let bits = bitmap[byte] as number, bit = 0; bits; bits >>= 1, bit++) if (bits & 1) rows.push(base + byte * 8 + bit)
      at += BITMAP_BYTES
    } else {
      for (let k = 0; k < cardinality; k++, at += 2) rows.push(base + data.readUInt16LE(at))
    }
  }
  return at
}

/** A serialised 64-bit bitmap of row numbers, which must rise. */
function formatBitmap(rows: readonly number[]): Buffer {
  const highs = new Map<number, Map<number, number[]>>()
  for (const row of rows) {
    const high = Math.floor(row / 2 ** 32)
    const low = row - high * 2 ** 32
    const containers = highs.get(high) ?? new Map<number, number[]>()
    highs.set(high, containers)
    const key = low >>> 16
    if (!containers.get(key)?.push(low & 0xffff)) containers.set(key, [low & 0xffff])
  }
  const head = Buffer.alloc(12)
  head.writeUInt32LE(MAGIC, 0)
  head.writeBigUInt64LE(BigInt(highs.size), 4)
  const parts: Buffer[] = [head]
  for (const [high, containers] of highs) {
    const key = Buffer.alloc(4)
    key.writeUInt32LE(high)
    parts.push(key, formatBitmap32(containers))
  }
  return Buffer.concat(parts)
}

function formatBitmap32(containers: ReadonlyMap<number, number[]>): Buffer {
  const size = containers.size
  const header = Buffer.alloc(8 + size * 8)
  header.writeUInt32LE(COOKIE, 0)
  header.writeUInt32LE(size, 4)
  const bodies: Buffer[] = []
  let offset = header.length
  let i = 0
  for (const [key, values] of containers) {
    header.writeUInt16LE(key, 8 + i * 4)
    header.writeUInt16LE(values.length - 1, 10 + i * 4)
    header.writeUInt32LE(offset, 8 + size * 4 + i * 4)
    const body = Buffer.alloc(values.length > ARRAY_MAX ? BITMAP_BYTES : values.length * 2)
    if (values.length > ARRAY_MAX)
      for (const value of values) body[value >> 3] = (body[value >> 3] as number) | (1 << (value & 7))
    else for (const [at, value] of values.entries()) body.writeUInt16LE(value, at * 2)
    bodies.push(body)
    offset += body.length
    i++
  }
  return Buffer.concat([header, ...bodies])
}

/** A file for one vector, with its path in the table, and the entry of the log that points at it. */
export function newVector(rows: readonly number[]): { path: string; bytes: Buffer; vector: DeletionVector } {
  const data = formatBitmap(rows)
  const id = randomUUID()
  const bytes = Buffer.alloc(9 + data.length)
  bytes.writeUInt8(FILE_VERSION, 0)
  bytes.writeUInt32BE(data.length, 1)
  data.copy(bytes, 5)
  bytes.writeUInt32BE(crc32(data), 5 + data.length)
  const vector: DeletionVector = {
    storageType: 'u',
    pathOrInlineDv: encodeZ85(Buffer.from(id.replaceAll('-', ''), 'hex')),
    offset: 1,
    sizeInBytes: data.length,
    cardinality: rows.length,
  }
  return { path: `deletion_vector_${id}.bin`, bytes, vector }
}
