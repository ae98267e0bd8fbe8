import { describe, expect, it } from 'vitest'
import { percentiles, resample, wilson } from '../../src/evaluation/intervals.js'
import { aucEstimate } from '../../src/evaluation/roc.js'
import { randomFrom } from '../../src/models/random.js'

describe('intervals', () => {
  it('wilson gives the textbook values', () => {
    // Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29.
    const rounded = (hits: number, n: number) => [wilson(hits, n).low!.toFixed(4), wilson(hits, n).high!.toFixed(4)]
    expect(rounded(81, 263)).toEqual(['0.2553', '0.3662'])
    expect(rounded(15, 148)).toEqual(['0.0624', '0.1605'])
    expect(rounded(0, 20)).toEqual(['0.0000', '0.1611'])
    expect(rounded(1, 29)).toEqual(['0.0061', '0.1718'])
    expect(wilson(5, 5).high).toBe(1)
    expect(wilson(0, 0)).toMatchObject({ value: null, low: null, high: null })
    expect(() => wilson(3, 2)).toThrow('3 of 2')
  })

  it('wilson holds the truth 95 % of the time, bootstrap and DeLong nearly so', () => {
    const random = randomFrom(3)
    const trials = 400
    let [wilsonHolds, bootHolds, delongHolds] = [0, 0, 0]
    // Scores of positives are uniform on [0.3, 1.3], of negatives on [0, 1]: AUC = 1 − 0.7² / 2.
    const auc = 1 - 0.7 ** 2 / 2
    for (let trial = 0; trial < trials; trial++) {
      const rows = Array.from({ length: 120 }, () => (random() < 0.7 ? 1 : 0) as number)
      const hits = rows.reduce((a, b) => a + b, 0)
      const within = (low: number | null, high: number | null, value: number) => (low! <= value && value <= high! ? 1 : 0)
      const score = wilson(hits, rows.length)
      wilsonHolds += within(score.low, score.high, 0.7)
      const share = (counts: Float64Array) => counts[1]! / rows.length
      const drawn = percentiles(resample(rows, 2, share, { seed: trial, samples: 200 }).draws)
      bootHolds += within(drawn.low, drawn.high, 0.7)
      const positive = rows.map(row => row === 1)
      const area = aucEstimate(
        positive.map(is => random() + (is ? 0.3 : 0)),
        positive,
      )
      delongHolds += within(area.low, area.high, auc)
    }
    expect(wilsonHolds / trials).toBeGreaterThan(0.92)
    expect(bootHolds / trials).toBeGreaterThan(0.9)
    expect(delongHolds / trials).toBeGreaterThan(0.91)
    expect(delongHolds / trials).toBeLessThan(0.99)
  })

  it('bootstrap repeats itself for a seed, and only for that', () => {
    const drawn = (seed: number) => resample([0, 1, 1, 2, 2, 2], 3, counts => [...counts], { seed })
    expect(drawn(4)).toEqual(drawn(4))
    expect(drawn(4).draws).not.toEqual(drawn(5).draws)
    expect(drawn(4).value).toEqual([1, 2, 3])
    expect(resample([], 3, () => null)).toEqual({ value: null, draws: [] })
  })

  it('resample draws as many rows as there are, by weight', () => {
    const sumOf = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0)
    const { value, draws } = resample([0, 1, 2], 3, sumOf, { samples: 20, weights: [2, 2, 2] })
    expect([value, ...draws]).toEqual(Array(21).fill(6))
  })

  it('percentiles interpolate and leave out null', () => {
    const draws = [...Array.from({ length: 101 }, (_, i) => i), null]
    expect(percentiles(draws)).toEqual({ low: 2.5, high: 97.5 })
    expect(percentiles([null])).toEqual({ low: null, high: null })
  })
})
