import { statfs } from 'node:fs/promises'
import { openStore } from '../stores/open-store.js'

/** How much of the disk a lake may take. */
export interface DiskBudget {
  /** Bytes that the lake's folder may have. Default no limit. */
  maxBytes?: number
  /** Bytes that must be free on its disk before a batch begins. Default 256 MiB. */
  minFreeBytes?: number
}

/** The disk, or a lake's share of it, is full: nothing of the next batch was begun. */
export class DiskBudgetError extends Error {
  override name = 'DiskBudgetError'
}

const MIN_FREE = 256 * 2 ** 20
/** The size of a folder is looked at this often, ms. */
const LOOK_MS = 5000

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`

/** A guard for streams: throws `DiskBudgetError` before a batch for which there may be no room. Does nothing on stores that are no disk. */
export function diskGuard(lake: string, { maxBytes, minFreeBytes = MIN_FREE }: DiskBudget = {}): () => Promise<void> {
  const store = openStore(lake)
  const folder = store.localPath?.('')
  let looked = Number.NEGATIVE_INFINITY
  let used = 0
  return async () => {
    if (folder === undefined) return
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < minFreeBytes)
      throw new DiskBudgetError(
        `disk: ${megabytes(bavail * bsize)} free for ${lake}, less than ${megabytes(minFreeBytes)}; the stream stops before its next batch, and goes on when it is started again`,
      )
    if (maxBytes === undefined) return
    if (performance.now() - looked > LOOK_MS) {
      used = 0
      for await (const { size } of store.list('')) used += size
      looked = performance.now()
    }
    if (used > maxBytes)
      throw new DiskBudgetError(
        `disk: ${lake} has ${megabytes(used)}, more than its ${megabytes(maxBytes)}; optimize and vacuum it, or allow it more, and start the stream again`,
      )
  }
}
