/** Removing log files that no version within the retention needs ("Metadata Cleanup" in PROTOCOL.md). */
import type { Store } from '../stores/store.js'
import { readCheckpoint } from './checkpoint.js'
import { LOG, listLog } from './log.js'
import { commitTimes } from './travel.js'

const DAY_MS = 86_400_000
/** How long commits are kept when the table does not say. */
const RETENTION_MS = 30 * DAY_MS
/** Files that belong to a version: commits, checkpoints, compactions, checksums. */
const VERSIONED = /^(\d{20})\.(\d{20}\.compacted)?/

/**
 * Removes the log files before the newest checkpoint that is older than `delta.logRetentionDuration` (30 days; the day is
 * cut at midnight UTC); sidecars are left to the engine that writes them. Nothing is removed when the table forbids it
 * (`delta.enableExpiredLogCleanup`), its retention is not understood, or that checkpoint cannot be read. Gives the paths.
 */
export async function cleanLog(store: Store, properties: Readonly<Record<string, string>>, now = Date.now()): Promise<string[]> {
  const text = properties['delta.logRetentionDuration']
  const keptMs = text === undefined ? RETENTION_MS : retention(text)
  if (properties['delta.enableExpiredLogCleanup'] === 'false' || keptMs === undefined) return []
  const cutoff = Math.floor((now - keptMs) / DAY_MS) * DAY_MS
  const { commits, checkpoints } = await listLog(store)
  const times = await commitTimes(store, 0, Number.POSITIVE_INFINITY)
  const last = [...times].reduce((newest, [version, time]) => (time.getTime() <= cutoff ? Math.max(newest, version) : newest), -1)
  // Its commit is kept as well: a checkpoint does not say when and by whom its version was made.
  const base = checkpoints.find(({ version }) => version <= last && commits.has(version))
  if (!base) return []
  const removed: string[] = []
  for await (const { path } of store.list(LOG)) {
    const found = VERSIONED.exec(path.slice(LOG.length))
    if (found && Number(found[1]) < base.version + (found[2] ? 1 : 0)) removed.push(path)
  }
  if (!removed.length) return []
  // What is kept must stand by itself before what came earlier goes.
  const state = await readCheckpoint(store, base).catch(() => undefined)
  if (!state?.protocol || !state.metaData) return []
  // Oldest first: whatever stops this, a reader finds no gap after a checkpoint.
  for (const path of removed) await store.delete(path)
  return removed
}

const UNIT_MS: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS }

/** Milliseconds of a property such as `interval 1 week`, undefined when it is not set or not understood. */
export function retention(text: string | undefined): number | undefined {
  const found = text ? /^(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week)s?$/i.exec(text.trim()) : null
  return found ? Number(found[1]) * (UNIT_MS[(found[2] as string).toLowerCase()] as number) : undefined
}
