import type { SparseRows } from './text-features.js'

/**
 * Multinomial naive Bayes: log probabilities of the columns in each class, and of the classes. Values need not be whole, only
 * not negative. The same as scikit-learn's `MultinomialNB`.
 * @param classes 0 … k − 1 per row
 * @param alpha what is added to every count, > 0
 * @returns k weights per column (k × column + class) and the classes' log shares
 */
export function fitNaiveBayes(
  { offsets, buckets, values }: SparseRows,
  classes: Uint8Array,
  size: number,
  { k, alpha }: { k: number; alpha: number },
): { weights: Float64Array; bias: Float64Array } {
  const weights = new Float64Array(k * size).fill(alpha)
  const totals = new Float64Array(k).fill(alpha * size)
  const bias = new Float64Array(k)
  for (let row = 0; row < classes.length; row++) {
    const c = classes[row]!
    bias[c]! += 1
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      weights[k * buckets[i]! + c]! += values[i]!
      totals[c]! += values[i]!
    }
  }
  for (let i = 0; i < weights.length; i++) weights[i] = Math.log(weights[i]! / totals[i % k]!)
  return { weights, bias: bias.map(count => Math.log(count / classes.length)) }
}
