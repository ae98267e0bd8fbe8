/** Two-class linear learners, brought to their optimum: logistic regression and the linear support vector machine. */
import type { SparseRows } from './text-features.js'
import { finish, type Work } from './trainable.js'

/** What is minimised: ½·|w|² + c · Σ loss(±(w·x + b)); the bias b is not penalised. */
export interface OptimumSettings {
  /** ln(1 + e^−m), or max(0, 1 − m)². */
  loss: 'logistic' | 'squared-hinge'
  /** Inverse strength of the penalty, as in scikit-learn. */
  c: number
  /** Stop when the gradient has shrunk to this share of what it was; default 0.001. */
  tolerance?: number
}

/** A line between two classes. The last of `weights` is the bias. */
export interface Optimum {
  weights: Float64Array
  objective: number
  /** Steps taken. */
  steps: number
}

const MOST_STEPS = 100
/** Conjugate gradients of one Newton step, at most. */
const MOST_TURNS = 30

/**
 * Finds the optimum by Newton's method, each step solved roughly by conjugate gradients, with a line search (Lin, Weng and
 * Keerthi, JMLR 9, 2008, without the trust region). Margins are kept, so the search along a line reads no row.
 * @param targets 1 or −1 per row
 * @yields the share done, about: how far the gradient has shrunk
 */
export function* fitOptimum(
  rows: SparseRows,
  targets: Int8Array,
  size: number,
  { loss, c, tolerance = 1e-3 }: OptimumSettings,
): Generator<number, Optimum> {
  const { dense, used, count } = byFirstUse(rows, size)
  const n = targets.length
  const weights = new Float64Array(count + 1)
  const gradient = new Float64Array(count + 1)
  const [margins, moved, pull, bend] = [0, 0, 0, 0].map(() => new Float64Array(n)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const { cost, slope, curve } = LOSSES[loss]
  const lossAt = (t: number) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += cost(targets[i]! * (margins[i]! + t * moved[i]!))
    return c * sum
  }
  const differentiate = () => {
    for (let i = 0; i < n; i++) {
      const m = targets[i]! * margins[i]!
      pull[i] = c * targets[i]! * slope(m)
      bend[i] = c * curve(m)
    }
    gradient.set(weights)
    gradient[count] = 0
    addRows(dense, pull, gradient)
    return Math.sqrt(inner(gradient, gradient, count + 1))
  }
  let objective = lossAt(0)
  let length = differentiate()
  const start = length
  let [steps, done] = [0, 0]
  for (; steps < MOST_STEPS && length > tolerance * start; steps++) {
    const enough = Math.min(0.1, Math.sqrt(length / start)) * length
    const direction = yield* newtonDirection(dense, gradient, bend, { enough, done })
    multiply(dense, direction, moved)
    // The penalty along the line is a parabola.
    const [a, b, d] = [inner(weights, weights, count), inner(weights, direction, count), inner(direction, direction, count)]
    const value = (t: number) => 0.5 * (a + 2 * t * b + t * t * d) + lossAt(t)
    const fall = inner(gradient, direction, count + 1)
    let t = 1
    let next = value(t)
    for (let tries = 0; tries < 40 && next > objective + 1e-4 * t * fall; tries++) {
      t /= 2
      next = value(t)
    }
    if (!(next < objective)) break
    objective = next
    for (let i = 0; i <= count; i++) weights[i]! += t * direction[i]!
    for (let i = 0; i < n; i++) margins[i]! += t * moved[i]!
    length = differentiate()
    done = Math.max(done, Math.min(0.99, Math.log(length / start) / Math.log(tolerance)))
    yield done
  }
  const full = new Float64Array(size + 1)
  for (let i = 0; i < count; i++) full[used[i]!] = weights[i]!
  full[size] = weights[count]!
  return { weights: full, objective, steps }
}

/** A line against each class's rest; one line is enough for two classes. */
export interface Lines {
  /** Number of lines. */
  width: number
  /** weights[width × column + line]. */
  weights: Float32Array
  bias: number[]
}

/**
 * Learns to tell k classes, each from the rest.
 * @param classes 0 … k − 1 per row
 */
export async function fitLines(
  rows: SparseRows,
  classes: Uint8Array,
  size: number,
  { k, signal, onProgress, ...settings }: OptimumSettings & Work & { k: number },
): Promise<Lines> {
  const width = k === 2 ? 1 : k
  const weights = new Float32Array(width * size)
  const bias: number[] = []
  for (let out = 0; out < width; out++) {
    const targets = Int8Array.from(classes, one => (one === (k === 2 ? 1 : out) ? 1 : -1))
    const { weights: line } = await finish(fitOptimum(rows, targets, size, settings), {
      signal,
      onProgress: share => onProgress?.((out + share) / width),
    })
    for (let i = 0; i < size; i++) weights[width * i + out] = line[i]!
    bias.push(line[size]!)
  }
  return { width, weights, bias }
}

/**
 * The three logits of a row from its margins at the lines: log odds where there are two classes, else logarithms of each class's chance
 * against the rest; −∞ for a class that did not occur.
 * @param present the classes by their place in `LABELS`
 */
export function logitsOfMargins(margins: readonly number[], present: readonly number[]): [number, number, number] {
  if (present.length === 2) return inPlace([0, ...margins], present)
  return inPlace(
    margins.map(margin => -Math.log1p(Math.exp(-margin))),
    present,
  )
}

/** Three logits of those of the classes that occurred: −∞ for the others. */
export function inPlace(logits: readonly number[], present: readonly number[]): [number, number, number] {
  const full: [number, number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  present.forEach((label, i) => {
    full[label as 0 | 1 | 2] = logits[i]!
  })
  return full
}

/** The rows with their columns numbered by first use: what is frequent lies close together, and columns without a value cost nothing. */
function byFirstUse(rows: SparseRows, size: number): { dense: SparseRows; used: Int32Array; count: number } {
  const place = new Int32Array(size).fill(-1)
  const used = new Int32Array(size)
  let count = 0
  const buckets = rows.buckets.map(column => {
    if (place[column]! < 0) {
      place[column] = count
      used[count++] = column
    }
    return place[column]!
  })
  return { dense: { ...rows, buckets }, used, count }
}

/** Solves (I + Xᵀ·bend·X) d = −gradient until what is left is no longer than `enough`; the bias has no 1 in I. */
function* newtonDirection(
  rows: SparseRows,
  gradient: Float64Array,
  bend: Float64Array,
  { enough, done }: { enough: number; done: number },
): Generator<number, Float64Array> {
  const size = gradient.length
  const direction = new Float64Array(size)
  const left = gradient.map(x => -x)
  const along = left.slice()
  const image = new Float64Array(size)
  const perRow = new Float64Array(bend.length)
  let squares = inner(left, left, size)
  for (let turn = 0; turn < MOST_TURNS && Math.sqrt(squares) > enough; turn++) {
    multiply(rows, along, perRow)
    for (let i = 0; i < perRow.length; i++) perRow[i]! *= bend[i]!
    image.set(along)
    image[size - 1] = 0
    addRows(rows, perRow, image)
    const step = squares / inner(along, image, size)
    for (let i = 0; i < size; i++) {
      direction[i]! += step * along[i]!
      left[i]! -= step * image[i]!
    }
    const before = squares
    squares = inner(left, left, size)
    for (let i = 0; i < size; i++) along[i] = left[i]! + (squares / before) * along[i]!
    yield done
  }
  return direction
}

/** Cost, slope and curvature of each loss at margin m. */
const LOSSES = {
  logistic: { cost: logisticCost, slope: logisticSlope, curve: (m: number) => logisticSlope(m) * (-1 - logisticSlope(m)) },
  'squared-hinge': { cost: hingeCost, slope: hingeSlope, curve: (m: number) => (m < 1 ? 2 : 0) },
}

function logisticCost(m: number): number {
  return m > 0 ? Math.log1p(Math.exp(-m)) : Math.log1p(Math.exp(m)) - m
}

function logisticSlope(m: number): number {
  return -1 / (1 + Math.exp(m))
}

function hingeCost(m: number): number {
  return m < 1 ? (1 - m) * (1 - m) : 0
}

function hingeSlope(m: number): number {
  return m < 1 ? 2 * (m - 1) : 0
}

/** out = rows × weights + bias. */
function multiply({ offsets, buckets, values }: SparseRows, weights: Float64Array, out: Float64Array): void {
  const bias = weights.at(-1)!
  for (let row = 0; row < out.length; row++) {
    let sum = bias
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) sum += weights[buckets[i]!]! * values[i]!
    out[row] = sum
  }
}

/** gradient += rowsᵀ × pull, the bias last. */
function addRows({ offsets, buckets, values }: SparseRows, pull: Float64Array, gradient: Float64Array): void {
  let bias = 0
  for (let row = 0; row < pull.length; row++) {
    const g = pull[row]!
    bias += g
    if (g === 0) continue
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) gradient[buckets[i]!]! += g * values[i]!
  }
  gradient[gradient.length - 1]! += bias
}

function inner(a: Float64Array, b: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += a[i]! * b[i]!
  return sum
}
