/** Committing: optimistic, one version after another, by Delta's conflict rules. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../stores/store.js'
import { type Action, type CommitInfo, commitName, formatActions, parseActions } from './actions.js'
import { CommitConflictError } from './errors.js'
import { findCommit, LOG } from './log.js'
import { IN_COMMIT_TIMESTAMPS } from './protocol.js'
import type { TableState } from './state.js'

/** Name and version of this library as the log has it. */
const ENGINE = 'moodlake/0.1.0'
/** Attempts before a commit gives up against other writers. */
const MAX_ATTEMPTS = 100

/** One intended change. */
export interface Change {
  /** Such as `WRITE`, `DELETE`. */
  operation: string
  operationParameters: Record<string, unknown>
  /** Counts by name. Default none. */
  operationMetrics?: Readonly<Record<string, number>>
  /** It only adds, and holds whatever others do. Default false. */
  isBlindAppend?: boolean
  txn?: { appId: string; version: number }
  /** Attempts against other writers; default 100. */
  attempts?: number
  /** State that the change was worked out on. */
  base: TableState
  /**
   * The actions against the newest state; called again when others came first. Throws `CommitConflictError` when what
   * they did cannot be merged with this change.
   */
  actions(latest: TableState): Action[]
}

/** True when an application's commit is in the table already. */
export function committed(state: TableState, txn: { appId: string; version: number } | undefined): boolean {
  return txn !== undefined && (state.txns.get(txn.appId)?.version ?? Number.NEGATIVE_INFINITY) >= txn.version
}

/** Throws `CommitConflictError` when schema, properties or protocol changed since `base`. */
export function checkUnchanged(store: Store, base: TableState, latest: TableState): void {
  const changed = (a: unknown, b: unknown) => a !== b && JSON.stringify(a) !== JSON.stringify(b)
  if (changed(base.metaData, latest.metaData))
    throw new CommitConflictError(store.uri, latest.version, 'metadata', 'schema or properties were changed by another writer')
  if (changed(base.protocol, latest.protocol))
    throw new CommitConflictError(store.uri, latest.version, 'protocol', 'the protocol was changed by another writer')
}

/** True when the commit of this version is ours, told by its txnId; undefined when there is none. */
async function isOurs(store: Store, path: string, version: number, txnId: string): Promise<boolean | undefined> {
  if (!(await store.stat(path))) return undefined
  const actions = parseActions(await store.read(path), store.uri, path, version)
  return actions.some(action => action.commitInfo?.txnId === txnId)
}

/** Writes one version; true when it is in the log, false when another writer took the number. */
async function tryCommit(store: Store, version: number, text: string, txnId: string): Promise<boolean> {
  const path = LOG + commitName(version)
  try {
    if (await store.putIfAbsent(path, text)) return true
  } catch (error) {
    // The answer may have been lost while the commit was made.
    const ours = await isOurs(store, path, version, txnId).catch(() => undefined)
    if (ours === undefined) throw error
    return ours
  }
  // A retry inside the store sees its own first attempt as a conflict.
  return (await isOurs(store, path, version, txnId)) === true
}

/** The time of the next commit where the table's commits carry one: later than that of the commit before. */
async function commitTime(store: Store, latest: TableState, changed: readonly Action[]): Promise<number | undefined> {
  const metaData = changed.find(action => action.metaData)?.metaData ?? latest.metaData
  if (metaData?.configuration[IN_COMMIT_TIMESTAMPS] !== 'true') return undefined
  if (latest.version < 0) return Date.now()
  // A state read from a checkpoint alone does not know its commit.
  const info = latest.commitInfo ?? (await findCommit(store, latest.version))?.find(action => action.commitInfo)?.commitInfo
  return Math.max(Date.now(), (info?.inCommitTimestamp ?? 0) + 1)
}

/**
 * Commits a change on the newest version, however many writers there are. Gives the version, or undefined when the
 * change's `txn` turned out to be committed already. Throws `CommitConflictError`.
 * @param refresh brings the newest state
 */
export async function commitChange(
  store: Store,
  change: Change,
  refresh: () => Promise<TableState>,
): Promise<number | undefined> {
  const txnId = randomUUID()
  let latest = change.base
  for (let attempt = 1; ; attempt++) {
    if (committed(latest, change.txn)) return undefined
    const version = latest.version + 1
    const changed = change.actions(latest)
    const inCommitTimestamp = await commitTime(store, latest, changed)
    const commitInfo: CommitInfo = {
      ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
      timestamp: Date.now(),
      operation: change.operation,
      operationParameters: change.operationParameters,
      readVersion: change.base.version < 0 ? undefined : change.base.version,
      isolationLevel: 'Serializable',
      isBlindAppend: change.isBlindAppend ?? false,
      operationMetrics: Object.fromEntries(Object.entries(change.operationMetrics ?? {}).map(([name, n]) => [name, String(n)])),
      engineInfo: ENGINE,
      txnId,
    }
    const actions: Action[] = [{ commitInfo }]
    if (change.txn) actions.push({ txn: { ...change.txn, lastUpdated: commitInfo.timestamp } })
    actions.push(...changed)
    if (await tryCommit(store, version, formatActions(actions), txnId)) return version
    if (attempt >= (change.attempts ?? MAX_ATTEMPTS))
      throw new CommitConflictError(store.uri, version, 'attempts', `other writers came first ${attempt} times`)
    await sleep(Math.random() * Math.min(200, 2 ** attempt))
    latest = await refresh()
  }
}
