import { isFailure } from '../models/answer.js'
import type { Answer } from '../models/model.js'
import { LABELS, type Label } from '../tweet.js'
import { type BootstrapOptions, percentiles, resample } from './intervals.js'
import { METRICS, type MetricName, metricsOf } from './metrics.js'

/** How one metric differs between two models on the same rows: second minus first. */
export interface Difference {
  first: number | null
  second: number | null
  /** Second − first; positive means that the second model is better. */
  difference: number | null
  /** 95 % percentile interval of the difference by a paired bootstrap of rows. */
  low: number | null
  high: number | null
  /** Whether the interval leaves out 0. */
  significant: boolean
}

/** Two models on the same rows. Plain JSON. */
export interface Comparison {
  /** Rows that have a truth and a prediction of both models. */
  n: number
  /** Labelled rows left out because one of the models failed on them. */
  failed: number
  differences: Record<MetricName, Difference>
  mcnemar: McNemar
  seed: number
  samples: number
}

/** McNemar's exact test on the rows that only one of the two models has right. */
export interface McNemar {
  /** Rows that only the first model has right. */
  onlyFirst: number
  /** Rows that only the second model has right. */
  onlySecond: number
  /** Two-sided probability of a split at least as uneven if both were equally good. */
  p: number
}

/**
 * Compares two models on the same rows: a paired bootstrap of every metric and McNemar's exact test of accuracy.
 * @throws when the lengths differ
 */
export function compareAnswers(
  truth: readonly (Label | null)[],
  first: readonly Answer[],
  second: readonly Answer[],
  { seed = 1, samples = 1000 }: BootstrapOptions = {},
): Comparison {
  if (first.length !== truth.length || second.length !== truth.length)
    throw new Error(`compare: ${truth.length} rows of truth, ${first.length} and ${second.length} answers`)
  const codes: number[] = []
  let [failed, onlyFirst, onlySecond] = [0, 0, 0]
  truth.forEach((label, row) => {
    const [a, b] = [first[row]!, second[row]!]
    if (label === null) return
    if (isFailure(a) || isFailure(b)) {
      failed += 1
      return
    }
    codes.push((LABELS.indexOf(label) * K + LABELS.indexOf(a.label)) * K + LABELS.indexOf(b.label))
    if (a.label === label && b.label !== label) onlyFirst += 1
    if (b.label === label && a.label !== label) onlySecond += 1
  })
  return {
    n: codes.length,
    failed,
    differences: pairedDifferences(codes, { seed, samples }),
    mcnemar: { onlyFirst, onlySecond, p: mcnemarP(onlyFirst, onlySecond) },
    seed,
    samples,
  }
}

const K = LABELS.length

type Values = Record<MetricName, number | null>

function pairedDifferences(codes: readonly number[], options: BootstrapOptions): Record<MetricName, Difference> {
  const { value: values, draws } = resample(codes, K ** 3, bothMetrics, options)
  const minus = (name: MetricName, [a, b]: [Values, Values]) => (a[name] === null || b[name] === null ? null : b[name] - a[name])
  const entries = METRICS.map(name => {
    const { low, high } = percentiles(draws.map(pair => minus(name, pair)))
    const significant = low !== null && high !== null && (low > 0 || high < 0)
    return [name, { first: values[0][name], second: values[1][name], difference: minus(name, values), low, high, significant }]
  })
  return Object.fromEntries(entries) as Record<MetricName, Difference>
}

/** Metrics of both models from counts by truth × first answer × second answer. */
function bothMetrics(counts: Float64Array): [Values, Values] {
  const first = LABELS.map(() => LABELS.map(() => 0))
  const second = LABELS.map(() => LABELS.map(() => 0))
  counts.forEach((count, code) => {
    const truth = Math.floor(code / (K * K))
    first[truth]![Math.floor(code / K) % K]! += count
    second[truth]![code % K]! += count
  })
  return [metricsOf({ labels: LABELS, counts: first }).overall, metricsOf({ labels: LABELS, counts: second }).overall]
}

/**
 * Two-sided p of McNemar's exact test: a binomial test of the discordant pairs against one half.
 * @param onlyFirst rows that only the first has right
 * @param onlySecond rows that only the second has right
 */
export function mcnemarP(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond
  const k = Math.min(onlyFirst, onlySecond)
  if (n === 0) return 1
  // log C(n, i) grows term by term; the tail is summed in the logarithm's scale so that large n do not underflow.
  let [logChoose, tail] = [0, 0]
  const logHalf = n * Math.LN2
  for (let i = 0; i <= k; i++) {
    if (i > 0) logChoose += Math.log(n - i + 1) - Math.log(i)
    tail += Math.exp(logChoose - logHalf)
  }
  return Math.min(1, 2 * tail)
}
