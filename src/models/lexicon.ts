import Sentiment from 'sentiment'
import { modelText, TEXT_VERSION } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { predictionFrom } from './answer.js'
import { MAX_UNITS } from './features.js'
import { type ModelCard, writeModelFolder } from './folder.js'
import { countLabels } from './majority.js'
import type { TrainableModel } from './model.js'
import { pacer } from './pace.js'

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
 * @param card a saved model's card, by `loadModelFolder`
 */
export function lexiconModel({
  name = 'lexicon',
  card,
  hash,
}: {
  name?: string
  card?: ModelCard
  hash?: string
} = {}): TrainableModel {
  const analyser = new Sentiment()
  const score = (text: string) => {
    const sum = analyser.analyze(modelText(text).slice(0, MAX_UNITS)).score
    return Math.max(-MOST, Math.min(MOST, sum))
  }
  let parameters = card?.parameters as LexiconParameters | undefined
  let trained = card?.trained
  let saved = hash
  return {
    name: card?.name ?? name,
    textVersion: TEXT_VERSION,
    get hash() {
      return saved
    },
    async fit(examples, { seed = 1, signal, onProgress } = {}) {
      const byClass = countLabels(examples)
      const pace = pacer(signal)
      const counts = LABELS.map(() => new Float64Array(2 * MOST + 1))
      for (const [row, { text, label }] of examples.entries()) {
        counts[LABELS.indexOf(label)]![score(text) + MOST]! += 1
        const pause = pace()
        if (pause) await pause.then(() => onProgress?.(row / examples.length))
      }
      parameters = chooseThresholds(counts)
      trained = { rows: examples.length, byClass, seed }
      saved = undefined
      onProgress?.(1)
    },
    async predict(texts, { signal, onProgress } = {}) {
      if (!parameters) throw new Error(`${name}: not trained yet: call fit first`)
      const { low, high, zones } = parameters
      const pace = pacer(signal)
      const answers = []
      for (const text of texts) {
        const value = score(text)
        const [negative, neutral, positive] = zones[value < low ? 0 : value < high ? 1 : 2]!
        answers.push(predictionFrom(negative, neutral, positive))
        const pause = pace()
        if (pause) await pause.then(() => onProgress?.(answers.length))
      }
      onProgress?.(texts.length)
      return answers
    },
    async save(folder) {
      if (!parameters) throw new Error(`${name}: not trained yet: call fit first`)
      saved = await writeModelFolder(folder, {
        kind: 'lexicon',
        name: card?.name ?? name,
        parameters: { ...parameters },
        trained,
      })
    },
  }
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
