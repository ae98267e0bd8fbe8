import { randomFrom } from '../models/random.js'

/** A number with its 95 % interval; null where it is not defined. */
export interface Estimate {
  value: number | null
  low: number | null
  high: number | null
  /** How the interval was made. `cluster-bootstrap` draws whole tweets, with all their mentions. */
  method: 'wilson' | 'bootstrap' | 'cluster-bootstrap' | 'delong'
}

/** How a bootstrap draws. */
export interface BootstrapOptions {
  /** Seed of the draws; default 1. */
  seed?: number
  /** Number of resamples; default 1,000. */
  samples?: number
}

const Z95 = 1.959963984540054

/**
 * The Wilson score interval, 95 %, of a proportion (Wilson 1927): stays inside [0, 1] and honest near its ends.
 * @param hits rows that count, 0 … n
 * @param n rows
 */
export function wilson(hits: number, n: number): Estimate {
  if (!(n >= 0 && hits >= 0 && hits <= n)) throw new Error(`wilson: ${hits} of ${n} is no proportion`)
  if (n === 0) return { value: null, low: null, high: null, method: 'wilson' }
  const p = hits / n
  const z2 = (Z95 * Z95) / n
  const middle = (p + z2 / 2) / (1 + z2)
  const half = (Z95 * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n))) / (1 + z2)
  // The ends are 0 and 1 exactly at hits = 0 and hits = n; rounding would leave them a hair off.
  return {
    value: p,
    low: hits === 0 ? 0 : Math.max(0, middle - half),
    high: hits === n ? 1 : Math.min(1, middle + half),
    method: 'wilson',
  }
}

/**
 * Draws rows with replacement and counts them by code: all that a metric made from counts needs.
 * @param codes a whole number in [0, size) per row, such as truth × classes + prediction
 * @param weights how much each drawn row counts; default 1. A tweet with three mentions weighs 3 and is drawn as one
 * @param visit gets the counts of each resample; the array is used again for the next
 */
export function resample(
  codes: ArrayLike<number>,
  size: number,
  visit: (counts: Float64Array) => void,
  { seed = 1, samples = 1000, weights }: BootstrapOptions & { weights?: ArrayLike<number> } = {},
): void {
  const random = randomFrom(seed)
  const n = codes.length
  const counts = new Float64Array(size)
  for (let sample = 0; sample < samples; sample++) {
    counts.fill(0)
    for (let i = 0; i < n; i++) {
      const row = Math.floor(random() * n)
      counts[codes[row]!]! += weights ? weights[row]! : 1
    }
    visit(counts)
  }
}

/**
 * The 95 % percentile interval of any statistic of rows, by a seeded bootstrap.
 * @param n rows
 * @param statistic gets the drawn row numbers (n of them, with repeats); null leaves a resample out
 */
export function bootstrap(
  n: number,
  statistic: (rows: Int32Array) => number | null,
  { seed = 1, samples = 1000 }: BootstrapOptions = {},
): Estimate {
  const random = randomFrom(seed)
  const rows = Int32Array.from({ length: n }, (_, i) => i)
  const value = n === 0 ? null : statistic(rows)
  const drawn: (number | null)[] = []
  if (n > 0)
    for (let sample = 0; sample < samples; sample++) {
      for (let i = 0; i < n; i++) rows[i] = Math.floor(random() * n)
      drawn.push(statistic(rows))
    }
  return { value, ...percentiles(drawn), method: 'bootstrap' }
}

/** The 2.5 % and 97.5 % quantiles of bootstrap draws (linear between neighbours); null draws are left out. */
export function percentiles(draws: readonly (number | null)[]): { low: number | null; high: number | null } {
  const sorted = Float64Array.from(draws.filter(draw => draw !== null)).sort()
  if (sorted.length === 0) return { low: null, high: null }
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const below = Math.floor(place)
    const above = Math.min(below + 1, sorted.length - 1)
    return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
  }
  return { low: at(0.025), high: at(0.975) }
}
