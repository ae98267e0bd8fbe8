/** Care of a table: compaction, removal of old files, return to a former version. */

import type { Action, AddFile, MetaData } from './actions.js'
import { cleanLog, retention } from './clean-up.js'
import { type At, removeOf, requireWritable, type TableCore } from './core.js'
import { CommitConflictError, DataFileError } from './errors.js'
import { LOG, readCommits } from './log.js'
import { discard, writeFiles } from './parquet.js'
import { checkChangeable } from './protocol.js'
import { dataPath, relationOf, relationSql, vectorFile } from './relation.js'
import type { TableState } from './state.js'
import { checkUnchanged } from './transaction.js'
import type { Commit } from './write.js'

/** How files are compacted. */
export interface OptimizeOptions {
  /** Bytes that a compacted file is to have; smaller files are merged up to it. Default 128 MiB. */
  targetBytes?: number
}

/** What a compaction did. */
export interface Optimized {
  /** Version that was committed; the newest one when there was nothing to do. */
  version: number
  /** Files written, and files that they stand for. */
  added: number
  removed: number
  /** Bytes of those. */
  bytesAdded: number
  bytesRemoved: number
}

/** Which files are removed. */
export interface VacuumOptions {
  /** Files removed from the table longer ago than this many hours go. Default: the table's retention, else a week. */
  retentionHours?: number
  /** Allows a retention below a week; readers and writers of that time may lose their files. Default false. */
  force?: boolean
  /** The first version that a stream has yet to read: what it and later ones added stays, however old, in data and log. Default: none. */
  unread?: number
  /** Only says what would go. Default false. */
  dryRun?: boolean
  signal?: AbortSignal
}

/** What a vacuum removed. */
export interface Vacuumed {
  /** Paths within the table. */
  files: string[]
  bytes: number
  /** Files of the log that were past its own retention. */
  logFiles: number
}

const TARGET_BYTES = 128 * 2 ** 20
const WEEK_HOURS = 168
const HOUR_MS = 3_600_000

const bytesOf = (files: readonly AddFile[]) => files.reduce((sum, file) => sum + file.size, 0)

/** Groups of files of one partition that together are about as large as wanted. */
function bins(files: Iterable<AddFile>, targetBytes: number, wanted: (file: AddFile) => boolean): AddFile[][] {
  const partitions = new Map<string, AddFile[]>()
  for (const file of files) {
    if ((file.size >= targetBytes && !file.deletionVector) || !wanted(file)) continue
    const key = JSON.stringify(Object.entries(file.partitionValues).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (!partitions.get(key)?.push(file)) partitions.set(key, [file])
  }
  const found: AddFile[][] = []
  for (const files of partitions.values()) {
    let bin: AddFile[] = []
    let size = 0
    for (const file of files) {
      if (bin.length && size + file.size > targetBytes) {
        found.push(bin)
        bin = []
        size = 0
      }
      bin.push(file)
      size += file.size
    }
    found.push(bin)
  }
  return found.filter(bin => bin.length > 1 || bin.some(file => file.deletionVector))
}

/** Merges small files; readers see the same rows before and after. */
export async function optimizeTable(
  core: TableCore,
  options: OptimizeOptions,
  wanted: (file: AddFile) => boolean = () => true,
): Promise<Optimized> {
  const { store } = core
  const base = await core.newest()
  const { metaData, schema } = requireWritable(store, base)
  const targetBytes = options.targetBytes ?? TARGET_BYTES
  if (!(targetBytes > 0)) throw new RangeError(`optimize: targetBytes is not a size: ${targetBytes}`)
  const add: AddFile[] = []
  const removed: AddFile[] = []
  try {
    for (const bin of bins(base.files.values(), targetBytes, wanted)) {
      const sql = `SELECT * FROM ${await relationSql({ ...relationOf(store, base.version, metaData, schema), files: bin })}`
      const source = { sql, schema, release: async () => undefined }
      const written = await writeFiles(store, source, metaData)
      add.push(...written.add.map(file => ({ ...file, dataChange: false })))
      removed.push(...bin)
    }
    if (!removed.length) return { version: base.version, added: 0, removed: 0, bytesAdded: 0, bytesRemoved: 0 }
    const result = { added: add.length, removed: removed.length, bytesAdded: bytesOf(add), bytesRemoved: bytesOf(removed) }
    const version = await core.commit({
      operation: 'OPTIMIZE',
      operationParameters: { predicate: '[]', targetSize: String(targetBytes) },
      operationMetrics: {
        numAddedFiles: result.added,
        numRemovedFiles: result.removed,
        numAddedBytes: result.bytesAdded,
        numRemovedBytes: result.bytesRemoved,
      },
      base,
      actions: latest => {
        if (latest !== base) checkStanding(core, base, latest, removed)
        const now = Date.now()
        return [...removed.map(file => ({ remove: removeOf(file, now, false) })), ...add.map(file => ({ add: file }))]
      },
    })
    return { version, ...result }
  } catch (error) {
    if (error instanceof CommitConflictError) await discard(store, add)
    throw error
  }
}

/** Property that asks for compaction after writes. */
const AUTO_COMPACT = 'delta.autoOptimize.autoCompact'
/** Files below this are merged by themselves, once there are so many of them. */
const SMALL_BYTES = 16 * 2 ** 20
const MANY_FILES = 50

/**
 * Fifty small files or more that are worth merging: of ascending sizes, none larger than those before it together. So a row is written
 * anew a few times in its life, and not with every compaction until its file is large.
 */
function alike(files: Iterable<AddFile>): Set<AddFile> {
  const small = [...files].filter(file => file.size < SMALL_BYTES).sort((a, b) => a.size - b.size)
  const found = new Set<AddFile>()
  let bytes = 0
  for (const file of small) {
    if (found.size >= MANY_FILES / 2 && file.size > bytes) {
      if (found.size >= MANY_FILES) break
      found.clear()
      bytes = 0
    }
    found.add(file)
    bytes += file.size
  }
  return found
}

/** Merges the small files of a table that asks for it, once there are fifty. What was written stands, whatever becomes of this. */
export async function compactAfterWrite(core: TableCore): Promise<void> {
  const { metaData, files } = await core.newest()
  if (metaData?.configuration[AUTO_COMPACT] !== 'true' || files.size < MANY_FILES) return
  const small = alike(files.values())
  if (small.size < MANY_FILES) return
  try {
    await optimizeTable(core, { targetBytes: SMALL_BYTES }, file => small.has(file))
  } catch (error) {
    // Another writer changed those files: the next write will see to it.
    if (!(error instanceof CommitConflictError))
      process.emitWarning(`${core.store.uri}: written, but not compacted: ${String(error)}`)
  }
}

/** Throws `CommitConflictError` when a file that is to be replaced is no longer there. */
function checkStanding(core: TableCore, base: TableState, latest: TableState, files: readonly AddFile[]): void {
  checkUnchanged(core.store, base, latest)
  const standing = new Set(latest.files.values())
  const paths = new Map([...latest.files.values()].map(file => [file.path, file]))
  for (const file of files) {
    const now = paths.get(file.path)
    if (standing.has(file) || (now && now.deletionVector?.pathOrInlineDv === file.deletionVector?.pathOrInlineDv)) continue
    throw new CommitConflictError(core.store.uri, latest.version, 'delete', `another writer removed or changed ${file.path}`)
  }
}

/** Paths that a version within the retention may still need. */
function neededPaths(core: TableCore, state: TableState, cutoff: number): Set<string> {
  const needed = new Set<string>()
  const recent = [...(state.removes?.values() ?? [])].filter(remove => (remove.deletionTimestamp ?? 0) >= cutoff)
  for (const file of [...state.files.values(), ...recent]) {
    try {
      needed.add(dataPath(core.store, state.version, file))
      const vector = file.deletionVector ? vectorFile(core.store, state.version, file.deletionVector) : undefined
      if (vector !== undefined) needed.add(vector)
    } catch (error) {
      // A file elsewhere is not ours to remove.
      if (!(error instanceof DataFileError)) throw error
    }
  }
  return needed
}

/** Names that the protocol keeps for itself, and hidden ones; a folder of a partition column is none. */
function hidden(path: string): boolean {
  return path.split('/').some(part => /^[._]/.test(part) && !part.includes('=')) && !path.startsWith('_change_data/')
}

/** Removes files that nothing needs any more: data by `options`, the log's by the table's own `delta.logRetentionDuration`. */
export async function vacuumTable(core: TableCore, options: VacuumOptions): Promise<Vacuumed> {
  const { store } = core
  const { unread, dryRun, signal } = options
  const state = await core.withRemoves()
  const { metaData } = requireWritable(store, state)
  const own = retention(metaData.configuration['delta.deletedFileRetentionDuration'])
  const hours = options.retentionHours ?? (own === undefined ? WEEK_HOURS : own / HOUR_MS)
  if (!(hours >= 0)) throw new RangeError(`vacuum: retentionHours is not a number of hours: ${hours}`)
  if (hours < WEEK_HOURS && !options.force && options.retentionHours !== undefined)
    throw new RangeError(`vacuum: a retention of ${hours} hours is below a week (${WEEK_HOURS}); force allows it`)
  const cutoff = Date.now() - hours * HOUR_MS
  const needed = neededPaths(core, state, cutoff)
  for await (const { actions } of readCommits(store, unread ?? state.version + 1, state.version))
    for (const { add } of actions) if (add) needed.add(dataPath(store, state.version, add))
  const files: string[] = []
  let bytes = 0
  for await (const file of store.list('', { signal })) {
    if (file.path.startsWith(LOG) || hidden(file.path) || needed.has(file.path) || file.modified.getTime() > cutoff) continue
    files.push(file.path)
    bytes += file.size
  }
  for (const path of dryRun ? [] : files) {
    signal?.throwIfAborted()
    await store.delete(path)
  }
  const log = await cleanLog(store, metaData.configuration, { unread, dryRun, signal })
  return { files, bytes, logFiles: log.length }
}

/** A former version's metaData; ids of columns that were given since are not given again. */
function restored(former: MetaData, now: MetaData): MetaData {
  const key = 'delta.columnMapping.maxColumnId'
  const given = now.configuration[key]
  return given === undefined ? former : { ...former, configuration: { ...former.configuration, [key]: given } }
}

/** Commits the files and the schema of a former version as a new one. */
export async function restoreTable(core: TableCore, at: At): Promise<Commit> {
  const { store } = core
  if (at.version === undefined && at.timestamp === undefined) throw new RangeError('restore: name a version or a time')
  const base = await core.newest()
  const target = await core.stateAt(at)
  checkChangeable(store.uri, requireWritable(store, base).metaData)
  const wanted = restored(requireWritable(store, target).metaData, requireWritable(store, base).metaData)
  const back = [...target.files].filter(([key]) => !base.files.has(key)).map(([, file]) => file)
  for (const file of back)
    if (!(await store.stat(dataPath(store, target.version, file))))
      throw new DataFileError(store.uri, file.path, target.version, 'the data file is gone, so this version cannot be restored')
  const actionsAgainst = (latest: TableState): Action[] => {
    if (latest !== base) checkUnchanged(store, base, latest)
    const now = Date.now()
    return [
      ...(JSON.stringify(latest.metaData) === JSON.stringify(wanted) ? [] : [{ metaData: wanted }]),
      ...[...latest.files].filter(([key]) => !target.files.has(key)).map(([, file]) => ({ remove: removeOf(file, now) })),
      ...[...target.files].filter(([key]) => !latest.files.has(key)).map(([, file]) => ({ add: { ...file, dataChange: true } })),
    ]
  }
  const version = await core.commit({
    operation: 'RESTORE',
    operationParameters: { version: String(target.version) },
    operationMetrics: { numRestoredFiles: back.length },
    base,
    actions: actionsAgainst,
  })
  return { version, rows: 0, files: back.length, bytes: bytesOf(back), skipped: false }
}
