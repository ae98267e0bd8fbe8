import type { Example, TrainableModel } from '../models/model.js'
import { randomFrom, shuffle } from '../models/random.js'
import { evaluate } from './evaluate.js'
import type { Estimate } from './intervals.js'

/** How good a model is that has seen so many examples. */
export interface LearningPoint {
  /** Examples learned from. */
  examples: number
  /** Held-out rows. */
  n: number
  accuracy: Estimate
  macroRecall: Estimate
  /** Seconds to learn. */
  seconds: number
}

/**
 * Trains a model on more and more examples, each set inside the next, and measures each on the same held-out rows: whether more
 * labels would help.
 * @param make an untrained model
 * @param sizes numbers of examples; default ten from 1/512 of all of them to all, doubling
 */
export async function learningCurve(
  make: () => TrainableModel,
  train: readonly Example[],
  heldOut: readonly Example[],
  options: { sizes?: readonly number[]; seed?: number; signal?: AbortSignal; onPoint?: (point: LearningPoint) => void } = {},
): Promise<LearningPoint[]> {
  const { seed = 1, signal, onPoint } = options
  const doubling = Array.from({ length: 10 }, (_, i) => Math.floor(train.length / 2 ** (9 - i)))
  const sizes = [...new Set(options.sizes ?? doubling)].filter(size => size >= 1 && size <= train.length).sort((a, b) => a - b)
  const order = shuffle(
    Uint32Array.from(train, (_, i) => i),
    randomFrom(seed),
  )
  const truth = heldOut.map(({ label }) => label)
  const points: LearningPoint[] = []
  for (const examples of sizes) {
    signal?.throwIfAborted()
    const model = make()
    const started = performance.now()
    await model.fit(
      Array.from(order.subarray(0, examples), i => train[i]!),
      { seed, signal },
    )
    const seconds = Math.round(performance.now() - started) / 1000
    const answers = await model.predict(
      heldOut.map(({ text }) => text),
      { signal },
    )
    const { n, metrics } = evaluate(truth, answers, { seed })
    const point = { examples, n, accuracy: metrics.accuracy, macroRecall: metrics.macroRecall, seconds }
    points.push(point)
    onPoint?.(point)
  }
  return points
}
