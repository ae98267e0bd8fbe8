import type { SparseRows } from './features.js'
import { randomFrom, shuffle } from './random.js'

/** A linear model of three classes over hashed features: a row of three weights per bucket, and a bias per class. */
export interface LinearWeights {
  /** weights[3 × bucket + class]. */
  weights: Float32Array
  bias: Float64Array
}

/** How logistic regression learns. */
export interface LogisticSettings {
  /** Passes over the rows. */
  epochs: number
  /** Inverse of the L2 penalty's strength, as in scikit-learn: smaller holds the weights closer to 0. */
  c: number
  /** First step length; it falls in a straight line to 0. */
  rate: number
  /** Seed of the order of the rows. */
  seed: number
}

/** The number of classes; see `LABELS`. */
const K = 3

/**
 * Multinomial logistic regression by stochastic gradient descent, classes balanced: each class weighs the same in all,
 * however many rows it has. A class without rows gets bias −Infinity, so its probability is 0. The same rows, settings and
 * seed give the same weights to the bit.
 * @param rows one row per example, of length about 1
 * @param classes 0, 1 or 2 per row
 * @yields the share done, in [0, 1], a few times a second: the caller gives way or stops there
 */
export function* fitLogistic(
  rows: SparseRows,
  classes: Uint8Array,
  buckets: number,
  { epochs, c: inverse, rate, seed }: LogisticSettings,
): Generator<number, LinearWeights> {
  const n = classes.length
  const { offsets, buckets: at, values } = rows
  const v = new Float32Array(K * buckets)
  const bias = new Float64Array(K)
  const classWeight = balance(classes)
  const seen = Array.from(classWeight, weight => weight > 0)
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  const random = randomFrom(seed)
  const steps = epochs * n
  const l2 = 1 / (inverse * n)
  // Weights are scale × v: the penalty then costs one product a step instead of one a bucket.
  let scale = 1
  let step = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random)
    for (let i = 0; i < n; i++, step++) {
      const row = order[i]!
      const [start, end] = [offsets[row]!, offsets[row + 1]!]
      let [a, b, c] = [0, 0, 0]
      for (let j = start; j < end; j++) {
        const w = K * at[j]!
        const x = values[j]!
        a += v[w]! * x
        b += v[w + 1]! * x
        c += v[w + 2]! * x
      }
      a = seen[0] ? Math.exp(clip(a * scale + bias[0]!)) : 0
      b = seen[1] ? Math.exp(clip(b * scale + bias[1]!)) : 0
      c = seen[2] ? Math.exp(clip(c * scale + bias[2]!)) : 0
      const sum = a + b + c
      const truth = classes[row]!
      const eta = rate * (1 - step / steps)
      const pull = eta * classWeight[truth]!
      const ga = pull * ((truth === 0 ? 1 : 0) - a / sum)
      const gb = pull * ((truth === 1 ? 1 : 0) - b / sum)
      const gc = pull * ((truth === 2 ? 1 : 0) - c / sum)
      scale *= 1 - eta * l2
      const [sa, sb, sc] = [ga / scale, gb / scale, gc / scale]
      for (let j = start; j < end; j++) {
        const w = K * at[j]!
        const x = values[j]!
        v[w]! += sa * x
        v[w + 1]! += sb * x
        v[w + 2]! += sc * x
      }
      // The bias is not penalised, and steps more gently: its feature is in every row.
      bias[0]! += 0.1 * ga
      bias[1]! += 0.1 * gb
      bias[2]! += 0.1 * gc
      if (step % 2000 === 1999) yield step / steps
    }
  }
  for (let i = 0; i < v.length; i++) v[i]! *= scale
  for (let k = 0; k < K; k++) if (!seen[k]) bias[k] = Number.NEGATIVE_INFINITY
  return { weights: v, bias }
}

/** A weight per class that makes the classes with rows equal: n / (classes × rows of the class); 0 without rows. */
export function balance(classes: Uint8Array): Float64Array {
  const counts = new Float64Array(K)
  for (const c of classes) counts[c]! += 1
  const present = counts.filter(count => count > 0).length
  return counts.map(count => (count === 0 ? 0 : classes.length / (present * count)))
}

/** Keeps the exponential finite. */
function clip(logit: number): number {
  return Math.max(-50, Math.min(50, logit))
}
