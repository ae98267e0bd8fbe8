import { LABELS, type Label } from '../tweet.js'
import type { Failure, Prediction } from './model.js'

/** True for a text that could not be scored. */
export function isFailure(answer: object): answer is Failure {
  return 'error' in answer
}

/** A prediction from three numbers ≥ 0 that do not yet sum to 1; the label is the likeliest class, the first one on a tie. */
export function predictionFrom(negative: number, neutral: number, positive: number): Prediction {
  const sum = negative + neutral + positive
  const probabilities = [negative / sum, neutral / sum, positive / sum] as const
  return { label: likeliest(probabilities), probabilities }
}

/** A prediction from three logits (natural logarithms of odds): their softmax. `-Infinity` means probability 0. */
export function predictionFromLogits(negative: number, neutral: number, positive: number): Prediction {
  const top = Math.max(negative, neutral, positive)
  return predictionFrom(Math.exp(negative - top), Math.exp(neutral - top), Math.exp(positive - top))
}

function likeliest(probabilities: readonly [number, number, number]): Label {
  let best = 0
  for (let i = 1; i < 3; i++) if (probabilities[i]! > probabilities[best]!) best = i
  return LABELS[best]!
}
