import { isFailure } from '../models/answer.js'
import type { Answer } from '../models/model.js'
import { LABELS, type Label } from '../tweet.js'
import { type BootstrapOptions, type Estimate, percentiles, resample, wilson } from './intervals.js'

/** Answers whose likeliest class has a probability in [from, to). */
export interface CalibrationBin {
  from: number
  to: number
  n: number
  /** Mean probability of the likeliest class; null without rows. */
  confidence: number | null
  /** Share of right answers. A calibrated model is as often right as it is sure. */
  accuracy: Estimate
}

/** How far probabilities can be believed. Plain JSON. */
export interface Calibration {
  n: number
  bins: CalibrationBin[]
  /** Expected calibration error: the mean gap between confidence and accuracy, weighed by the rows of the bins. */
  error: Estimate
  /** Mean of −ln(probability of the true class). */
  logLoss: number | null
  /** Mean squared distance of the probabilities from the truth, in [0, 2]. */
  brier: number | null
  /** Temperature that would make the log loss least: above 1 the model is too sure. Fitted on these rows: no figure of how good. */
  temperature: number | null
}

const LEAST_PROBABILITY = 1e-12

/**
 * Calibration of answers against the truth. Rows without a truth and failures are left out.
 * @param bins of equal width over [0, 1]; default 15
 */
export function calibrationOf(
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  { bins: count = 15, seed = 1, samples = 1000 }: BootstrapOptions & { bins?: number } = {},
): Calibration {
  if (truth.length !== answers.length) throw new Error(`calibration: ${truth.length} rows of truth, ${answers.length} answers`)
  const rows = answers.flatMap((answer, i) => {
    const label = truth[i]
    if (!label || isFailure(answer)) return []
    const sure = Math.max(...answer.probabilities)
    const bin = Math.min(count - 1, Math.floor(sure * count))
    return [{ p: answer.probabilities, at: LABELS.indexOf(label), sure, bin, right: answer.label === label }]
  })
  const n = rows.length
  const sums = Array.from({ length: count }, () => ({ n: 0, sure: 0, right: 0 }))
  for (const { bin, sure, right } of rows) {
    const sum = sums[bin]!
    sum.n += 1
    sum.sure += sure
    sum.right += right ? 1 : 0
  }
  const confidence = sums.map(sum => (sum.n ? sum.sure / sum.n : 0))
  // Codes are 2 × bin, plus 1 for a right answer.
  const errorOf = (counts: Float64Array) =>
    confidence.reduce((gap, sure, b) => {
      const [wrong, right] = [counts[2 * b]!, counts[2 * b + 1]!]
      return gap + Math.abs(sure * (wrong + right) - right)
    }, 0) / n
  const codes = rows.map(({ bin, right }) => 2 * bin + (right ? 1 : 0))
  const { value, draws } = resample(codes, 2 * count, errorOf, { seed, samples })
  const mean = (of: (row: (typeof rows)[number]) => number) => (n ? rows.reduce((sum, row) => sum + of(row), 0) / n : null)
  const chances = rows.map(({ p, at }) => ({ p, at }))
  return {
    n,
    bins: sums.map((sum, b) => ({
      from: b / count,
      to: (b + 1) / count,
      n: sum.n,
      confidence: sum.n ? confidence[b]! : null,
      accuracy: wilson(sum.right, sum.n),
    })),
    error: { value: n ? value : null, ...percentiles(draws), method: 'bootstrap' },
    logLoss: n ? logLossAt(chances, 1) : null,
    brier: mean(({ p, at }) => p.reduce((sum, value, k) => sum + (value - (k === at ? 1 : 0)) ** 2, 0)),
    temperature: n ? bestTemperature(chances) : null,
  }
}

type Chance = { p: readonly number[]; at: number }

/** Log loss of the probabilities with their logarithms divided by a temperature. */
function logLossAt(rows: readonly Chance[], temperature: number): number {
  let sum = 0
  for (const { p, at } of rows) {
    const logs = p.map(value => Math.log(Math.max(value, LEAST_PROBABILITY)) / temperature)
    const top = Math.max(...logs)
    sum += top + Math.log(logs.reduce((total, log) => total + Math.exp(log - top), 0)) - logs[at]!
  }
  return sum / rows.length
}

/** Ternary search over the logarithm of the temperature: the log loss has one valley. */
function bestTemperature(rows: readonly Chance[]): number {
  let [low, high] = [Math.log(0.1), Math.log(10)]
  while (high - low > 1e-4) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3]
    if (logLossAt(rows, Math.exp(a)) < logLossAt(rows, Math.exp(b))) high = b
    else low = a
  }
  return Math.round(1000 * Math.exp((low + high) / 2)) / 1000
}
