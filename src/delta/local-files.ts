/**
 * Files on this machine's disk for DuckDB to read: those of a disk store as they lie, those of other stores through a
 * bounded cache folder. Data files never change under their name, so a cached one is right for ever.
 */
import { createHash, randomUUID } from 'node:crypto'
import { promises as fs, mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../stores/store.js'

/** Bytes that the cache folder may hold; `MOODLAKE_CACHE_BYTES` sets another number. */
const DEFAULT_CACHE_BYTES = 4 * 2 ** 30
/** Files used within this many milliseconds are not evicted: a query may still open them. */
const GRACE_MS = 10 * 60_000
/** How long a count of the folder, which other processes fill too, is taken to hold. */
const COUNT_EVERY_MS = 60_000

/** This user's private folder for derived files, made on first use. */
export function cacheFolder(): string {
  const user = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `moodlake-cache-${user}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = statSync(folder)
  if (process.getuid && found.uid !== user) throw new Error(`cache: ${folder} belongs to somebody else`)
  return folder
}

const running = new Map<string, Promise<string>>()

/** A file in the cache folder, made by `make` (which writes the path it is given) unless it is there already. */
export async function cachedFile(key: string, extension: string, make: (path: string) => Promise<void>): Promise<string> {
  const target = join(cacheFolder(), `${createHash('sha256').update(key).digest('hex')}.${extension}`)
  const now = new Date()
  const there = await fs.utimes(target, now, now).then(
    () => true,
    () => false,
  )
  if (there) return target
  let work = running.get(target)
  if (!work) {
    work = fill(target, make).finally(() => running.delete(target))
    running.set(target, work)
  }
  return work
}

async function fill(target: string, make: (path: string) => Promise<void>): Promise<string> {
  const temp = `${target}.${randomUUID()}`
  try {
    await make(temp)
    await evict((await fs.stat(temp)).size)
    await fs.rename(temp, target)
  } catch (error) {
    await fs.rm(temp, { force: true })
    throw error
  }
  return target
}

/** Bytes in the cache folder as last counted, and what this process has added since. */
let counted = { bytes: 0, until: 0 }

async function evict(wanted: number): Promise<void> {
  const limit = Number(process.env.MOODLAKE_CACHE_BYTES) || DEFAULT_CACHE_BYTES
  counted.bytes += wanted
  if (counted.bytes <= limit && Date.now() < counted.until) return
  const folder = cacheFolder()
  const files: { path: string; size: number; used: number }[] = []
  for (const name of await fs.readdir(folder)) {
    const path = join(folder, name)
    const found = await fs.stat(path).catch(() => undefined)
    if (found) files.push({ path, size: found.size, used: found.mtimeMs })
  }
  let total = files.reduce((sum, file) => sum + file.size, wanted)
  files.sort((a, b) => a.used - b.used)
  for (const file of files) {
    if (total <= limit || file.used > Date.now() - GRACE_MS) break
    await fs.rm(file.path, { force: true })
    total -= file.size
  }
  counted = { bytes: total, until: Date.now() + COUNT_EVERY_MS }
}

/**
 * Where DuckDB can open a data file. Throws `FileNotFoundError` when it has to be fetched and is not there; for a disk
 * store the path is given unseen.
 * @param mark tells this content from another under the same name: the size and time that the log has for it
 */
export async function localFile(store: Store, path: string, mark: string): Promise<string> {
  if (store.localPath) return store.localPath(path)
  // A store in memory begins empty in every process, and may be dropped within one.
  const found = store.uri.startsWith('memory:') ? await store.stat(path) : undefined
  const key = `${store.uri}\0${path}\0${mark}\0${found ? `${process.pid} ${found.modified.getTime()}` : ''}`
  return cachedFile(key, 'parquet', async target => fs.writeFile(target, await store.read(path)))
}
