/** Removing log files that no version within the retention needs ("Metadata Cleanup" in PROTOCOL.md). */
import type { Store } from '../stores/store.js'
import { readCheckpoint, SIDECARS, sidecarsOf } from './checkpoint.js'
import { type CheckpointFiles, LOG, listLog } from './log.js'
import { commitTimes } from './travel.js'

const DAY_MS = 86_400_000
/** How long commits are kept when the table does not say. */
const RETENTION_MS = 30 * DAY_MS
/** Files that belong to a version: commits, checkpoints, compactions, checksums. */
const VERSIONED = /^(\d{20})\.(\d{20}\.compacted)?/

/** What of a log is removed. */
export interface CleanOptions {
  /** Milliseconds since the epoch. Default: this moment. */
  now?: number
  /** This version and later ones stay, however old. Default: none. */
  unread?: number
  /** Files that are removed at most, the oldest first. Default: no bound. */
  limit?: number
  /** Only says what would go. Default false. */
  dryRun?: boolean
  signal?: AbortSignal
}

/**
 * Removes the log files before the newest checkpoint that is older than `delta.logRetentionDuration` (30 days; of a retention of a
 * day or more the day is cut at midnight UTC), and the sidecars of that age that no kept checkpoint names. Nothing is removed when the table forbids it
 * (`delta.enableExpiredLogCleanup`), its retention is not understood, or that checkpoint cannot be read. Gives the paths.
 */
export async function cleanLog(
  store: Store,
  properties: Readonly<Record<string, string>>,
  { now = Date.now(), unread = Number.POSITIVE_INFINITY, limit, dryRun, signal }: CleanOptions = {},
): Promise<string[]> {
  const text = properties['delta.logRetentionDuration']
  const keptMs = text === undefined ? RETENTION_MS : retention(text)
  if (properties['delta.enableExpiredLogCleanup'] === 'false' || keptMs === undefined) return []
  const exact = keptMs < DAY_MS ? 1 : DAY_MS
  const cutoff = Math.floor((now - keptMs) / exact) * exact
  const { commits, checkpoints } = await listLog(store)
  const times = await commitTimes(store, 0, Number.POSITIVE_INFINITY)
  const last = [...times].reduce((newest, [version, time]) => (time.getTime() <= cutoff ? Math.max(newest, version) : newest), -1)
  // Its commit is kept as well: a checkpoint does not say when and by whom its version was made.
  const base = checkpoints.find(({ version }) => version <= Math.min(last, unread) && commits.has(version))
  if (!base) return []
  const removed: string[] = []
  for await (const { path } of store.list(LOG)) {
    const found = VERSIONED.exec(path.slice(LOG.length))
    if (found && Number(found[1]) < base.version + (found[2] ? 1 : 0)) removed.push(path)
  }
  const kept = checkpoints.filter(({ version }) => version >= base.version)
  const sidecars = await idleSidecars(store, kept, cutoff).catch(() => [])
  if (!removed.length && !sidecars.length) return []
  // What is kept must stand by itself before what came earlier goes.
  const state = await readCheckpoint(store, base).catch(() => undefined)
  if (!state?.protocol || !state.metaData) return []
  // Oldest first: whatever stops this, a reader finds no gap after a checkpoint.
  const going = [...removed, ...sidecars].slice(0, limit)
  for (const path of dryRun ? [] : going) {
    signal?.throwIfAborted()
    await store.delete(path)
  }
  return going
}

/** Sidecars from before a time that none of these checkpoints names; throws where one of them cannot be read. */
async function idleSidecars(store: Store, checkpoints: readonly CheckpointFiles[], cutoff: number): Promise<string[]> {
  const old: string[] = []
  for await (const { path, modified } of store.list(SIDECARS)) if (modified.getTime() <= cutoff) old.push(path)
  if (!old.length) return []
  const named = new Set<string>()
  for (const checkpoint of checkpoints) for (const path of await sidecarsOf(store, checkpoint)) named.add(path)
  return old.filter(path => !named.has(path))
}

const UNIT_MS: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS }

/** Milliseconds of a property such as `interval 1 week`, undefined when it is not set or not understood. */
export function retention(text: string | undefined): number | undefined {
  const found = text ? /^(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week)s?$/i.exec(text.trim()) : null
  return found ? Number(found[1]) * (UNIT_MS[(found[2] as string).toLowerCase()] as number) : undefined
}
