/** A translator by its address. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadTranslatorFolder, type Translator, type TranslatorOptions } from '../models/translator.js'
import { ModelAddressError } from './address-error.js'
import { type HubOptions, hubFolder } from './hub.js'

/** A translator that says where it came from. */
export interface LoadedTranslator extends Translator {
  /** Exact address: `hf:owner/name@commit`, or a folder as it was given. */
  readonly uri: string
}

/**
 * Loads a translator into English by address: `hf:owner/name` or `hf:owner/name@revision` (such as `hf:Xenova/opus-mt-mul-en` or
 * `hf:Xenova/nllb-200-distilled-600M`), `file:///…` or a folder's path.
 * @throws ModelAddressError when the address names nothing or the files are not those of the hub; an error when the folder holds no translator
 */
export async function loadTranslator(
  uri: string,
  options: Omit<TranslatorOptions, 'name'> & Omit<HubOptions, 'task'> = {},
): Promise<LoadedTranslator> {
  const found = uri.startsWith('hf:') ? await hubFolder(uri, { ...options, task: 'translation' }) : undefined
  const folder = found?.folder ?? (uri.startsWith('file:') ? fileURLToPath(uri) : uri)
  if (!existsSync(folder))
    throw new ModelAddressError(`${uri}: no such translator: it is neither a folder nor hf:OWNER/NAME`, 'not-found')
  const name = found?.uri.replace(/^hf:|@.*$/g, '')
  return { ...(await loadTranslatorFolder(folder, { ...options, ...(name && { name }) })), uri: found?.uri ?? uri }
}
