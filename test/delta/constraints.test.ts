import { describe, expect, it } from 'vitest'
import { ConstraintError, createTable, type Schema, UnsupportedFeatureError } from '../../src/delta/index.js'
import { askPython, newFolder, noOracle } from './oracle.js'

describe('constraints', () => {
  it('CHECK is met by true alone, also by updates and merges', async () => {
    const table = await createTable(newFolder(), {
      schema: 'id int, `a b` string',
      properties: { 'delta.constraints.positive': 'id > 0', 'delta.constraints.named': "`a b` <> '`x'" },
    })
    expect((await table.snapshot()).protocol.minWriterVersion).toBe(3)
    await table.append([{ id: 1, 'a b': 'q' }])
    const refused = async (work: Promise<unknown>, name: string) => {
      const error = await work.catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(ConstraintError)
      expect((error as ConstraintError).constraint).toContain(name)
    }
    await refused(
      table.append([
        { id: 1, 'a b': 'q' },
        { id: 0, 'a b': 'q' },
      ]),
      'CHECK positive (id > 0)',
    )
    await refused(table.append({ sql: `SELECT 1 AS id, '\`x' AS "a b"` }), 'CHECK named')
    await refused(table.append([{ id: 1 }]), 'CHECK named')
    await refused(table.update({ id: '-id' }), 'CHECK positive')
    await refused(table.merge([{ id: -5, 'a b': 'q' }], { on: 'target.id = source.id' }), 'CHECK positive')
    expect((await table.snapshot()).version).toBe(1)
  })

  it('an expression that is not understood is refused by name', async () => {
    const table = await createTable(newFolder(), {
      schema: 'id int',
      properties: { 'delta.constraints.odd': 'spark_only(id) > 0' },
    })
    await expect(table.append([{ id: 1 }])).rejects.toBeInstanceOf(UnsupportedFeatureError)
    await expect(table.append([{ id: 1 }])).rejects.toThrow('CHECK odd (spark_only(id) > 0)')
  })

  it('holds invariants and not-null parts of nested columns', async () => {
    const inner = { name: 'x', type: 'integer', nullable: false, metadata: {} }
    const schema: Schema = {
      type: 'struct',
      fields: [
        {
          name: 'n',
          type: 'integer',
          nullable: true,
          metadata: { 'delta.invariants': '{"expression":{"expression":"n < 10"}}' },
        },
        { name: 's', type: { type: 'struct', fields: [inner] }, nullable: true, metadata: {} },
        {
          name: 'l',
          type: { type: 'array', elementType: { type: 'struct', fields: [inner] }, containsNull: false },
          nullable: true,
          metadata: {},
        },
        {
          name: 'm',
          type: { type: 'map', keyType: 'string', valueType: 'integer', valueContainsNull: false },
          nullable: true,
          metadata: {},
        },
      ],
    }
    const table = await createTable(newFolder(), { schema })
    await table.append({ sql: `SELECT 1 AS n, {'x': 1} AS s, [{'x': 1}] AS l, MAP {'k': 1} AS m` })
    await table.append({ sql: 'SELECT 1 AS n' })
    for (const [sql, name] of [
      ['SELECT 10 AS n', 'invariant of n'],
      [`SELECT 1 AS n, {'x': CASE WHEN random() < 0 THEN 1 END} AS s`, 'inside s'],
      [`SELECT 1 AS n, [{'x': 1}, NULL] AS l`, 'inside l'],
      [`SELECT 1 AS n, [{'x': 1}, {'x': NULL}] AS l`, 'inside l'],
      [`SELECT 1 AS n, MAP {'k': CASE WHEN random() < 0 THEN 1 END} AS m`, 'inside m'],
    ] as const) {
      const error = await table.append({ sql }).catch((caught: unknown) => caught)
      expect(error, sql).toBeInstanceOf(ConstraintError)
      expect(String(error)).toContain(name)
    }
    expect((await table.snapshot()).rowCount).toBe(2)
  })

  it.skipIf(noOracle)('of delta-rs are ours, and ours are its', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int' })
    await table.append([{ id: 5 }])
    const refused = await askPython<string>(
      `t = DeltaTable(args['path'])
t.alter.add_constraint({'big': 'id > 3'})
try:
    write_deltalake(args['path'], pa.table({'id': pa.array([1], pa.int32())}), mode='append'); print(json.dumps('written'))
except Exception as e:
    print(json.dumps(type(e).__name__))`,
      { path: folder },
    )
    expect(refused).not.toBe('written')
    await expect(table.append([{ id: 2 }])).rejects.toBeInstanceOf(ConstraintError)
    await table.append([{ id: 6 }])
    expect((await table.snapshot()).rowCount).toBe(2)
  })
})
