import { readFileSync } from 'node:fs'
import { setImmediate as nextTick } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import type { Row } from '../delta/duckdb.js'
import { openStore } from '../stores/open-store.js'
import type { ListOptions, Store, StoredFile } from '../stores/store.js'
import { programBeside, SPARE_THREADS, threads } from '../threads.js'
import { type Batch, batchOfColumns, batchOfRows } from './batch.js'
import type { FilesAnswer, FilesQuestion } from './file-reader-thread.js'
import { isFresh, readWhole, watchGrowth } from './growing.js'
import { nameSet } from './name-set.js'
import { readText, splitRecords } from './records.js'
import type { Available, Limits, Source } from './source.js'

/** Number of the last entry of the source's log of files. */
export type FilesOffset = number

/** Options of `jsonFiles`. */
export interface JsonFilesOptions {
  /** Where the files are. */
  store: Store
  /** Path under the store; default the whole store. */
  prefix?: string
  /** Where the source keeps which files belong to which batch: a path of its own, usually in the stream's checkpoint. */
  log: { store: Store; path: string }
  /** True when each new file comes after all others in order of path: then only what comes after the newest is listed. Default false. */
  ordered?: boolean
}

/** One batch in the log: the store that its files are in, and the files. A stream may change its source between batches. */
interface LoggedBatch {
  root: string
  files: LoggedFile[]
}

interface LoggedFile {
  path: string
  size: number
  /** It may have been under way when it was found. */
  fresh?: true
}

/** Entries of the log that are made one, now and then: a stream of weeks would have millions. */
const MERGED = 200
const DEFAULT_FILES = 50_000
const DEFAULT_BYTES = 12 * 2 ** 20
const JSON_FILE = /\.(json|ndjson|jsonl)(\.gz)?$/i

/** True for files that are read: a JSON extension, and no part of the path hidden or set aside by `_`. */
export function isInput(path: string): boolean {
  return JSON_FILE.test(path) && !path.split('/').some(part => part.startsWith('.') || part.startsWith('_'))
}

const entryPath = (log: JsonFilesOptions['log'], entry: number) => `${log.path}/${String(entry).padStart(10, '0')}.json`

/** The batches of an entry: its own comes last, and before it may stand those of entries that it was merged with. */
async function readEntry(log: JsonFilesOptions['log'], entry: number): Promise<LoggedBatch[]> {
  const read = JSON.parse(new TextDecoder().decode(await log.store.read(entryPath(log, entry)))) as LoggedBatch | LoggedBatch[]
  return Array.isArray(read) ? read : [read]
}

/** The last file of a batch, and the store that it is in; undefined when the log has no such batch any more. */
export async function lastFile(
  log: JsonFilesOptions['log'],
  entry: FilesOffset,
): Promise<{ root: string; path: string } | undefined> {
  if (!(await log.store.stat(entryPath(log, entry)))) return undefined
  const { root, files } = (await readEntry(log, entry)).at(-1)!
  return { root, path: files.at(-1)!.path }
}

/**
 * Begins a lost log anew with the files that are known to have been read: its entry 0. Safe to call again.
 * @throws when the log is there after all
 */
export async function relogFiles(log: JsonFilesOptions['log'], root: string, paths: readonly string[]): Promise<FilesOffset> {
  const entry: LoggedBatch = { root, files: paths.map(path => ({ path, size: 0 })) }
  const text = JSON.stringify(entry)
  const path = entryPath(log, 0)
  if (!(await log.store.putIfAbsent(path, text)) && new TextDecoder().decode(await log.store.read(path)) !== text)
    throw new Error(`${log.path}: has entries, but the checkpoint that it belongs to is gone; clear the lake or use another`)
  return 0
}

/**
 * JSON files of a folder as a replayable source: one record a file, JSON lines, or arrays, also gzipped. Rows are
 * `{record, source_file, line, damage}`; `damage` holds the bytes (base64) of a record that is not UTF-8.
 * New files are found by listing; each file belongs to exactly one batch, remembered in the log.
 * A file that ends in half a record is waited for while it changes.
 * @throws when a listed file has gone or may not be read: a batch is whole or not at all; when a file has grown since it was read
 */
export function jsonFiles(options: JsonFilesOptions): Source<FilesOffset> {
  const { store, log } = options
  const { prefix = '', ordered = false } = options
  const seen = nameSet()
  const folders: ListOptions['folders'] = new Map()
  const growth = watchGrowth(store)
  let last: string | undefined
  let logged = -1
  let pending: StoredFile[] = []

  const key = (root: string, path: string) => `${root} ${path}`

  async function takeUp(entry: number): Promise<void> {
    for (const { root, files } of await readEntry(log, entry)) {
      if (ordered) last = files.at(-1)?.path
      else for (const file of files) seen.add(key(root, file.path))
    }
    logged = entry
    pending = pending.filter(file => (ordered ? file.path > (last ?? '') : !seen.has(key(store.uri, file.path))))
  }

  /** Takes up what another run (or an earlier process) has written to the log. */
  async function catchUp(from: number): Promise<void> {
    // Of files in order the newest one tells all.
    if (ordered) logged = Math.max(logged, from - 1)
    else if (logged < 0) for await (const { path } of log.store.list(`${log.path}/`)) await takeUp(Number(path.slice(-15, -5)))
    while (await log.store.stat(entryPath(log, logged + 1))) await takeUp(logged + 1)
  }

  /** Bounds the log: of files in order the newest entries tell all, of others many entries become one. */
  async function shorten(done: number): Promise<void> {
    if (ordered) return log.store.delete(entryPath(log, done - MERGED))
    if ((done + 1) % MERGED) return
    const batches: LoggedBatch[] = []
    const entries = Array.from({ length: MERGED }, (_, i) => done + 1 - MERGED + i)
    for (const entry of entries) if (await log.store.stat(entryPath(log, entry))) batches.push(...(await readEntry(log, entry)))
    await log.store.put(entryPath(log, done), JSON.stringify(batches))
    for (const entry of entries.slice(0, -1)) await log.store.delete(entryPath(log, entry))
  }

  async function discover(): Promise<void> {
    await growth.check()
    const skip = (path: string) => seen.has(key(store.uri, path)) || !isInput(path)
    for await (const file of store.list(prefix, { after: last, skip, folders })) if (!skip(file.path)) pending.push(file)
    if (ordered) return
    pending.sort((a, b) => a.modified.getTime() - b.modified.getTime() || (a.path < b.path ? -1 : 1))
  }

  function takeFiles(limits: Limits): StoredFile[] {
    const maxFiles = limits.maxFiles ?? DEFAULT_FILES
    const maxBytes = limits.maxBytes ?? DEFAULT_BYTES
    let bytes = 0
    let n = 0
    while (n < pending.length && n < maxFiles && (n === 0 || bytes + pending[n]!.size <= maxBytes)) bytes += pending[n++]!.size
    return pending.slice(0, n)
  }

  return {
    name: `json-files ${store.uri}${prefix ? `/${prefix}` : ''}`,

    async latest(from, limits = {}): Promise<Available<FilesOffset> | undefined> {
      await catchUp(from ?? -1)
      const next = (from ?? -1) + 1
      // An entry that a crashed run wrote before its batch: the same batch again.
      if (next <= logged) return { to: next, backlog: logged - next + pending.length }
      if (!pending.length) await discover()
      const taken = takeFiles(limits)
      if (!taken.length) return undefined
      const entry: LoggedBatch = { root: store.uri, files: taken.map(file => loggedFile(store, file)) }
      if (!(await log.store.putIfAbsent(entryPath(log, next), JSON.stringify(entry))))
        throw new Error(`${entryPath(log, next)}: written by another process; is the same stream running twice?`)
      if (from !== undefined) await shorten(from)
      logged = next
      if (ordered) last = taken.at(-1)!.path
      else for (const { path } of taken) seen.add(key(store.uri, path))
      pending = pending.slice(taken.length)
      return { to: next, backlog: pending.length }
    },

    async read(from, to, signal): Promise<Batch> {
      const files: InputFile[] = []
      for (let entry = (from ?? -1) + 1; entry <= to; entry++) {
        const { root, files: listed } = (await readEntry(log, entry)).at(-1)!
        const from = root === store.uri ? store : openStore(root)
        const known = await readInThreads(from, listed, signal)
        let sinceTick = 0
        for (const [i, { path, fresh }] of listed.entries()) {
          const read = async () => known[i] ?? readInput(from, path)
          const bytes = fresh ? await readWhole(from, path, read, signal) : await read()
          if (fresh && from === store) growth.add(path, await sizeOf(store, path, bytes))
          files.push({ path, bytes })
          // Files on this disk are read synchronously, which is fastest: let timers and signals in now and then.
          sinceTick += known[i] ? 64 : bytes.length + 4096
          if (sinceTick > 2 ** 21) {
            sinceTick = 0
            await nextTick()
          }
        }
      }
      return batchOfFiles(files)
    },
  }
}

function loggedFile(store: Store, file: StoredFile): LoggedFile {
  return { path: file.path, size: file.size, ...(isFresh(store, file) && { fresh: true as const }) }
}

/** Bytes of a file on its disk; a compressed one is smaller than what was read of it. */
async function sizeOf(store: Store, path: string, bytes: Uint8Array): Promise<number> {
  return isCompressed(path) ? ((await store.stat(path))?.size ?? 0) : bytes.length
}

interface InputFile {
  path: string
  bytes: Uint8Array
}

/**
 * The records of files. Those that are plainly JSON lines (UTF-8, each line from `{` to `}`: never a part of something
 * larger) are cut inside DuckDB; the others, whatever they are, by `splitRecords`.
 */
async function batchOfFiles(files: readonly InputFile[]): Promise<Batch> {
  const contents = await batchOfColumns({
    k: { type: 'INTEGER', values: files.map((_, k) => k) },
    source_file: { type: 'VARCHAR', values: files.map(file => file.path) },
    content: { type: 'BLOB', values: files.map(file => file.bytes) },
  })
  try {
    const lines = await contents.sql(from => `SELECT * EXCLUDE (k) FROM (${linesSql(from)})`)
    const odd = await lines.sql(
      from => `
        SELECT DISTINCT source_file FROM ${from}
        WHERE record IS NULL OR NOT (starts_with(record, '{') AND ends_with(record, '}'))`,
    )
    try {
      if (!odd.count) return lines
      await lines.drop()
      const cut = await cutRecords(odd, files)
      try {
        const plain = (from: string) => linesSql(`(FROM ${from} WHERE source_file NOT IN (FROM ${odd.from}))`)
        return await contents.sql(
          from => `SELECT * EXCLUDE (k) FROM (${plain(from)} UNION ALL BY NAME FROM ${cut.from}) ORDER BY k, line`,
        )
      } finally {
        await cut.drop()
      }
    } finally {
      await odd.drop()
    }
  } finally {
    await contents.drop()
  }
}

/** The lines of files that are not empty; one null for a file that is not UTF-8. */
function linesSql(contents: string): string {
  return `
    SELECT k, record, source_file, line, NULL::VARCHAR AS damage FROM (
      SELECT k, source_file, unnest(parts) AS record, unnest(range(1, len(parts) + 1))::INTEGER AS line
      FROM (SELECT k, source_file, coalesce(string_split(TRY(decode(content)), chr(10)), [NULL]) AS parts FROM ${contents})
    ) WHERE record IS DISTINCT FROM ''`
}

/** The records of the files that `odd` names. */
async function cutRecords(odd: Batch, files: readonly InputFile[]): Promise<Batch> {
  const named = new Set<string>()
  for await (const rows of odd.rows<{ source_file: string }>()) for (const row of rows) named.add(row.source_file)
  const found: (CutRecord & { k: number; source_file: string })[] = []
  for (const [k, { path, bytes }] of files.entries())
    if (named.has(path)) for (const record of recordsOf(bytes)) found.push({ ...record, k, source_file: path })
  return batchOfRows(found as unknown as Row[], {
    k: 'INTEGER',
    record: 'VARCHAR',
    source_file: 'VARCHAR',
    line: 'INTEGER',
    damage: 'VARCHAR',
  })
}

/** From this many files on a batch is worth other threads. */
const THREADED_FILES = 1000
/** Files that a thread is asked for at a time. */
const FILES_ASKED = 500
/** Larger files are read one at a time. */
const SMALL_FILE = 2 ** 16
const readers = threads<FilesQuestion, FilesAnswer>(programBeside(import.meta.url, 'file-reader-thread'))

/** The contents of the small files of a large batch on this machine's disk, by their place; others are missing, as are those that cannot be read. */
async function readInThreads(store: Store, listed: readonly LoggedFile[], signal?: AbortSignal): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  if (!SPARE_THREADS || !store.localPath || listed.length < THREADED_FILES) return found
  const plain = [...listed.keys()].filter(
    i => !listed[i]!.fresh && listed[i]!.size < SMALL_FILE && !isCompressed(listed[i]!.path),
  )
  const parts = Array.from({ length: Math.ceil(plain.length / FILES_ASKED) }, (_, k) =>
    plain.slice(k * FILES_ASKED, (k + 1) * FILES_ASKED),
  )
  await Promise.all(
    parts.map(async part => {
      const { bytes, ends } = await readers.ask({
        paths: part.map(i => store.localPath!(listed[i]!.path)),
        sizes: part.map(i => listed[i]!.size),
      })
      let start = 0
      for (const [k, i] of part.entries()) {
        const end = ends[k]!
        if (end < 0) continue
        found[i] = bytes.subarray(start, end)
        start = end
      }
    }),
  )
  signal?.throwIfAborted()
  return found
}

async function readInput(store: Store, path: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = store.localPath ? readFileSync(store.localPath(path)) : await store.read(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EACCES' || code === 'EPERM')
      throw new Error(`json-files: no permission to read ${path} in ${store.uri}`, { cause: error })
    if (code === 'ENOENT')
      throw new Error(`json-files: ${path} was there when it was listed and is gone from ${store.uri}`, { cause: error })
    throw error
  }
  return isCompressed(path) ? unzip(path, bytes) : bytes
}

const isCompressed = (path: string) => path.toLowerCase().endsWith('.gz')

function unzip(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw new Error(`json-files: ${path} is not a whole gzip file: ${(error as Error).message}`, { cause: error })
  }
}

interface CutRecord {
  record: string
  line: number
  damage: string | null
}

function recordsOf(bytes: Uint8Array): CutRecord[] {
  const { text, damage } = readText(bytes)
  if (damage === null) return splitRecords(text).map(({ text: record, line }) => ({ record, line, damage }))
  // Not UTF-8 somewhere: line by line, so that one bad line does not spoil its file, and its bytes are kept.
  return [...splitBytes(bytes)]
    .map((part, i) => ({ ...readText(part), line: i + 1 }))
    .map(({ text, line, damage }) => ({ record: text.trim(), line, damage }))
    .filter(({ record, damage }) => record || damage !== null)
}

function* splitBytes(bytes: Uint8Array): Iterable<Uint8Array> {
  let start = 0
  while (start < bytes.length) {
    const at = bytes.indexOf(10, start)
    const end = at < 0 ? bytes.length : at
    yield bytes.subarray(start, end)
    start = end + 1
  }
}
