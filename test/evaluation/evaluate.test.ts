import { describe, expect, it } from 'vitest'
import { compareAnswers, mcnemarP } from '../../src/evaluation/compare.js'
import { evaluate, evaluateMentions } from '../../src/evaluation/evaluate.js'
import { predictionFrom } from '../../src/models/answer.js'
import type { Answer } from '../../src/models/model.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS, type Label } from '../../src/tweet.js'

/** Answers that are right with the given probability. */
function sample(n: number, right: number, seed: number): { truth: Label[]; answers: Answer[] } {
  const random = randomFrom(seed)
  const truth = Array.from({ length: n }, () => LABELS[Math.floor(random() * 3)]!)
  const answers = truth.map(label => {
    const said = random() < right ? LABELS.indexOf(label) : Math.floor(random() * 3)
    const p = [random(), random(), random()]
    p[said]! += 1
    return predictionFrom(p[0]!, p[1]!, p[2]!)
  })
  return { truth, answers }
}

describe('evaluate', () => {
  it('counts rows, lists failures, keeps them out of the classes', () => {
    const { truth, answers } = sample(300, 0.6, 1)
    const rows: (Label | null)[] = [...truth, null, 'positive']
    const all: Answer[] = [...answers, answers[0]!, { error: 'too long' }]
    const result = evaluate(rows, all, { modelName: 'm', modelHash: 'abc', dataHash: 'def', seed: 3 })
    expect(result).toMatchObject({
      level: 'tweet',
      n: 300,
      tweets: 300,
      unlabelled: 1,
      failures: [{ row: 301, error: 'too long' }],
    })
    expect(result).toMatchObject({
      modelName: 'm',
      modelVersion: null,
      modelHash: 'abc',
      dataHash: 'def',
      seed: 3,
      samples: 1000,
    })
    expect(result.alarms).toEqual([])
    expect(result.confusion.counts.flat().reduce((a, b) => a + b)).toBe(300)
    expect(result.neutralPolicies).toBeUndefined()
    for (const estimate of Object.values(result.metrics)) {
      expect(estimate.low).toBeLessThan(estimate.value!)
      expect(estimate.high).toBeGreaterThan(estimate.value!)
    }
    expect(result.byClass.neutral.auc!.value).toBeGreaterThan(0.6)
    expect(JSON.parse(JSON.stringify(result))).toEqual(
      JSON.parse(JSON.stringify(evaluate(rows, all, { modelName: 'm', modelHash: 'abc', dataHash: 'def', seed: 3 }))),
    )
  })

  it('weighs a tweet by its mentions, and widens the intervals for it', () => {
    const { truth, answers } = sample(200, 0.6, 2)
    const mentions = truth.map((_, i) => (i % 2 ? ['a', 'b', 'c'].slice(0, 1 + (i % 3)) : []))
    const tweets = evaluate(truth, answers)
    const rows = evaluateMentions(truth, answers, mentions)
    const weights = mentions.map(list => list.length)
    expect(rows).toMatchObject({ level: 'mention', n: weights.reduce((a, b) => a + b), tweets: 100, neutralPolicies: undefined })
    const right = truth.reduce(
      (sum, label, i) => sum + ('label' in answers[i]! && answers[i].label === label ? weights[i]! : 0),
      0,
    )
    expect(rows.metrics.accuracy.value).toBeCloseTo(right / rows.n, 12)
    expect(rows.metrics.accuracy.method).toBe('cluster-bootstrap')
    const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!
    expect(width(rows.metrics.accuracy)).toBeGreaterThan(width(tweets.metrics.accuracy))
    expect(() => evaluateMentions(truth, answers, [])).toThrow('200 rows of truth, 0 of mentions')
  })

  it('shows the neutral policies on two-class truth', () => {
    const { truth, answers } = sample(200, 0.6, 3)
    const result = evaluate(
      truth.map(label => (label === 'neutral' ? null : label)),
      answers,
    )
    expect(result.neutralPolicies!.map(p => p.policy)).toEqual(['error', 'drop', 'runner-up', 'negative', 'positive'])
    expect(result.neutralPolicies![0]!.accuracy.value).toBe(result.metrics.accuracy.value)
    expect(result.alarms.map(a => a.guard)).toEqual(['label-sets-differ'])
  })

  it('alarms on what A15 lists', () => {
    const { answers } = sample(50, 0.6, 4)
    const same = answers.map(answer => ('label' in answer ? answer.label : null))
    expect(evaluate(same, answers).alarms.map(a => a.guard)).toEqual(['perfect-agreement', 'truth-from-prediction'])
    expect(evaluate([null], [answers[0]!]).alarms.map(a => a.guard)).toEqual(['no-truth'])
    expect(evaluate(same, answers, { set: 'training' }).aucName).toBe('training AUC')
    expect(() => evaluate(['positive'], [])).toThrow('1 rows of truth, 0 answers')
  })
})

describe('compare', () => {
  it('mcnemar equals the exact binomial test', () => {
    // scipy.stats.binomtest(k, n, 0.5).pvalue
    expect(mcnemarP(0, 0)).toBe(1)
    expect(mcnemarP(5, 5)).toBe(1)
    expect(mcnemarP(1, 9)).toBeCloseTo(0.021484375, 12)
    expect(mcnemarP(9, 1)).toBeCloseTo(0.021484375, 12)
    expect(mcnemarP(30, 50)).toBeCloseTo(0.03299261842647619, 12)
    expect(mcnemarP(0, 5000)).toBeGreaterThanOrEqual(0)
    expect(mcnemarP(4900, 5100)).toBeCloseTo(0.04658552770494645, 9)
  })

  it('finds a better model better, and a model no better than itself', () => {
    const { truth, answers } = sample(1500, 0.5, 5)
    const better = answers.map((answer, i) => (i % 8 === 0 ? predictionOf(truth[i]!) : answer))
    const result = compareAnswers(truth, answers, better)
    expect(result.n).toBe(1500)
    expect(result.differences.macroRecall.significant).toBe(true)
    expect(result.differences.accuracy.difference).toBeCloseTo((result.mcnemar.onlySecond - result.mcnemar.onlyFirst) / 1500, 12)
    expect(result.mcnemar).toMatchObject({ onlyFirst: 0 })
    expect(result.mcnemar.p).toBeLessThan(1e-6)
    const same = compareAnswers(truth, answers, answers)
    expect(same.differences.accuracy).toMatchObject({ difference: 0, low: 0, high: 0, significant: false })
    expect(same.mcnemar).toEqual({ onlyFirst: 0, onlySecond: 0, p: 1 })
  })

  it('leaves out rows that one model failed on, and says how many', () => {
    const { truth, answers } = sample(20, 0.5, 6)
    const broken = answers.map((answer, i): Answer => (i < 3 ? { error: 'no' } : answer))
    expect(compareAnswers(truth, broken, answers)).toMatchObject({ n: 17, failed: 3 })
    expect(() => compareAnswers(truth, [], answers)).toThrow('20 rows of truth, 0 and 20 answers')
  })
})

function predictionOf(label: Label) {
  const p = LABELS.map(name => (name === label ? 0.8 : 0.1))
  return predictionFrom(p[0]!, p[1]!, p[2]!)
}
