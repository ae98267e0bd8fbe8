/** The log as a list of commits. */
import type { Action, AddFile, CommitInfo, MetaData, Protocol, RemoveFile, Txn } from './actions.js'
import type { TableCore } from './core.js'
import { TableNotFoundError } from './errors.js'
import { findCommit, listLog, readCommits } from './log.js'
import { commitTimes } from './travel.js'

/** One version of the log. */
export interface LogCommit {
  version: number
  timestamp: Date
  commitInfo: CommitInfo | undefined
  add: AddFile[]
  remove: RemoveFile[]
  txn: Txn[]
  metaData?: MetaData
  protocol?: Protocol
}

/** A line of the history. */
export interface HistoryEntry {
  version: number
  timestamp: Date
  operation: string | undefined
  operationParameters: Record<string, unknown>
  operationMetrics: Record<string, unknown>
  engineInfo: string | undefined
  isBlindAppend: boolean | undefined
  readVersion: number | undefined
}

/** The commits with `after` < version ≤ `upTo`, in order. */
export async function* commitsOf(core: TableCore, range: { after?: number; upTo?: number }): AsyncIterable<LogCommit> {
  const { after = -1, upTo = (await core.newest()).version } = range
  let listed: Map<number, Date> | undefined
  for await (const { version, actions } of readCommits(core.store, after + 1, upTo)) {
    const commit = logCommit(version, actions, undefined)
    // Listing is for commits that do not say their time: a log may be long, and a stream asks several times a second.
    if (!commit.timestamp.getTime()) {
      listed ??= await commitTimes(core.store, after + 1, upTo)
      commit.timestamp = listed.get(version) ?? commit.timestamp
    }
    yield commit
  }
}

/** The newest versions first. */
export async function historyOf({ store }: TableCore, limit: number): Promise<HistoryEntry[]> {
  const { commits, latest } = await listLog(store)
  if (latest < 0) throw new TableNotFoundError(store.uri)
  const entries: HistoryEntry[] = []
  for (const [version, { modified }] of [...commits].reverse().slice(0, Math.max(0, limit))) {
    const actions = await findCommit(store, version)
    if (actions) entries.push(historyEntry(logCommit(version, actions, modified)))
  }
  return entries
}

function logCommit(version: number, actions: readonly Action[], modified: Date | undefined): LogCommit {
  const commit: LogCommit = { version, timestamp: new Date(0), commitInfo: undefined, add: [], remove: [], txn: [] }
  for (const action of actions) {
    if (action.add) commit.add.push(action.add)
    else if (action.remove) commit.remove.push(action.remove)
    else if (action.txn) commit.txn.push(action.txn)
    else if (action.metaData) commit.metaData = action.metaData
    else if (action.protocol) commit.protocol = action.protocol
    else if (action.commitInfo) commit.commitInfo = action.commitInfo
  }
  const stamp = commit.commitInfo?.inCommitTimestamp ?? commit.commitInfo?.timestamp
  commit.timestamp = Number.isFinite(stamp) ? new Date(stamp as number) : (modified ?? commit.timestamp)
  return commit
}

function historyEntry({ version, timestamp, commitInfo }: LogCommit): HistoryEntry {
  return {
    version,
    timestamp,
    operation: commitInfo?.operation,
    operationParameters: commitInfo?.operationParameters ?? {},
    operationMetrics: commitInfo?.operationMetrics ?? {},
    engineInfo: commitInfo?.engineInfo,
    isBlindAppend: commitInfo?.isBlindAppend,
    readVersion: commitInfo?.readVersion,
  }
}
