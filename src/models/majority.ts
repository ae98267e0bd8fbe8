import { TEXT_VERSION } from '../text/clean.js'
import { LABELS, type Label } from '../tweet.js'
import { predictionFrom } from './answer.js'
import { type ModelCard, writeModelFolder } from './folder.js'
import type { Example, TrainableModel } from './model.js'

/**
 * The baseline that every other model has to beat: always the class that was most frequent in training, with the training
 * shares as probabilities.
 * @param card a saved model's card, by `loadModelFolder`
 */
export function majorityModel({
  name = 'majority',
  card,
  hash,
}: {
  name?: string
  card?: ModelCard
  hash?: string
} = {}): TrainableModel {
  let trained = card?.trained
  let saved = hash
  return {
    name: card?.name ?? name,
    textVersion: TEXT_VERSION,
    get hash() {
      return saved
    },
    async fit(examples, { seed = 1, signal } = {}) {
      signal?.throwIfAborted()
      trained = { rows: examples.length, byClass: countLabels(examples), seed }
      saved = undefined
    },
    async predict(texts, { signal, onProgress } = {}) {
      signal?.throwIfAborted()
      if (!trained) throw new Error(`${name}: not trained yet: call fit first`)
      const { negative = 0, neutral = 0, positive = 0 } = trained.byClass
      const answers = texts.map(() => predictionFrom(negative, neutral, positive))
      onProgress?.(texts.length)
      return answers
    },
    async save(folder) {
      if (!trained) throw new Error(`${name}: not trained yet: call fit first`)
      saved = await writeModelFolder(folder, { kind: 'majority', name: card?.name ?? name, trained })
    },
  }
}

/**
 * Rows per class, for training.
 * @throws when there is no example: nothing can be learned from none
 */
export function countLabels(examples: readonly Example[]): Record<Label, number> {
  if (examples.length === 0) throw new Error('training: no examples')
  const counts = Object.fromEntries(LABELS.map(label => [label, 0])) as Record<Label, number>
  examples.forEach(({ label }, row) => {
    if (!(label in counts)) throw new Error(`training: row ${row}: label not known: ${JSON.stringify(label)}`)
    counts[label] += 1
  })
  return counts
}
