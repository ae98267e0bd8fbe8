/** The files of `_delta_log`: which there are, and the commits in them. */
import { FileNotFoundError, type Store, type StoredFile } from '../stores/store.js'
import { type Action, commitName, parseActions, versionText } from './actions.js'
import { CorruptLogError, VersionNotFoundError } from './errors.js'

/** Folder of the log within a table. */
export const LOG = '_delta_log/'

/** A checkpoint whose parts are all there. */
export interface CheckpointFiles {
  version: number
  /** Paths within the store, in order of part. */
  paths: string[]
}

/** A log compaction file: what the commits `from` to `to` come to. */
export interface CompactedFile {
  from: number
  to: number
  path: string
}

/** What a listing of the log found. */
export interface LogListing {
  /** Commit files by version, rising. */
  commits: Map<number, StoredFile>
  /** Complete checkpoints, newest first. */
  checkpoints: CheckpointFiles[]
  compacted: CompactedFile[]
  /** Newest version that a commit or a complete checkpoint stands for, −1 when there is none. */
  latest: number
}

const COMMIT = /^(\d{20})\.json$/
const CHECKPOINT = /^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$/
const COMPACTED = /^(\d{20})\.(\d{20})\.compacted\.json$/
const CHECKPOINT_V2 = /^(\d{20})\.checkpoint\.[0-9a-fA-F-]{36}\.(?:json|parquet)$/

/** Lists the log from a version on; a store lists in order of path, which is that of versions and of parts. */
export async function listLog(store: Store, from = 0): Promise<LogListing> {
  const commits = new Map<number, StoredFile>()
  const checkpoints: CheckpointFiles[] = []
  const parts = new Map<string, string[]>()
  const compacted: CompactedFile[] = []
  let latest = -1
  const complete = (version: number, paths: string[]) => {
    checkpoints.push({ version, paths })
    latest = Math.max(latest, version)
  }
  for await (const file of store.list(LOG, from > 0 ? { after: `${LOG}${versionText(from)}` } : {})) {
    const name = file.path.slice(LOG.length)
    const commit = COMMIT.exec(name)
    if (commit) {
      const version = Number(commit[1])
      commits.set(version, file)
      latest = Math.max(latest, version)
      continue
    }
    const range = COMPACTED.exec(name)
    if (range) {
      compacted.push({ from: Number(range[1]), to: Number(range[2]), path: file.path })
      continue
    }
    const classic = CHECKPOINT.exec(name)
    if (classic?.[2] === undefined) {
      const whole = classic ?? CHECKPOINT_V2.exec(name)
      if (whole) complete(Number(whole[1]), [file.path])
      continue
    }
    const key = `${classic[1]}/${classic[3]}`
    const paths = parts.get(key) ?? []
    parts.set(key, paths)
    if (paths.push(file.path) === Number(classic[3])) complete(Number(classic[1]), paths)
  }
  checkpoints.sort((a, b) => b.version - a.version)
  return { commits, checkpoints, compacted, latest }
}

/** Version of the newest checkpoint as `_last_checkpoint` has it; undefined when there is none or it is damaged. */
export async function lastCheckpointHint(store: Store): Promise<number | undefined> {
  try {
    const hint = JSON.parse(Buffer.from(await store.read(`${LOG}_last_checkpoint`)).toString('utf8')) as { version?: unknown }
    return Number.isSafeInteger(hint.version) && Number(hint.version) >= 0 ? Number(hint.version) : undefined
  } catch (error) {
    // A hint: where it cannot be read, a full listing says the same.
    if (error instanceof FileNotFoundError || error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/** The actions of one version. Throws `VersionNotFoundError` when it was cleaned away, `CorruptLogError` when its file is missing or damaged. */
async function readCommit(store: Store, version: number): Promise<Action[]> {
  const actions = await findCommit(store, version)
  if (actions) return actions
  const { commits } = await listLog(store)
  const [oldest] = commits.keys()
  // Clean-up takes the oldest first: where an older one stands, this one was lost.
  if (oldest !== undefined && version < oldest)
    throw new VersionNotFoundError(
      store.uri,
      version,
      `version ${version} is no longer in the log; the oldest commit is ${oldest}`,
    )
  throw new CorruptLogError(store.uri, LOG + commitName(version), version, `version ${version} is missing from the log`)
}

/** The actions of one version, undefined when it is not there. */
export async function findCommit(store: Store, version: number): Promise<Action[] | undefined> {
  const path = LOG + commitName(version)
  let bytes: Uint8Array
  try {
    bytes = await store.read(path)
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined
    throw error
  }
  return parseActions(bytes, store.uri, path, version)
}

/** Commits read at a time: hides the latency of a remote store. */
const AHEAD = 16

/** The commits `from` to `to` (both included) in order. */
export async function* readCommits(
  store: Store,
  from: number,
  to: number,
): AsyncIterable<{ version: number; actions: Action[] }> {
  for (let start = from; start <= to; start += AHEAD) {
    const versions = Array.from({ length: Math.min(AHEAD, to - start + 1) }, (_, i) => start + i)
    const read = await Promise.all(versions.map(version => readCommit(store, version)))
    for (const [i, actions] of read.entries()) yield { version: start + i, actions }
  }
}
