import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { TEXT_VERSION } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { loadAverage } from './average.js'
import { loadClassical } from './classical.js'
import { CARD_FILE, hashFolder, type ModelCard, readModelCard } from './folder.js'
import { lexiconModel } from './lexicon.js'
import { majorityModel } from './majority.js'
import type { Model } from './model.js'
import { loadNgram } from './ngram.js'
import { loadTransformer, type TransformerOptions } from './transformer.js'

/** Options for a model that is loaded; those of workers count for transformers only. */
export type LoadModelOptions = TransformerOptions

/**
 * Loads a model from its folder, of whichever kind it is. A folder in Hugging Face's layout without `model.json` is taken
 * as a transformer with the folder's name.
 * @throws when there is no such folder, it holds no model, or the model has other labels or another text function
 */
export async function loadModelFolder(folder: string, options: LoadModelOptions = {}): Promise<Model> {
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
    case 'average':
      return loadAverage(path, card, hash, part => loadModelFolder(part, options))
    case 'transformer':
      return loadTransformer(path, card, hash, options)
    default:
      throw new Error(`${folder}: kind of model not known: ${JSON.stringify(card.kind)}`)
  }
}

function plainTransformer(path: string): ModelCard | undefined {
  if (existsSync(join(path, CARD_FILE)) || !existsSync(join(path, 'config.json')) || !existsSync(join(path, 'onnx')))
    return undefined
  return { kind: 'transformer', name: basename(path), labels: LABELS, textVersion: TEXT_VERSION }
}
