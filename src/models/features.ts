/** Word and character n-grams of a text, hashed, and what a word list says of it: what our n-gram model and the search for similar texts see. */
import { modelText } from '../text/clean.js'
import { NEGATOR, wordValues } from './afinn.js'
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

/** The n-grams of one text. The arrays are used again for the next text: copy what is to stay. */
export interface Grams {
  /** Bucket of each occurrence: word n-grams first, then character n-grams. */
  buckets: Int32Array
  /** Number of word n-grams: character n-grams are in [words, size). */
  words: number
  size: number
  /** What AFINN says: sums of positive and of negative values, whether there is any, the highest and the lowest; each about in [0, 2]. */
  lexicon: Float64Array
  /** Where each occurrence begins and ends in the cleaned text (two numbers each), if asked for. */
  spans?: Int32Array
  /** Value, begin and end (three numbers each) of the words with a value, if asked for. */
  valued?: number[]
}

/** A text longer than this, in UTF-16 units after cleaning, is cut: no tweet is, and a hostile one costs no more. */
export const MAX_UNITS = 10_000
/** Numbers that a word list gives of a text. */
export const LEXICON_SIZE = 5

/** Seed of the hash of a word; the values of `afinn.ts` are looked up by it. */
const WORD_SEED = 1
const PAIR_SEED = 2
const CHARACTER_SEED = 3
const SPACE = 32
const HASH_SIGN = 35
/** A negator turns the words after it, as far as this. */
const NEGATED_WORDS = 3
const NEGATED_SHARE = -0.7
/** Sums of values count up to this. */
const MOST_VALUE = 8

/** Letters, digits, `_ ' @ #`, and everything beyond ASCII: emoji stand alone already, `modelText` sees to it. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) => (/[a-z0-9_'@#]/.test(String.fromCharCode(code)) ? 1 : 0))

/**
 * A reader of n-grams: cleans a text with `modelText`, lower-cases it and hashes its word and character n-grams. Runs of
 * punctuation are words too, so that `:)` and `!!!` count. One reader serves one caller at a time.
 * @param spans whether `spans` and `valued` are wanted
 */
export function featureReader(
  { bits, words: longest, characters }: FeatureSettings,
  { spans = false }: { spans?: boolean } = {},
): (text: string) => Grams {
  const [shortest, widest] = characters
  const lookUp = wordValues(WORD_SEED)
  const codes = new Uint16Array(MAX_UNITS + 2)
  const most = (MAX_UNITS + 2) * (longest + widest)
  const grams: Grams = { buckets: new Int32Array(most), words: 0, size: 0, lexicon: new Float64Array(LEXICON_SIZE) }
  if (spans) grams.spans = new Int32Array(2 * most)
  const { buckets, lexicon } = grams
  const recent = new Int32Array(longest)
  const starts = new Int32Array(longest)
  let sinceNegator = NEGATED_WORDS

  function add(hash: number, from: number, to: number): void {
    if (spans) grams.spans!.set([from - 1, to - 1], 2 * grams.size)
    buckets[grams.size++] = hashBucket(hash, bits)
  }

  function addWord(hash: number, count: number, from: number, to: number): void {
    add(hash, from, to)
    // A word n-gram's hash runs over the hashes of its words.
    for (let n = 2; n <= Math.min(longest, count + 1); n++) {
      let joined = hashStart(PAIR_SEED + 8 * n)
      for (let back = n - 1; back >= 1; back--) joined = hashNext(joined, recent[(count - back) % longest]!)
      add(hashNext(joined, hash), starts[(count - n + 1) % longest]!, to)
    }
    recent[count % longest] = hash
    starts[count % longest] = from
  }

  function weigh(hash: number, from: number, to: number): void {
    const listed = lookUp(hash)
    sinceNegator = listed === NEGATOR ? 0 : sinceNegator + 1
    if (listed === NEGATOR || listed === 0) return
    const value = sinceNegator <= NEGATED_WORDS ? listed * NEGATED_SHARE : listed
    grams.valued?.push(value, from - 1, to - 1)
    lexicon[value > 0 ? 0 : 1]! += Math.abs(value)
    lexicon[2] = 1
    lexicon[3] = Math.max(lexicon[3]!, value)
    lexicon[4] = Math.max(lexicon[4]!, -value)
  }

  function readWords(length: number): void {
    let count = 0
    for (let i = 1; i < length; ) {
      if (codes[i] === SPACE) {
        i++
        continue
      }
      const from = i
      const kind = codes[i]! < 128 ? IN_WORD[codes[i]!] : 1
      let hash = hashStart(WORD_SEED)
      for (; i < length; i++) {
        const code = codes[i]!
        if (code === SPACE || (code < 128 ? IN_WORD[code] : 1) !== kind) break
        hash = hashNext(hash, code)
      }
      addWord(hash, count, from, i)
      if (codes[from] === HASH_SIGN) {
        hash = hashStart(WORD_SEED)
        for (let at = from + 1; at < i; at++) hash = hashNext(hash, codes[at]!)
      }
      if (kind === 1) weigh(hash, from, i)
      count += 1
    }
    for (const sum of [0, 1]) lexicon[sum] = Math.min(lexicon[sum]!, MOST_VALUE) / 4
    for (const end of [3, 4]) lexicon[end]! /= 3
  }

  function readCharacters(length: number): void {
    for (let i = 0; i < length; i++) {
      let hash = hashStart(CHARACTER_SEED)
      const end = Math.min(length, i + widest)
      for (let j = i; j < end; j++) {
        hash = hashNext(hash, codes[j]!)
        if (j - i + 1 >= shortest) add(hash, i, j + 1)
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
    grams.size = 0
    lexicon.fill(0)
    sinceNegator = NEGATED_WORDS
    if (spans) grams.valued = []
    readWords(units + 1)
    grams.words = grams.size
    readCharacters(units + 2)
    return grams
  }
}

/** The n-grams of many texts, one row each (compressed rows). */
export interface GramRows {
  /** Row r is [offsets[r], offsets[r + 1]). */
  offsets: Uint32Array
  /** Where row r's word n-grams end and its character n-grams begin. */
  middles: Uint32Array
  buckets: Int32Array
  /** `LEXICON_SIZE` numbers a row. */
  lexicon: Float32Array
}

/** Gathers the n-grams of many texts. */
export function gramCollector(): { add(grams: Grams): void; rows(): GramRows } {
  let buckets = new Int32Array(1 << 16)
  let size = 0
  const offsets = [0]
  const middles: number[] = []
  const lexicon: number[] = []
  return {
    add(grams) {
      if (size + grams.size > buckets.length) {
        const longer = new Int32Array(Math.max(2 * buckets.length, size + grams.size))
        longer.set(buckets)
        buckets = longer
      }
      buckets.set(grams.buckets.subarray(0, grams.size), size)
      middles.push(size + grams.words)
      lexicon.push(...grams.lexicon)
      size += grams.size
      offsets.push(size)
    },
    rows: () => ({
      offsets: Uint32Array.from(offsets),
      middles: Uint32Array.from(middles),
      buckets: buckets.subarray(0, size),
      lexicon: Float32Array.from(lexicon),
    }),
  }
}

/**
 * Inverse document frequency per bucket, as scikit-learn smooths it: ln((1 + n) / (1 + df)) + 1; 0 for a bucket in fewer than
 * `least` of the texts.
 * @param n look at the first n rows only; default all
 */
export function inverseFrequencies(
  { offsets, buckets }: GramRows,
  size: number,
  { n = offsets.length - 1, least = 0 }: { n?: number; least?: number } = {},
): Float32Array {
  const df = new Int32Array(size)
  const seen = new Int32Array(size).fill(-1)
  for (let row = 0; row < n; row++)
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const bucket = buckets[i]!
      if (seen[bucket] === row) continue
      seen[bucket] = row
      df[bucket]! += 1
    }
  return Float32Array.from(df, count => (count < least ? 0 : Math.log((1 + n) / (1 + count)) + 1))
}
