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
  const from = hint !== undefined && (version === undefined || hint <= version) ? hint : 0
  if (from > 0) {
    const listing = await listLog(store, from)
    // A hint may point at a checkpoint that is gone or damaged; then everything is listed.
    if (listing.checkpoints.length && (await usable(store, listing, version, removes)))
      return fromListing(store, listing, version, removes)
  }
  return fromListing(store, await listLog(store), version, removes)
}

async function usable(store: Store, listing: LogListing, version: number | undefined, removes: boolean): Promise<boolean> {
  const wanted = version ?? listing.latest
  const checkpoint = listing.checkpoints.find(found => found.version <= wanted)
  if (!checkpoint || listing.latest < wanted) return false
  return (await attempt(store, listing, checkpoint.version, removes)) !== undefined
}

const attempts = new WeakMap<LogListing, Map<number, TableState | Error>>()

/** State of a listed checkpoint, undefined when it is damaged; read once. */
async function attempt(store: Store, listing: LogListing, version: number, removes: boolean): Promise<TableState | undefined> {
  const known = attempts.get(listing) ?? new Map<number, TableState | Error>()
  attempts.set(listing, known)
  if (!known.has(version)) {
    let result: TableState | Error = new Error(`no checkpoint of version ${version}`)
    for (const checkpoint of listing.checkpoints.filter(found => found.version === version)) {
      result = await readCheckpoint(store, checkpoint, removes).catch((error: Error) => error)
      if (!(result instanceof Error)) break
    }
    known.set(version, result)
  }
  const result = known.get(version)
  return result instanceof Error ? undefined : result
}

async function fromListing(
  store: Store,
  listing: LogListing,
  version: number | undefined,
  removes: boolean,
): Promise<TableState> {
  if (listing.latest < 0) throw new TableNotFoundError(store.uri)
  const wanted = version ?? listing.latest
  if (wanted > listing.latest)
    throw new VersionNotFoundError(store.uri, wanted, `no version ${wanted}; the newest is ${listing.latest}`)
  let state: TableState | undefined
  for (const checkpoint of listing.checkpoints) {
    if (checkpoint.version > wanted) continue
    const found = await attempt(store, listing, checkpoint.version, removes)
    if (found) {
      // Its own listing's alone, so it may be changed.
      state = found
      checkComplete(store, state, 'checkpoint')
      break
    }
  }
  const first = (state?.version ?? -1) + 1
  for (let needed = first; needed <= wanted; needed++)
    if (!listing.commits.has(needed)) throw missing(store, listing, needed, wanted, state)
  state ??= emptyState(-1, removes)
  await replay(store, state, wanted, listing.compacted)
  checkComplete(store, state, 'log')
  return state
}

function missing(store: Store, listing: LogListing, needed: number, wanted: number, state: TableState | undefined): Error {
  const damaged = listing.checkpoints.filter(
    found => found.version <= wanted && attempts.get(listing)?.get(found.version) instanceof Error,
  )[0]
  if (damaged && !state) {
    const cause = attempts.get(listing)?.get(damaged.version)
    const detail = `the checkpoint of version ${damaged.version} cannot be read and the commits before it are gone`
    return new CorruptLogError(store.uri, damaged.paths[0] as string, damaged.version, detail, { cause })
  }
  const older = [...listing.commits.keys()].some(version => version < needed)
  if (!state && !older) {
    const oldest = listing.checkpoints.at(-1)?.version
    const detail =
      oldest === undefined ? `version ${needed} is missing` : `version ${wanted} is no longer in the log; the oldest is ${oldest}`
    return oldest === undefined
      ? new CorruptLogError(store.uri, LOG + commitName(needed), needed, `version ${needed} is missing from the log`)
      : new VersionNotFoundError(store.uri, wanted, detail)
  }
  return new CorruptLogError(store.uri, LOG + commitName(needed), needed, `version ${needed} is missing from the log`)
}

function checkComplete(store: Store, state: TableState, what: string): void {
  const lacks = !state.protocol ? 'protocol' : !state.metaData ? 'metaData' : !state.metaData.schemaString ? 'schema' : undefined
  if (lacks)
    throw new CorruptLogError(store.uri, LOG, state.version, `the ${what} up to version ${state.version} has no ${lacks}`)
}
