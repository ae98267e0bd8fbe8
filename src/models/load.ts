import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { TEXT_VERSION } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { loadAdapted } from './adapted.js'
import { loadAverage } from './average.js'
import { loadClassical } from './classical.js'
import { DeviceError } from './device.js'
import { CARD_FILE, hashFolder, type ModelCard, readModelCard } from './folder.js'
import { lexiconModel } from './lexicon.js'
import { majorityModel } from './majority.js'
import type { Model } from './model.js'
import { loadNgram } from './ngram.js'
import { loadTransformer, type TransformerOptions } from './transformer.js'

/** No tweet is longer, and a hostile text costs no more. */
const MOST_TOKENS = 512

/**
 * Loads a model from its folder, of whichever kind it is. A folder in Hugging Face's layout without `model.json` is taken
 * as a transformer with the folder's name.
 * @param options for transformers only
 * @throws when there is no such folder, it holds no model, or the model has other labels or another text function;
 *   DeviceError when it cannot run on the device asked for
 */
export async function loadModelFolder(folder: string, options: TransformerOptions = {}): Promise<Model> {
  const model = await loadPart(folder, options)
  if (model.device === (options.device === 'cpu' ? undefined : options.device)) return model
  await model.close?.()
  throw new DeviceError(options.device!, `${model.name} runs on the CPU only`)
}

async function loadPart(folder: string, options: TransformerOptions): Promise<Model> {
  const path = resolve(folder)
  if (!existsSync(path)) throw new Error(`${folder}: no such model folder`)
  const card = plainTransformer(path) ?? (await readModelCard(path))
  const hash = await hashFolder(path)
  switch (card.kind) {
    case 'majority':
      return majorityModel({ card, hash })
    case 'lexicon':
      return lexiconModel({ card, hash })
    case 'ngram':
      return loadNgram(path, card, hash)
    case 'classical':
      return loadClassical(path, card, hash)
    case 'adapted':
      return loadAdapted(path, card, hash, options)
    case 'average':
      return loadAverage(path, card, hash, part => loadPart(part, options))
    case 'transformer':
      return loadTransformer(path, card, hash, options)
    default:
      throw new Error(`${folder}: kind of model not known: ${JSON.stringify(card.kind)}`)
  }
}

function plainTransformer(path: string): ModelCard | undefined {
  if (existsSync(join(path, CARD_FILE)) || !existsSync(join(path, 'config.json')) || !existsSync(join(path, 'onnx')))
    return undefined
  const maxTokens = tokenLimit(path)
  return { kind: 'transformer', name: basename(path), labels: LABELS, textVersion: TEXT_VERSION, settings: { maxTokens } }
}

/** The most tokens that a model in Hugging Face's layout reads. */
function tokenLimit(path: string): number {
  const read = (file: string): Record<string, unknown> =>
    existsSync(join(path, file)) ? JSON.parse(readFileSync(join(path, file), 'utf8')) : {}
  const { max_position_embeddings: positions, model_type: type } = read('config.json')
  // RoBERTa's positions begin after the padding's.
  const places = typeof positions === 'number' ? positions - (/roberta|camembert/.test(String(type)) ? 2 : 0) : MOST_TOKENS
  const { model_max_length: said } = read('tokenizer_config.json')
  return Math.min(MOST_TOKENS, places, typeof said === 'number' && said > 0 ? said : MOST_TOKENS)
}
