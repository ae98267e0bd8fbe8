import type { GramRows } from './features.js'
import { LEXICON_SIZE } from './features.js'
import { randomFrom, shuffle } from './random.js'

/** A linear model of three classes over n-grams: a row of three weights per bucket and per number of the lexicon, and a bias per class. */
export interface LinearWeights {
  /** Four numbers a bucket: its idf, and what one occurrence adds to each class before the row's length is taken out. */
  table: Float32Array
  /** lexicon[3 × number + class]. */
  lexicon: Float64Array
  bias: Float64Array
}

/** How logistic regression learns. */
export interface LogisticSettings {
  /** Share of a row's squared length that its word n-grams have, in [0, 1]; character n-grams have the rest. */
  wordShare: number
  /** Passes over the rows. */
  epochs: number
  /** Inverse of the L2 penalty's strength, as in scikit-learn: smaller holds the weights closer to 0. */
  c: number
  /** First step length; it falls in a straight line to 0. */
  rate: number
  /** Seed of the order of the rows. */
  seed: number
  /** Three logits a row that another model gives: what is learned is added to them, and classes then weigh as they occur. Default none. */
  said?: Float32Array
}

/** The number of classes; see `LABELS`. */
const K = 3
/** The lexicon's numbers are in most rows, and so is the bias: they step more gently, and are not penalised. */
const LEXICON_PACE = 0.05
const BIAS_PACE = 0.1

/**
 * Multinomial logistic regression by stochastic gradient descent, classes balanced: each class weighs the same in all,
 * however many rows it has. A class without rows gets bias −Infinity, so its probability is 0. The same rows, settings and
 * seed give the same weights to the bit.
 *
 * An occurrence has the value idf × s; the s of a row's word n-grams and of its character n-grams take the lengths out.
 * @param classes 0, 1 or 2 per row
 * @param idf per bucket
 * @yields the share done, in [0, 1], a few times a second: the caller gives way or stops there
 */
export function* fitLogistic(
  rows: GramRows,
  classes: Uint8Array,
  idf: Float32Array,
  { wordShare, epochs, c: inverse, rate, seed, said: before }: LogisticSettings,
): Generator<number, LinearWeights> {
  const n = classes.length
  const { offsets, middles, buckets: at, lexicon: said } = rows
  // One line of memory holds all that is known of a bucket.
  const t = new Float32Array(4 * idf.length)
  for (let i = 0; i < idf.length; i++) t[4 * i] = idf[i]!
  const scales = rowScales(rows, t, wordShare)
  const lexicon = new Float64Array(K * LEXICON_SIZE)
  const bias = new Float64Array(K)
  const classWeight = balance(classes)
  const seen = Array.from(classWeight, weight => weight > 0)
  if (before) classWeight.fill(1)
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  const random = randomFrom(seed)
  const steps = epochs * n
  const l2 = 1 / (inverse * n)
  const sums = new Float64Array(K)
  // Weights are scale × t: the penalty then costs one product a step instead of one a bucket.
  let scale = 1
  let step = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random)
    for (let i = 0; i < n; i++, step++) {
      const row = order[i]!
      const [start, middle, end] = [offsets[row]!, middles[row]!, offsets[row + 1]!]
      const [words, characters] = [scales[2 * row]!, scales[2 * row + 1]!]
      sums.fill(0)
      addGrams(t, at, start, middle, words, sums)
      addGrams(t, at, middle, end, characters, sums)
      const first = row * LEXICON_SIZE
      let total = 0
      for (let k = 0; k < K; k++) {
        let logit = scale * sums[k]! + bias[k]! + (before ? before[K * row + k]! : 0)
        for (let f = 0; f < LEXICON_SIZE; f++) logit += lexicon[K * f + k]! * said[first + f]!
        sums[k] = seen[k] ? Math.exp(clip(logit)) : 0
        total += sums[k]!
      }
      const truth = classes[row]!
      const eta = rate * (1 - step / steps)
      const pull = eta * classWeight[truth]!
      for (let k = 0; k < K; k++) sums[k] = pull * ((truth === k ? 1 : 0) - sums[k]! / total)
      scale *= 1 - eta * l2
      moveGrams(t, at, start, middle, words / scale, sums)
      moveGrams(t, at, middle, end, characters / scale, sums)
      for (let k = 0; k < K; k++) {
        bias[k]! += BIAS_PACE * sums[k]!
        for (let f = 0; f < LEXICON_SIZE; f++) lexicon[K * f + k]! += LEXICON_PACE * sums[k]! * said[first + f]!
      }
      if (step % 2000 === 1999) yield step / steps
    }
  }
  for (let i = 0; i < t.length; i += 4) for (let k = 1; k <= K; k++) t[i + k]! *= scale * t[i]!
  for (let k = 0; k < K; k++) if (!seen[k]) bias[k] = Number.NEGATIVE_INFINITY
  return { table: t, lexicon, bias }
}

/** Adds the weights of a stretch of n-grams to the sums of the classes. */
function addGrams(t: Float32Array, at: Int32Array, from: number, to: number, length: number, sums: Float64Array): void {
  let [a, b, c] = [0, 0, 0]
  for (let j = from; j < to; j++) {
    const w = at[j]! << 2
    const x = t[w]!
    a += t[w + 1]! * x
    b += t[w + 2]! * x
    c += t[w + 3]! * x
  }
  sums[0]! += length * a
  sums[1]! += length * b
  sums[2]! += length * c
}

function moveGrams(t: Float32Array, at: Int32Array, from: number, to: number, length: number, pulls: Float64Array): void {
  const [a, b, c] = [length * pulls[0]!, length * pulls[1]!, length * pulls[2]!]
  for (let j = from; j < to; j++) {
    const w = at[j]! << 2
    const x = t[w]!
    t[w + 1]! += a * x
    t[w + 2]! += b * x
    t[w + 3]! += c * x
  }
}

/** Two numbers a row: what takes the length of its word n-grams out, and that of its character n-grams. */
function rowScales({ offsets, middles, buckets }: GramRows, table: Float32Array, wordShare: number): Float32Array {
  const scales = new Float32Array(2 * middles.length)
  const scaleOf = (from: number, to: number, share: number) => {
    let squares = 0
    for (let i = from; i < to; i++) squares += table[4 * buckets[i]!]! ** 2
    return blockScale(share, squares)
  }
  for (let row = 0; row < middles.length; row++) {
    scales[2 * row] = scaleOf(offsets[row]!, middles[row]!, wordShare)
    scales[2 * row + 1] = scaleOf(middles[row]!, offsets[row + 1]!, 1 - wordShare)
  }
  return scales
}

/** What brings a stretch of n-grams, whose squared idfs sum to `squares`, to its share of the row's squared length. */
export function blockScale(share: number, squares: number): number {
  return Math.sqrt(share / (squares || 1))
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
