/** What the log says of purged files: which there are, and putting it right. */
import { promises as fs } from 'node:fs'
import type { Store } from '../stores/store.js'
import {
  type Action,
  type AddFile,
  commitName,
  type DeletionVector,
  encodePath,
  fileKey,
  formatActions,
  type MetaData,
  parseActions,
  type RemoveFile,
} from './actions.js'
import { readCheckpoint, sidecarsOf, writeCheckpoint } from './checkpoint.js'
import { retention } from './clean-up.js'
import type { TableCore } from './core.js'
import { FORGET } from './gone.js'
import { type CheckpointFiles, findCommit, LOG, lastCheckpointHint, listLog } from './log.js'
import { dataPath } from './relation.js'

/** A file that is written anew: where its new content waits, and what the log is to say of it. */
export interface Rewritten {
  staged: string
  /** Its new name, where it gets one. */
  to?: string
  add: Pick<AddFile, 'size' | 'stats' | 'tags' | 'modificationTime'> & Partial<Pick<AddFile, 'partitionValues'>>
  /** Its former deletion vectors, each with the one that takes its place. */
  vectors?: [before: DeletionVector, now: DeletionVector][]
}

/** The files that are written anew, by their names. */
export type Journal = Record<string, Rewritten>

/** A file that some version names: its newest action, and every deletion vector that it ever had, by key. */
export interface NamedFile {
  add: AddFile
  vectors: Map<string, DeletionVector>
}

/** What tells deletion vectors apart. */
function vectorKey({ storageType, pathOrInlineDv, offset }: DeletionVector): string {
  return `${storageType}${pathOrInlineDv}@${offset ?? ''}`
}

/** Every file that any version names, by its path in the store, and the metaData of the versions, the newest first. */
export async function namedFiles(store: Store, newest: number): Promise<{ files: Map<string, NamedFile>; schemas: MetaData[] }> {
  const files = new Map<string, NamedFile>()
  const schemas: MetaData[] = []
  const name = (file: Partial<AddFile> & { path: string }, known = true) => {
    const path = dataPath(store, newest, file)
    const before = files.get(path)
    const add = { size: 0, modificationTime: 0, dataChange: false, ...file, partitionValues: file.partitionValues ?? {} }
    const vectors = before?.vectors ?? new Map<string, DeletionVector>()
    if (file.deletionVector) vectors.set(vectorKey(file.deletionVector), file.deletionVector)
    files.set(path, { add: known ? add : (before?.add ?? add), vectors })
  }
  const remove = ({ size, tags, ...file }: RemoveFile) => name({ ...file, size: size ?? 0, tags } as AddFile, false)
  const { commits, checkpoints } = await listLog(store)
  for (const checkpoint of [...checkpoints].reverse()) {
    const state = await readCheckpoint(store, checkpoint)
    for (const file of state.files.values()) name(file)
    if (state.metaData) schemas.unshift(state.metaData)
  }
  for (const version of commits.keys())
    for (const action of (await findCommit(store, version)) ?? []) {
      if (action.add) name(action.add)
      else if (action.remove) remove(action.remove)
      else if (action.cdc) name(action.cdc)
      else if (action.metaData) schemas.unshift(action.metaData)
    }
  return { files, schemas }
}

/** What an action says of a file that is written anew. */
export function mendFile<T extends { path: string; deletionVector?: DeletionVector | null }>(found: Rewritten, file: T): T {
  const { deletionVector: vector } = file
  const now = vector && found.vectors?.find(([before]) => vectorKey(before) === vectorKey(vector))?.[1]
  return {
    ...file,
    ...found.add,
    ...(found.to === undefined ? {} : { path: encodePath(found.to) }),
    ...(now ? { deletionVector: now } : {}),
    // Bounds are those of all rows, also of those that a vector deletes.
    ...(vector ? { stats: found.add.stats?.replace(/^\{/, '{"tightBounds":false,') } : {}),
  }
}

/**
 * Gives the log's actions for rewritten files their new names, sizes and statistics, and takes out texts that must go; gives the
 * number of commits that changed.
 */
export async function mendLog(core: TableCore, journal: Journal, scrub?: (text: string) => boolean): Promise<number> {
  const { store } = core
  const touched = Object.keys(journal).length > 0
  if (!touched && !scrub) return 0
  const { commits, checkpoints, compacted, latest } = await listLog(store)
  const find = (file: { path: string }) => journal[dataPath(store, latest, file)]
  let versions = 0
  let time = 0
  // From the first such commit on.
  let mended = false
  for (const [version, file] of commits) {
    const before = parseActions(await store.read(file.path), store.uri, file.path, version)
    const forgets = before.some(({ commitInfo }) => commitInfo?.operation === FORGET)
    const after = before.flatMap(action => mendAction(action, find, forgets, scrub))
    const said = after.find(({ commitInfo }) => commitInfo)?.commitInfo?.inCommitTimestamp
    time = Math.max(said ?? file.modified.getTime(), time + 1)
    mended ||= said !== undefined || formatActions(after) !== formatActions(before)
    if (mended && !store.localPath) sayTime(after, time)
    if (formatActions(after) === formatActions(before)) continue
    await store.put(file.path, formatActions(after))
    if (store.localPath) await fs.utimes(store.localPath(file.path), file.modified, file.modified)
    versions++
  }
  if (!touched) return versions
  await mendCheckpoints(core, checkpoints, find)
  for (const { path } of compacted) await store.delete(path)
  for await (const { path } of store.list(LOG)) if (path.endsWith('.crc')) await store.delete(path)
  return versions
}

/** The commit says the time of its version, which else is that of its file: S3 lets nobody set that. */
function sayTime(actions: Action[], inCommitTimestamp: number): void {
  const at = actions.findIndex(({ commitInfo }) => commitInfo)
  const own = { commitInfo: { ...actions[at]?.commitInfo, inCommitTimestamp } }
  actions.splice(Math.max(0, at), at < 0 ? 0 : 1, own)
}

type Find = (file: { path: string }) => Rewritten | undefined

async function mendCheckpoints(core: TableCore, checkpoints: readonly CheckpointFiles[], find: Find): Promise<void> {
  const { store } = core
  const hint = await lastCheckpointHint(store)
  const kept = hint === undefined ? undefined : await store.read(`${LOG}_last_checkpoint`)
  const keepMs = retention((await core.newest()).metaData?.configuration['delta.deletedFileRetentionDuration'])
  let pointed = false
  // Oldest first: each becomes the last checkpoint in its turn.
  for (const checkpoint of [...checkpoints].reverse()) {
    const state = await readCheckpoint(store, checkpoint, true)
    const removes = [...(state.removes?.values() ?? [])]
    if (![...state.files.values(), ...removes].some(find)) continue
    const files = [...state.files.values()].map(file => {
      const found = find(file)
      return found ? mendFile(found, file) : file
    })
    state.files = new Map(files.map(file => [fileKey(file), file]))
    const gone = removes.flatMap(remove => mendRemove(remove, find, false))
    state.removes = new Map(gone.map(file => [fileKey(file), file]))
    const sidecars = await sidecarsOf(store, checkpoint)
    await writeCheckpoint(store, state, keepMs)
    const own = `${LOG}${commitName(checkpoint.version).replace('.json', '.checkpoint.parquet')}`
    for (const path of [...checkpoint.paths, ...sidecars]) if (path !== own) await store.delete(path)
    pointed ||= checkpoint.version === hint
  }
  if (kept && !pointed) await store.put(`${LOG}_last_checkpoint`, kept)
}

/** A file that left the table; in the version of a purge it stays under its former name, for readers that know it by that. */
function mendRemove(remove: RemoveFile, find: Find, forgets: boolean): RemoveFile[] {
  const found = find(remove)
  if (!found) return [remove]
  if (forgets && found.to !== undefined) return found.add.partitionValues ? [] : [remove]
  const { path, size, tags, stats, deletionVector, partitionValues } = mendFile(found, remove) as RemoveFile
  return [
    {
      ...remove,
      path,
      ...(remove.size === undefined || remove.size === null ? {} : { size }),
      ...(remove.stats ? { stats } : {}),
      ...(tags ? { tags } : {}),
      ...(remove.partitionValues ? { partitionValues } : {}),
      ...(deletionVector ? { deletionVector } : {}),
    },
  ]
}

function mendAction(action: Action, find: Find, forgets: boolean, scrub?: (text: string) => boolean): Action[] {
  const { add, remove, cdc, commitInfo } = action
  if (remove) return mendRemove(remove, find, forgets).map(remove => ({ remove }))
  const found = add ? find(add) : cdc ? find(cdc) : undefined
  if (add && found) return [{ add: mendFile(found, add) }]
  if (cdc && found) {
    const { path, size, partitionValues } = mendFile(found, cdc)
    return [{ cdc: { ...cdc, path, size: size as number, partitionValues } }]
  }
  if (scrub && Object.values(commitInfo?.operationParameters ?? {}).some(value => scrub(String(value))))
    return [{ commitInfo: { ...commitInfo, operationParameters: {} } }]
  return [action]
}
