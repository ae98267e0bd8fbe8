import { isFailure } from '../models/answer.js'
import type { Answer } from '../models/model.js'
import type { Label } from '../tweet.js'
import { type Confusion, METRICS, type MetricName, metricsOf } from './metrics.js'
import { rocCurve } from './roc.js'

/** A result that is more likely a mistake than a finding. */
export interface Alarm {
  guard:
    | 'perfect-agreement'
    | 'truth-from-prediction'
    | 'one-class'
    | 'label-sets-differ'
    | 'blank-picture'
    | 'printed-metrics'
    | 'no-truth'
  /** One sentence with the values in it. */
  message: string
}

/** Alarms when every prediction is right: on real tweets that means that the truth leaked. */
export function guardPerfectAgreement(confusion: Confusion): Alarm[] {
  const { n, overall } = metricsOf(confusion)
  if (n === 0 || overall.accuracy !== 1) return []
  return [{ guard: 'perfect-agreement', message: `all ${n} predictions agree with the truth: look where the truth comes from` }]
}

/** Alarms when the truth, or the predictions, hold one class only: most metrics say nothing then. */
export function guardOneClass(confusion: Confusion): Alarm[] {
  const { n, byClass } = metricsOf(confusion)
  const alarms: Alarm[] = []
  for (const [label, { support, predicted }] of Object.entries(byClass)) {
    if (n > 0 && support === n) alarms.push({ guard: 'one-class', message: `all ${n} true labels are ${label}` })
    if (n > 0 && predicted === n) alarms.push({ guard: 'one-class', message: `all ${n} predictions are ${label}` })
  }
  return alarms
}

/**
 * Alarms when truth and predictions use different names: `POS` beside `positive`, or a neutral that the truth does not know
 * (then see the neutral policies).
 */
export function guardLabelSets(truth: Iterable<string>, predicted: Iterable<string>): Alarm[] {
  const [known, used] = [new Set(truth), new Set(predicted)]
  if (known.size === 0 || used.size === 0) return []
  const strange = [...used].filter(label => !known.has(label)).sort()
  const missed = [...known].filter(label => !used.has(label)).sort()
  const alarms: Alarm[] = []
  if (strange.length)
    alarms.push({ guard: 'label-sets-differ', message: `predicted but never true: ${strange.map(quoted).join(', ')}` })
  if (missed.length)
    alarms.push({ guard: 'label-sets-differ', message: `true but never predicted: ${missed.map(quoted).join(', ')}` })
  return alarms
}

/** Fewer rows than this may look derived by chance. */
const MIN_ROWS_DERIVED = 20

/**
 * Alarms when the truth can be computed from the prediction: each predicted label goes with one true label only, or a
 * threshold on the probabilities splits the true classes without one mistake. Needs 20 rows and two true classes.
 * @param truthSource where the truth was read from; a column whose name speaks of predictions or scores is an alarm by itself
 */
export function guardDerivedTruth(
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  { truthSource }: { truthSource?: string } = {},
): Alarm[] {
  const alarms: Alarm[] = []
  if (truthSource && /predict|score|model/i.test(truthSource))
    alarms.push({
      guard: 'truth-from-prediction',
      message: `the truth is read from ${truthSource}, which sounds like a prediction`,
    })
  const rows = truth.flatMap((label, row) => {
    const answer = answers[row]!
    return label === null || isFailure(answer) ? [] : [{ label, answer }]
  })
  const classes = [...new Set(rows.map(row => row.label))].sort()
  if (rows.length < MIN_ROWS_DERIVED || classes.length < 2) return alarms
  const trueOf = new Map<Label, Set<Label>>()
  for (const { label, answer } of rows) trueOf.set(answer.label, (trueOf.get(answer.label) ?? new Set()).add(label))
  if (trueOf.size >= classes.length && [...trueOf.values()].every(labels => labels.size === 1)) {
    const rule = [...trueOf].map(([from, to]) => `${from} → ${[...to][0]}`).sort()
    alarms.push({
      guard: 'truth-from-prediction',
      message: `the truth of all ${rows.length} rows follows from the prediction: ${rule.join(', ')}`,
    })
    return alarms
  }
  const scores = rows.map(({ answer }) => answer.probabilities[2] - answer.probabilities[0])
  for (const label of classes.filter(name => name !== 'neutral')) {
    const { auc } = rocCurve(
      scores,
      rows.map(row => row.label === label),
    )
    if (auc === 0 || auc === 1)
      alarms.push({
        guard: 'truth-from-prediction',
        message: `a threshold on the score finds ${label} in ${rows.length} rows without one mistake`,
      })
  }
  return alarms
}

/** What a metric is called in `guardPrinted`: an overall one, or `positive.recall` for one of a class. */
export type PrintedName = MetricName | `${string}.${'precision' | 'recall' | 'f1'}`

/**
 * Alarms for each printed metric that the counts do not reproduce.
 * @param printed by name; a number or the text as printed (`'.808'`), whose decimals say how far rounding may carry it
 */
export function guardPrinted(confusion: Confusion, printed: Partial<Record<PrintedName, number | string>>): Alarm[] {
  const { overall, byClass } = metricsOf(confusion)
  return Object.entries(printed).flatMap(([name, value]): Alarm[] => {
    if (value === undefined) return []
    const actual = lookUp(name, overall, byClass)
    const text = String(value).trim()
    const stated = Number(text)
    if (text === '' || !Number.isFinite(stated)) throw new Error(`printed metric ${name}: not a number: ${quoted(text)}`)
    const decimals = text.includes('e') ? 15 : (text.split('.')[1]?.length ?? 0)
    // Half a unit of the last printed digit, and a hair for the binary fraction.
    const slack = 0.5 * 10 ** -decimals + 1e-12
    if (actual !== null && Math.abs(actual - stated) <= slack) return []
    const counts = actual === null ? 'leave it undefined' : `give ${actual.toFixed(Math.max(4, Math.min(decimals, 12)))}`
    return [{ guard: 'printed-metrics', message: `${name} is printed as ${text}, the counts ${counts}` }]
  })
}

function lookUp(
  name: string,
  overall: Record<MetricName, number | null>,
  byClass: Record<string, { precision: number | null; recall: number | null; f1: number | null }>,
): number | null {
  if (METRICS.includes(name as MetricName)) return overall[name as MetricName]
  const dot = name.lastIndexOf('.')
  const metrics = byClass[name.slice(0, dot)]
  const kind = name.slice(dot + 1)
  if (metrics && (kind === 'precision' || kind === 'recall' || kind === 'f1')) return metrics[kind]
  throw new Error(`printed metric not known: ${name}`)
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
