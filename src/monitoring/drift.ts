/** How far the values of a column have moved away from those of a reference window, and how far chance alone would move them. */

/** The share of one value in one window of time, held against the reference. */
export interface DriftRow {
  /** Start of the window, inclusive, UTC. */
  from: Date
  /** End of the window, exclusive. */
  to: Date
  /** Rows of the window, and of the reference. */
  n: number
  referenceN: number
  /** Value of the column; of numbers a range between two quartiles of the reference. */
  value: string
  /** Share in the window, [0, 1]. The interval reaches `expected` where chance explains the difference at 95 %. */
  share: { value: number; low: number; high: number }
  /** Share in the reference, [0, 1]. */
  expected: number
  /** Jensen–Shannon divergence of the whole window from the reference, bits, [0, 1]. */
  distance: number
  /** Divergence that chance alone passes in 1 of 20 charts like this one, with all its windows. */
  chance: number
}

/** Options of `driftOf`. */
export interface DriftOptions {
  /** Column looked at: text, truth values, or numbers, which are counted by the quartiles of the reference. */
  column: string
  /** End of the reference window, exclusive; it begins with the first row. Windows follow from here. */
  until: Date | string
  /** Column with the moment. Default `timestamp`. */
  time?: string
  /** Length of a window. Default `day`. */
  every?: 'hour' | 'day' | 'week'
  /** Values counted by themselves, those that the reference has most of; the rest is `other`. Default 5. */
  most?: number
}

const LENGTHS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 }

/**
 * Jensen–Shannon divergence of two lists of counts, in bits: 0 for equal shares, 1 where they have nothing in common (Lin 1991). It is
 * symmetric, and needs no guess for a value that one side lacks.
 */
export function jensenShannon(left: readonly number[], right: readonly number[]): number {
  if (left.length !== right.length) throw new Error(`jensenShannon: ${left.length} and ${right.length} counts`)
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  const [n, m] = [sum(left), sum(right)]
  if (!n || !m) throw new Error(`jensenShannon: ${n} and ${m} rows: nothing to compare`)
  const part = (p: number, q: number) => (p > 0 ? (p * Math.log2((2 * p) / (p + q))) / 2 : 0)
  return Math.max(0, sum(left.map((count, i) => part(count / n, right[i]! / m) + part(right[i]! / m, count / n))))
}

/**
 * The divergence that two samples of one population stay below with probability `1 - risk`: 8 ln 2 · divergence / (1/n + 1/m) is
 * distributed as chi-square with `values - 1` degrees of freedom, whose quantile is that of Wilson and Hilferty (1931), within 5 %.
 */
export function chanceDivergence(n: number, m: number, values: number, risk: number): number {
  const freedom = Math.max(1, values - 1)
  const spread = 2 / (9 * freedom)
  const chiSquare = freedom * (1 - spread + normalQuantile(1 - risk) * Math.sqrt(spread)) ** 3
  return Math.min(1, (chiSquare * (1 / n + 1 / m)) / (8 * Math.LN2))
}

/** Quantile of the normal distribution for a probability above one half (Abramowitz and Stegun 26.2.23; error below 0.0005). */
function normalQuantile(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - probability))
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}

/**
 * Holds each later window of a table against its first part: one row per window and value. Windows without rows are left out.
 * @throws Error where the reference or all that follows has no row with a moment and a value
 */
export function driftOf(table: Iterable<object>, options: DriftOptions): DriftRow[] {
  const { column, time = 'timestamp', every = 'day', most = 5 } = options
  const until = new Date(options.until).getTime()
  const seen = [...table].flatMap(row => {
    const [moment, value]: unknown[] = [Reflect.get(row, time), Reflect.get(row, column)]
    const at = moment instanceof Date || typeof moment === 'string' ? new Date(moment).getTime() : Number(moment ?? Number.NaN)
    return Number.isNaN(at) || value === null || value === undefined ? [] : [{ at, value }]
  })
  const before = seen.filter(({ at }) => at < until)
  const after = seen.filter(({ at }) => at >= until)
  if (!before.length || !after.length)
    throw new Error(
      `driftOf: ${before.length} rows before ${new Date(until).toISOString()} and ${after.length} after, with ${time} and ${column}`,
    )
  const { names, place } = valuesOf(
    before.map(({ value }) => value),
    most,
  )
  const countsOf = (rows: typeof seen) => {
    const counts = names.map(() => 0)
    for (const { value } of rows) counts[place(value)]!++
    return counts
  }
  const [all, reference] = [countsOf(seen), countsOf(before)]
  const windows = new Map<number, typeof seen>()
  for (const row of after) {
    const from = until + Math.floor((row.at - until) / LENGTHS[every]) * LENGTHS[every]
    if (!windows.get(from)?.push(row)) windows.set(from, [row])
  }
  return [...windows]
    .sort(([a], [b]) => a - b)
    .flatMap(([from, rows]) => {
      const counts = countsOf(rows)
      const [n, m] = [rows.length, before.length]
      const values = counts.filter((count, i) => count + reference[i]! > 0).length
      const whole = {
        ...{ from: new Date(from), to: new Date(from + LENGTHS[every]), n, referenceN: m },
        distance: jensenShannon(counts, reference),
        chance: chanceDivergence(n, m, values, 0.05 / windows.size),
      }
      const shown = names.map((value, i) => ({ ...whole, value, ...shareOf([counts[i]!, n], [reference[i]!, m]) }))
      return shown.filter((_, i) => all[i])
    })
}

/** A value's share in a window and in the reference, with the interval of their difference around the window's. */
function shareOf([hits, n]: [number, number], [expected, m]: [number, number]): Pick<DriftRow, 'share' | 'expected'> {
  const pooled = (hits + expected) / (n + m)
  const reach = 1.96 * Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
  const value = hits / n
  return { share: { value, low: Math.max(0, value - reach), high: Math.min(1, value + reach) }, expected: expected / m }
}

/** The values that are counted, by name, and which of them a value of the column is. */
function valuesOf(values: readonly unknown[], most: number): { names: string[]; place: (value: unknown) => number } {
  if (values.every(value => typeof value === 'number' || typeof value === 'bigint')) {
    const sorted = values.map(Number).sort((a, b) => a - b)
    const edges = [...new Set([0.25, 0.5, 0.75].map(share => sorted[Math.floor(share * sorted.length)]!))]
    const text = (edge: number) => edge.toLocaleString('en-US', { maximumSignificantDigits: 3 })
    const names = [
      `below ${text(edges[0]!)}`,
      ...edges.slice(1).map((edge, i) => `${text(edges[i]!)} to ${text(edge)}`),
      `${text(edges.at(-1)!)} and more`,
    ]
    return { names, place: value => edges.filter(edge => Number(value) >= edge).length }
  }
  const times = new Map<string, number>()
  for (const value of values) times.set(String(value), (times.get(String(value)) ?? 0) + 1)
  const names = [...times]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name]) => name)
  names.push('other')
  return { names, place: value => (names.indexOf(String(value)) + names.length) % names.length }
}
