import { fileURLToPath } from 'node:url'
import { fileStore } from './file-store.js'
import { memoryStore } from './memory-store.js'
import { type S3Options, s3Store } from './s3-store.js'
import type { Store } from './store.js'

let wrap: ((store: Store) => Store) | undefined

/**
 * From now on every store that this process opens by its address passes through `wrapper`: for faults to order, such as
 * a kill at a named write. Undefined ends it.
 */
export function wrapStores(wrapper: ((store: Store) => Store) | undefined): void {
  wrap = wrapper
}

/**
 * Opens the store at an address: a plain path, `file:///…`, `s3://bucket/prefix` or `memory:name`. A store is given back
 * as it is. Throws on an address it does not understand; nothing is read or written yet.
 * @param options used by `s3://` alone
 */
export function openStore(uri: string | Store, options: S3Options = {}): Store {
  if (typeof uri !== 'string') return uri
  const store = storeAt(uri, options)
  return wrap ? wrap(store) : store
}

function storeAt(uri: string, options: S3Options): Store {
  if (uri === '') throw new Error('store: the address is empty')
  if (uri.startsWith('file:')) return fileStore(fileURLToPath(uri))
  if (/^s3a?:\/\//.test(uri)) return s3Store(uri.replace(/^s3a:/, 's3:'), options)
  if (uri.startsWith('memory:')) return memoryStore(uri.slice('memory:'.length))
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(uri))
    throw new Error(`store: address not understood: ${uri} (a path, file:, s3: or memory:)`)
  return fileStore(uri)
}
