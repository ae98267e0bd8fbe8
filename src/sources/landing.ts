import { createHash } from 'node:crypto'
import { readdir, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Store } from '../stores/store.js'
import { type FilesOffset, jsonFiles } from './json-files.js'
import type { Source } from './source.js'

/** Options of `openLanding`. */
export interface LandingOptions {
  store: Store
  /** Folder under the store. */
  path: string
  /** What is collected, such as the address of a server; kept in the names of the files as a short hash. */
  origin: string
  /** Milliseconds that a record waits at most before it is written. Default 500. */
  everyMs?: number
  /** Bytes of waiting records that are written at once. Default 8 MiB. */
  maxBytes?: number
}

/** A record as it lies in a landed file. */
export interface LandedRecord {
  text: string
  /** True when it came from the same origin. */
  same: boolean
}

/** Where what cannot be asked for again is put before anything is done with it: JSON-lines files, whole when they appear. */
export interface Landing {
  /** Takes a record; a line end in it becomes a space, which changes no JSON. It is on disk after `everyMs`. */
  add(record: string | Uint8Array): void
  /** Bytes that wait to be written. */
  waiting(): number
  /** Writes what waits; durable when this resolves. Throws what any earlier write threw. */
  flush(): Promise<void>
  /** Records on disk, newest first. */
  newest(): AsyncIterable<LandedRecord>
  /** Called after every file. */
  onFile(listener: () => void): void
}

/** Milliseconds after which a wait for files looks whether it is to end. */
const POLL_MS = 200
/** Files in a folder; so listing what is new is short whatever was landed before. */
const PER_FOLDER = 1000
const LINE_END = Buffer.from('\n')
const NUMBER = /(\d{12})-([0-9a-f]{8})\.jsonl$/

const onOneLine = (byte: number) => (byte === 10 || byte === 13 ? 32 : byte)

/** Opens a landing folder. Its files are numbered on, so that their order is that of their landing. */
export async function openLanding(options: LandingOptions): Promise<Landing> {
  const { store, path, origin, everyMs = 500, maxBytes = 8 * 2 ** 20 } = options
  const tag = createHash('sha256').update(origin).digest('hex').slice(0, 8)
  const files = await landedPaths(store, path)
  let next = Number(NUMBER.exec(files.at(-1) ?? '')?.[1] ?? -1) + 1
  let records: Uint8Array[] = []
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let failure: unknown
  const listeners: (() => void)[] = []

  async function write(): Promise<void> {
    if (failure) throw failure
    if (!records.length) return
    const content = Buffer.concat(records)
    const folder = String(Math.floor(next / PER_FOLDER)).padStart(9, '0')
    const file = `${path}/${folder}/${String(next).padStart(12, '0')}-${tag}.jsonl`
    records = []
    bytes = 0
    if (!(await store.putIfAbsent(file, content)))
      throw new Error(`${file}: landed by another process; is the same feed collected twice?`)
    next++
    for (const listener of listeners) listener()
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    writing.catch(error => {
      failure ??= error
    })
    return writing
  }

  return {
    add(record) {
      const line = Buffer.concat([
        typeof record === 'string' ? Buffer.from(record.replace(/[\r\n]+/g, ' ')) : record.map(onOneLine),
        LINE_END,
      ])
      records.push(line)
      bytes += line.length
      if (bytes >= maxBytes) void flush().catch(() => {})
      else timer ??= setTimeout(() => void flush().catch(() => {}), everyMs)
    },
    waiting: () => bytes,
    flush,
    async *newest() {
      for (const file of [...files].reverse()) {
        const lines = new TextDecoder().decode(await store.read(file)).split('\n')
        const same = NUMBER.exec(file)?.[2] === tag
        for (const text of lines.reverse()) if (text) yield { text, same }
      }
    },
    onFile: listener => void listeners.push(listener),
  }
}

async function landedPaths(store: Store, path: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of store.list(`${path}/`)) if (NUMBER.test(file.path)) found.push(file.path)
  return found
}

/**
 * Removes landed files that came before `read`, the newest one that a stream has done with, and are older than `keepMs`. The newest
 * thousand of them stay: by these a feed knows, when it is asked again, what it had. Folders that are empty then go too.
 */
export async function pruneLanded(store: Store, read: string, keepMs: number): Promise<void> {
  const last = Number(NUMBER.exec(read)?.[1]) - PER_FOLDER
  const place = dirname(dirname(read))
  for await (const { path, modified } of store.list(`${place}/`)) {
    if (!(Number(NUMBER.exec(path)?.[1]) < last) || Date.now() - modified.getTime() < keepMs) break
    await store.delete(path)
  }
  // A feed writes into its newest folder alone; of those before, one that is not empty stays.
  const folder = store.localPath?.(place)
  for (const name of folder ? await readdir(folder) : [])
    if (Number(name) < Math.floor(last / PER_FOLDER)) await rmdir(join(folder!, name)).catch(() => undefined)
}

/** What a collector tells of its connection. */
export interface Link {
  signal: AbortSignal
  /** Something came, be it only the answer to a connection. */
  alive(): void
  /** The connection has gone. */
  lost(): void
}

/** Options of `landedSource`. */
export interface LandedSourceOptions {
  name: string
  landing: LandingOptions
  /** Where the source keeps which files belong to which batch. */
  log: { store: Store; path: string }
  /** Collects until it has all or `signal` aborts; throws what trying again does not mend. */
  collect(landing: Landing, link: Link): Promise<void>
  /** Milliseconds of silence on an open connection after which there is nothing more for now. Default 5,000. */
  quietMs?: number
}

/**
 * A feed that cannot be replayed as a source that can: it is collected into files from the first question on, and the files
 * are read. It has nothing more, for now, when the open connection has been silent for `quietMs`.
 * @throws what the collector threw, once all that it landed has been read
 */
export function landedSource({ name, landing: place, log, collect, quietMs = 5000 }: LandedSourceOptions): Source<FilesOffset> {
  const files = jsonFiles({ store: place.store, prefix: `${place.path}/`, log, ordered: true })
  const stop = new AbortController()
  let landing: Landing | undefined
  let aliveAt: number | undefined
  let ended: { error?: unknown } | undefined
  let collecting: Promise<void> | undefined
  let wake = () => {}

  async function start(): Promise<void> {
    const opened = await openLanding(place)
    landing = opened
    opened.onFile(() => wake())
    const link = {
      signal: stop.signal,
      alive: () => {
        aliveAt = Date.now()
      },
      lost: () => {
        aliveAt = undefined
      },
    }
    try {
      await collect(opened, link)
    } finally {
      await opened.flush()
    }
  }

  const quiet = () => landing?.waiting() === 0 && aliveAt !== undefined && Date.now() - aliveAt >= quietMs

  return {
    name,
    async latest(from, limits, signal) {
      collecting ??= start().then(
        () => {
          ended = {}
          wake()
        },
        (error: unknown) => {
          ended = { error }
          wake()
        },
      )
      for (;;) {
        const over = ended
        const silent = quiet()
        const waiting = new Promise<void>(resolve => {
          wake = resolve
        })
        const available = await files.latest(from, limits)
        if (available) return available
        if (over?.error && !signal?.aborted) throw over.error
        if (over || silent || signal?.aborted) return undefined
        const poll = setTimeout(() => wake(), POLL_MS)
        await waiting
        clearTimeout(poll)
      }
    },
    read: (from, to) => files.read(from, to),
    ended: () => ended !== undefined && ended.error === undefined,
    async close() {
      stop.abort()
      await collecting
    },
  }
}
