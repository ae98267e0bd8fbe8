/** Where a model is good and where it is not: figures by kind of tweet, and its most confident mistakes. */
import { isFailure } from '../models/answer.js'
import type { Answer } from '../models/model.js'
import { cleanText, hashtagsOf } from '../text/clean.js'
import { languageOf } from '../text/language.js'
import { LABELS, type Label } from '../tweet.js'
import { confusionOfCounts, evaluate } from './evaluate.js'
import { type BootstrapOptions, type Estimate, percentiles, resample } from './intervals.js'
import { metricsOf } from './metrics.js'

/** A labelled row to be sliced; what is not known of it makes no slice. */
export interface SliceRow {
  text: string
  /** Language tag of the platform; default: recognised from the text. */
  lang?: string
  /** Moment of the tweet. */
  time?: Date
}

/** Figures of one slice. Plain JSON. */
export interface Slice {
  /** `emoji`, `negation`, `length`, `language`, `topic`, `hour`. */
  by: string
  /** Value that the rows share: `with`, `under 50 characters`, `en`, `#nba`, `08`. */
  value: string
  n: number
  accuracy: Estimate
  macroRecall: Estimate
  /** Macro-recall here minus that of all other rows, with its 95 % interval. */
  difference: Estimate
}

const NEGATION = /\b(?:not|no|never|nothing|nobody|none|cannot|without|ain'?t|\w+n['’]t|dont|cant|wont|isnt|didnt|doesnt)\b/i
const EMOJI = /\p{Extended_Pictographic}/u
/** A slice of fewer rows says nothing. */
const LEAST_ROWS = 30
const MOST_TOPICS = 10

const SLICERS: Record<string, (row: SliceRow) => string | undefined> = {
  emoji: ({ text }) => (EMOJI.test(text) ? 'with' : 'without'),
  negation: ({ text }) => (NEGATION.test(text) ? 'with' : 'without'),
  length: ({ text }) => {
    const length = [...cleanText(text)].length
    return length < 50 ? 'under 50 characters' : length < 100 ? '50 to 99 characters' : '100 characters and more'
  },
  language: ({ text, lang }) => languageOf(lang, text),
  hour: ({ time }) => time?.toISOString().slice(11, 13),
}

/**
 * Figures of a model by emoji, negation, length, language, topic (the most frequent hashtags) and hour (UTC), each slice with
 * at least 30 labelled rows. Many slices are looked at: of twenty without any difference one stands out by chance.
 * @throws when the lengths differ
 */
export function evaluateSlices(
  rows: readonly SliceRow[],
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  { seed = 1, samples = 1000 }: BootstrapOptions = {},
): Slice[] {
  if (rows.length !== truth.length || rows.length !== answers.length)
    throw new Error(`slices: ${rows.length} rows, ${truth.length} of truth, ${answers.length} answers`)
  const groups = new Map<string, { by: string; value: string; rows: number[] }>()
  const put = (by: string, value: string | undefined, row: number) => {
    if (value === undefined || truth[row] === null || isFailure(answers[row]!)) return
    const key = `${by}\n${value}`
    const group = groups.get(key) ?? { by, value, rows: [] }
    groups.set(key, group)
    group.rows.push(row)
  }
  rows.forEach((row, i) => {
    for (const [by, slice] of Object.entries(SLICERS)) put(by, slice(row), i)
    for (const tag of hashtagsOf(row.text)) put('topic', `#${tag}`, i)
  })
  const order = [...Object.keys(SLICERS), 'topic']
  const topics = [...groups.values()].filter(({ by }) => by === 'topic').sort((a, b) => b.rows.length - a.rows.length)
  const few = new Set(topics.slice(MOST_TOPICS))
  return [...groups.values()]
    .filter(group => group.rows.length >= LEAST_ROWS && !few.has(group))
    .sort((a, b) => order.indexOf(a.by) - order.indexOf(b.by) || (a.value < b.value ? -1 : 1))
    .map(({ by, value, rows: inside }) => {
      const pick = <T>(list: readonly T[]) => inside.map(row => list[row]!)
      const { n, metrics } = evaluate(pick(truth), pick(answers), { seed, samples })
      const difference = differenceOf(new Set(inside), truth, answers, { seed, samples })
      return { by, value, n, accuracy: metrics.accuracy, macroRecall: metrics.macroRecall, difference }
    })
}

/** Macro-recall of some rows minus that of the others; rows are drawn together, so both sides vary. */
function differenceOf(
  inside: ReadonlySet<number>,
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  options: BootstrapOptions,
): Estimate {
  const K = LABELS.length
  const codes = answers.flatMap((answer, row) => {
    const label = truth[row]
    if (!label || isFailure(answer)) return []
    return [(inside.has(row) ? 0 : K * K) + LABELS.indexOf(label) * K + LABELS.indexOf(answer.label)]
  })
  const recall = (counts: Float64Array, from: number) =>
    metricsOf(confusionOfCounts(counts.subarray(from, from + K * K))).overall.macroRecall
  const gap = (counts: Float64Array) => {
    const [here, there] = [recall(counts, 0), recall(counts, K * K)]
    return here === null || there === null ? null : here - there
  }
  const { value, draws } = resample(codes, 2 * K * K, gap, options)
  return { value, ...percentiles(draws), method: 'bootstrap' }
}

/** A wrong answer that the model was sure of. */
export interface Mistake {
  /** Place in the list of rows. */
  row: number
  text: string
  truth: Label
  label: Label
  /** Probability of the wrong answer. */
  probability: number
}

/**
 * The wrong answers, those that the model was surest of first: where to look for mislabelled rows and for what the model cannot do.
 * @param most default 20
 */
export function confidentMistakes(
  texts: readonly string[],
  truth: readonly (Label | null)[],
  answers: readonly Answer[],
  { most = 20 }: { most?: number } = {},
): Mistake[] {
  return answers
    .flatMap((answer, row): Mistake[] => {
      const label = truth[row]
      if (!label || isFailure(answer) || answer.label === label) return []
      return [{ row, text: texts[row]!, truth: label, label: answer.label, probability: Math.max(...answer.probabilities) }]
    })
    .sort((a, b) => b.probability - a.probability || a.row - b.row)
    .slice(0, most)
}
