/** Time travel by time: which version was the newest at an instant. */
import type { Store } from '../stores/store.js'
import { TableNotFoundError, VersionNotFoundError } from './errors.js'
import { findCommit, listLog } from './log.js'

/** When the commits of a range were made, by the modification time of their files, never going backwards. */
export async function commitTimes(store: Store, from: number, to: number): Promise<Map<number, Date>> {
  const { commits } = await listLog(store, Math.max(0, from - 1))
  const times = new Map<number, Date>()
  let last = Number.NEGATIVE_INFINITY
  for (const [version, { modified }] of commits) {
    if (version < from || version > to) continue
    last = Math.max(last + 1, modified.getTime())
    times.set(version, new Date(last))
  }
  return times
}

/**
 * The newest version committed at or before a time. As the protocol has it, that is the time in the commit where the
 * table keeps one (in-commit timestamps), else the modification time of the commit's file. Throws
 * `VersionNotFoundError` for a time before the oldest version, `RangeError` for one that is not understood.
 */
export async function versionAt(store: Store, timestamp: Date | string): Promise<number> {
  const wanted = timestamp instanceof Date ? timestamp.getTime() : Date.parse(timestamp)
  if (Number.isNaN(wanted)) throw new RangeError(`${store.uri}: time not understood: ${String(timestamp)}`)
  const times = await commitTimes(store, 0, Number.POSITIVE_INFINITY)
  if (!times.size) throw new TableNotFoundError(store.uri)
  const versions = [...times.keys()]
  // Versions rise and so do their times: the commits are read for their own time only around the answer.
  let low = 0
  let high = versions.length - 1
  let found: number | undefined
  while (low <= high) {
    const middle = (low + high) >> 1
    const version = versions[middle] as number
    const info = (await findCommit(store, version))?.find(action => action.commitInfo)?.commitInfo
    const time = info?.inCommitTimestamp ?? (times.get(version) as Date).getTime()
    if (time <= wanted) {
      found = version
      low = middle + 1
    } else high = middle - 1
  }
  if (found === undefined)
    throw new VersionNotFoundError(
      store.uri,
      undefined,
      `nothing is as old as ${new Date(wanted).toISOString()}; the oldest version is ${versions[0]} of ${(times.get(versions[0] as number) as Date).toISOString()}`,
    )
  return found
}
