import { describe, expect, it } from 'vitest'
import { toBundle } from '../../src/explore/display.js'
import { toArquero, toDanfo } from '../../src/explore/frames.js'
import { profile } from '../../src/explore/profile.js'
import { HOSTILE } from './hostile.js'

const rows = [
  { user: 'ann', n: 1, at: new Date('2026-09-07T00:00:00Z'), tags: ['a', 'b'] },
  { user: 'ann', n: 2, at: new Date('2026-09-08T00:00:00Z'), tags: [] },
  { user: '', n: 3, at: new Date('2026-09-09T00:00:00Z'), tags: ['a'] },
  { user: null, n: 4, at: new Date('2026-09-10T00:00:00Z'), tags: ['a'] },
  { user: 'bob', n: 500, at: null, tags: null },
]
const of = (name: string) => profile(rows).rows.find(row => row.column === name)!

describe('profile', () => {
  it('counts what is missing, empty and distinct', () => {
    expect(of('user')).toMatchObject({
      type: 'text',
      missing: 1,
      empty: 1,
      distinct: 3,
      lowest: 0,
      highest: 3,
    })
    expect(of('user').examples[0]).toBe('ann × 2')
    expect(of('tags')).toMatchObject({
      type: 'list',
      missing: 1,
      empty: 1,
      distinct: 2,
      median: 1,
      examples: ['a × 3', 'b × 1'],
    })
    expect(of('at')).toMatchObject({ type: 'time', missing: 1, median: new Date('2026-09-08T12:00:00Z'), outliers: 0 })
  })

  it('finds the outlier by the quartiles that pandas gives: 2 and 4', () => {
    expect(of('n')).toMatchObject({ type: 'number', lowest: 1, median: 3, highest: 500, outliers: 1 })
  })

  it('is shown with ranges and what they measure', () => {
    const [user, n, at] = profile(rows).view
    expect(user).toMatchObject({ range: '0 to 3 characters', median: '3' })
    expect(n).toMatchObject({ range: '1 to 500', outliers: 1 })
    expect(at).toMatchObject({ range: '2026-09-07 to 2026-09-10', median: '2026-09-08' })
    expect(toBundle(profile(rows))['text/plain']).toContain('0 to 3 characters')
  })

  it('draws every row once in the panel of its column', () => {
    const { figure, n } = profile(rows, { columns: ['n', 'at'] })
    const sums = figure.data.map(trace => (trace.y as number[]).reduce((a, b) => a + b, 0))
    expect(sums).toEqual([5, 4])
    expect(n).toBe(5)
    expect((figure.layout.annotations as { text: string }[])[0]!.text).toContain('<b>n</b>')
  })

  it('takes any table, also one of nulls or strangers, and says which column is not there', () => {
    const flat = rows.map(({ user, n }) => ({ user: user ?? 'none', n }))
    for (const table of [toArquero(flat), toDanfo(flat), { rows: flat }])
      expect(profile(table).rows.map(row => row.column)).toEqual(['user', 'n'])
    expect(profile([{ a: null }]).rows[0]).toMatchObject({
      type: 'empty',
      missing: 1,
      distinct: 0,
      outliers: null,
    })
    expect(JSON.stringify(profile(HOSTILE.map(text => ({ text, [text]: 1 }))).figure)).not.toMatch(/<(script|img|svg|a )/)
    expect(() => profile(rows, { columns: ['no'] })).toThrow('profile: no column no; there are user, n, at, tags')
    expect(() => profile([])).toThrow('no columns')
  })
})
