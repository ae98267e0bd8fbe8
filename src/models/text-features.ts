/** The feature sets of the classical study: n-grams of white-space tokens, hashed or counted, weighed by IDF, chosen by chi-square. */
import { MAX_UNITS } from './features.js'
import { hashBucket, hashText } from './hash.js'

/** How a feature set is made. */
export interface TermSettings {
  /** Terms are hashed into the columns (HashingTF); else the most frequent terms get a column each (CountVectorizer). */
  hashed: boolean
  /** At most 2^bits columns, for each length of n-grams apart. */
  bits: number
  /** Longest n-gram. */
  longest: number
  /** A term in fewer training texts than this has no weight. */
  minDocuments: number
  /** Columns kept by chi-square; default all. */
  keep?: number
}

/** The sets of the study, by name. */
export const FEATURE_SETS = {
  S1: { hashed: true, bits: 18, longest: 1, minDocuments: 0 },
  S2: { hashed: true, bits: 16, longest: 1, minDocuments: 5 },
  S3: { hashed: false, bits: 18, longest: 1, minDocuments: 0 },
  S4: { hashed: false, bits: 16, longest: 1, minDocuments: 5 },
  S5: { hashed: false, bits: 14, longest: 3, minDocuments: 5, keep: 2 ** 14 },
} as const satisfies Record<string, TermSettings>

/** Name of a feature set. */
export type FeatureSet = keyof typeof FEATURE_SETS

/** Term counts of one text. The arrays are used again for the next text: copy what is to stay. */
export interface TermCounts {
  /** Columns, each once. */
  buckets: Int32Array
  counts: Float32Array
  /** Number of entries. */
  size: number
}

/** Texts as rows of a sparse matrix (compressed rows). */
export interface SparseRows {
  /** Row r is [offsets[r], offsets[r + 1]). */
  offsets: Uint32Array
  buckets: Int32Array
  values: Float32Array
}

/** Gathers the counts of many texts, one row each. */
function rowCollector(): { add(terms: TermCounts): void; rows(): SparseRows } {
  let capacity = 1 << 16
  let buckets = new Int32Array(capacity)
  let values = new Float32Array(capacity)
  let size = 0
  const offsets = [0]
  return {
    add(terms) {
      if (size + terms.size > capacity) {
        capacity = Math.max(capacity * 2, size + terms.size)
        buckets = grown(buckets, new Int32Array(capacity))
        values = grown(values, new Float32Array(capacity))
      }
      buckets.set(terms.buckets.subarray(0, terms.size), size)
      values.set(terms.counts.subarray(0, terms.size), size)
      size += terms.size
      offsets.push(size)
    },
    rows: () => ({ offsets: Uint32Array.from(offsets), buckets: buckets.subarray(0, size), values: values.subarray(0, size) }),
  }
}

function grown<T extends Int32Array | Float32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** What was learned of the terms: all that a model keeps of its features. */
export interface TermTable {
  /** Term of each column; undefined where terms are hashed. */
  terms?: readonly string[]
  /** Inverse document frequency of each column; 0 takes the column out. */
  idf: Float32Array
}

/**
 * The tokens of a text: lower-cased, split on white space, as Spark's `RegexTokenizer` has them. Nothing is cleaned: handles
 * and addresses are tokens too. Only the first 10,000 UTF-16 units are read.
 */
export function tokensOf(text: string): string[] {
  return text
    .slice(0, MAX_UNITS)
    .toLowerCase()
    .split(/[ \t\n\v\f\r]+/)
    .filter(token => token !== '')
}

/** A column per term, −1 for one that has none. */
type ColumnOf = (term: string, n: number) => number

const hashedColumn =
  (bits: number): ((term: string) => number) =>
  term =>
    hashBucket(hashText(term, 0), bits)

/** Counts a text's columns. The arrays are used again for the next text. */
function counter(columnOf: ColumnOf, longest: number): (text: string) => TermCounts {
  const seen = new Map<number, number>()
  const terms: TermCounts = { buckets: new Int32Array(1024), counts: new Float32Array(1024), size: 0 }
  return text => {
    const tokens = tokensOf(text)
    if (tokens.length * longest > terms.buckets.length) {
      terms.buckets = new Int32Array(2 * tokens.length * longest)
      terms.counts = new Float32Array(terms.buckets.length)
    }
    seen.clear()
    terms.size = 0
    for (let i = 0; i < tokens.length; i++) {
      let term = tokens[i]!
      for (let n = 1; n <= longest && i + n <= tokens.length; n++) {
        if (n > 1) term += ` ${tokens[i + n - 1]!}`
        const column = columnOf(term, n)
        if (column < 0) continue
        const at = seen.get(column)
        if (at === undefined) {
          seen.set(column, terms.size)
          terms.buckets[terms.size] = column
          terms.counts[terms.size++] = 1
        } else terms.counts[at]! += 1
      }
    }
    return terms
  }
}

/** The column of a term, −1 for one that has none. */
export function termColumns({ terms }: TermTable, { bits }: TermSettings): (term: string) => number {
  if (!terms) return hashedColumn(bits)
  const index = new Map(terms.map((term, column) => [term, column]))
  return term => index.get(term) ?? -1
}

/** A reader of texts with what was learned: columns with their weights, count × IDF. One reader serves one caller at a time. */
export function termReader(table: TermTable, settings: TermSettings): (text: string) => TermCounts {
  const read = counter(termColumns(table, settings), settings.longest)
  const { idf } = table
  return text => {
    const found = read(text)
    for (let i = 0; i < found.size; i++) found.counts[i]! *= idf[found.buckets[i]!]!
    return found
  }
}

/**
 * Learns a feature set from training texts.
 * @param classes a small whole number per text, for chi-square
 * @yields the share done, in [0, 1]
 */
export function* fitTerms(
  texts: readonly string[],
  classes: Uint8Array,
  settings: TermSettings,
): Generator<number, { table: TermTable; rows: SparseRows }> {
  const { hashed, bits, longest, minDocuments, keep } = settings
  const terms: string[] = []
  const lengths: number[] = []
  const index = new Map<string, number>()
  const number: ColumnOf = (term, n) => {
    const known = index.get(term)
    if (known !== undefined) return known
    index.set(term, terms.length)
    lengths.push(n)
    return terms.push(term) - 1
  }
  const read = counter(hashed ? hashedColumn(bits) : number, longest)
  const collector = rowCollector()
  for (let i = 0; i < texts.length; i++) {
    collector.add(read(texts[i]!))
    if (i % 200 === 199) yield (0.9 * i) / texts.length
  }
  const counted = collector.rows()
  if (hashed) {
    const idf = sparkFrequencies(counted, 2 ** bits, minDocuments)
    return { table: { idf }, rows: weighColumns(counted, idf) }
  }
  const all = sparkFrequencies(counted, terms.length, minDocuments)
  let kept = mostFrequent(counted, lengths, 2 ** bits).filter(column => all[column]! > 0)
  yield 0.93
  if (keep !== undefined && keep < kept.length) {
    const scores = chiSquare(weighColumns(counted, all), classes, terms.length)
    kept = kept.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, keep)
  }
  yield 0.97
  kept.sort((a, b) => a - b)
  const place = new Int32Array(terms.length).fill(-1)
  kept.forEach((column, at) => {
    place[column] = at
  })
  const idf = Float32Array.from(kept, column => all[column]!)
  return { table: { terms: kept.map(column => terms[column]!), idf }, rows: weighColumns(counted, idf, place) }
}

/** Inverse document frequency as Spark has it: ln((1 + n) / (1 + df)), 0 for fewer than `minDocuments`. */
export function sparkFrequencies({ offsets, buckets }: SparseRows, size: number, minDocuments: number): Float32Array {
  const n = offsets.length - 1
  const df = new Float64Array(size)
  for (const bucket of buckets) df[bucket]! += 1
  return Float32Array.from(df, count => (count < minDocuments ? 0 : Math.log((1 + n) / (1 + count))))
}

/** The columns of the most frequent terms, at most `most` of each length. */
function mostFrequent({ buckets, values }: SparseRows, lengths: readonly number[], most: number): number[] {
  const total = new Float64Array(lengths.length)
  buckets.forEach((column, i) => {
    total[column]! += values[i]!
  })
  const left = new Map<number, number>()
  return lengths
    .map((_, column) => column)
    .sort((a, b) => total[b]! - total[a]! || a - b)
    .filter(column => {
      const used = left.get(lengths[column]!) ?? 0
      left.set(lengths[column]!, used + 1)
      return used < most
    })
}

/** Rows with counts × weight of the (new) column; columns without a place or a weight are left out. */
function weighColumns(rows: SparseRows, weights: Float32Array, place?: Int32Array): SparseRows {
  const n = rows.offsets.length - 1
  const offsets = new Uint32Array(n + 1)
  const buckets = new Int32Array(rows.buckets.length)
  const values = new Float32Array(buckets.length)
  let size = 0
  for (let row = 0; row < n; row++) {
    for (let i = rows.offsets[row]!; i < rows.offsets[row + 1]!; i++) {
      const column = place ? place[rows.buckets[i]!]! : rows.buckets[i]!
      if (column < 0 || weights[column] === 0) continue
      buckets[size] = column
      values[size++] = rows.values[i]! * weights[column]!
    }
    offsets[row + 1] = size
  }
  return { offsets, buckets: buckets.subarray(0, size), values: values.subarray(0, size) }
}

/**
 * The chi-square statistic of each column against the class, values taken as counts: scikit-learn's `chi2`. Higher tells more.
 * A column without a value gets 0.
 */
export function chiSquare({ offsets, buckets, values }: SparseRows, classes: Uint8Array, size: number): Float64Array {
  const k = classes.reduce((a, b) => Math.max(a, b), 0) + 1
  const observed = new Float64Array(k * size)
  const shares = new Float64Array(k)
  for (let row = 0; row < classes.length; row++) {
    const c = classes[row]!
    shares[c]! += 1 / classes.length
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) observed[k * buckets[i]! + c]! += values[i]!
  }
  return Float64Array.from({ length: size }, (_, column) => {
    const counts = observed.subarray(k * column, k * column + k)
    const total = counts.reduce((a, b) => a + b, 0)
    if (total === 0) return 0
    return counts.reduce((sum, count, c) => (shares[c] ? sum + (count - shares[c]! * total) ** 2 / (shares[c]! * total) : sum), 0)
  })
}
