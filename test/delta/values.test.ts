import fc from 'fast-check'
import { expect, it } from 'vitest'
import { duckdb } from '../../src/delta/duckdb.js'
import { scanRows } from '../../src/delta/rows.js'
import type { DataType, Schema } from '../../src/delta/schema.js'

/** A type with values of it, each given as it is written and as it is read. */
interface Kind {
  type: DataType
  value: fc.Arbitrary<{ in: unknown; out: unknown }>
}

const same = (values: fc.Arbitrary<unknown>) => values.map(value => ({ in: value, out: value }))
const DAY = 86_400_000
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('', 'twelve bytes', 'thirteen byte', 'zwölf bytes!', '\0', 'a\0b', '🙂'.repeat(700)),
)
const primitives: Kind[] = [
  { type: 'string', value: same(text) },
  { type: 'boolean', value: same(fc.boolean()) },
  {
    type: 'long',
    value: fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      .map(n => ({ in: n, out: Number.isSafeInteger(Number(n)) ? Number(n) : n })),
  },
  { type: 'long', value: same(fc.maxSafeInteger()) },
  { type: 'integer', value: same(fc.integer()) },
  { type: 'short', value: same(fc.integer({ min: -32768, max: 32767 })) },
  { type: 'byte', value: same(fc.integer({ min: -128, max: 127 })) },
  { type: 'double', value: same(fc.double()) },
  { type: 'float', value: same(fc.float()) },
  { type: 'date', value: same(fc.integer({ min: -1_000_000, max: 1_000_000 }).map(days => new Date(days * DAY))) },
  { type: 'timestamp', value: same(fc.date({ min: new Date(-60e12), max: new Date(200e12), noInvalidDate: true })) },
  { type: 'timestamp_ntz', value: same(fc.date({ noInvalidDate: true, min: new Date(-60e12), max: new Date(60e12) })) },
  { type: 'binary', value: same(fc.uint8Array({ maxLength: 30 })) },
  ...[3, 9, 17, 38].map(width => ({
    type: `decimal(${width},2)`,
    value: fc.bigInt({ min: -(10n ** BigInt(width)) + 1n, max: 10n ** BigInt(width) - 1n }).map(n => {
      const digits = String(n < 0n ? -n : n).padStart(3, '0')
      const written = `${n < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
      const short = written.replace(/\.?0+$/, '')
      return { in: written, out: String(Number(written)) === short || width <= 15 ? Number(written) : written }
    }),
  })),
]

const kind = fc.letrec<{ kind: Kind }>(tie => ({
  kind: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...primitives),
    tie('kind').map(({ type, value }) => ({
      type: { type: 'array', elementType: type, containsNull: true },
      value: fc
        .array(maybe(value), { maxLength: 5 })
        .map(items => ({ in: items.map(item => item.in), out: items.map(item => item.out) })),
    })),
    fc.tuple(tie('kind'), tie('kind')).map(([a, b]) => ({
      type: { type: 'struct', fields: [a, b].map(({ type }, i) => ({ name: `f ${i}`, type, nullable: true, metadata: {} })) },
      value: fc.tuple(maybe(a.value), maybe(b.value)).map(items => ({
        in: Object.fromEntries(items.map((item, i) => [`f ${i}`, item.in])),
        out: Object.fromEntries(items.map((item, i) => [`f ${i}`, item.out])),
      })),
    })),
    tie('kind').map(({ type, value }) => ({
      type: { type: 'map', keyType: 'string', valueType: type, valueContainsNull: true },
      value: fc.uniqueArray(fc.tuple(text, maybe(value)), { maxLength: 4, selector: ([key]) => key }).map(entries => ({
        in: new Map(entries.map(([key, item]) => [key, item.in])),
        out: entries.map(([key, item]) => ({ key, value: item.out })),
      })),
    })),
  ) as fc.Arbitrary<Kind>,
})).kind

function maybe(value: Kind['value']): Kind['value'] {
  return fc.option(value, { nil: { in: null, out: null }, freq: 4 })
}

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Date || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

async function written(type: DataType, values: readonly unknown[]): Promise<unknown[]> {
  const schema: Schema = { type: 'struct', fields: [{ name: 'v', type, nullable: true, metadata: {} }] }
  const scan = await scanRows(
    't',
    schema,
    values.map(v => ({ v })),
  )
  try {
    return (await (await duckdb()).rows(scan.sql)).map(row => plain(row.v))
  } finally {
    scan.drop()
  }
}

it('gives back values of any type, nested and null ones too', async () => {
  const table = kind.chain(({ type, value }) => fc.tuple(fc.constant(type), fc.array(maybe(value), { maxLength: 30 })))
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom(1, 1, 1, 150), async ([type, values], times) => {
      // Repeated, so that columns are longer than a chunk and lists than a vector.
      const rows = Array.from({ length: times }, () => values).flat()
      expect(
        await written(
          type,
          rows.map(value => value.in),
        ),
      ).toEqual(rows.map(value => plain(value.out)))
    }),
    { numRuns: 300 },
  )
})

it('names row and place of what does not fit, also inside lists', async () => {
  const list: DataType = {
    type: 'array',
    elementType: { type: 'array', elementType: 'integer', containsNull: false },
    containsNull: true,
  }
  const rows = [[[1], null], null, [], [[2, 3], [], [4]], [[5], [6, 'x']]]
  const schema: Schema = { type: 'struct', fields: [{ name: 'v', type: list, nullable: true, metadata: {} }] }
  const scan = await scanRows(
    't',
    schema,
    rows.map(v => ({ v })),
  )
  await expect((await duckdb()).rows(scan.sql)).rejects.toThrow()
  expect(String(scan.failure)).toMatch(/column v\.element\.element: row 4 wants integer, got string "x"/)
  scan.drop()
})

it('hands over more text than a block holds', async () => {
  const long = 'ä'.repeat(30_000_000)
  const rows = ['first', `${long}1`, null, 'a text that is longer', `${long}2`, 'last', `${long}3`]
  const found = (await written('string', rows)) as string[]
  expect(found.map(value => value?.length)).toEqual(rows.map(value => value?.length))
  expect(found.map(value => value?.slice(-1))).toEqual(rows.map(value => value?.slice(-1)))
})
