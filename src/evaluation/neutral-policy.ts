import { isFailure } from '../models/answer.js'
import type { Answer } from '../models/model.js'
import { LABELS, type Label } from '../tweet.js'
import { type Estimate, wilson } from './intervals.js'
import { type Confusion, type Metrics, metricsOf } from './metrics.js'

/**
 * What to do with the answer "neutral" when the truth knows only negative and positive:
 * `error` counts it as wrong, `drop` leaves the row out, `runner-up` takes the likelier of the other two,
 * `negative` and `positive` read it as that class.
 */
export const NEUTRAL_POLICIES = ['error', 'drop', 'runner-up', 'negative', 'positive'] as const

/** Name of a neutral policy. */
export type NeutralPolicy = (typeof NEUTRAL_POLICIES)[number]

/** Quality under one policy. */
export interface PolicyResult {
  policy: NeutralPolicy
  /** Rows that count. */
  n: number
  /** Rows left out by the policy. */
  dropped: number
  /** Share of rows that are right, with its Wilson interval. */
  accuracy: Estimate
  /** Accuracy of always answering the more frequent class of the rows that count. */
  majorityBaseline: number | null
  /** Two true classes by three answers; under `error` the neutral column stays, under the others it is empty. */
  confusion: Confusion
  metrics: Metrics
}

/** Answers by true class: negative, neutral, positive. */
export interface TwoClassCounts {
  negative: readonly [number, number, number]
  positive: readonly [number, number, number]
}

/**
 * The same counts under each policy, side by side. Without probabilities nobody knows the runner-up class: that policy is
 * given only when `runnerUp` says how many neutral answers of each true class have negative and positive as their second.
 */
export function policiesOfCounts(
  counts: TwoClassCounts,
  runnerUp?: { negative: readonly [number, number]; positive: readonly [number, number] },
): PolicyResult[] {
  return NEUTRAL_POLICIES.filter(policy => policy !== 'runner-up' || runnerUp).map(policy => {
    const rows = (['negative', 'positive'] as const).map(truth => READINGS[policy](counts[truth], runnerUp?.[truth] ?? [0, 0]))
    const dropped = policy === 'drop' ? counts.negative[1] + counts.positive[1] : 0
    return policyResult(policy, rows[0]!, rows[1]!, dropped)
  })
}

/**
 * Each policy on the answers of a three-class model to rows whose truth is negative or positive. Failures and rows without
 * truth are left out everywhere.
 * @throws when a row's truth is neutral: then the data has three classes and needs no policy
 */
export function neutralPolicies(truth: readonly (Label | null)[], answers: readonly Answer[]): PolicyResult[] {
  const counts = { negative: [0, 0, 0] as [number, number, number], positive: [0, 0, 0] as [number, number, number] }
  const runnerUp = { negative: [0, 0] as [number, number], positive: [0, 0] as [number, number] }
  truth.forEach((label, row) => {
    const answer = answers[row]!
    if (label === null || isFailure(answer)) return
    if (label === 'neutral') throw new Error(`neutral policy: row ${row}: truth is neutral; policies are for two-class truth`)
    counts[label][LABELS.indexOf(answer.label)]! += 1
    const [negative, , positive] = answer.probabilities
    if (answer.label === 'neutral') runnerUp[label][negative >= positive ? 0 : 1]! += 1
  })
  return policiesOfCounts(counts, runnerUp)
}

type Row = readonly [number, number, number]

/** Answers of one true class as each policy reads them; `second` says how many neutral ones would be negative, and positive. */
const READINGS: Record<NeutralPolicy, (row: Row, second: readonly [number, number]) => Row> = {
  error: row => row,
  drop: ([negative, , positive]) => [negative, 0, positive],
  'runner-up': ([negative, , positive], second) => [negative + second[0], 0, positive + second[1]],
  negative: ([negative, neutral, positive]) => [negative + neutral, 0, positive],
  positive: ([negative, neutral, positive]) => [negative, 0, positive + neutral],
}

function policyResult(policy: NeutralPolicy, negative: Row, positive: Row, dropped: number): PolicyResult {
  const confusion = { labels: LABELS, counts: [negative, [0, 0, 0], positive] }
  const metrics = metricsOf(confusion)
  return {
    policy,
    n: metrics.n,
    dropped,
    accuracy: wilson(negative[0] + positive[2], metrics.n),
    majorityBaseline: metrics.overall.majorityBaseline,
    confusion,
    metrics,
  }
}
