/** A transformer adapted to somebody's data: its encoder stays, a linear head learns from a few hundred labels. */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modelText } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { predictionFromLogits } from './answer.js'
import type { Device } from './device.js'
import { featureReader, MAX_UNITS } from './features.js'
import { CARD_FILE, hashFolder, type ModelCard, readModelCard } from './folder.js'
import type { Answer, Example, TrainableModel } from './model.js'
import { fitOptimum } from './optimum.js'
import { randomFrom, shuffle } from './random.js'
import { type RawScore, type ScorerPool, scorerPool } from './scorer-pool.js'
import type { ScorerData } from './scorer-worker.js'
import type { SparseRows } from './text-features.js'
import { finish, trainableModel } from './trainable.js'
import { checkDevice } from './transformer.js'

/** What `adaptedModel` is told. */
export interface AdaptedOptions {
  /** Folder of the transformer; it must give its pooled embedding (`pooled` beside `logits`), as `compact` does. */
  base: string
  /** Default `adapted`. */
  name?: string
  /** Most worker processes; default the number of cores, at most 4. */
  workers?: number
  /** Where the base runs; default `cpu`. */
  device?: Device
  /** Called with each worker that starts. */
  onWorker?: (worker: ChildProcess) => void
}

/** Words and pairs of words are hashed into 2^bits columns beside the embedding's. */
const WORDS = { bits: 16, words: 2, characters: [1, 0] as [number, number] }
/** Squared length of a row's words; an embedding's numbers have variance 1 and are brought to the same length. */
const STRENGTHS = [0.003, 0.01, 0.03, 0.1, 0.3, 1]
const FOLDS = 5
const BASE_FOLDER = 'base'
const WEIGHTS_FILE = 'weights.bin'

interface Learned {
  /** Numbers of an embedding. */
  width: number
  /** Mean and 1 ÷ deviation of each number of the embedding, then one row of weights and bias a class that occurred. */
  numbers: Float32Array
  /** Classes that occurred, by their place in `LABELS`. */
  present: number[]
  /** Inverse strength of the penalty, chosen by cross-validation. */
  c: number
}

/**
 * A model of a transformer's embedding and of words: logistic regression, one class against the rest, the strength of its
 * penalty chosen by five-fold cross-validation. Learns from a few hundred labels in seconds. `save` copies the base into
 * the folder, so that it stands alone.
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
  options: Omit<AdaptedOptions, 'base' | 'name'> = {},
): Promise<TrainableModel> {
  const bytes = await readFile(join(folder, WEIGHTS_FILE))
  const parameters = card.parameters as unknown as Omit<Learned, 'numbers'>
  const learned = { ...parameters, numbers: new Float32Array(new Uint8Array(bytes).buffer) }
  const needed = 2 * learned.width + learned.present.length * (columnsOf(learned.width) + 1)
  if (learned.numbers.length !== needed)
    throw new Error(`${join(folder, WEIGHTS_FILE)}: ${bytes.length} bytes, the card asks for ${4 * needed}`)
  return build(card.name, join(folder, BASE_FOLDER), options, { learned, trained: card.trained, hash })
}

const columnsOf = (width: number) => width + 2 ** WORDS.bits

function build(
  name: string,
  base: string,
  { workers, device = 'cpu', onWorker }: Omit<AdaptedOptions, 'base' | 'name'>,
  loaded?: { learned: Learned; trained: ModelCard['trained']; hash: string },
): TrainableModel {
  let opening: Promise<ScorerPool> | undefined
  const read = featureReader(WORDS)

  async function open() {
    const card = existsSync(join(base, CARD_FILE)) ? await readModelCard(base) : undefined
    const { maxTokens = 64, batch = 1 } = (card?.settings ?? {}) as Partial<Record<string, number>>
    const data: ScorerData = { folder: base, maxTokens, batch, output: 'pooled', device }
    const pool = scorerPool({ name, data, batch, workers, onWorker })
    await checkDevice(pool, device)
    return pool
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
        return learn(usable, read, { seed, signal, onProgress: share => onProgress?.(0.7 + 0.3 * share) })
      },
      scorer(learned) {
        const head = headOf(learned, read)
        return async (texts, { signal, onProgress }) => {
          let done = 0
          const scores = await embed(texts, signal, () => onProgress?.(++done))
          return scores.map((score, i): Answer => ('error' in score ? score : head(texts[i]!, score.logits)))
        }
      },
      written: async ({ numbers, ...parameters }) => ({
        settings: { base: { folder: BASE_FOLDER, hash: await hashFolder(base) } },
        parameters,
        files: { [WEIGHTS_FILE]: new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength) },
        folders: { [BASE_FOLDER]: base },
      }),
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

type Reader = ReturnType<typeof featureReader>
interface Embedded {
  example: Example
  embedding: readonly number[]
}

async function learn(
  rows: readonly Embedded[],
  read: Reader,
  { seed, signal, onProgress }: { seed: number; signal?: AbortSignal; onProgress?: (share: number) => void },
): Promise<Learned> {
  const width = rows[0]!.embedding.length
  const scaling = new Float32Array(2 * width)
  for (let i = 0; i < width; i++) {
    const mean = rows.reduce((sum, { embedding }) => sum + embedding[i]!, 0) / rows.length
    const variance = rows.reduce((sum, { embedding }) => sum + (embedding[i]! - mean) ** 2, 0) / rows.length
    scaling[i] = mean
    scaling[width + i] = 1 / Math.sqrt(variance * width || 1)
  }
  const all = sparseRows(rows, scaling, read)
  const classes = Uint8Array.from(rows, ({ example }) => LABELS.indexOf(example.label))
  const present = [...new Set(classes)].sort()
  const order = shuffle(
    Uint32Array.from(rows, (_, i) => i),
    randomFrom(seed),
  )
  const fold = new Uint8Array(rows.length)
  order.forEach((row, i) => {
    fold[row] = i % FOLDS
  })
  const losses: number[] = []
  for (const c of STRENGTHS) {
    let loss = 0
    for (let held = 0; held < FOLDS && rows.length >= 2 * FOLDS; held++) {
      const inside = [...fold.keys()].filter(row => fold[row] !== held)
      const weights = await fitClasses(
        pick(all, inside),
        inside.map(row => classes[row]!),
        { present, width, c, signal },
      )
      for (const [row, at] of fold.entries()) if (at === held) loss += lossOf(all, row, classes[row]!, weights, present, width)
    }
    losses.push(loss)
    onProgress?.(losses.length / (STRENGTHS.length + 1))
  }
  const c = STRENGTHS[losses.indexOf(Math.min(...losses))]!
  const weights = await fitClasses(all, [...classes], { present, width, c, signal })
  const numbers = new Float32Array(scaling.length + weights.length)
  numbers.set(scaling)
  numbers.set(weights, scaling.length)
  return { width, numbers, present, c }
}

/** One row of weights and a bias per class that occurs. */
async function fitClasses(
  rows: SparseRows,
  classes: readonly number[],
  { present, width, c, signal }: { present: readonly number[]; width: number; c: number; signal?: AbortSignal },
): Promise<Float32Array> {
  const size = columnsOf(width)
  const weights = new Float32Array(present.length * (size + 1))
  for (const [k, label] of present.entries()) {
    const targets = Int8Array.from(classes, one => (one === label ? 1 : -1))
    // The penalty is held against the number of rows, so one strength fits few and many.
    const optimum = await finish(fitOptimum(rows, targets, size, { loss: 'logistic', c: (c * 1000) / classes.length }), {
      signal,
    })
    weights.set(optimum.weights, k * (size + 1))
  }
  return weights
}

/** The columns of a row: the embedding's numbers brought to length 1 in the mean, and the words' at length 1. */
function columns(text: string, embedding: readonly number[], scaling: Float32Array, read: Reader): { at: number[]; x: number[] } {
  const width = embedding.length
  const { buckets, words } = read(text.slice(0, MAX_UNITS))
  const counts = new Map<number, number>()
  for (let i = 0; i < words; i++) counts.set(buckets[i]!, (counts.get(buckets[i]!) ?? 0) + 1)
  const length = Math.sqrt([...counts.values()].reduce((sum, count) => sum + count * count, 0)) || 1
  return {
    at: [...embedding.keys(), ...[...counts.keys()].map(bucket => width + bucket)],
    x: [
      ...embedding.map((value, i) => (value - scaling[i]!) * scaling[width + i]!),
      ...[...counts.values()].map(n => n / length),
    ],
  }
}

function sparseRows(rows: readonly Embedded[], scaling: Float32Array, read: Reader): SparseRows {
  const parts = rows.map(({ example, embedding }) => columns(example.text, embedding, scaling, read))
  const offsets = new Uint32Array(rows.length + 1)
  parts.forEach(({ at }, i) => {
    offsets[i + 1] = offsets[i]! + at.length
  })
  return {
    offsets,
    buckets: Int32Array.from(parts.flatMap(({ at }) => at)),
    values: Float32Array.from(parts.flatMap(({ x }) => x)),
  }
}

function pick({ offsets, buckets, values }: SparseRows, rows: readonly number[]): SparseRows {
  const ends = new Uint32Array(rows.length + 1)
  const [at, x]: [number[], number[]] = [[], []]
  rows.forEach((row, i) => {
    for (let j = offsets[row]!; j < offsets[row + 1]!; j++) {
      at.push(buckets[j]!)
      x.push(values[j]!)
    }
    ends[i + 1] = at.length
  })
  return { offsets: ends, buckets: Int32Array.from(at), values: Float32Array.from(x) }
}

/** Logarithms of each class's chance against the rest; −∞ for a class that did not occur. */
function logits(
  at: ArrayLike<number>,
  x: ArrayLike<number>,
  weights: Float32Array,
  present: readonly number[],
  width: number,
): [number, number, number] {
  const size = columnsOf(width)
  const out: [number, number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const [k, label] of present.entries()) {
    const from = k * (size + 1)
    let margin = weights[from + size]!
    for (let i = 0; i < at.length; i++) margin += weights[from + at[i]!]! * x[i]!
    out[label as 0 | 1 | 2] = present.length === 1 ? 0 : -Math.log1p(Math.exp(-margin))
  }
  return out
}

function lossOf(
  { offsets, buckets, values }: SparseRows,
  row: number,
  label: number,
  weights: Float32Array,
  present: readonly number[],
  width: number,
): number {
  const [from, to] = [offsets[row]!, offsets[row + 1]!]
  const said = predictionFromLogits(...logits(buckets.subarray(from, to), values.subarray(from, to), weights, present, width))
  return -Math.log(Math.max(1e-9, said.probabilities[label]!))
}

function headOf({ width, numbers, present }: Learned, read: Reader): (text: string, embedding: readonly number[]) => Answer {
  const scaling = numbers.subarray(0, 2 * width)
  const weights = numbers.subarray(2 * width)
  return (text, embedding) => {
    const { at, x } = columns(text, embedding, scaling, read)
    return predictionFromLogits(...logits(at, x, weights, present, width))
  }
}
