import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modelText, TEXT_VERSION } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { isFailure, predictionFromLogits } from './answer.js'
import { answerOnce, type Cache, lruCache } from './cache.js'
import { type Device, DeviceError } from './device.js'
import type { ModelCard } from './folder.js'
import type { Answer, Model, Prediction } from './model.js'
import { openScoreFile } from './score-file.js'
import { type RawScore, type ScorerPool, scorerPool, type WorkerOptions } from './scorer-pool.js'
import type { ScorerData } from './scorer-worker.js'

/** How a transformer is run. */
export interface TransformerOptions extends WorkerOptions {
  /** Folder in which answers are kept for later processes, such as `lake/_cache`; default none. At most 1,000,000 texts, 32 MB, a model. */
  scoreFolder?: string
  /** Where it runs; default `cpu`. Its probabilities may differ from one device to another. */
  device?: Device
}

/** Entries of a model's cache, about 300 bytes each. */
const CACHE_SIZE = 50_000
/** Longer texts are not worth their memory. */
const MAX_CACHED_UNITS = 1000

/** The caches of the process by the model's hash, so a model that is loaded again finds its answers; of the last few models. */
const caches = lruCache<Cache<Prediction>>(4)

/**
 * A transformer in Hugging Face's layout: `config.json`, `tokenizer.json`, `onnx/model_quantized.onnx` (or `model.onnx`).
 * It runs in worker processes that start with the first text, never on the caller's event loop, one text at a time, or as many as its card says do
 * not change each other's answers: the same text gives the same probabilities whatever else is asked. Equal texts of a call are scored once, texts of earlier calls not
 * again. A text that cleaning leaves empty gets an answer like any other: the model's view of nothing. Text past
 * `maxTokens` is not seen, and the answer says so.
 * @param card of the folder; settings: `maxTokens` (default 64), `temperature` (default 1: logits are divided by it),
 *   `batch` (texts a run, default 1; more only for a model whose answers do not depend on their neighbours)
 * @throws when `config.json` names classes that are not ours; DeviceError when the device is not to be had
 */
export async function loadTransformer(
  folder: string,
  card: ModelCard,
  hash: string,
  { workers, onWorker, scoreFolder, device = 'cpu' }: TransformerOptions = {},
): Promise<Model> {
  const { temperature = 1 } = (card.settings ?? {}) as Partial<Record<string, number>>
  const places = await labelPlaces(folder)
  const pool = await openScorers(folder, card, { name: card.name, workers, onWorker, device })
  const key = device === 'cpu' ? hash : `${device}-${hash}`
  const known = caches.get(key) ?? lruCache<Prediction>(CACHE_SIZE)
  caches.set(key, known)
  const file = scoreFolder === undefined ? undefined : openScoreFile(scoreFolder, key)

  const predictionOf = (logits: ArrayLike<number>) =>
    predictionFromLogits(logits[0]! / temperature, logits[1]! / temperature, logits[2]! / temperature)

  function answerOf(text: string, score: RawScore): Answer {
    if ('error' in score) return { error: score.error }
    const logits = places.map(place => (place < 0 ? Number.NEGATIVE_INFINITY : score.logits[place]!))
    const prediction = predictionOf(logits)
    if (!Number.isFinite(prediction.probabilities[0])) return { error: `model gave no number: ${score.logits.join(', ')}` }
    if (score.truncated) return { ...prediction, truncated: true }
    if (text.length <= MAX_CACHED_UNITS) {
      known.set(text, prediction)
      file?.set(text, logits)
    }
    return prediction
  }

  function recall(text: string): Prediction | undefined {
    const hit = known.get(text)
    if (hit || !file) return hit
    const logits = file.get(text)
    return logits && predictionOf(logits)
  }

  return {
    name: card.name,
    textVersion: TEXT_VERSION,
    hash,
    ...(device !== 'cpu' && { device }),
    async predict(texts, options = {}) {
      const ask = async (fresh: readonly string[], onScored: (place: number) => void) =>
        (await pool.score(fresh, { signal: options.signal, onScored })).map((score, i) => answerOf(fresh[i]!, score))
      const answers = await answerOnce<string, Answer>(texts, { questionOf: modelText, recall, ask }, options)
      await file?.flush()
      return answers
    },
    close: () => pool.close(),
  }
}

/**
 * Workers of a transformer. Where the device is not the CPU, which is always there, a text is scored first.
 * @param output of the model, such as `pooled`; default its first
 * @throws DeviceError when it cannot run there
 */
export async function openScorers(
  folder: string,
  card: ModelCard | undefined,
  { name, device, output, ...options }: WorkerOptions & { name: string; device: Device; output?: string },
): Promise<ScorerPool> {
  const { maxTokens = 64, batch = 1 } = (card?.settings ?? {}) as Partial<Record<string, number>>
  const data: ScorerData = { folder, maxTokens, batch, output, device }
  const pool = scorerPool({ name, data, batch, ...options })
  if (device === 'cpu') return pool
  const why = await pool.score(['']).then(
    ([answer]) => (isFailure(answer!) ? answer.error : undefined),
    (error: Error) => error.message,
  )
  if (why === undefined) return pool
  await pool.close()
  throw new DeviceError(device, why.trim().replace(/\s+/g, ' '))
}

/** Other names of our classes in models of the hub. */
const SYNONYMS: Record<string, readonly string[]> = {
  negative: ['negative', 'neg', 'label_0'],
  neutral: ['neutral', 'neu'],
  positive: ['positive', 'pos'],
}

/** Where each of our classes stands in the model's output; −1 for a neutral that the model does not have. */
async function labelPlaces(folder: string): Promise<number[]> {
  const file = join(folder, 'config.json')
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new Error(`${file}: cannot be read: ${cause.message}`, { cause })
  })
  const config = JSON.parse(text) as { id2label?: Record<string, string> }
  const entries = Object.entries(config.id2label ?? {})
  const nameOf = (label: string) => label.toLowerCase()
  const places = LABELS.map(label => {
    const numbered = entries.length === 2 ? { positive: 'label_1' } : { neutral: 'label_1', positive: 'label_2' }
    const names = [...SYNONYMS[label]!, (numbered as Record<string, string>)[label] ?? label]
    return Number(entries.find(([, name]) => names.includes(nameOf(name)))?.[0] ?? -1)
  })
  const [negative, neutral, positive] = places as [number, number, number]
  const complete = negative >= 0 && positive >= 0 && entries.length === (neutral < 0 ? 2 : 3)
  if (!complete)
    throw new Error(
      `${file}: classes not understood: ${JSON.stringify(Object.values(config.id2label ?? {}))}, needed are ${LABELS.join(', ')}`,
    )
  return places
}
