/** Word and character n-grams of a text, hashed, and what a word list says of it: what our n-gram model and the search for similar texts see. */
import { modelText } from '../text/clean.js'
import { plainCodes } from '../text/plain-codes.js'
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
  /** Codes of the cleaned text, lower-cased, a space before and after it: `length` of them. */
  codes: Uint16Array
  length: number
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
/** Seed of the hash of a character n-gram. */
export const CHARACTER_SEED = 3
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
  // A short handle grows: `@x` is read as `@user`.
  const codes = new Uint16Array(3 * MAX_UNITS)
  const most = (MAX_UNITS + 2) * (longest + widest)
  const buckets = new Int32Array(most)
  const lexicon = new Float64Array(LEXICON_SIZE)
  const grams: Grams = { buckets, words: 0, size: 0, codes, length: 0, lexicon }
  if (spans) grams.spans = new Int32Array(2 * most)
  // Of each word, for the pairs: its hash and where it begins.
  const hashes = new Int32Array(MAX_UNITS)
  const starts = new Int32Array(MAX_UNITS)
  let sinceNegator = NEGATED_WORDS

  function addWord(hash: number, count: number, from: number, to: number): void {
    hashes[count] = hash
    starts[count] = from
    let size = grams.size
    // A word n-gram's hash runs over the hashes of its words.
    for (let first = count; first >= 0 && first > count - longest; first--) {
      let joined = hash
      if (first < count) {
        joined = hashStart(PAIR_SEED + 8 * (count - first + 1))
        for (let word = first; word <= count; word++) joined = hashNext(joined, hashes[word]!)
      }
      if (spans) grams.spans!.set([starts[first]! - 1, to - 1], 2 * size)
      buckets[size++] = hashBucket(joined, bits)
    }
    grams.size = size
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
    grams.size = hashCharacters(codes, length, buckets, grams.size)
    if (!spans) return
    let at = 2 * grams.words
    for (let i = 0; i < length; i++)
      for (let n = shortest; n <= widest && i + n <= length; n++) {
        grams.spans![at++] = i - 1
        grams.spans![at++] = i + n - 1
      }
  }

  /** Most of the time of a text goes here: nothing but numbers in local variables. Gives the new size. */
  function hashCharacters(from: Uint16Array, length: number, into: Int32Array, size: number): number {
    const [least, most, width, start] = [shortest, widest, bits, hashStart(CHARACTER_SEED)]
    let next = size
    for (let i = 0; i < length; i++) {
      let hash = start
      const end = Math.min(length, i + most)
      const first = Math.min(end, i + least - 1)
      let j = i
      for (; j < first; j++) hash = hashNext(hash, from[j]!)
      for (; j < end; j++) {
        hash = hashNext(hash, from[j]!)
        into[next++] = hashBucket(hash, width)
      }
    }
    return next
  }

  /** The cleaned text's codes, from place 1 on; gives how many. */
  function readCodes(text: string): number {
    const plain = text.length > MAX_UNITS ? -1 : plainCodes(text, codes)
    if (plain >= 0) return Math.min(plain, MAX_UNITS)
    const clean = modelText(text).toLowerCase()
    const units = Math.min(clean.length, MAX_UNITS)
    for (let i = 0; i < units; i++) codes[i + 1] = clean.charCodeAt(i)
    return units
  }

  return text => {
    const units = readCodes(text)
    // A space on either side, so that the ends of the text look like ends of words.
    codes[0] = SPACE
    codes[units + 1] = SPACE
    grams.length = units + 2
    grams.size = 0
    lexicon.fill(0)
    sinceNegator = NEGATED_WORDS
    if (spans) grams.valued = []
    readWords(units + 1)
    grams.words = grams.size
    if (shortest <= widest) readCharacters(units + 2)
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

/**
 * Gathers the n-grams of many texts.
 * @param texts how many there will be, about: memory is then taken once
 */
export function gramCollector(texts = 0): { add(grams: Grams): void; rows(): GramRows } {
  let buckets = new Int32Array(1 << 16)
  let size = 0
  const offsets = [0]
  const middles: number[] = []
  const lexicon: number[] = []
  return {
    add(grams) {
      if (size + grams.size > buckets.length) {
        const guess = Math.ceil((1.05 * texts * size) / Math.max(1, middles.length))
        const longer = new Int32Array(Math.max(Math.min(guess, 64 * buckets.length), 2 * buckets.length, size + grams.size))
        longer.set(buckets)
        buckets = longer
      }
      buckets.set(grams.buckets.subarray(0, grams.size), size)
      middles.push(size + grams.words)
      for (const value of grams.lexicon) lexicon.push(value)
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
  return new Float32Array(size).map((_, bucket) => (df[bucket]! < least ? 0 : Math.log((1 + n) / (1 + df[bucket]!)) + 1))
}
