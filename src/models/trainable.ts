/** What all models that learn here share: the contract around a function that learns and one that scores a text. */
import { TEXT_VERSION } from '../text/clean.js'
import { LABELS, type Label } from '../tweet.js'
import { type ModelCard, writeModelFolder } from './folder.js'
import type { Answer, Example, Prediction, TrainableModel } from './model.js'
import { pacer } from './pace.js'

/** How long work stops and tells how far it is. */
export interface Work {
  signal?: AbortSignal
  /** Told the share done, in [0, 1]. */
  onProgress?: (share: number) => void
}

/** A kind of model: what it learns (`L`), how it answers from it, how that is written down. */
export interface Kind<L> {
  kind: ModelCard['kind']
  name: string
  settings?: Record<string, unknown>
  learn(examples: readonly Example[], work: Work & { seed: number; byClass: Record<Label, number> }): L | Promise<L>
  /** A function that answers texts from what was learned; `answerEach` makes one of a function that answers a text at once. */
  scorer(learned: L): Predict
  /** What a folder keeps beside the card, and what the card says further. */
  written?(learned: L): Written | Promise<Written>
  /** See `Model.weigh`. */
  weigh?(learned: L, pieces: readonly string[], label: Label): number[] | undefined
  device?: string
  close?(): Promise<void>
}

/** What was learned, as a folder had it. */
export interface Loaded<L> {
  learned: L
  trained: ModelCard['trained']
  hash?: string
}

/** A model that a card can hold. */
export interface PlainModelOptions {
  /** Default the kind. */
  name?: string
  /** Card and hash of a saved model, by `loadModelFolder`. */
  card?: ModelCard
  hash?: string
}

type Predict = (
  texts: readonly string[],
  options: { signal?: AbortSignal; onProgress?: (done: number) => void },
) => Promise<Answer[]>

interface Written extends Pick<ModelCard, 'settings' | 'parameters'> {
  /** By name. */
  files?: Record<string, Uint8Array>
  /** Folders that are copied into the model's, by name. */
  folders?: Record<string, string>
}

/** Answers texts one after the other without blocking the thread. `score` has scratch memory of its own and never waits: calls do not disturb each other. */
export function answerEach(score: (text: string) => Prediction): Predict {
  return async (texts, { signal, onProgress }) => {
    const pace = pacer(signal)
    const answers: Prediction[] = []
    for (const text of texts) {
      answers.push(score(text))
      const pause = pace()
      if (pause) await pause.then(() => onProgress?.(answers.length))
    }
    onProgress?.(texts.length)
    return answers
  }
}

/** A model of a kind, untrained, or as it was loaded. */
export function trainableModel<L>(
  { kind, name, settings, learn, scorer, written, weigh, device, close }: Kind<L>,
  loaded?: Loaded<L>,
): TrainableModel {
  let learned = loaded?.learned
  let score = learned === undefined ? undefined : scorer(learned)
  let trained = loaded?.trained
  let saved = loaded?.hash
  const untrained = () => new Error(`${name}: not trained yet: call fit first`)
  return {
    name,
    textVersion: TEXT_VERSION,
    get hash() {
      return saved
    },
    async fit(examples, { seed = 1, signal, onProgress } = {}) {
      signal?.throwIfAborted()
      const byClass = countLabels(examples)
      learned = await learn(examples, { seed, byClass, signal, onProgress })
      score = scorer(learned)
      trained = { rows: examples.length, byClass, seed }
      saved = undefined
      onProgress?.(1)
    },
    async predict(texts, options = {}) {
      if (!score) throw untrained()
      // Another fit may come between: this call keeps the scorer it began with.
      return score(texts, options)
    },
    weigh:
      weigh &&
      ((pieces, label) => {
        if (learned === undefined) throw untrained()
        return weigh(learned, pieces, label)
      }),
    async save(folder) {
      if (learned === undefined) throw untrained()
      const { files, folders, ...said } = (await written?.(learned)) ?? {}
      saved = await writeModelFolder(folder, { kind, name, ...(settings && { settings }), ...said, trained }, { files, folders })
    },
    ...(device !== undefined && { device }),
    ...(close && { close }),
  }
}

/** Runs a generator that yields the share done to its end without blocking the thread. */
export async function finish<T>(steps: Generator<number, T>, { signal, onProgress }: Work): Promise<T> {
  const pace = pacer(signal)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    const pause = pace()
    if (pause) await pause.then(() => onProgress?.(Math.min(1, step.value)))
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
