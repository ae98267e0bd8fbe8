/** What is talked about: texts like an example, and moments when more is said than usual. */
import { featureReader, gramCollector, inverseFrequencies } from '../models/features.js'
import { LABELS, type Label } from '../tweet.js'
import { chartRows, toTime } from './cells.js'
import type { TableLike } from './frames.js'
import { quantile } from './profile.js'

/** A text that is like the example. */
export interface SimilarText {
  /** Place in the list of texts. */
  index: number
  text: string
  /** Cosine of TF-IDF weights of words, pairs of words and character n-grams, [0, 1]. */
  similarity: number
}

/** Options of `similarTexts`. */
export interface SimilarOptions {
  /** Texts given back at most. Default 10. */
  top?: number
  /** Least similarity, [0, 1]. Default 0.05. */
  least?: number
}

const BITS = 18

/**
 * The texts most like an example (or like several, each counting equally), the likest first; of equal ones the earlier. Word for
 * word, without knowing what words mean: a paraphrase is not found.
 */
export function similarTexts(
  texts: readonly string[],
  like: string | readonly string[],
  options: SimilarOptions = {},
): SimilarText[] {
  const { top = 10, least = 0.05 } = options
  const examples = typeof like === 'string' ? [like] : like
  const read = featureReader({ bits: BITS, words: 2, characters: [3, 5] })
  const collector = gramCollector()
  for (const text of [...texts, ...examples]) collector.add(read(text))
  const rows = collector.rows()
  const idf = inverseFrequencies(rows, 2 ** BITS, { n: texts.length })
  const { offsets, buckets } = rows
  const direction = new Float64Array(2 ** BITS)
  const sums = new Float64Array(2 ** BITS)
  /** Tells the buckets of a row with their weights, the row's length taken out. */
  const tell = (row: number, told: (bucket: number, weight: number) => void) => {
    const distinct: number[] = []
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const bucket = buckets[i]!
      if (sums[bucket] === 0) distinct.push(bucket)
      sums[bucket]! += idf[bucket]!
    }
    const length = Math.sqrt(distinct.reduce((all, bucket) => all + sums[bucket]! ** 2, 0)) || 1
    for (const bucket of distinct) {
      told(bucket, sums[bucket]! / length)
      sums[bucket] = 0
    }
  }
  examples.forEach((_, i) => {
    tell(texts.length + i, (bucket, weight) => {
      direction[bucket]! += weight
    })
  })
  const length = Math.sqrt(direction.reduce((all, weight) => all + weight * weight, 0)) || 1
  return texts
    .map((text, index) => {
      let dot = 0
      tell(index, (bucket, weight) => {
        dot += weight * direction[bucket]!
      })
      return { index, text, similarity: Math.min(1, dot / length) }
    })
    .filter(({ similarity }) => similarity >= least)
    .sort((a, b) => b.similarity - a.similarity || a.index - b.index)
    .slice(0, top)
}

/** A time in which more was said than usual at that hour. */
export interface Burst {
  from: Date
  /** End, not in it. */
  to: Date
  tweets: number
  /** Tweets that the same hours of the day usually bring. */
  expected: number
  /** Class that the burst has more of than the rest of the time; null where no class is known. */
  mood: Label | null
  /** Share of each class in the burst, [0, 1], in the order of `LABELS`. */
  shares: number[]
  /** Words said more often than in the rest of the time, the most telling first. */
  words: string[]
  /** Tweets that hold most of these words, each text once. */
  samples: string[]
}

/** Options of `findBursts`. */
export interface BurstOptions {
  /** Column with the moment. Default `timestamp`. */
  time?: string
  /** Column with the text. Default `cleaned_text`. */
  text?: string
  /** Column with the class, where there is one. Default `predicted_sentiment`. */
  sentiment?: string
  /** An hour counts when it lies this many times √expected above what is expected. Default 6. */
  threshold?: number
  /** Words of a burst. Default 8. */
  words?: number
  /** Tweets of a burst. Default 3. */
  samples?: number
}

interface Said {
  at: number
  text: string
  kind: number
}

const HOUR = 3_600_000
const LEAST = 10

const wordsOf = (text: string) =>
  new Set(
    text
      .toLowerCase()
      .replace(/https?:\/\/\S+/g, ' ')
      .match(/[@#]?[\p{L}\p{N}_']{3,}/gu),
  )

const median = (values: readonly number[]) =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )

/** Tweets per hour of the clock, and what each hour of the day usually brings: its median over the days, at least 1. */
function hours(said: readonly Said[]): { start: number; tweets: number; expected: number }[] {
  const counts = new Map<number, number>()
  for (const { at } of said) counts.set(Math.floor(at / HOUR), (counts.get(Math.floor(at / HOUR)) ?? 0) + 1)
  const keys = [...counts.keys()]
  const [first, last] = keys.reduce(([low, high], key) => [Math.min(low, key), Math.max(high, key)], [Infinity, -Infinity])
  const all = Array.from({ length: last! - first! + 1 }, (_, i) => ({ hour: first! + i, tweets: counts.get(first! + i) ?? 0 }))
  const daily = Array.from({ length: 24 }, (_, hour) => all.filter(one => one.hour % 24 === hour).map(one => one.tweets))
  // With fewer than three days there is no rhythm to know yet.
  const usual = daily.map(one => Math.max(1, median(one.length < 3 ? all.map(({ tweets }) => tweets) : one)))
  return all.map(({ hour, tweets }) => ({ start: hour * HOUR, tweets, expected: usual[hour % 24]! }))
}

/** Words that tell one set of tweets from another, by the signed likelihood ratio (Dunning 1993), each counted once a tweet. */
function tellingWords(inside: readonly Said[], outside: readonly Said[], top: number): string[] {
  const count = (list: readonly Said[]) => {
    const times = new Map<string, number>()
    for (const { text } of list) for (const word of wordsOf(text)) times.set(word, (times.get(word) ?? 0) + 1)
    return times
  }
  const [here, there] = [count(inside), count(outside)]
  const all = inside.length + outside.length
  const part = (seen: number, expected: number) => (seen ? seen * Math.log(seen / expected) : 0)
  return [...here]
    .map(([word, a]) => {
      const b = there.get(word) ?? 0
      const [x, y] = [((a + b) * inside.length) / all, ((a + b) * outside.length) / all]
      return { word, score: a > x ? part(a, x) + part(b, y) : 0 }
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, top)
    .map(({ word }) => word)
}

const sharesOf = (said: readonly Said[]) => {
  const known = said.filter(({ kind }) => kind >= 0)
  return LABELS.map((_, kind) => (known.length ? known.filter(one => one.kind === kind).length / known.length : 0))
}

/**
 * Bursts in the order of time: runs of hours with far more tweets than the same hour of the day usually has, with the words that
 * are new in them, sample tweets and the mood. At least ten tweets in an hour; two runs with a quiet hour between them are one.
 * @throws Error when a column is not there
 */
export function findBursts(table: TableLike, options: BurstOptions = {}): Burst[] {
  const {
    time = 'timestamp',
    text = 'cleaned_text',
    sentiment = 'predicted_sentiment',
    threshold = 6,
    words = 8,
    samples = 3,
  } = options
  const said = chartRows(table, 'findBursts', [time, text]).flatMap(row => {
    const at = toTime(row[time])?.getTime()
    return at === undefined ? [] : [{ at, text: String(row[text] ?? ''), kind: LABELS.indexOf(row[sentiment] as Label) }]
  })
  if (!said.length) return []
  const high = hours(said).filter(
    ({ tweets, expected }) => tweets >= LEAST && tweets - expected > threshold * Math.sqrt(expected),
  )
  const runs: (typeof high)[] = []
  for (const hour of high) {
    const last = runs.at(-1)
    if (last && hour.start - last.at(-1)!.start <= 2 * HOUR) last.push(hour)
    else runs.push([hour])
  }
  return runs.map(run => {
    const [from, to] = [run[0]!.start, run.at(-1)!.start + HOUR]
    const isIn = ({ at }: Said) => at >= from && at < to
    const [inside, outside] = [said.filter(isIn), said.filter(one => !isIn(one))]
    const telling = tellingWords(inside, outside, words)
    const [shares, usual] = [sharesOf(inside), sharesOf(outside)]
    const more = shares.map((share, kind) => share - usual[kind]!)
    const held = [...new Set(inside.map(one => one.text))]
      .map(one => ({ one, score: [...wordsOf(one)].filter(word => telling.includes(word)).length }))
      .sort((a, b) => b.score - a.score)
    return {
      from: new Date(from),
      to: new Date(to),
      tweets: inside.length,
      expected: run.reduce((sum, { expected }) => sum + expected, 0),
      mood: shares.some(Boolean) ? LABELS[more.indexOf(Math.max(...more))]! : null,
      shares,
      words: telling,
      samples: held.slice(0, samples).map(({ one }) => one),
    }
  })
}
