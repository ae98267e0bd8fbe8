import { describe, expect, it } from 'vitest'
import { isTableLike, toArquero, toColumns, toDanfo, toRows } from '../../src/explore/frames.js'

const at = new Date('2026-05-04T10:15:00Z')
const rows = [
  { id: 1, text: 'good', mentions: ['a', 'b'], at, score: 99.5, big: 1n, flag: true, place: null },
  { id: 2, text: null, mentions: [], at: null, score: null, big: 2n, flag: null, place: null },
]

describe('arquero', () => {
  it('goes there and back with dates, lists and nulls', () => {
    const table = toArquero(rows)
    expect(table.numRows()).toBe(2)
    expect(toRows(table)).toEqual(rows)
    expect(table.get('mentions', 0)).toBe(rows[0]!.mentions)
    expect(table.filter((row: { id: number }) => row.id > 1).array('id')).toEqual([2])
  })

  it('keeps the columns of a result without rows', () => {
    expect(toArquero({ rows: [], columns: [{ name: 'a', type: 'BIGINT' }] }).columnNames()).toEqual(['a'])
  })
})

describe('danfo', () => {
  it('goes there and back; lists become text, bigints numbers', () => {
    const frame = toDanfo(rows)
    expect(frame.shape).toEqual([2, 8])
    expect(frame.dtypes).toEqual(['int32', 'string', 'string', 'datetime', 'float32', 'int32', 'boolean', 'string'])
    expect(toRows(frame)).toEqual([
      { ...rows[0], mentions: 'a, b', big: 1 },
      { ...rows[1], mentions: '', big: 2 },
    ])
    expect(toRows(toDanfo({ rows: [], columns: [{ name: 'a', type: 'BIGINT' }] }))).toEqual([])
    expect(() => toDanfo([])).toThrow('no columns')
  })

  it('computes on what it was given', () => {
    const frame = toDanfo([
      { user: 'a', n: 1 },
      { user: 'b', n: 5 },
      { user: 'a', n: 3 },
    ])
    expect(toRows(frame.groupby(['user']).agg({ n: 'sum' }))).toEqual([
      { user: 'a', n_sum: 4 },
      { user: 'b', n_sum: 5 },
    ])
  })
})

describe('toColumns', () => {
  it('fills what a row lacks with null, in order of first appearance', () => {
    const columns = toColumns([{ a: 1 }, { b: 2, a: 3 }])
    expect(columns.names).toEqual(['a', 'b'])
    expect(columns.values('b')).toEqual([null, 2])
    expect(columns.values('c')).toBeUndefined()
  })
})

describe('isTableLike', () => {
  it.each([
    [[{ a: 1 }], true],
    [[], true],
    [{ rows: [] }, true],
    [toArquero([{ a: 1 }]), true],
    [[1, 2], false],
    [[[1]], false],
    ['text', false],
    [null, false],
    [{}, false],
  ])('%# %j', (value, expected) => expect(isTableLike(value)).toBe(expected))
})
