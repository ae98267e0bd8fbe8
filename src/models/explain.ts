/** Why a text got its label: what each word adds, and how far that can be believed. */
import { LABELS, type Label } from '../tweet.js'
import { isFailure } from './answer.js'
import type { Model } from './model.js'
import { randomFrom, shuffle } from './random.js'

/** One word of the text, or the white space between two. */
export interface ExplainedPart {
  text: string
  /** What it adds to the label: above 0 it speaks for it, below against it. White space has 0. */
  weight: number
}

/** Why a text got its label. */
export interface Explanation {
  model: string
  label: Label
  /** Probability of the label for the whole text. */
  probability: number
  /**
   * `weights`: exact shares in the label's score, which is a sum over words (log odds where there are two classes).
   * `occlusion`: how much the label's probability falls when the word is left out.
   */
  method: 'weights' | 'occlusion'
  /** Joined, their texts are the text. */
  parts: ExplainedPart[]
  /** Probability of the label while words are taken out, the heaviest first: from the whole text to none of them. */
  deletion: number[]
  /**
   * How much faster the probability falls along `deletion` than when the same words go in random orders: the difference of the
   * means, in [−1, 1]. At 0 or below the weights explain nothing. null for a text without words.
   */
  faithfulness: number | null
}

/** Only so many words are looked at one by one; what follows stays in its place with weight 0. */
const MOST_WORDS = 100
const RANDOM_ORDERS = 5

/**
 * Explains the label of one text: by exact weights where the model is a sum over words, else by leaving out each word, all in
 * one batch.
 * @param label the class to explain; default the one the model answers
 * @param seed of the random orders that `faithfulness` compares with; default 1
 * @throws when the model cannot score the text
 */
export async function explain(
  model: Model,
  text: string,
  { label, seed = 1, signal }: { label?: Label; seed?: number; signal?: AbortSignal } = {},
): Promise<Explanation> {
  const [whole] = await model.predict([text], { signal })
  if (!whole || isFailure(whole)) throw new Error(`explain: ${model.name} cannot score the text: ${whole?.error}`)
  const of = label ?? whole.label
  const pieces = text.split(/(\s+)/).filter(piece => piece !== '')
  const words = pieces.flatMap((piece, i) => (/\S/.test(piece) ? [i] : [])).slice(0, MOST_WORDS)
  const without = (gone: ReadonlySet<number>) => pieces.filter((_, i) => !gone.has(i)).join('')
  const chances = async (texts: readonly string[]) =>
    (await model.predict(texts, { signal })).map(answer => (isFailure(answer) ? 0 : answer.probabilities[LABELS.indexOf(of)]!))
  const probability = whole.probabilities[LABELS.indexOf(of)]!
  const weights = model.weigh?.(pieces, of)
  const parts: ExplainedPart[] = pieces.map((piece, i) => ({ text: piece, weight: weights?.[i] ?? 0 }))
  if (!weights) {
    const left = await chances(words.map(word => without(new Set([word]))))
    words.forEach((word, i) => {
      parts[word]!.weight = probability - left[i]!
    })
  }
  const byWeight = [...words].sort((a, b) => parts[b]!.weight - parts[a]!.weight || a - b)
  const random = randomFrom(seed)
  const orders = [byWeight, ...Array.from({ length: RANDOM_ORDERS }, () => shuffle([...words], random))]
  const curves = await chances(orders.flatMap(order => order.map((_, i) => without(new Set(order.slice(0, i + 1))))))
  const mean = (from: number, to: number) => curves.slice(from, to).reduce((a, b) => a + b, 0) / (to - from)
  return {
    model: model.name,
    label: of,
    probability,
    method: weights ? 'weights' : 'occlusion',
    parts,
    deletion: [probability, ...curves.slice(0, words.length)],
    faithfulness: words.length ? mean(words.length, curves.length) - mean(0, words.length) : null,
  }
}
