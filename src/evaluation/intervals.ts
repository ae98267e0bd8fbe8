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

/** Half the width of a 95 % interval in standard deviations. */
export const Z95 = 1.959963984540054

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
 * A statistic of rows counted by code, and of as many rows drawn with replacement, again and again: all that a metric made from counts needs.
 * @param codes a whole number in [0, size) per row, such as truth × classes + prediction
 * @param weights how much each row counts; default 1. A tweet with three mentions weighs 3 and is drawn as one
 * @param statistic gets the counts; the array is used again for the next draw
 * @returns the value of the rows as they are, and those of the draws; none without rows
 */
export function resample<T>(
  codes: ArrayLike<number>,
  size: number,
  statistic: (counts: Float64Array) => T,
  { seed = 1, samples = 1000, weights }: BootstrapOptions & { weights?: ArrayLike<number> } = {},
): { value: T; draws: T[] } {
  const n = codes.length
  const counts = new Float64Array(size)
  const countOf = (rowOf: (i: number) => number) => {
    counts.fill(0)
    for (let i = 0; i < n; i++) {
      const row = rowOf(i)
      counts[codes[row]!]! += weights ? weights[row]! : 1
    }
    return statistic(counts)
  }
  const value = countOf(i => i)
  const random = randomFrom(seed)
  const draw = () => Math.floor(random() * n)
  return { value, draws: Array.from({ length: n ? samples : 0 }, () => countOf(draw)) }
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
