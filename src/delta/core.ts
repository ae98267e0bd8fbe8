/** What every operation on a table stands on: the newest state, kept up to date, and the care after a commit. */
import type { Store } from '../stores/store.js'
import { type AddFile, commitName, type MetaData, type Protocol, type RemoveFile, versionText } from './actions.js'
import { writeCheckpoint } from './checkpoint.js'
import { cleanLog, retention } from './clean-up.js'
import { TableNotFoundError } from './errors.js'
import { LOG } from './log.js'
import { checkReadable, checkWritable } from './protocol.js'
import { follow, loadState } from './replay.js'
import { parseSchemaString, type Schema } from './schema.js'
import { type Snapshot, snapshotOf } from './snapshot.js'
import type { TableState } from './state.js'
import { type Change, commitChange } from './transaction.js'
import { versionAt } from './travel.js'

/** A version of a table, by number or as the newest one at a time; neither means the newest. */
export interface At {
  version?: number
  timestamp?: Date | string
}

/** The inside of a table handle. */
export interface TableCore {
  readonly store: Store
  /** The newest state; the former one is brought forward. Treat it as frozen. */
  newest(): Promise<TableState>
  stateAt(at: At): Promise<TableState>
  snapshot(state: TableState): Promise<Snapshot>
  /** The newest state, its removed files with it. */
  withRemoves(): Promise<TableState>
  /** Commits a change as `commitChange` does, and writes the checkpoint that is due, if one is. */
  commit(change: Change & { txn?: undefined }): Promise<number>
  commit(change: Change): Promise<number | undefined>
  /** Writes a checkpoint of the newest version and removes expired log files. */
  checkpoint(): Promise<void>
}

/** Versions between checkpoints when the table does not say. */
const CHECKPOINT_INTERVAL = 10
/** A handle that writes many checkpoints looks for expired log files this often, ms. */
const CLEAN_EVERY_MS = 3_600_000
/** Log files that go with one commit at most. */
const CLEAN_FILES = 500

/** The inside of a handle on the table in a store. */
export function tableCore(store: Store): TableCore {
  let known: TableState | undefined
  let mark: string | undefined
  let refreshing: Promise<TableState> | undefined
  let cleaned = Number.NEGATIVE_INFINITY

  /** Tells a commit file from another of the same name: a table may be dropped and made again under our feet. */
  async function markOf(state: TableState): Promise<string | undefined> {
    const file = await store.stat(LOG + commitName(state.version))
    return file && `${file.size} ${file.modified.getTime()}`
  }
  async function load(): Promise<TableState> {
    const before = known && mark !== undefined && (await markOf(known)) === mark ? known : undefined
    const state = before ? await follow(store, before) : await loadState(store)
    if (state !== known) {
      mark = await markOf(state)
      known = state
    }
    return state
  }
  function newest(): Promise<TableState> {
    refreshing ??= load().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }
  async function timestampOf(state: TableState): Promise<Date> {
    const info = state.commitInfo
    const stamp = info?.inCommitTimestamp ?? info?.timestamp
    if (Number.isFinite(stamp)) return new Date(stamp as number)
    // The commit's file, or the checkpoint's where commits were cleaned away.
    for await (const file of store.list(LOG + versionText(state.version))) return file.modified
    return new Date(0)
  }
  async function stateAt(at: { version?: number; timestamp?: Date | string }): Promise<TableState> {
    let version = at.version
    if (version === undefined && at.timestamp !== undefined) version = await versionAt(store, at.timestamp)
    if (version === undefined) return newest()
    if (!Number.isSafeInteger(version) || version < 0) throw new RangeError(`${store.uri}: not a version: ${version}`)
    return known?.version === version && (await newest()).version === version ? newest() : loadState(store, version)
  }
  /** The commit stands, whatever becomes of the checkpoint. */
  async function afterCommit(version: number): Promise<void> {
    const interval = Number.parseInt(known?.metaData?.configuration['delta.checkpointInterval'] ?? '', 10)
    const every = interval > 0 ? interval : CHECKPOINT_INTERVAL
    if (version % every !== 0) return
    try {
      await checkpointAt(version)
    } catch (error) {
      process.emitWarning(
        `${store.uri}: version ${version} is committed, but its checkpoint or the clean-up of the log failed: ${String(error)}`,
      )
    }
  }
  async function commit(change: Change): Promise<number | undefined> {
    const version = await commitChange(store, change, newest)
    if (version !== undefined) await afterCommit(version)
    return version
  }
  /** Removed files are read where they are needed, from the newest checkpoint and the commits since: a table may have very many. */
  async function withRemoves(version?: number): Promise<TableState> {
    const latest = await newest()
    const same = version === undefined || latest.version === version
    return same && !latest.removed ? latest : loadState(store, version ?? latest.version, true)
  }
  async function checkpointAt(version?: number): Promise<void> {
    const state = await withRemoves(version)
    const { configuration } = requireWritable(store, state).metaData
    await writeCheckpoint(store, state, retention(configuration['delta.deletedFileRetentionDuration']))
    if (version !== undefined && performance.now() - cleaned < CLEAN_EVERY_MS) return
    // Somebody waits for the commit: of very many files some are left to the next checkpoint.
    const removed = await cleanLog(store, configuration, version === undefined ? {} : { limit: CLEAN_FILES })
    if (removed.length < CLEAN_FILES) cleaned = performance.now()
  }

  return {
    store,
    newest,
    stateAt,
    withRemoves: () => withRemoves(),
    snapshot: async state => snapshotOf(store, state, await timestampOf(state)),
    commit: commit as TableCore['commit'],
    checkpoint: () => checkpointAt(),
  }
}

/** Protocol, metaData and schema of a state that may be written. Throws `UnsupportedFeatureError`. */
export function requireWritable(store: Store, state: TableState): { protocol: Protocol; metaData: MetaData; schema: Schema } {
  const { protocol, metaData } = state
  if (!protocol || !metaData) throw new TableNotFoundError(store.uri)
  checkReadable(store.uri, protocol)
  const schema = parseSchemaString(metaData.schemaString)
  checkWritable(store.uri, protocol, metaData, schema)
  return { protocol, metaData, schema }
}

/** The action that takes a file out of the table. */
export function removeOf(file: AddFile, now: number, dataChange = true): RemoveFile {
  return {
    path: file.path,
    deletionTimestamp: now,
    dataChange,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.size,
    ...(file.tags ? { tags: file.tags } : {}),
    ...(file.deletionVector ? { deletionVector: file.deletionVector } : {}),
  }
}
