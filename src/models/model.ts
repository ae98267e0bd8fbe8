import type { Label } from '../tweet.js'

/** What a model says of one text. */
export interface Prediction {
  label: Label
  /** Probabilities in the order of `LABELS` (negative, neutral, positive); they sum to 1. */
  probabilities: readonly [number, number, number]
  /** Set when the text was longer than the model reads: what follows was not seen. */
  truncated?: true
}

/** A text that a model could not score: listed, never turned into a class. */
export interface Failure {
  error: string
}

/** One answer per text, in the order of the texts. */
export type Answer = Prediction | Failure

/** A labelled text. */
export interface Example {
  text: string
  label: Label
}

/**
 * A sentiment model. It takes raw tweet texts and cleans them itself with the text function named by `textVersion`, so
 * training and serving cannot differ. The same text gives the same probabilities whatever else is in the batch.
 */
export interface Model {
  /** Kind or registered name, such as `ngram` or `compact`. */
  readonly name: string
  /** Version of the text function that the model was trained with; see `text/`. */
  readonly textVersion: string
  /** sha256 (hex) over the files of the model's folder; undefined while the model was never saved. */
  readonly hash?: string
  predict(texts: readonly string[], options?: { signal?: AbortSignal; onProgress?: (done: number) => void }): Promise<Answer[]>
  /**
   * Where the model is a sum over words: the exact share of each piece of a text (words and the white space between them) in
   * the score of a class (its logit). With the model's bias they add up to it. Undefined for a text that cannot be taken apart so.
   */
  weigh?(pieces: readonly string[], label: Label): number[] | undefined
  /** The models that it averages. */
  readonly parts?: readonly { name: string; hash: string; weight: number }[]
  /** Where it runs when that is not the CPU; its probabilities may differ from those there. */
  readonly device?: string
  /** Ends workers and frees memory. */
  close?(): Promise<void>
}

/** A model that learns here. `fit` replaces what was learned before; `save` writes a model folder. */
export interface TrainableModel extends Model {
  fit(
    examples: readonly Example[],
    options?: { seed?: number; signal?: AbortSignal; onProgress?: (share: number) => void },
  ): Promise<void>
  save(folder: string): Promise<void>
}
