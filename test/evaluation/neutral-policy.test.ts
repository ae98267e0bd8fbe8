import { describe, expect, it } from 'vitest'
import { neutralPolicies, policiesOfCounts } from '../../src/evaluation/neutral-policy.js'
import { predictionFrom } from '../../src/models/answer.js'
import type { Answer } from '../../src/models/model.js'

const A13 = { negative: [14220, 9897, 6121], positive: [5802, 21029, 40377] } as const

describe('neutral policy', () => {
  it('gives the four accuracies of A13 and the baseline', () => {
    const results = policiesOfCounts(A13)
    const accuracy = Object.fromEntries(results.map(r => [r.policy, r.accuracy.value!.toFixed(4)]))
    expect(accuracy).toEqual({ error: '0.5603', drop: '0.8208', negative: '0.6618', positive: '0.7761' })
    expect(results[0]!.majorityBaseline!.toFixed(4)).toBe('0.6897')
    expect(results.map(r => r.n)).toEqual([97446, 66520, 97446, 97446])
    expect(results[1]!.dropped).toBe(30926)
    for (const r of results) {
      expect(r.accuracy.low).toBeLessThan(r.accuracy.value!)
      expect(r.metrics.overall.accuracy).toBe(r.accuracy.value)
    }
  })

  it('gives the same from answers, and the runner-up besides', () => {
    const answers: Answer[] = [
      predictionFrom(0.7, 0.2, 0.1),
      predictionFrom(0.1, 0.5, 0.4), // neutral, then positive
      predictionFrom(0.3, 0.6, 0.1), // neutral, then negative
      predictionFrom(0.1, 0.2, 0.7),
      { error: 'too strange' },
    ]
    const results = neutralPolicies(['negative', 'positive', 'positive', 'positive', 'positive'], answers)
    const accuracy = Object.fromEntries(results.map(r => [r.policy, r.accuracy.value]))
    expect(accuracy).toEqual({ error: 2 / 4, drop: 2 / 2, 'runner-up': 3 / 4, negative: 2 / 4, positive: 4 / 4 })
    expect(results.map(r => r.n)).toEqual([4, 2, 4, 4, 4])
  })

  it('is for two-class truth', () => {
    expect(() => neutralPolicies(['neutral'], [predictionFrom(1, 0, 0)])).toThrow('row 0: truth is neutral')
  })
})
