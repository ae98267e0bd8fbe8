/**
 * Metrics of a classification, all from one confusion matrix of whole numbers.
 *
 * What cannot be computed is `null`, never 0: the recall of a class that does not occur, the precision of one that is
 * never predicted. Averages run over the classes that occur in the truth, where a precision of null counts as 0 (the model
 * had the chance and missed every row): scikit-learn's `labels=<those>, zero_division=0`, and its balanced accuracy.
 */

/** Counts by truth (row) and prediction (column), both in the order of `labels`. */
export interface Confusion {
  labels: readonly string[]
  /** `counts[truth][predicted]`, whole numbers. */
  counts: readonly (readonly number[])[]
}

/** The metrics that have one number for the whole set; each in [0, 1] or null. */
export const METRICS = [
  'accuracy',
  'macroRecall',
  'macroPrecision',
  'macroF1',
  'weightedRecall',
  'weightedPrecision',
  'weightedF1',
  'majorityBaseline',
] as const

/** Name of a metric. `majorityBaseline` is the accuracy of always answering the most frequent true class. */
export type MetricName = (typeof METRICS)[number]

/** Metrics of one class. */
export interface ClassMetrics {
  precision: number | null
  recall: number | null
  /** 2·TP / (2·TP + FP + FN); null for a class that neither occurs nor is predicted. */
  f1: number | null
  /** Rows that truly are of the class. */
  support: number
  /** Rows predicted to be of the class. */
  predicted: number
}

/** All metrics of a confusion matrix. */
export interface Metrics {
  /** Rows. */
  n: number
  overall: Record<MetricName, number | null>
  byClass: Record<string, ClassMetrics>
}

/**
 * Counts pairs of true and predicted labels.
 * @throws when the lengths differ or a label is not in `labels`
 */
export function confusionOf(truth: readonly string[], predicted: readonly string[], labels: readonly string[]): Confusion {
  if (truth.length !== predicted.length)
    throw new Error(`confusion: ${truth.length} true labels, ${predicted.length} predicted ones`)
  const index = new Map(labels.map((label, i) => [label, i]))
  const counts = labels.map(() => labels.map(() => 0))
  truth.forEach((label, row) => {
    const t = index.get(label)
    const p = index.get(predicted[row]!)
    if (t === undefined || p === undefined)
      throw new Error(`confusion: row ${row}: label not known: ${t === undefined ? label : predicted[row]}`)
    counts[t]![p]! += 1
  })
  return { labels, counts }
}

/** Metrics of a confusion matrix. */
export function metricsOf(confusion: Confusion): Metrics {
  const byClass = classMetrics(confusion)
  const classes = Object.values(byClass)
  const n = classes.reduce((sum, c) => sum + c.support, 0)
  const hits = confusion.labels.reduce((sum, _, i) => sum + confusion.counts[i]![i]!, 0)
  const present = classes.filter(c => c.support > 0)
  const average = (pick: (c: ClassMetrics) => number | null, weight: (c: ClassMetrics) => number) => {
    const total = present.reduce((sum, c) => sum + weight(c), 0)
    return total === 0 ? null : present.reduce((sum, c) => sum + weight(c) * (pick(c) ?? 0), 0) / total
  }
  const once = () => 1
  const support = (c: ClassMetrics) => c.support
  return {
    n,
    overall: {
      accuracy: n === 0 ? null : hits / n,
      macroRecall: average(c => c.recall, once),
      macroPrecision: average(c => c.precision, once),
      macroF1: average(c => c.f1, once),
      weightedRecall: average(c => c.recall, support),
      weightedPrecision: average(c => c.precision, support),
      weightedF1: average(c => c.f1, support),
      majorityBaseline: n === 0 ? null : Math.max(...classes.map(support)) / n,
    },
    byClass,
  }
}

function classMetrics({ labels, counts }: Confusion): Record<string, ClassMetrics> {
  return Object.fromEntries(
    labels.map((label, i) => {
      const support = counts[i]!.reduce((sum, count) => sum + count, 0)
      const predicted = counts.reduce((sum, row) => sum + row[i]!, 0)
      const hits = counts[i]![i]!
      return [
        label,
        {
          precision: ratio(hits, predicted),
          recall: ratio(hits, support),
          f1: ratio(2 * hits, predicted + support),
          support,
          predicted,
        },
      ]
    }),
  )
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}
