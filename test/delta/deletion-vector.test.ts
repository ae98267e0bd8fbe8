import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newVector, readVector, vectorPath } from '../../src/delta/deletion-vector.js'

/** The rows that a vector made of these gives. */
function roundTrip(rows: readonly number[]): Promise<number[]> {
  const { bytes, vector, path } = newVector(rows)
  expect(vectorPath(vector)).toBe(path)
  return readVector(vector, async (start, end) => bytes.subarray(start, end))
}

/** Reads a bitmap out of a file of its own. */
function readBitmap(data: Buffer): Promise<number[]> {
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  size.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(data))
  const file = Buffer.concat([size, data, sum])
  const vector = { storageType: 'u' as const, pathOrInlineDv: '', offset: 0, sizeInBytes: data.length, cardinality: -1 }
  return readVector(vector, async (start, end) => file.subarray(start, end))
}

describe('deletion vector', () => {
  it('refuses what is not the base85 of the ZeroMQ specification', () => {
    for (const pathOrInlineDv of ['abc', 'ab"de', '#####'])
      expect(() => vectorPath({ storageType: 'u', pathOrInlineDv, sizeInBytes: 1, cardinality: 1 })).toThrow('not base85')
  })

  it('derives the path of the protocol’s example', () => {
    const vector = {
      storageType: 'u' as const,
      pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
      offset: 4,
      sizeInBytes: 44,
      cardinality: 6,
    }
    expect(vectorPath(vector)).toBe('ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin')
  })

  it('reads an inline vector of another engine', async () => {
    const vector = {
      storageType: 'i' as const,
      pathOrInlineDv: '^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
      sizeInBytes: 44,
      cardinality: 6,
    }
    expect(await readVector(vector, async () => new Uint8Array())).toEqual([3, 4, 7, 11, 18, 29])
  })

  it('gives back the rows it was made of', async () => {
    const row = fc.oneof(fc.integer({ min: 0, max: 300_000 }), fc.integer({ min: 0, max: 2 ** 40 }))
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(row, { maxLength: 200 }), async list => {
        const rows = list.sort((a, b) => a - b)
        expect(await roundTrip(rows)).toEqual(rows)
      }),
    )
    const dense = Array.from({ length: 200_000 }, (_, i) => i * 2)
    expect(await roundTrip(dense)).toEqual(dense)
  })

  it('refuses damaged bytes, never hangs', async () => {
    const { bytes, vector } = newVector([1, 5, 70_000])
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes)
      damaged[i] = (damaged[i] as number) ^ 0x55
      if (i === 0) continue // the version byte, which the offset passes over
      await expect(
        readVector(vector, async (start, end) => damaged.subarray(start, end)),
        `byte ${i}`,
      ).rejects.toThrow('deletion vector')
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async tail => {
        const read = readBitmap(Buffer.concat([Buffer.from([0xd1, 0xd3, 0x39, 0x64]), tail]))
        await expect(read).rejects.toThrow('deletion vector')
      }),
    )
  })
})
