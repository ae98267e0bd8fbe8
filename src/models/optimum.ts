/** Two-class linear learners, brought to their optimum: logistic regression and the linear support vector machine. */
import type { SparseRows } from './features.js'

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

const MEMORY = 8
const MOST_STEPS = 200

/**
 * Finds the optimum by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4). Margins are kept, so a step reads
 * the rows twice whatever the length of the search along its line.
 * @param targets 1 or −1 per row
 * @yields once a step, the share done if 50 steps are enough, as is usual
 */
export function* fitOptimum(
  rows: SparseRows,
  targets: Int8Array,
  size: number,
  { loss, c, tolerance = 1e-3 }: OptimumSettings,
): Generator<number, Optimum> {
  const n = targets.length
  const weights = new Float64Array(size + 1)
  const margins = new Float64Array(n)
  const moved = new Float64Array(n)
  const pull = new Float64Array(n)
  const slope = loss === 'logistic' ? logisticSlope : hingeSlope
  const cost = loss === 'logistic' ? logisticCost : hingeCost
  const lossAt = (t: number) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += cost(targets[i]! * (margins[i]! + t * moved[i]!))
    return c * sum
  }
  const gradientInto = (gradient: Float64Array) => {
    for (let i = 0; i < n; i++) pull[i] = c * targets[i]! * slope(targets[i]! * margins[i]!)
    gradient.set(weights)
    gradient[size] = 0
    addRows(rows, pull, gradient)
  }
  let gradient = new Float64Array(size + 1)
  gradientInto(gradient)
  const start = Math.sqrt(dot(gradient, gradient))
  let objective = lossAt(0)
  const history: { step: Float64Array; change: Float64Array; curvature: number }[] = []
  let steps = 0
  for (; steps < MOST_STEPS && Math.sqrt(dot(gradient, gradient)) > tolerance * start; steps++) {
    const direction = descend(gradient, history)
    multiply(rows, direction, moved)
    // The penalty along the line is a parabola.
    const [a, b, d] = [inner(weights, weights, size), inner(weights, direction, size), inner(direction, direction, size)]
    const value = (t: number) => 0.5 * (a + 2 * t * b + t * t * d) + lossAt(t)
    const fall = dot(gradient, direction)
    let t = history.length ? 1 : Math.min(1, 1 / Math.sqrt(d + direction[size]! ** 2))
    let next = value(t)
    for (let tries = 0; tries < 40 && next > objective + 1e-4 * t * fall; tries++) {
      t /= 2
      next = value(t)
    }
    if (!(next < objective)) break
    objective = next
    const step = direction.map(x => t * x)
    for (let i = 0; i <= size; i++) weights[i]! += step[i]!
    for (let i = 0; i < n; i++) margins[i]! += t * moved[i]!
    const fresh = history.length === MEMORY ? history[0]!.change : new Float64Array(size + 1)
    const before = gradient
    gradient = new Float64Array(size + 1)
    gradientInto(gradient)
    for (let i = 0; i <= size; i++) fresh[i] = gradient[i]! - before[i]!
    if (history.length === MEMORY) history.shift()
    const curvature = dot(step, fresh)
    if (curvature > 0) history.push({ step, change: fresh, curvature })
    yield Math.min(0.99, steps / 50)
  }
  return { weights, objective, steps }
}

/** The direction downhill: minus the inverse curvature seen so far times the gradient. */
function descend(
  gradient: Float64Array,
  history: readonly { step: Float64Array; change: Float64Array; curvature: number }[],
): Float64Array {
  const direction = gradient.map(x => -x)
  const shares: number[] = []
  for (const { step, change, curvature } of [...history].reverse()) {
    const share = dot(step, direction) / curvature
    shares.push(share)
    for (let i = 0; i < direction.length; i++) direction[i]! -= share * change[i]!
  }
  const last = history.at(-1)
  if (last) {
    const scale = last.curvature / dot(last.change, last.change)
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale
  }
  for (const { step, change, curvature } of history) {
    const share = shares.pop()! - dot(change, direction) / curvature
    for (let i = 0; i < direction.length; i++) direction[i]! += share * step[i]!
  }
  return direction
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

function dot(a: Float64Array, b: Float64Array): number {
  return inner(a, b, a.length)
}

function inner(a: Float64Array, b: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += a[i]! * b[i]!
  return sum
}
