import type { Label } from '../tweet.js'
import { predictionFrom } from './answer.js'
import type { TrainableModel } from './model.js'
import { answerEach, type PlainModelOptions, trainableModel } from './trainable.js'

/**
 * The baseline that every other model has to beat: always the class that was most frequent in training, with the training
 * shares as probabilities.
 */
export function majorityModel({ name = 'majority', card, hash }: PlainModelOptions = {}): TrainableModel {
  return trainableModel<Record<Label, number>>(
    {
      kind: 'majority',
      name: card?.name ?? name,
      learn: (_, { byClass }) => byClass,
      scorer({ negative, neutral, positive }) {
        const prediction = predictionFrom(negative, neutral, positive)
        return answerEach(() => prediction)
      },
    },
    card?.trained && { learned: card.trained.byClass as Record<Label, number>, trained: card.trained, hash },
  )
}
