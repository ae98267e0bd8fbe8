import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidSchemaError } from '../../src/delta/errors.js'
import { type DataType, formatSchema, parseSchema, parseSchemaString, schemaToDuckdb } from '../../src/delta/schema.js'

describe('schema', () => {
  it('reads DDL', () => {
    const schema = parseSchema(
      "tweet_id string NOT NULL, timestamp timestamp, mentions array<string>, price decimal(10,2), n bigint, `a b` struct<x: int, `y``z` map<string, array<double>>> comment 'it''s'",
    )
    expect(schema.fields.map(field => [field.name, field.nullable])).toEqual([
      ['tweet_id', false],
      ['timestamp', true],
      ['mentions', true],
      ['price', true],
      ['n', true],
      ['a b', true],
    ])
    expect(schema.fields[5]?.metadata).toEqual({ comment: "it's" })
    expect(schemaToDuckdb(schema)).toEqual({
      tweet_id: 'VARCHAR',
      timestamp: 'TIMESTAMPTZ',
      mentions: 'VARCHAR[]',
      price: 'DECIMAL(10,2)',
      n: 'BIGINT',
      'a b': 'STRUCT("x" INTEGER, "y`z" MAP(VARCHAR, DOUBLE[]))',
    })
  })

  it.each([
    ['', 'at least one column'],
    ['a', 'a type'],
    ['a strin', 'type not understood: strin'],
    ['a array<string', '">"'],
    ['a string, A long', 'appears twice'],
    ['a decimal(39,2)', 'precision'],
    ['a decimal(5,6)', 'scale'],
    ['a string; drop', 'not understood at'],
    ['a string b', 'the end'],
  ])('refuses %j', (ddl, message) => {
    expect(() => parseSchema(ddl)).toThrow(InvalidSchemaError)
    expect(() => parseSchema(ddl)).toThrow(message)
  })

  it('refuses a schemaString that is none', () => {
    for (const text of ['', '{', '[]', '{"type":"struct"}', '{"type":"struct","fields":[{"name":"a","type":"variant"}]}'])
      expect(() => parseSchemaString(text), text).toThrow(InvalidSchemaError)
  })

  it('formats what it parses', () => {
    const leaf = fc.constantFrom<DataType>('string', 'long', 'integer', 'timestamp', 'timestamp_ntz', 'decimal(12,3)', 'binary')
    const type = fc.letrec<{ type: DataType }>(tie => ({
      type: fc.oneof(
        { maxDepth: 3 },
        leaf,
        tie('type').map(elementType => ({ type: 'array' as const, elementType, containsNull: true })),
        fc
          .tuple(leaf, tie('type'))
          .map(([keyType, valueType]) => ({ type: 'map' as const, keyType, valueType, valueContainsNull: true })),
      ),
    })).type
    const field = fc.record({
      name: fc.string({ minLength: 1 }).filter(name => !/[\0]/.test(name)),
      type,
      nullable: fc.boolean(),
      metadata: fc.constant({}),
    })
    const fields = fc.uniqueArray(field, { minLength: 1, selector: item => item.name.toLowerCase() })
    fc.assert(
      fc.property(fields, list => {
        const schema = { type: 'struct' as const, fields: list }
        expect(parseSchema(formatSchema(schema))).toEqual(schema)
      }),
    )
  })
})
