/** Replaying the log: from the newest usable checkpoint, then commit by commit. */
import type { Store } from '../stores/store.js'
import { type Action, commitName, parseActions } from './actions.js'
import { readCheckpoint } from './checkpoint.js'
import { CorruptLogError, TableNotFoundError, VersionNotFoundError } from './errors.js'
import { FORGET } from './gone.js'
import { type CompactedFile, findCommit, LOG, type LogListing, lastCheckpointHint, listLog, readCommits } from './log.js'
import { applyActions, copyState, emptyState, type TableState } from './state.js'

/** Brings a state forward to version `to` by commits, and by log compaction files where they say the same in one. */
async function replay(store: Store, state: TableState, to: number, compacted: readonly CompactedFile[]): Promise<void> {
  const apply = (version: number, actions: readonly Action[]) => {
    delete state.commitInfo
    applyActions(state, actions)
    state.version = version
  }
  const usable = compacted.filter(({ from, to: end }) => from < end && end <= to).sort((a, b) => a.from - b.from || b.to - a.to)
  for (const { from, to: end, path } of usable) {
    if (from <= state.version) continue
    // The commits say the same: a compaction that cannot be read is passed over.
    const actions = await store
      .read(path)
      .then(bytes => parseActions(bytes, store.uri, path, end))
      .catch(() => undefined)
    if (!actions) continue
    for await (const commit of readCommits(store, state.version + 1, from - 1)) apply(commit.version, commit.actions)
    apply(end, actions)
  }
  for await (const { version, actions } of readCommits(store, state.version + 1, to)) apply(version, actions)
}

/** Brings a copy of the state forward to the newest version; the state itself when nothing is new. */
export async function follow(store: Store, state: TableState): Promise<TableState> {
  let next: TableState | undefined
  for (let version = state.version + 1; ; version++) {
    const actions = await findCommit(store, version)
    if (!actions) return next ?? state
    // What was known of files before may be right no more.
    if (actions.some(({ commitInfo }) => commitInfo?.operation === FORGET)) return loadState(store)
    next ??= copyState(state)
    delete next.commitInfo
    applyActions(next, actions)
    next.version = version
  }
}

/**
 * Replays the log to a version, the newest by default. A damaged checkpoint is passed over for an older one or for the
 * commits. Removed files come on request alone. Throws `TableNotFoundError`, `VersionNotFoundError`, `CorruptLogError`.
 */
export async function loadState(store: Store, version?: number, removes = false): Promise<TableState> {
  const hint = await lastCheckpointHint(store)
  if (hint && (version === undefined || hint <= version)) {
    const listing = await listLog(store, hint)
    const start = await newestState(store, listing, version ?? listing.latest, removes)
    // A hint may point at a checkpoint that is gone or damaged; then everything is listed.
    if (start.state && listing.latest >= (version ?? 0)) return complete(store, listing, version, start)
  }
  const listing = await listLog(store)
  return complete(store, listing, version, await newestState(store, listing, version ?? listing.latest, removes))
}

/** What a replay starts from: a checkpoint's state, or nothing, and the newest checkpoint that could not be read. */
interface Start {
  state?: TableState
  removes: boolean
  damaged?: CorruptLogError
}

/** The state of the newest checkpoint up to a version that can be read. */
async function newestState(store: Store, listing: LogListing, wanted: number, removes: boolean): Promise<Start> {
  let damaged: CorruptLogError | undefined
  for (const checkpoint of listing.checkpoints) {
    const { version, paths } = checkpoint
    if (version > wanted) continue
    try {
      return { state: await readCheckpoint(store, checkpoint, removes), removes }
    } catch (cause) {
      const detail = `the checkpoint of version ${version} cannot be read and the commits before it are gone`
      damaged ??= new CorruptLogError(store.uri, paths[0] as string, version, detail, { cause })
    }
  }
  return { removes, damaged }
}

/** Brings the start forward by the listed commits. */
async function complete(store: Store, listing: LogListing, version: number | undefined, start: Start): Promise<TableState> {
  if (listing.latest < 0) throw new TableNotFoundError(store.uri)
  const wanted = version ?? listing.latest
  if (wanted > listing.latest)
    throw new VersionNotFoundError(store.uri, wanted, `no version ${wanted}; the newest is ${listing.latest}`)
  if (start.state) checkComplete(store, start.state, 'checkpoint')
  for (let needed = (start.state?.version ?? -1) + 1; needed <= wanted; needed++)
    if (!listing.commits.has(needed)) throw missing(store, listing, needed, wanted, start)
  const state = start.state ?? emptyState(-1, start.removes)
  await replay(store, state, wanted, listing.compacted)
  checkComplete(store, state, 'log')
  return state
}

function missing(store: Store, listing: LogListing, needed: number, wanted: number, { state, damaged }: Start): Error {
  if (damaged && !state) return damaged
  const [first = wanted] = listing.commits.keys()
  const oldest = listing.checkpoints.at(-1)?.version
  if (!state && first >= needed && oldest !== undefined)
    return new VersionNotFoundError(store.uri, wanted, `version ${wanted} is no longer in the log; the oldest is ${oldest}`)
  return new CorruptLogError(store.uri, LOG + commitName(needed), needed, `version ${needed} is missing from the log`)
}

function checkComplete(store: Store, state: TableState, what: string): void {
  const lacks = !state.protocol ? 'protocol' : !state.metaData ? 'metaData' : !state.metaData.schemaString ? 'schema' : undefined
  if (lacks)
    throw new CorruptLogError(store.uri, LOG, state.version, `the ${what} up to version ${state.version} has no ${lacks}`)
}
