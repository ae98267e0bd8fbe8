/** Appending and overwriting. */

import type { Store } from '../stores/store.js'
import type { MetaData } from './actions.js'
import { withColumnIds } from './column-mapping.js'
import { removeOf, requireWritable, type TableCore } from './core.js'
import { CommitConflictError, UnsupportedFeatureError } from './errors.js'
import { discard, type Written, writeFiles } from './parquet.js'
import { checkWritable, hasType } from './protocol.js'
import { openSource, type TableData } from './source.js'
import type { TableState } from './state.js'
import { type Change, checkUnchanged, committed } from './transaction.js'

/** How rows are written. */
export interface WriteOptions {
  /** Commits once: a commit of the same application with this version or a later one makes this call a no-op. */
  txn?: { appId: string; version: number }
  /** Admits columns that the table does not have. Default false. */
  mergeSchema?: boolean
  /** More entries for the history, such as `{ queryId: '…' }`. */
  operationParameters?: Record<string, string>
}

/** What a write did. */
export interface Commit {
  /** Version that was committed; the newest one when it was skipped. */
  version: number
  /** Rows written. */
  rows: number
  /** Data files written. */
  files: number
  /** Bytes written. */
  bytes: number
  /** True when the `txn` had been committed before and nothing was written. */
  skipped: boolean
}

/** Writes rows and commits them. */
export async function writeRows(
  core: TableCore,
  data: TableData,
  options: WriteOptions,
  mode: 'Append' | 'Overwrite',
): Promise<Commit> {
  const { store } = core
  const base = await core.newest()
  const { protocol, metaData, schema } = requireWritable(store, base)
  if (mode === 'Overwrite' && base.files.size && metaData.configuration['delta.appendOnly'] === 'true')
    throw new UnsupportedFeatureError(store.uri, ['appendOnly'], 'is append-only (delta.appendOnly); rows cannot be replaced')
  const skipped = { version: base.version, rows: 0, files: 0, bytes: 0, skipped: true }
  if (committed(base, options.txn)) return skipped
  const source = await openSource(store.uri, schema, data, options.mergeSchema ?? false)
  try {
    checkWritable(store.uri, protocol, metaData, source.schema)
    if (source.schema !== schema && hasType(source.schema, 'timestamp_ntz') && !protocol.readerFeatures?.includes('timestampNtz'))
      throw new UnsupportedFeatureError(
        store.uri,
        ['timestampNtz'],
        'lacks timestampNtz, which a new column of timestamp_ntz needs',
      )
    const wider = source.schema === schema ? undefined : withColumnIds(metaData, source.schema)
    const written = await writeFiles(store, wider ? { ...source, schema: wider.schema } : source, metaData)
    const change = writeChange(store, base, { written, evolved: wider?.metaData, mode, options })
    const version = await core.commit(change).catch(async error => {
      // Only where it is certain that no commit names the files.
      if (error instanceof CommitConflictError) await discard(store, written.add)
      throw error
    })
    if (version !== undefined)
      return { version, rows: written.rows, files: written.add.length, bytes: written.bytes, skipped: false }
    await discard(store, written.add)
    return { ...skipped, version: (await core.newest()).version }
  } finally {
    await source.release()
  }
}

interface Planned {
  written: Written
  evolved: MetaData | undefined
  mode: 'Append' | 'Overwrite'
  options: WriteOptions
}

function writeChange(store: Store, base: TableState, { written, evolved, mode, options }: Planned): Change {
  return {
    operation: 'WRITE',
    operationParameters: { mode, partitionBy: JSON.stringify(base.metaData?.partitionColumns), ...options.operationParameters },
    operationMetrics: { numFiles: written.add.length, numOutputRows: written.rows, numOutputBytes: written.bytes },
    isBlindAppend: mode === 'Append' && !evolved,
    txn: options.txn,
    base,
    actions(latest) {
      if (latest !== base) checkUnchanged(store, base, latest)
      const now = Date.now()
      // An overwrite reads nothing, so it can always come after what others did: it removes that as well.
      const removed = mode === 'Overwrite' ? [...latest.files.values()].map(file => ({ remove: removeOf(file, now) })) : []
      return [...(evolved ? [{ metaData: evolved }] : []), ...removed, ...written.add.map(add => ({ add }))]
    },
  }
}
