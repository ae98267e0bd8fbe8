import { isFailure } from '../models/answer.js'
import type { Answer, Prediction } from '../models/model.js'
import { LABELS, type Label } from '../tweet.js'
import { type Calibration, calibrationOf } from './calibration.js'
import { type Alarm, guardDerivedTruth, guardLabelSets, guardOneClass, guardPerfectAgreement } from './guards.js'
import { type BootstrapOptions, type Estimate, percentiles, resample, wilson } from './intervals.js'
import { type Confusion, METRICS, type MetricName, type Metrics, metricsOf } from './metrics.js'
import { neutralPolicies, type PolicyResult } from './neutral-policy.js'
import { aucEstimate, aucName, type EvaluationSet } from './roc.js'

/** What an evaluation is told beside truth and answers. */
export interface EvaluateOptions extends BootstrapOptions {
  /** Name of the model that answered. */
  modelName?: string
  /** Version of it, where it is registered. */
  modelVersion?: string
  /** sha256 of the model's folder. */
  modelHash?: string
  /** sha256 of the data. */
  dataHash?: string
  /** Whether the model has seen these rows in training; default `held-out`. */
  set?: EvaluationSet
  /** Column or file that the truth was read from; a guard looks at its name. */
  truthSource?: string
}

/** Metrics of one class with their intervals. */
export interface ClassEvaluation {
  precision: Estimate
  recall: Estimate
  f1: Estimate
  /** Area under the ROC curve of this class against the rest; undefined at mention level. */
  auc?: Estimate
  /** Rows that truly are of the class. */
  support: number
  /** Rows predicted to be of the class. */
  predicted: number
}

/** Everything known about how well answers fit the truth. Plain JSON. */
export interface Evaluation {
  /** Whether a row is a tweet, or a mention in one. */
  level: 'tweet' | 'mention'
  /** Rows with a truth and a prediction. */
  n: number
  /** Tweets behind them: the same at tweet level. */
  tweets: number
  /** Tweets without a true label. */
  unlabelled: number
  /** Tweets that have a true label and could not be scored: never counted as a class. */
  failures: { row: number; error: string }[]
  confusion: Confusion
  metrics: Record<MetricName, Estimate>
  byClass: Record<Label, ClassEvaluation>
  /** `training AUC` when the rows were trained on. */
  aucName: 'AUC' | 'training AUC'
  /** Each neutral policy, where the truth knows only negative and positive; undefined otherwise and at mention level. */
  neutralPolicies?: PolicyResult[]
  /** How far the probabilities can be believed; undefined at mention level. */
  calibration?: Calibration
  alarms: Alarm[]
  set: EvaluationSet
  seed: number
  samples: number
  modelName: string | null
  modelVersion: string | null
  modelHash: string | null
  dataHash: string | null
}

interface ScoredRow {
  label: Label
  answer: Prediction
  weight: number
}

/**
 * Compares a model's answers with the truth, one row per tweet. Intervals are 95 %: Wilson for proportions (accuracy,
 * baseline, precision and recall of a class), DeLong for areas, a seeded bootstrap of rows for the rest.
 * @param truth one label per answer; null where nobody knows
 * @throws when the lengths differ
 */
export function evaluate(
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  options: EvaluateOptions = {},
): Evaluation {
  return evaluateRows('tweet', { truth, answers, weightOf: () => 1 }, options)
}

/**
 * The same, weighing each tweet by its mentions: one row per tweet and mention, as the classroom's table has it. Tweets
 * without a mention have no row here. Intervals draw whole tweets, for the mentions of one tweet share its prediction.
 * @param mentions the mentions of each tweet
 */
export function evaluateMentions(
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  mentions: readonly (readonly string[])[],
  options: EvaluateOptions = {},
): Evaluation {
  if (mentions.length !== truth.length) throw new Error(`evaluate: ${truth.length} rows of truth, ${mentions.length} of mentions`)
  return evaluateRows('mention', { truth, answers, weightOf: row => mentions[row]!.length }, options)
}

function evaluateRows(
  level: Evaluation['level'],
  { truth, answers, weightOf }: { truth: readonly (Label | null)[]; answers: readonly Answer[]; weightOf(row: number): number },
  options: EvaluateOptions,
): Evaluation {
  if (truth.length !== answers.length) throw new Error(`evaluate: ${truth.length} rows of truth, ${answers.length} answers`)
  const { seed = 1, samples = 1000, set = 'held-out' } = options
  const rows: ScoredRow[] = []
  const failures: Evaluation['failures'] = []
  truth.forEach((label, row) => {
    const answer = answers[row]!
    const weight = weightOf(row)
    if (label === null || weight === 0) return
    if (isFailure(answer)) failures.push({ row, error: answer.error })
    else rows.push({ label, answer, weight })
  })
  const codes = rows.map(({ label, answer }) => LABELS.indexOf(label) * K + LABELS.indexOf(answer.label))
  const measured = (counts: Float64Array) => {
    const confusion = confusionOfCounts(counts)
    return { confusion, metrics: metricsOf(confusion) }
  }
  const drawn = resample(codes, K * K, measured, { seed, samples, weights: rows.map(row => row.weight) })
  const { confusion, metrics } = drawn.value
  const draws = drawn.draws.map(draw => draw.metrics)
  const tweetLevel = level === 'tweet'
  const drawnOf: DrawnOf = pick => ({
    value: pick(metrics),
    ...percentiles(draws.map(pick)),
    method: tweetLevel ? 'bootstrap' : 'cluster-bootstrap',
  })
  const twoClass = tweetLevel && rows.length > 0 && rows.every(row => row.label !== 'neutral')
  return {
    level,
    n: metrics.n,
    tweets: rows.length,
    unlabelled: truth.filter(label => label === null).length,
    failures,
    confusion,
    metrics: overallEstimates(metrics, confusion, drawnOf, tweetLevel),
    byClass: classEstimates(rows, metrics, confusion, drawnOf, tweetLevel),
    aucName: aucName(set),
    neutralPolicies: twoClass ? neutralPolicies(truth, answers) : undefined,
    calibration: tweetLevel ? calibrationOf(truth, answers, { seed, samples }) : undefined,
    alarms: allAlarms(truth, answers, rows, confusion, options),
    set,
    seed,
    samples,
    modelName: options.modelName ?? null,
    modelVersion: options.modelVersion ?? null,
    modelHash: options.modelHash ?? null,
    dataHash: options.dataHash ?? null,
  }
}

const K = LABELS.length

/** A confusion matrix of counts by 3 × truth + answer. */
export function confusionOfCounts(counts: ArrayLike<number>): Confusion {
  return { labels: LABELS, counts: LABELS.map((_, t) => LABELS.map((_, p) => counts[t * K + p]!)) }
}

/** A figure of all metrics with the interval of its draws. */
type DrawnOf = (pick: (metrics: Metrics) => number | null) => Estimate

function overallEstimates(
  metrics: Metrics,
  { counts }: Confusion,
  drawnOf: DrawnOf,
  tweetLevel: boolean,
): Record<MetricName, Estimate> {
  const entries = METRICS.map(name => [name, drawnOf(({ overall }) => overall[name])])
  const estimates = Object.fromEntries(entries) as Record<MetricName, Estimate>
  if (!tweetLevel) return estimates
  const hits = counts.reduce((sum, row, i) => sum + row[i]!, 0)
  const largest = Math.max(...Object.values(metrics.byClass).map(c => c.support))
  return { ...estimates, accuracy: wilson(hits, metrics.n), majorityBaseline: wilson(largest, metrics.n) }
}

function classEstimates(
  rows: readonly ScoredRow[],
  metrics: Metrics,
  { counts }: Confusion,
  drawnOf: DrawnOf,
  tweetLevel: boolean,
): Record<Label, ClassEvaluation> {
  const entries = LABELS.map((label, i) => {
    const { support, predicted } = metrics.byClass[label]!
    const drawn = (name: 'precision' | 'recall' | 'f1') => drawnOf(({ byClass }) => byClass[label]![name])
    const hits = counts[i]![i]!
    const estimate: ClassEvaluation = {
      precision: tweetLevel ? wilson(hits, predicted) : drawn('precision'),
      recall: tweetLevel ? wilson(hits, support) : drawn('recall'),
      f1: drawn('f1'),
      support,
      predicted,
    }
    if (tweetLevel)
      estimate.auc = aucEstimate(
        rows.map(row => row.answer.probabilities[i]!),
        rows.map(row => row.label === label),
      )
    return [label, estimate]
  })
  return Object.fromEntries(entries) as Record<Label, ClassEvaluation>
}

function allAlarms(
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  rows: readonly ScoredRow[],
  confusion: Confusion,
  { truthSource }: EvaluateOptions,
): Alarm[] {
  if (rows.length === 0) return [{ guard: 'no-truth', message: 'no row has both a true label and a prediction' }]
  return [
    ...guardPerfectAgreement(confusion),
    ...guardDerivedTruth(truth, answers, { truthSource }),
    ...guardOneClass(confusion),
    ...guardLabelSets(
      rows.map(row => row.label),
      rows.map(row => row.answer.label),
    ),
  ]
}
