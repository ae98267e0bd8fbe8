/** Files that somebody is still writing: waited for while they end in half a record, refused when they grow after they were read. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store, StoredFile } from '../stores/store.js'
import { isJson } from './records.js'

/** A file that changed less than this before it was found may be under way, ms. */
const FRESH_MS = 10_000
/** A file that has not changed for so long is all there will be, ms. */
const SETTLED_MS = 2000
const POLL_MS = 100
/** For so long after they were read, and for so many of them, files are looked at again, ms. */
const WATCH_MS = 60_000
const MOST_WATCHED = 1000

/** True when a file that was just found may still be written to; a store that is no disk has whole files alone. */
export function isFresh(store: Store, { modified }: StoredFile): boolean {
  return store.localPath !== undefined && changedWithin(modified, FRESH_MS)
}

/** A time to come is that of another clock, and tells nothing. */
function changedWithin(modified: Date, ms: number): boolean {
  const age = Date.now() - modified.getTime()
  return age >= 0 && age < ms
}

/** True when text does not end in half a record: its last line, or all of it, is JSON. */
function isWhole(text: string): boolean {
  const trimmed = text.trimEnd()
  return trimmed === '' || isJson(trimmed.slice(trimmed.lastIndexOf('\n') + 1)) || isJson(trimmed)
}

/**
 * Reads a fresh file, and again until it does not end in half a record or has not changed for two seconds; what it then holds is taken.
 * @param read gives the bytes; it may throw while a compressed file is not whole
 */
export async function readWhole(
  store: Store,
  path: string,
  read: () => Promise<Uint8Array>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  for (;;) {
    const found = await store.stat(path)
    const settled = !found || !changedWithin(found.modified, SETTLED_MS)
    const bytes = await read().catch((error: unknown) => {
      if (settled) throw error
    })
    if (bytes && (settled || isWhole(new TextDecoder().decode(bytes)))) return bytes
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** Looks again at files that were fresh when they were read. */
export function watchGrowth(store: Store) {
  const watched = new Map<string, { bytes: number; at: number }>()
  return {
    add(path: string, bytes: number): void {
      watched.set(path, { bytes, at: Date.now() })
      for (const old of watched.keys()) {
        if (watched.size <= MOST_WATCHED) break
        watched.delete(old)
      }
    },
    /** @throws when a file has grown since it was read: what was added to it would be lost */
    async check(): Promise<void> {
      for (const [path, { bytes, at }] of watched) {
        const size = (await store.stat(path))?.size ?? 0
        if (size > bytes)
          throw new Error(
            `json-files: ${path} has grown from ${bytes} to ${size} bytes since it was read; files must be whole when they appear: put what is new into a file of its own, in ${store.uri}`,
          )
        if (Date.now() - at > WATCH_MS) watched.delete(path)
      }
    },
  }
}
