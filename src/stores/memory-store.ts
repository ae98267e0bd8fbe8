import { promises as fs } from 'node:fs'
import { checkedPath, checkedPrefix, comparePaths, toBytes } from './paths.js'
import { FileNotFoundError, type Store } from './store.js'

interface Entry {
  bytes: Uint8Array
  modified: Date
}

const named = new Map<string, Map<string, Entry>>()

/**
 * A store in this process's memory, for tests and teaching. Stores of the same name share their files.
 * @param name name of the store; leave it out for one that nobody else sees
 */
export function memoryStore(name?: string): Store {
  const files = (name === undefined ? undefined : named.get(name)) ?? new Map<string, Entry>()
  if (name !== undefined) named.set(name, files)
  const uri = `memory:${name ?? ''}`
  const key = (path: string) => checkedPath(uri, path)
  const set = (path: string, bytes: Uint8Array | string) =>
    files.set(key(path), { bytes: Uint8Array.from(toBytes(bytes)), modified: new Date() })

  return {
    uri,
    async *list(prefix, options = {}) {
      checkedPrefix(uri, prefix)
      const paths = [...files.keys()].filter(path => path.startsWith(prefix)).sort(comparePaths)
      for (const path of paths) {
        options.signal?.throwIfAborted()
        const entry = files.get(path)
        if (!entry || (options.after !== undefined && comparePaths(path, options.after) <= 0)) continue
        yield { path, size: entry.bytes.length, modified: entry.modified }
      }
    },
    async stat(path) {
      const entry = files.get(key(path))
      return entry && { path, size: entry.bytes.length, modified: entry.modified }
    },
    async read(path, range) {
      const entry = files.get(key(path))
      if (!entry) throw new FileNotFoundError(uri, path)
      return entry.bytes.slice(range?.start ?? 0, range?.end)
    },
    async put(path, bytes) {
      set(path, bytes)
    },
    async putIfAbsent(path, bytes) {
      if (files.has(key(path))) return false
      set(path, bytes)
      return true
    },
    async putFile(path, localFile) {
      set(path, await fs.readFile(localFile))
      await fs.rm(localFile, { force: true })
    },
    async delete(path) {
      files.delete(key(path))
    },
  }
}
