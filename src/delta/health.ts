/** How a table's files and log stand, and what to do about it. */
import { LOG } from './log.js'
import type { DeltaTable } from './table.js'

/** Counts and sizes of a table's newest version. */
export interface TableHealth {
  files: {
    count: number
    bytes: number
    /** Files under 16 MiB. */
    small: number
    medianBytes: number
    withDeletionVectors: number
    /** Rows that deletion vectors hide. */
    deletedRows: number
  }
  log: {
    /** Commit files, checkpoints, and bytes of all files in the log. */
    commits: number
    checkpoints: number
    bytes: number
    /** Oldest version in the log, by commit or checkpoint. */
    oldestVersion: number
    /** Commits that a reader has to replay after the newest checkpoint. */
    sinceCheckpoint: number
  }
  /** One sentence for each thing worth doing; empty when all is well. */
  advice: string[]
}

const SMALL_BYTES = 16 * 2 ** 20
/** From so many on, small files or commits are worth a remark. */
const MANY = 50

/** Counts a table's files and log and gives advice. */
export async function tableHealth(table: DeltaTable): Promise<TableHealth> {
  const snapshot = await table.snapshot()
  const sizes = snapshot.files.map(file => file.size).sort((a, b) => a - b)
  const vectors = snapshot.files.flatMap(file => (file.deletionVector ? [file.deletionVector.cardinality] : []))
  const files = {
    count: sizes.length,
    bytes: snapshot.sizeInBytes,
    small: sizes.filter(size => size < SMALL_BYTES).length,
    medianBytes: sizes[sizes.length >> 1] ?? 0,
    withDeletionVectors: vectors.length,
    deletedRows: vectors.reduce((sum, rows) => sum + rows, 0),
  }
  const log = { commits: 0, checkpoints: 0, bytes: 0, oldestVersion: snapshot.version, sinceCheckpoint: snapshot.version + 1 }
  const checkpoints = new Set<number>()
  for await (const { path, size } of table.store.list(LOG)) {
    log.bytes += size
    const found = /^(\d{20})\.(json$|checkpoint\.)/.exec(path.slice(LOG.length))
    if (!found) continue
    const version = Number(found[1])
    log.oldestVersion = Math.min(log.oldestVersion, version)
    if (found[2] === 'json') log.commits++
    else checkpoints.add(version)
  }
  log.checkpoints = checkpoints.size
  if (checkpoints.size) log.sinceCheckpoint = Math.max(0, snapshot.version - Math.max(...checkpoints))
  return { files, log, advice: adviceOn(files, log) }
}

function adviceOn(files: TableHealth['files'], log: TableHealth['log']): string[] {
  const advice: string[] = []
  if (files.small >= MANY) advice.push(`${files.small} of ${files.count} files are under 16 MiB: optimize merges them`)
  if (files.withDeletionVectors)
    advice.push(
      `${files.deletedRows} deleted rows still lie in ${files.withDeletionVectors} files: optimize drops them, vacuum frees the space`,
    )
  if (log.sinceCheckpoint >= MANY)
    advice.push(`a reader replays ${log.sinceCheckpoint} commits: a checkpoint, or a lower delta.checkpointInterval, spares that`)
  if (log.bytes > files.bytes && log.commits >= MANY)
    advice.push(
      `the log (${log.bytes} bytes) is larger than the rows (${files.bytes}): larger batches, or a shorter delta.logRetentionDuration`,
    )
  return advice
}
