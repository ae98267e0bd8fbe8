import { readFileSync } from 'node:fs'
import { setImmediate as nextTick } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { openStore } from '../stores/open-store.js'
import type { Store, StoredFile } from '../stores/store.js'
import { type Batch, batchOfColumns } from './batch.js'
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
}

/** One batch in the log: the store that its files are in, and the files. A stream may change its source between batches. */
interface LoggedBatch {
  root: string
  files: { path: string; size: number }[]
}

const DEFAULT_FILES = 50_000
const DEFAULT_BYTES = 64 * 2 ** 20
const JSON_FILE = /\.(json|ndjson|jsonl)(\.gz)?$/i

/** True for files that are read: a JSON extension, and no part of the path hidden or set aside by `_`. */
export function isInput(path: string): boolean {
  return JSON_FILE.test(path) && !path.split('/').some(part => part.startsWith('.') || part.startsWith('_'))
}

/**
 * JSON files of a folder as a replayable source: one record a file, JSON lines, or arrays, also gzipped. Rows are
 * `{record, source_file, line, damage}`; `damage` holds the bytes (base64) of a record that is not UTF-8.
 * New files are found by listing; each file belongs to exactly one batch, remembered in the log.
 * @throws when a listed file has gone or may not be read: a batch is whole or not at all
 */
export function jsonFiles(options: JsonFilesOptions): Source<FilesOffset> {
  const { store, log } = options
  const prefix = options.prefix ?? ''
  const seen = new Set<string>()
  let logged = -1
  let pending: StoredFile[] = []

  const entryPath = (entry: number) => `${log.path}/${String(entry).padStart(10, '0')}.json`
  const readEntry = async (entry: number) =>
    JSON.parse(new TextDecoder().decode(await log.store.read(entryPath(entry)))) as LoggedBatch
  const key = (root: string, path: string) => `${root} ${path}`

  /** Takes up what another run (or an earlier process) has written to the log. */
  async function catchUp(): Promise<void> {
    for (;;) {
      if (!(await log.store.stat(entryPath(logged + 1)))) return
      const { root, files } = await readEntry(logged + 1)
      for (const file of files) seen.add(key(root, file.path))
      logged++
      pending = pending.filter(file => !seen.has(key(store.uri, file.path)))
    }
  }

  async function discover(): Promise<void> {
    for await (const file of store.list(prefix))
      if (isInput(file.path) && !seen.has(key(store.uri, file.path))) pending.push(file)
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
      await catchUp()
      const next = (from ?? -1) + 1
      // An entry that a crashed run wrote before its batch: the same batch again.
      if (next <= logged) return { to: next, backlog: logged - next + pending.length }
      if (!pending.length) await discover()
      const taken = takeFiles(limits)
      if (!taken.length) return undefined
      const entry: LoggedBatch = { root: store.uri, files: taken.map(({ path, size }) => ({ path, size })) }
      if (!(await log.store.putIfAbsent(entryPath(next), JSON.stringify(entry))))
        throw new Error(`${entryPath(next)}: written by another process; is the same stream running twice?`)
      logged = next
      for (const { path } of taken) seen.add(key(store.uri, path))
      pending = pending.slice(taken.length)
      return { to: next, backlog: pending.length }
    },

    async read(from, to): Promise<Batch> {
      const columns = {
        record: [] as string[],
        source_file: [] as string[],
        line: [] as number[],
        damage: [] as (string | null)[],
      }
      let sinceTick = 0
      for (let entry = (from ?? -1) + 1; entry <= to; entry++) {
        const { root, files } = await readEntry(entry)
        const from = root === store.uri ? store : openStore(root)
        for (const file of files) {
          const bytes = await readInput(from, file.path)
          addRecords(columns, file.path, bytes)
          // Small files on this disk are read synchronously, which is fastest: let timers and signals in now and then.
          sinceTick += bytes.length + 4096
          if (sinceTick > 2 ** 21) {
            sinceTick = 0
            await nextTick()
          }
        }
      }
      return batchOfColumns({
        record: { type: 'VARCHAR', values: columns.record },
        source_file: { type: 'VARCHAR', values: columns.source_file },
        line: { type: 'INTEGER', values: columns.line },
        damage: { type: 'VARCHAR', values: columns.damage },
      })
    },
  }
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
  return path.toLowerCase().endsWith('.gz') ? unzip(path, bytes) : bytes
}

function unzip(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw new Error(`json-files: ${path} is not a whole gzip file: ${(error as Error).message}`, { cause: error })
  }
}

function addRecords(
  columns: { record: string[]; source_file: string[]; line: number[]; damage: (string | null)[] },
  path: string,
  bytes: Uint8Array,
): void {
  const add = (text: string, line: number, damage: string | null) => {
    columns.record.push(text)
    columns.source_file.push(path)
    columns.line.push(line)
    columns.damage.push(damage)
  }
  const { text, damage } = readText(bytes)
  if (damage !== null) {
    // Not UTF-8 somewhere: line by line, so that one bad line does not spoil its file, and its bytes are kept.
    let line = 0
    for (const part of splitBytes(bytes)) {
      line++
      const read = readText(part)
      const trimmed = read.text.trim()
      if (trimmed || read.damage !== null) add(trimmed, line, read.damage)
    }
    return
  }
  for (const record of splitRecords(text)) add(record.text, record.line, null)
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
