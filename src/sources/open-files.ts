import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'

/** The store and prefix of input files: a folder, one file, or an address. Throws when there is no such folder. */
export async function openFiles(source: string): Promise<{ store: Store; prefix: string }> {
  if (/^[a-z0-9]+:/i.test(source) && !source.startsWith('file:')) return { store: openStore(source), prefix: '' }
  const path = source.startsWith('file:') ? new URL(source).pathname : source
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw new Error(`source: no such folder: ${source}`, { cause: error })
    if (error.code === 'EACCES') throw new Error(`source: no permission to read ${source}`, { cause: error })
    throw error
  })
  return found.isDirectory()
    ? { store: openStore(path), prefix: '' }
    : { store: openStore(dirname(path)), prefix: basename(path) }
}
