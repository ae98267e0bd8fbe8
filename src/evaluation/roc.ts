import { type Estimate, Z95 } from './intervals.js'

/** What rows a figure was measured on. Scores of rows that the model learned from flatter it, and are named so. */
export type EvaluationSet = 'held-out' | 'training'

/** One point of a ROC curve: rates when everything with a score of at least `threshold` is called positive. */
export interface RocPoint {
  threshold: number
  falsePositiveRate: number
  truePositiveRate: number
}

/** A ROC curve and the area under it. */
export interface Roc {
  /** `AUC`, or `training AUC` when the rows are those that the model was trained on. */
  name: 'AUC' | 'training AUC'
  /** null when one of the two classes has no row. */
  auc: number | null
  /** From (0, 0) to (1, 1), one point per distinct score. */
  points: RocPoint[]
  positives: number
  negatives: number
}

/**
 * The ROC curve of scores against a two-way truth. Equal scores are one step of the curve, so ties count half.
 * @param scores higher means more likely positive; finite
 * @param positive whether each row truly is
 * @param set whether the rows were held out (default) or trained on
 */
export function rocCurve(
  scores: readonly number[],
  positive: readonly boolean[],
  { set = 'held-out' }: { set?: EvaluationSet } = {},
): Roc {
  const { counts, thresholds } = groupScores(scores, positive)
  const positives = positive.filter(Boolean).length
  const negatives = positive.length - positives
  const points: RocPoint[] = [{ threshold: Number.POSITIVE_INFINITY, falsePositiveRate: 0, truePositiveRate: 0 }]
  let [tp, fp] = [0, 0]
  for (let g = 0; g < thresholds.length; g++) {
    fp += counts[2 * g]!
    tp += counts[2 * g + 1]!
    points.push({ threshold: thresholds[g]!, falsePositiveRate: fp / negatives, truePositiveRate: tp / positives })
  }
  const auc = areaOfCounts(counts)
  return { name: aucName(set), auc, points: auc === null ? [] : points, positives, negatives }
}

/**
 * The area under the ROC curve with its 95 % interval from the variance of DeLong, DeLong and Clarke-Pearson (1988):
 * exact about ties, no draws needed. Null where one of the two classes has no row.
 */
export function aucEstimate(scores: readonly number[], positive: readonly boolean[]): Estimate {
  const { counts } = groupScores(scores, positive)
  const value = areaOfCounts(counts)
  if (value === null) return { value, low: null, high: null, method: 'delong' }
  const deviation = Z95 * Math.sqrt(delongVariance(counts, value))
  return { value, low: Math.max(0, value - deviation), high: Math.min(1, value + deviation), method: 'delong' }
}

/** Variance of the area: that of each positive's share of negatives below it, and of each negative's share of positives above. */
function delongVariance(counts: Float64Array, area: number): number {
  let [positives, negatives] = [0, 0]
  for (let i = 0; i < counts.length; i += 2) {
    negatives += counts[i]!
    positives += counts[i + 1]!
  }
  let [above, below, ofPositives, ofNegatives] = [0, negatives, 0, 0]
  for (let i = 0; i < counts.length; i += 2) {
    const [n, p] = [counts[i]!, counts[i + 1]!]
    below -= n
    ofPositives += p * ((below + n / 2) / negatives - area) ** 2
    ofNegatives += n * ((above + p / 2) / positives - area) ** 2
    above += p
  }
  const mean = (sum: number, count: number) => (count > 1 ? sum / (count - 1) / count : 0)
  return mean(ofPositives, positives) + mean(ofNegatives, negatives)
}

/** One point of a precision-recall curve. */
export interface PrecisionRecallPoint {
  threshold: number
  precision: number
  recall: number
}

/**
 * The precision-recall curve of scores against a two-way truth, from the highest score down, one point per distinct score, and
 * the average precision: Σ (recallₙ − recallₙ₋₁) × precisionₙ, scikit-learn's `average_precision_score`. Null and no points without a positive.
 */
export function precisionRecallCurve(
  scores: readonly number[],
  positive: readonly boolean[],
): { averagePrecision: number | null; points: PrecisionRecallPoint[]; positives: number; negatives: number } {
  const { counts, thresholds } = groupScores(scores, positive)
  const positives = positive.filter(Boolean).length
  const negatives = positive.length - positives
  if (positives === 0) return { averagePrecision: null, points: [], positives, negatives }
  const points: PrecisionRecallPoint[] = []
  let [tp, called, averagePrecision] = [0, 0, 0]
  for (let g = 0; g < thresholds.length; g++) {
    const before = tp
    tp += counts[2 * g + 1]!
    called += counts[2 * g]! + counts[2 * g + 1]!
    averagePrecision += ((tp - before) / positives) * (tp / called)
    points.push({ threshold: thresholds[g]!, precision: tp / called, recall: tp / positives })
  }
  return { averagePrecision, points, positives, negatives }
}

/** What an AUC is called: one measured on the training rows says so. */
export function aucName(set: EvaluationSet): Roc['name'] {
  return set === 'training' ? 'training AUC' : 'AUC'
}

/** The distinct scores from the highest down, and the rows at each: at place 2 × its number the negatives, then the positives. */
function groupScores(scores: readonly number[], positive: readonly boolean[]) {
  if (scores.length !== positive.length) throw new Error(`roc: ${scores.length} scores, ${positive.length} rows of truth`)
  const bad = scores.findIndex(score => !Number.isFinite(score))
  if (bad >= 0) throw new Error(`roc: row ${bad}: score is ${scores[bad]}`)
  const order = scores.map((_, row) => row).sort((a, b) => scores[b]! - scores[a]!)
  const codes: number[] = []
  const thresholds: number[] = []
  for (const row of order) {
    if (thresholds.at(-1) !== scores[row]) thresholds.push(scores[row]!)
    codes.push(2 * (thresholds.length - 1) + (positive[row] ? 1 : 0))
  }
  const counts = new Float64Array(2 * thresholds.length)
  for (const code of codes) counts[code]! += 1
  return { counts, thresholds }
}

/** Mann–Whitney: the share of (positive, negative) pairs in the right order, ties counting half. */
function areaOfCounts(counts: Float64Array): number | null {
  let [above, negatives, pairs] = [0, 0, 0]
  for (let i = 0; i < counts.length; i += 2) {
    pairs += counts[i]! * (above + counts[i + 1]! / 2)
    above += counts[i + 1]!
    negatives += counts[i]!
  }
  return above === 0 || negatives === 0 ? null : pairs / (above * negatives)
}
