import Sentiment from 'sentiment'
import { modelText } from '../text/clean.js'
import { LABELS, type Label } from '../tweet.js'
import { predictionFrom } from './answer.js'
import { MAX_UNITS } from './features.js'
import type { TrainableModel } from './model.js'
import { pacer } from './pace.js'
import { answerEach, type PlainModelOptions, trainableModel } from './trainable.js'

/** What the lexicon model learns: where neutral begins and ends, and how far to trust each zone. */
export interface LexiconParameters {
  /** Scores below this are called negative. */
  low: number
  /** Scores of at least this are called positive. */
  high: number
  /** Probabilities (negative, neutral, positive) of a text in the negative, neutral and positive zone. */
  zones: readonly (readonly [number, number, number])[]
}

/** The sum of AFINN word values is cut to ± this. */
const MOST = 10

/**
 * A word-list model: the sum of the AFINN values of a text's words (npm `sentiment`, English) falls below, between or above
 * two thresholds, which are chosen on training data for the best macro-recall. The probabilities of a zone are how often
 * the classes fell into it there, each class weighed the same and each count raised by one. So there are three different
 * answers only, and no more is known than they say.
 */
export function lexiconModel({ name = 'lexicon', card, hash }: PlainModelOptions = {}): TrainableModel {
  return trainableModel<LexiconParameters>(
    {
      kind: 'lexicon',
      name: card?.name ?? name,
      async learn(examples, { signal, onProgress }) {
        const pace = pacer(signal)
        const counts = LABELS.map(() => new Float64Array(2 * MOST + 1))
        for (const [row, { text, label }] of examples.entries()) {
          counts[LABELS.indexOf(label)]![scoreOf(text) + MOST]! += 1
          const pause = pace()
          if (pause) await pause.then(() => onProgress?.(row / examples.length))
        }
        return chooseThresholds(counts)
      },
      scorer({ low, high, zones }) {
        const answers = zones.map(([negative, neutral, positive]) => predictionFrom(negative, neutral, positive))
        return answerEach(text => {
          const value = scoreOf(text)
          return answers[value < low ? 0 : value < high ? 1 : 2]!
        })
      },
      written: parameters => ({ parameters: { ...parameters } }),
      weigh: (_, pieces, label) => weighPieces(pieces, label),
    },
    card && { learned: card.parameters as unknown as LexiconParameters, trained: card.trained, hash },
  )
}

const analyser = new Sentiment()

function scoreOf(text: string): number {
  const sum = analyser.analyze(modelText(text).slice(0, MAX_UNITS)).score
  return Math.max(-MOST, Math.min(MOST, sum))
}

/**
 * The value of each piece, negated for the negative class; what speaks for either speaks against neutral. The values add up to the
 * sum that the thresholds are held against, as long as that is not cut.
 */
function weighPieces(pieces: readonly string[], label: Label): number[] {
  const sumOf = (text: string) => analyser.analyze(modelText(text).slice(0, MAX_UNITS)).score
  // The word before may negate: a word's value is what it adds to it.
  let before = ''
  return pieces.map(piece => {
    const value = sumOf(`${before} ${piece}`) - sumOf(before)
    if (/\S/.test(piece)) before = piece
    return label === 'positive' ? value : label === 'negative' ? -value : -Math.abs(value)
  })
}

/**
 * The two thresholds with the best macro-recall, and the zones' probabilities.
 * @param counts rows by class and score + 10
 */
function chooseThresholds(counts: readonly Float64Array[]): LexiconParameters {
  const totals = counts.map(row => row.reduce((a, b) => a + b, 0))
  let best = { low: 0, high: 1, recall: -1 }
  for (let low = -MOST; low <= MOST + 1; low++) {
    // Without neutral examples there is no neutral zone.
    for (let high = low; high <= (totals[1] === 0 ? low : MOST + 1); high++) {
      const shares = zoneCounts(counts, low, high).map((zones, c) => (totals[c] === 0 ? 0 : zones[c]! / totals[c]!))
      const recall = shares.reduce((a, b) => a + b, 0)
      if (recall > best.recall) best = { low, high, recall }
    }
  }
  const { low, high } = best
  const likelihood = zoneCounts(counts, low, high).map((zones, c) =>
    zones.map(count => (totals[c] === 0 ? 0 : (count + 1) / (totals[c]! + 3))),
  )
  const zones = [0, 1, 2].map(
    zone => predictionFrom(likelihood[0]![zone]!, likelihood[1]![zone]!, likelihood[2]![zone]!).probabilities,
  )
  return { low, high, zones }
}

function zoneCounts(counts: readonly Float64Array[], low: number, high: number): number[][] {
  const between = (row: Float64Array, from: number, to: number) =>
    row.subarray(from, Math.max(from, to)).reduce((a, b) => a + b, 0)
  return counts.map(row => [
    between(row, 0, low + MOST),
    between(row, low + MOST, high + MOST),
    between(row, high + MOST, row.length),
  ])
}
