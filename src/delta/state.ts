/** The state that a replay of the log gives: which files, which schema, how far each application has come. */
import {
  type Action,
  type AddFile,
  type CommitInfo,
  fileKey,
  type MetaData,
  type Protocol,
  type RemoveFile,
  type Txn,
} from './actions.js'

/** The table at one version. */
export interface TableState {
  version: number
  protocol?: Protocol
  metaData?: MetaData
  commitInfo?: CommitInfo
  files: Map<string, AddFile>
  /** True when files may have been removed. */
  removed: boolean
  /** They, where they were asked for: a checkpoint and a vacuum need them, readers never do, and there may be very many. */
  removes?: Map<string, RemoveFile>
  txns: Map<string, Txn>
  domains: Map<string, NonNullable<Action['domainMetadata']>>
}

/** A state with nothing in it. */
export function emptyState(version: number, removes = false): TableState {
  const known = { version, files: new Map(), txns: new Map(), domains: new Map(), removed: false }
  return removes ? { ...known, removes: new Map() } : known
}

/** A copy that can be changed without changing the first. */
export function copyState(state: TableState): TableState {
  return {
    ...state,
    files: new Map(state.files),
    txns: new Map(state.txns),
    domains: new Map(state.domains),
  }
}

/** Changes the state by the actions of one version ("Action Reconciliation" in PROTOCOL.md). */
export function applyActions(state: TableState, actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.add) {
      const key = fileKey(action.add)
      state.removes?.delete(key)
      state.files.set(key, action.add)
    } else if (action.remove) {
      const key = fileKey(action.remove)
      state.files.delete(key)
      state.removed = true
      state.removes?.set(key, action.remove)
    } else if (action.txn) state.txns.set(action.txn.appId, action.txn)
    else if (action.metaData) state.metaData = action.metaData
    else if (action.protocol) state.protocol = action.protocol
    else if (action.domainMetadata) state.domains.set(action.domainMetadata.domain, action.domainMetadata)
    else if (action.commitInfo) state.commitInfo = action.commitInfo
  }
}
