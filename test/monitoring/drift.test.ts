import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/models/random.js'
import { chanceDivergence, driftOf, jensenShannon } from '../../src/monitoring/drift.js'

const counts = fc.array(fc.nat(500), { minLength: 3, maxLength: 3 }).filter(list => list.some(Boolean))

describe('jensenShannon', () => {
  it('is symmetric, 0 for equal shares, 1 for nothing in common, and knows no sample size', () => {
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const value = jensenShannon(a, b)
        expect(value).toBeCloseTo(jensenShannon(b, a), 12)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(1 + 1e-12)
        expect(
          jensenShannon(
            a,
            a.map(count => 7 * count),
          ),
        ).toBeCloseTo(0, 12)
      }),
    )
    expect(jensenShannon([5, 0], [0, 9])).toBe(1)
    expect(() => jensenShannon([1], [1, 2])).toThrow('1 and 2 counts')
    expect(() => jensenShannon([0, 0], [1, 2])).toThrow('0 and 3 rows')
  })

  it.skipIf(!existsSync('.venv/bin/python'))(
    "is SciPy's, and so is the chi-square behind its bound (skipped without .venv)",
    () => {
      const pairs = fc.sample(fc.tuple(counts, counts), { numRuns: 50, seed: 3 })
      const risks = [2, 3, 5, 11].flatMap(values => [0.05, 0.005, 0.0005].map(risk => ({ values, risk })))
      const script = `import sys, json
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2
given = json.load(sys.stdin)
print(json.dumps([[float(jensenshannon(a, b, base=2)) ** 2 for a, b in given['pairs']], [float(chi2.isf(one['risk'], one['values'] - 1)) for one in given['risks']]]))`
      const [divergences, quantiles] = JSON.parse(
        String(execFileSync('.venv/bin/python', ['-c', script], { input: JSON.stringify({ pairs, risks }) })),
      ) as [number[], number[]]
      for (const [i, [a, b]] of pairs.entries()) expect(jensenShannon(a, b)).toBeCloseTo(divergences[i]!, 9)
      for (const [i, { values, risk }] of risks.entries()) {
        const ours = (8 * Math.LN2 * chanceDivergence(10_000, 10_000, values, risk)) / (2 / 10_000)
        expect(Math.abs(ours / quantiles[i]! - 1), `${values} values, risk ${risk}`).toBeLessThan(0.05)
      }
    },
  )
})

describe('driftOf', () => {
  const start = Date.UTC(2026, 4, 4)
  const days = (shares: readonly (readonly number[])[], perDay: number, seed: number) => {
    const random = randomFrom(seed)
    return shares.flatMap(([negative, neutral], day) =>
      Array.from({ length: perDay }, () => {
        const draw = random()
        const kind = draw < negative! ? 'negative' : draw < negative! + neutral! ? 'neutral' : 'positive'
        return { timestamp: new Date(start + (day + random()) * 86_400_000), kind, score: 100 * random() }
      }),
    )
  }
  const until = new Date(start + 5 * 86_400_000)
  const same = Array.from({ length: 15 }, () => [0.3, 0.4])

  it('passes the bound in about one of twenty charts where nothing has changed', () => {
    let alarms = 0
    for (let seed = 1; seed <= 200; seed++)
      if (driftOf(days(same, 120, seed), { column: 'kind', until }).some(row => row.distance > row.chance)) alarms++
    // Binomial with n = 200 and p = 0.05: 3 to 19 in 999 of 1,000.
    expect(alarms).toBeGreaterThan(2)
    expect(alarms).toBeLessThan(20)
  })

  it('sees a shift of 20 points on its day, in its class, and on no other', () => {
    const rows = driftOf(
      days(
        same.map((day, i) => (i === 9 ? [0.5, 0.2] : day)),
        250,
        4,
      ),
      { column: 'kind', until },
    )
    expect([...new Set(rows.filter(row => row.distance > row.chance).map(row => row.from.toISOString().slice(0, 10)))]).toEqual([
      '2026-05-13',
    ])
    const negative = rows.find(row => row.value === 'negative' && row.from.getUTCDate() === 13)!
    expect(negative.share.low).toBeGreaterThan(negative.expected)
    expect(negative).toMatchObject({ n: 250, referenceN: 1250, to: new Date(Date.UTC(2026, 4, 14)) })
    expect(rows.filter(row => row.from.getUTCDate() === 13).reduce((sum, row) => sum + row.share.value, 0)).toBeCloseTo(1, 9)
  })

  it('counts numbers by the quartiles of the reference, and rare values together', () => {
    const rows = driftOf(days(same, 400, 2), { column: 'score', until })
    expect(new Set(rows.map(row => row.value)).size).toBe(4)
    for (const row of rows) expect(row.expected).toBeCloseTo(0.25, 2)
    const rare = driftOf(
      days(same, 100, 2).map((row, i) => ({ ...row, kind: i % 3 ? 'a' : `rare ${i}` })),
      { column: 'kind', until, most: 1, every: 'week' },
    )
    expect(rare.slice(0, 2).map(row => row.value)).toEqual(['a', 'other'])
    expect(rare[1]!.share.value).toBeCloseTo(1 / 3, 2)
  })

  it('refuses a table with nothing before or after', () => {
    expect(() => driftOf(days(same, 2, 1), { column: 'kind', until: '2020-01-01' })).toThrow('0 rows before 2020-01-01')
    expect(() => driftOf(days(same, 2, 1), { column: 'no', until })).toThrow('0 rows before')
  })
})
