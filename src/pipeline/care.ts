import { setTimeout as sleep } from 'node:timers/promises'
import {
  CommitConflictError,
  type DeltaTable,
  isTable,
  type Optimized,
  type OptimizeOptions,
  openTable,
  type Vacuumed,
  type VacuumOptions,
  VersionNotFoundError,
} from '../delta/index.js'
import { openLake } from '../explore/lake-sql.js'
import { lastFile } from '../sources/json-files.js'
import { pruneLanded } from '../sources/landing.js'
import type { TableOffset } from '../sources/table-source.js'
import { openStore } from '../stores/open-store.js'
import { openCheckpoint } from '../streams/checkpoint.js'
import { FILES_LOG, LAKE_TABLES, type LakeTable, lakeCheckpoint, lakeTable, tableLocation } from './lake.js'

async function eachTable<T>(
  lake: string,
  work: (table: DeltaTable, name: string) => Promise<T>,
): Promise<({ table: string } & T)[]> {
  const names = await (await openLake(lake)).tables()
  if (!names.length) throw new Error(`lake: no tables in ${lake}`)
  const done: ({ table: string } & T)[] = []
  for (const name of names) done.push({ table: name, ...(await work(await openTable(tableLocation(lake, name)), name)) })
  return done
}

/** Attempts to compact a table whose files are replaced meanwhile. */
const ATTEMPTS = 5

/**
 * Merges the small files of every table of a lake; rows stay the same, and streams may go on meanwhile. Throws
 * `CommitConflictError` when a table is rewritten faster than it can be compacted.
 */
export function optimizeLake(lake: string, options: OptimizeOptions = {}): Promise<({ table: string } & Optimized)[]> {
  return eachTable(lake, async table => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await table.optimize(options)
      } catch (error) {
        if (!(error instanceof CommitConflictError) || attempt === ATTEMPTS) throw error
      }
    }
  })
}

/** A stream that has begun no batch for so long is not waited for, ms: nobody may ever start it again. */
const ABANDONED_MS = 7 * 86_400_000

/** The last version of each table that all of its readers in the lake have read: its streams, and the counts of `application`. */
async function readUpTo(lake: string): Promise<Map<string, number>> {
  const store = openStore(lake)
  const read = new Map<string, number>()
  const take = (table: string, version: number) => read.set(table, Math.min(version, read.get(table) ?? version))
  const begun = new Map<string, number>()
  const streams = new Map<string, string>()
  for await (const { path, modified } of store.list('_checkpoints/')) {
    const folder = path.split('/').slice(0, 2).join('/')
    begun.set(folder, Math.max(modified.getTime(), begun.get(folder) ?? 0))
    if (path !== `${folder}/definition.json`) continue
    const { source } = JSON.parse(Buffer.from(await store.read(path)).toString()) as { source?: string }
    if (source?.startsWith('table ')) streams.set(folder, source.slice('table '.length))
  }
  for (const [folder, table] of streams) {
    if (Date.now() - begun.get(folder)! > ABANDONED_MS) continue
    const from = (await openCheckpoint(store, folder).start())?.from as TableOffset | undefined
    take(table, from === undefined ? -1 : from.row === undefined ? from.version : from.version - 1)
  }
  const application = tableLocation(lake, 'application')
  const counted = (await isTable(application)) ? (await (await openTable(application)).snapshot()).txn('application') : undefined
  if (counted !== undefined) take('gold', counted)
  return read
}

/** The first version with rows that not every reader of a table has read; undefined where there is none, or it is gone already. */
async function firstUnread(table: DeltaTable, after: number | undefined): Promise<number | undefined> {
  if (after === undefined) return undefined
  try {
    for await (const { add, version } of table.commits({ after })) if (add.some(file => file.dataChange)) return version
  } catch (error) {
    if (!(error instanceof VersionNotFoundError)) throw error
  }
  return undefined
}

/**
 * Removes the files, of data and of the log, that no version within the retention needs from every table of a lake. What a stream of the lake
 * has not read yet stays, however old. Throws as `DeltaTable.vacuum`.
 */
export async function vacuumLake(lake: string, options: VacuumOptions = {}): Promise<({ table: string } & Vacuumed)[]> {
  const read = await readUpTo(lake)
  return eachTable(lake, async (table, name) => table.vacuum({ ...options, unread: await firstUnread(table, read.get(name)) }))
}

/** Removes the landed files of a live feed that bronze has had for so long. */
async function pruneLake(lake: string, keepMs: number): Promise<void> {
  const store = openStore(lake)
  const from = (await lakeCheckpoint(lake, 'bronze_stream').start())?.from
  const read = typeof from === 'number' ? await lastFile({ store, path: FILES_LOG }, from) : undefined
  if (read?.root === store.uri && read.path.startsWith('landing/')) await pruneLanded(store, read.path, keepMs)
}

/** Options of `careForLake`. */
export interface CareOptions {
  /** Last stage whose tables are cared for. Default `gold`. */
  until?: 'bronze' | 'silver' | 'gold'
  /** Milliseconds for which former versions of the tables stay readable. Default: what the tables say, else an hour. */
  keepMs?: number
  /** Hears what went wrong; the next time may mend it. Default: process warnings. */
  onNotice?(text: string): void
}

/** Care that goes on beside the streams of a lake. */
export interface LakeCare {
  /** Ends it; what is under way is left to the next time. */
  end(): Promise<void>
}

const KEEP_MS = 3_600_000
const LEAST_WAIT_MS = 15_000
const RETENTIONS = ['delta.logRetentionDuration', 'delta.deletedFileRetentionDuration']

/**
 * Gives the tables of a lake that streams without end will write, before they do, a retention that such a load can bear, and then removes,
 * beside the work, what is past it: a stream of four commits a second makes a million files a day.
 */
export async function careForLake(lake: string, { until = 'gold', keepMs, onNotice }: CareOptions): Promise<LakeCare> {
  const later: LakeTable[] = { bronze: ['silver', 'gold', 'application'], silver: ['gold', 'application'], gold: [] }[
    until
  ] as LakeTable[]
  const retention = `interval ${Math.ceil((keepMs ?? KEEP_MS) / 1000)} seconds`
  for (const name of (Object.keys(LAKE_TABLES) as LakeTable[]).filter(name => !later.includes(name))) {
    const table = await lakeTable(lake, name)
    const { properties } = await table.snapshot()
    const unsaid = RETENTIONS.filter(key => keepMs !== undefined || properties[key] === undefined)
    await table.setProperties(Object.fromEntries(unsaid.map(key => [key, retention])))
  }
  const stop = new AbortController()
  const { signal } = stop
  const notice = onNotice ?? ((text: string) => process.emitWarning(text))
  const work = (async () => {
    for (;;) {
      await sleep(Math.max(LEAST_WAIT_MS, (keepMs ?? KEEP_MS) / 12), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await vacuumLake(lake, { signal })
        await pruneLake(lake, keepMs ?? KEEP_MS)
      } catch (error) {
        if (!signal.aborted) notice(`${lake}: not tidied up, to be tried again: ${String(error)}`)
      }
    }
  })()
  return {
    async end() {
      stop.abort()
      await work
    },
  }
}
