/** Texts of other languages in English, by a sequence-to-sequence model in worker processes. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { programBeside } from '../threads.js'
import { isFailure } from './answer.js'
import { answerOnce, type Cache, lruCache } from './cache.js'
import { hashFolder } from './folder.js'
import type { Failure } from './model.js'
import { scorerPool, type WorkerOptions } from './scorer-pool.js'
import type { Translation, TranslatorData } from './translator-worker.js'

/** Translates into English. The same text and language give the same translation, whatever else is asked. */
export interface Translator {
  readonly name: string
  /** sha256 (hex) of the model's folder. */
  readonly hash: string
  /**
   * One answer per text, in order; a text that cannot be translated is a failure.
   * @param texts with the language of each, an ISO 639-1 code
   */
  translate(
    texts: readonly { text: string; lang: string }[],
    options?: { signal?: AbortSignal },
  ): Promise<(Translation | Failure)[]>
  close(): Promise<void>
}

/** How a translator is run. */
export interface TranslatorOptions extends WorkerOptions {
  /** Default the name of the folder. */
  name?: string
  /** Most tokens read of a text, and written; default 128. */
  maxTokens?: number
}

/** Translations that are remembered of each of the last few models. */
const CACHE_SIZE = 20_000
const caches = lruCache<Cache<Translation>>(4)

/**
 * Loads a translator from its folder in Hugging Face's layout: `onnx/encoder_model*.onnx`, `onnx/decoder_model_merged*.onnx`, tokenizer and
 * configuration, as Marian, M2M100, NLLB and mBART models have them. Workers start with the first text.
 * @throws when the folder holds no such model
 */
export async function loadTranslatorFolder(
  folder: string,
  { name = basename(folder), workers, maxTokens = 128, onWorker }: TranslatorOptions = {},
): Promise<Translator> {
  const path = resolve(folder)
  if (!['', '_quantized'].some(kind => existsSync(join(path, 'onnx', `encoder_model${kind}.onnx`))))
    throw new Error(`${folder}: no translator: no onnx/encoder_model.onnx or onnx/encoder_model_quantized.onnx in it`)
  const hash = await hashFolder(path)
  const data: TranslatorData = { folder: path, maxTokens }
  const pool = scorerPool<Translation>({
    name,
    data,
    program: programBeside(import.meta.url, 'translator-worker'),
    workers,
    onWorker,
  })
  const key = `${hash} ${maxTokens}`
  const known = caches.get(key) ?? lruCache<Translation>(CACHE_SIZE)
  caches.set(key, known)
  return {
    name,
    hash,
    translate(texts, { signal } = {}) {
      const ask = async (fresh: readonly string[]) => {
        const answers = await pool.score(fresh, { signal })
        answers.forEach((answer, i) => {
          if (!isFailure(answer)) known.set(fresh[i]!, answer)
        })
        return answers
      }
      const questionOf = ({ text, lang }: { text: string; lang: string }) => `${lang}\n${text}`
      return answerOnce<{ text: string; lang: string }, Translation | Failure>(
        texts,
        { questionOf, recall: known.get, ask },
        { signal },
      )
    },
    close: () => pool.close(),
  }
}
