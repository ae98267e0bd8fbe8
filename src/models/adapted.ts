/** A transformer adapted to somebody's data: its encoder stays, a linear head learns from a few hundred labels. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { modelText } from '../text/clean.js'
import { LABELS, type Label } from '../tweet.js'
import { predictionFromLogits } from './answer.js'
import { bytesOf, CARD_FILE, hashFolder, type ModelCard, readModelCard, readNumbers } from './folder.js'
import type { Answer, Example, TrainableModel } from './model.js'
import { gramLogits, type LearnedGrams, learnGrams, NGRAM_DEFAULTS, readGrams, writtenGrams } from './ngram.js'
import { fitLines, type Lines, logitsOfMargins } from './optimum.js'
import { pacer } from './pace.js'
import { randomFrom, shuffle } from './random.js'
import type { RawScore, ScorerPool } from './scorer-pool.js'
import type { SparseRows } from './text-features.js'
import { type Loaded, trainableModel, type Work } from './trainable.js'
import { openScorers, type TransformerOptions } from './transformer.js'

/** What `adaptedModel` is told. */
export interface AdaptedOptions extends Omit<TransformerOptions, 'scoreFolder'> {
  /** Folder of the transformer; it must give its pooled embedding (`pooled` beside `logits`), as `compact` does. */
  base: string
  /** Default `adapted`. */
  name?: string
}

/** Tried for the penalty of the head, from strong to weak, as long as it helps. */
const STRENGTHS = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
const FOLDS = 5
/** Rows that the strength is chosen on, at most, and those that the head learns from: 400 numbers need no more. */
const FOLD_ROWS = 10_000
const HEAD_ROWS = 50_000
const GRAMS = NGRAM_DEFAULTS
const SHARES = [0.25, 0.5, 0.75, 1]
/** Held-out rows on which the share is chosen, about: folds are tried until there are so many. */
const ENOUGH_ROWS = 2000
const BASE_FOLDER = 'base'
const HEAD_FILE = 'head.bin'
const GRAMS_FILE = 'grams.bin'

type Logits = [number, number, number]

/** Logistic regression on embeddings. */
interface Head extends Lines {
  /** Numbers of an embedding. */
  size: number
  /** Their means, then 1 ÷ (deviation · √size): a row has length 1 in the mean. */
  scaling: Float32Array
  /** Classes that occurred, by their place in `LABELS`. */
  present: number[]
  /** Inverse strength of the penalty. */
  c: number
}

interface Learned {
  head: Head
  /** What words add to it, and the share of that which counts. */
  grams: LearnedGrams
  share: number
}

/**
 * A transformer's embedding and words: logistic regression on the embedding, the strength of its penalty chosen by five-fold
 * cross-validation, and on top of it one on n-grams, which learns only what the embedding does not say. Learns from a few hundred
 * labels in seconds, from hundreds of thousands in minutes. `save` copies the base into the folder, so that it stands alone.
 * @throws from `fit` when the base gives no embedding
 */
export function adaptedModel({ base, name = 'adapted', ...options }: AdaptedOptions): TrainableModel {
  return build(name, base, options)
}

/** An adapted model out of its folder. */
export async function loadAdapted(
  folder: string,
  card: ModelCard,
  hash: string,
  options: TransformerOptions = {},
): Promise<TrainableModel> {
  const { head, share, grams } = card.parameters as {
    head?: Omit<Head, 'scaling' | 'weights'>
    share: number
    grams?: Record<string, unknown>
  }
  if (!head) throw new Error(`${folder}: adapted by an earlier version: train it again`)
  const numbers = new Float32Array(await readNumbers(join(folder, HEAD_FILE), (2 + head.width) * head.size))
  const [scaling, weights] = [numbers.subarray(0, 2 * head.size), numbers.subarray(2 * head.size)]
  const learned = { head: { ...head, scaling, weights }, share, grams: await readGrams(join(folder, GRAMS_FILE), GRAMS, grams) }
  return build(card.name, join(folder, BASE_FOLDER), options, { learned, trained: card.trained, hash })
}

function build(
  name: string,
  base: string,
  { workers, device = 'cpu', onWorker }: TransformerOptions,
  loaded?: Loaded<Learned>,
): TrainableModel {
  let opening: Promise<ScorerPool> | undefined

  async function open() {
    const card = existsSync(join(base, CARD_FILE)) ? await readModelCard(base) : undefined
    return openScorers(base, card, { name, workers, onWorker, device, output: 'pooled' })
  }

  async function embed(texts: readonly string[], signal?: AbortSignal, onScored?: () => void): Promise<RawScore[]> {
    opening ??= open()
    const pool = await opening
    return pool.score(texts.map(modelText), { signal, onScored })
  }

  return trainableModel<Learned>(
    {
      kind: 'adapted',
      name,
      async learn(examples, { seed, signal, onProgress }) {
        let done = 0
        const scores = await embed(
          examples.map(({ text }) => text),
          signal,
          () => onProgress?.((0.7 * ++done) / examples.length),
        )
        const usable = examples.flatMap((example, i) => {
          const score = scores[i]!
          return 'error' in score ? [] : [{ example, embedding: score.logits }]
        })
        if (usable.length === 0) throw new Error(`${name}: no example could be embedded: ${JSON.stringify(scores[0])}`)
        return learn(usable, { seed, signal, onProgress: share => onProgress?.(0.7 + 0.3 * share) })
      },
      scorer(learned) {
        const words = gramLogits(GRAMS, learned.grams)
        return async (texts, { signal, onProgress }) => {
          let done = 0
          const scores = await embed(texts, signal, () => onProgress?.(++done))
          return scores.map((score, i): Answer => {
            if ('error' in score) return score
            const [said, more] = [headLogits(learned.head, score.logits), words(texts[i]!)]
            return predictionFromLogits(...sumOf(said, more, learned.share))
          })
        }
      },
      async written({ head: { scaling, weights, ...head }, share, grams }) {
        const { bytes, parameters } = writtenGrams(grams)
        return {
          settings: { base: { folder: BASE_FOLDER, hash: await hashFolder(base) } },
          parameters: { head, share, grams: parameters },
          files: { [HEAD_FILE]: bytesOf(scaling, weights), [GRAMS_FILE]: bytes },
          folders: { [BASE_FOLDER]: base },
        }
      },
      ...(device !== 'cpu' && { device }),
      close: async () => {
        const pool = await opening
        opening = undefined
        await pool?.close()
      },
    },
    loaded,
  )
}

interface Embedded {
  example: Example
  embedding: readonly number[]
}

/** The head first, then n-grams that learn what it does not know; of what these add, the share that helps on rows they did not see. */
async function learn(rows: readonly Embedded[], { seed, signal, onProgress }: Work & { seed: number }): Promise<Learned> {
  const { head, folds, unseen } = await learnHead(rows, { seed, signal, onProgress: share => onProgress?.(0.4 * share) })
  const said: Logits[] = []
  const pace = pacer(signal)
  for (const [row, { embedding }] of rows.entries()) {
    said.push(unseen.get(row) ?? headLogits(head, embedding))
    await pace()
  }
  const gramsOf = (chosen: readonly number[], from: number) =>
    learnGrams(
      chosen.map(row => rows[row]!.example),
      GRAMS,
      { seed, said: Float32Array.from(chosen.flatMap(row => said[row]!)), signal, onProgress: s => onProgress?.(from + 0.3 * s) },
    )
  const all = [...rows.keys()]
  const losses = SHARES.map(() => 0)
  let seen = 0
  for (const { held } of folds) {
    if (held.length === 0 || seen >= ENOUGH_ROWS) break
    const out = new Set(held)
    const others = all.filter(row => !out.has(row))
    const add = gramLogits(GRAMS, await gramsOf(others, 0.4))
    for (const row of held) {
      const { text, label } = rows[row]!.example
      const more = add(text)
      SHARES.forEach((share, i) => {
        losses[i]! += lossOf(sumOf(said[row]!, more, share), label)
      })
    }
    seen += held.length
  }
  const share = SHARES[losses.indexOf(Math.min(...losses))]!
  return { head, share, grams: await gramsOf(all, 0.7) }
}

const sumOf = (said: Logits, more: Logits, share: number): Logits => [
  said[0] + share * more[0],
  said[1] + share * more[1],
  said[2] + share * more[2],
]

const lossOf = (logits: Logits, label: Label) =>
  -Math.log(Math.max(1e-9, predictionFromLogits(...logits).probabilities[LABELS.indexOf(label)]!))

/**
 * Logistic regression on the embedding, the strength of its penalty chosen by cross-validation.
 * @returns also what the fold that did not see a row says of it, for the rows of the cross-validation: on few rows a head is all too
 *   sure of those that it learned from
 */
async function learnHead(
  rows: readonly Embedded[],
  { seed, signal, onProgress }: Work & { seed: number },
): Promise<{ head: Head; folds: { held: Uint32Array; rest: Uint32Array }[]; unseen: Map<number, Logits> }> {
  const order = shuffle(
    Uint32Array.from(rows, (_, i) => i),
    randomFrom(seed),
  )
  const scaling = scalingOf(rows)
  const size = scaling.length / 2
  const label = (row: number) => LABELS.indexOf(rows[row]!.example.label)
  const present = [...new Set(rows.map((_, row) => label(row)))].sort()
  const headOf = async (chosen: Uint32Array, c: number): Promise<Head> => {
    const classes = Uint8Array.from(chosen, row => present.indexOf(label(row)))
    const dense = denseRows(
      Array.from(chosen, row => scaled(rows[row]!.embedding, { size, scaling })),
      size,
    )
    // The penalty is held against the number of rows, so one strength fits few and many.
    const settings = { loss: 'logistic', c: (c * 1000) / chosen.length, k: present.length, signal } as const
    const lines = await fitLines(dense, classes, size, settings)
    return { ...lines, size, scaling, present, c }
  }
  const judged = order.subarray(0, FOLD_ROWS)
  const folds = Array.from({ length: FOLDS }, (_, fold) => ({
    held: judged.filter((_, at) => at % FOLDS === fold),
    rest: judged.filter((_, at) => at % FOLDS !== fold),
  }))
  let best = { c: STRENGTHS[0]!, loss: Number.POSITIVE_INFINITY, unseen: new Map<number, Logits>() }
  for (const [i, c] of STRENGTHS.entries()) {
    if (judged.length < 2 * FOLDS) break
    const unseen = new Map<number, Logits>()
    let loss = 0
    for (const { held, rest } of folds) {
      const head = await headOf(rest, c)
      for (const row of held) {
        const logits = headLogits(head, rows[row]!.embedding)
        unseen.set(row, logits)
        loss += lossOf(logits, rows[row]!.example.label)
      }
    }
    onProgress?.((i + 1) / (STRENGTHS.length + 1))
    if (loss > best.loss) break
    best = { c, loss, unseen }
  }
  return { head: await headOf(order.subarray(0, HEAD_ROWS), best.c), folds, unseen: best.unseen }
}

/** Means, then what brings each number to the variance 1 ÷ size. */
function scalingOf(rows: readonly Embedded[]): Float32Array {
  const size = rows[0]!.embedding.length
  const scaling = new Float32Array(2 * size)
  const average = (of: (x: number, i: number) => number) => {
    const sums = new Float64Array(size)
    for (const { embedding } of rows) for (let i = 0; i < size; i++) sums[i]! += of(embedding[i]!, i)
    return sums.map(sum => sum / rows.length)
  }
  const means = average(x => x)
  const variances = average((x, i) => (x - means[i]!) ** 2)
  scaling.set(means)
  scaling.set(
    variances.map(variance => 1 / Math.sqrt(variance * size || 1)),
    size,
  )
  return scaling
}

const scaled = (embedding: readonly number[], { size, scaling }: Pick<Head, 'size' | 'scaling'>) =>
  embedding.map((value, i) => (value - scaling[i]!) * scaling[size + i]!)

function headLogits(head: Head, embedding: readonly number[]): Logits {
  const { width, weights, bias, present } = head
  const margins = [...bias]
  scaled(embedding, head).forEach((x, i) => {
    for (let line = 0; line < width; line++) margins[line]! += weights[width * i + line]! * x
  })
  return logitsOfMargins(margins, present)
}

/** Embeddings as rows of which every column has a value. */
function denseRows(rows: readonly (readonly number[])[], size: number): SparseRows {
  const values = new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    values.set(row, size * i)
  })
  return {
    offsets: Uint32Array.from({ length: rows.length + 1 }, (_, i) => size * i),
    buckets: new Int32Array(values.length).map((_, i) => i % size),
    values,
  }
}
