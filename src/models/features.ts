import { modelText } from '../text/clean.js'
import { hashBucket, hashNext, hashStart } from './hash.js'

/** Which n-grams are read from a text, and into how many buckets they are hashed. */
export interface FeatureSettings {
  /** Buckets are 2^bits. */
  bits: number
  /** Longest word n-gram. */
  words: number
  /** Shortest and longest character n-gram, spaces included. */
  characters: readonly [number, number]
}

/** Term counts of one text. The arrays are used again for the next text: copy what is to stay. */
export interface TermCounts {
  /** Buckets, each once per block: word n-grams first, then character n-grams. */
  buckets: Int32Array
  counts: Int32Array | Float32Array
  /** Number of word entries: characters are in [words, size). */
  words: number
  /** Number of entries. */
  size: number
}

/** A text longer than this, in UTF-16 units after cleaning, is cut: no tweet is, and a hostile one costs no more. */
export const MAX_UNITS = 10_000

const WORD_SEED = 1
const PAIR_SEED = 2
const CHARACTER_SEED = 3
const SPACE = 32

/** Letters, digits, `_ ' @ #`, and everything beyond ASCII: emoji stand alone already, `modelText` sees to it. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) => (/[a-z0-9_'@#]/.test(String.fromCharCode(code)) ? 1 : 0))

/**
 * A reader of n-grams: cleans a text with `modelText`, lower-cases it and counts its hashed word and character n-grams.
 * Runs of punctuation are words too, so that `:)` and `!!!` count. One reader serves one caller at a time.
 */
export function featureReader({ bits, words: longest, characters }: FeatureSettings): (text: string) => TermCounts {
  const [shortest, widest] = characters
  const lastSeen = new Int32Array(2 ** bits).fill(-1)
  const place = new Int32Array(2 ** bits)
  const codes = new Uint16Array(MAX_UNITS + 2)
  const most = MAX_UNITS * (longest + widest)
  const terms: TermCounts = { buckets: new Int32Array(most), counts: new Int32Array(most), words: 0, size: 0 }
  const recent = new Int32Array(longest)
  let block = 0

  function add(hash: number): void {
    const bucket = hashBucket(hash, bits)
    if (lastSeen[bucket] === block) {
      terms.counts[place[bucket]!]! += 1
      return
    }
    lastSeen[bucket] = block
    place[bucket] = terms.size
    terms.buckets[terms.size] = bucket
    terms.counts[terms.size] = 1
    terms.size += 1
  }

  function addWord(hash: number, count: number): void {
    add(hash)
    // A word n-gram's hash runs over the hashes of its words.
    for (let n = 2; n <= Math.min(longest, count + 1); n++) {
      let joined = hashStart(PAIR_SEED + 8 * n)
      for (let back = n - 1; back >= 1; back--) joined = hashNext(joined, recent[(count - back) % longest]!)
      add(hashNext(joined, hash))
    }
    recent[count % longest] = hash
  }

  function readWords(length: number): void {
    let count = 0
    for (let i = 1; i < length; ) {
      if (codes[i] === SPACE) {
        i++
        continue
      }
      const kind = codes[i]! < 128 ? IN_WORD[codes[i]!] : 1
      let hash = hashStart(WORD_SEED)
      for (; i < length; i++) {
        const code = codes[i]!
        if (code === SPACE || (code < 128 ? IN_WORD[code] : 1) !== kind) break
        hash = hashNext(hash, code)
      }
      addWord(hash, count)
      count += 1
    }
  }

  function readCharacters(length: number): void {
    for (let i = 0; i < length; i++) {
      let hash = hashStart(CHARACTER_SEED)
      const end = Math.min(length, i + widest)
      for (let j = i; j < end; j++) {
        hash = hashNext(hash, codes[j]!)
        if (j - i + 1 >= shortest) add(hash)
      }
    }
  }

  return text => {
    const clean = modelText(text).toLowerCase()
    const units = Math.min(clean.length, MAX_UNITS)
    // A space on either side, so that the ends of the text look like ends of words.
    codes[0] = SPACE
    for (let i = 0; i < units; i++) codes[i + 1] = clean.charCodeAt(i)
    codes[units + 1] = SPACE
    if (block > 2 ** 31 - 4) {
      lastSeen.fill(-1)
      block = 0
    }
    terms.size = 0
    block += 1
    readWords(units + 1)
    terms.words = terms.size
    block += 1
    readCharacters(units + 2)
    return terms
  }
}

/** Texts as rows of a sparse matrix (compressed rows). */
export interface SparseRows {
  /** Row r is [offsets[r], offsets[r + 1]). */
  offsets: Uint32Array
  /** Where row r's word n-grams end and its character n-grams begin. */
  middles: Uint32Array
  buckets: Int32Array
  /** Counts at first, weights after `weighRows`. */
  values: Float32Array
}

/** Gathers the counts of many texts, one row each. */
export function rowCollector(): { add(terms: TermCounts): void; rows(): SparseRows } {
  let capacity = 1 << 16
  let buckets = new Int32Array(capacity)
  let values = new Float32Array(capacity)
  let size = 0
  const offsets = [0]
  const middles: number[] = []
  return {
    add(terms) {
      if (size + terms.size > capacity) {
        capacity = Math.max(capacity * 2, size + terms.size)
        buckets = grown(buckets, new Int32Array(capacity))
        values = grown(values, new Float32Array(capacity))
      }
      buckets.set(terms.buckets.subarray(0, terms.size), size)
      values.set(terms.counts.subarray(0, terms.size), size)
      middles.push(size + terms.words)
      size += terms.size
      offsets.push(size)
    },
    rows: () => ({
      offsets: Uint32Array.from(offsets),
      middles: Uint32Array.from(middles),
      buckets: buckets.subarray(0, size),
      values: values.subarray(0, size),
    }),
  }
}

function grown<T extends Int32Array | Float32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** Inverse document frequency per bucket, as scikit-learn smooths it: ln((1 + n) / (1 + df)) + 1. */
export function inverseFrequencies({ offsets, buckets }: SparseRows, size: number): Float32Array {
  const n = offsets.length - 1
  const df = new Float64Array(size)
  for (const bucket of buckets) df[bucket]! += 1
  return Float32Array.from(df, count => Math.log((1 + n) / (1 + count)) + 1)
}

/**
 * Turns the counts in [from, to) into TF-IDF weights, (1 + ln count) × idf, and takes the length out. Word n-grams and
 * character n-grams, which meet at `middle`, have half of the squared length each: the few words are not drowned.
 */
export function weighTerms(
  buckets: Int32Array,
  counts: Int32Array | Float32Array,
  [from, middle, to]: readonly [number, number, number],
  idf: Float32Array,
  values: Float32Array,
): void {
  weighBlock(buckets, counts, from, middle, idf, values)
  weighBlock(buckets, counts, middle, to, idf, values)
}

function weighBlock(
  buckets: Int32Array,
  counts: Int32Array | Float32Array,
  from: number,
  to: number,
  idf: Float32Array,
  values: Float32Array,
): void {
  let squares = 0
  for (let i = from; i < to; i++) {
    const count = counts[i]!
    const weight = (count === 1 ? 1 : 1 + Math.log(count)) * idf[buckets[i]!]!
    values[i] = weight
    squares += weight * weight
  }
  const share = Math.SQRT1_2 / Math.sqrt(squares || 1)
  for (let i = from; i < to; i++) values[i]! *= share
}
