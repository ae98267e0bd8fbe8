import { createHash, randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { physicalName } from '../delta/column-mapping.js'
import { type DeltaTable, openTable } from '../delta/index.js'
import { cacheFolder } from '../delta/local-files.js'
import { checkWritable } from '../delta/protocol.js'
import { openLake } from '../explore/lake-sql.js'
import { openFiles } from '../sources/open-files.js'
import type { Sink } from '../sources/sink.js'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import { countApplication } from './application.js'
import { forgetFiles } from './forget-files.js'
import { type ByteScan, scanBytes } from './forget-scan.js'
import { gatherTerms, purgeOf, type Terms } from './forget-terms.js'
import { lakeTable, tableLocation } from './lake.js'
import type { ForgetOrder } from './orders.js'
import { documentHash, type Signed, signReceipt } from './receipt.js'
import { FORGET_FOLDER, openSuppression } from './suppression.js'

/** Whom or what to forget; what else an order says is not needed. */
export type Forgotten = Pick<ForgetOrder, 'user' | 'tweetId'>

/** Options of `forget`. */
export interface ForgetOptions {
  /** Folder or address of the lake. Default `./lake`. */
  lake?: string
  /** Folders (or `s3://` addresses) of source files that are to forget too. What lies landed in the lake does so always. */
  sources?: readonly string[]
  /** Databases that are to forget at once; a sink that runs as a stream does so by itself. */
  sinks?: readonly Sink[]
  /** For the receipt. */
  reason?: string
  /** Files that no commit names may be somebody's work under way: they are removed, and waited for, when so old (ms). Default 60,000. */
  graceMs?: number
  signal?: AbortSignal
}

/** What was forgotten, for whoever asked. Names nobody: `subject.hash` is SHA-256 of `salt`, and the names and ids that were ordered. */
export interface ForgetReceipt {
  version: 1
  subject: { kind: 'users' | 'posts' | 'both'; orders: number; salt: string; hash: string }
  reason?: string
  started: string
  finished: string
  /** Per table: rows that went and rows that were changed (counted in every file of every version), files written anew, commits mended. */
  tables: Record<string, { deleted: number; changed: number; files: number; versions: number }>
  /** Versions that are gone as a whole: tables that are counted from others begin anew. */
  versionsRemoved: Record<string, number>
  /** Files of raw records that were written anew, and records that went. */
  sources: { files: number; records: number }
  /** Rows that went from databases. */
  sinks: Record<string, number>
  scan: { files: number; bytes: number; findings: number }
}

const GRACE_MS = 60_000
/** Rounds until all is clean, where streams go on meanwhile, and the time between two, ms. */
const ROUNDS = 5
const ROUND_MS = 2000

/** The last bytes of somebody are still in a lake after all that was done; `findings` says where. */
export class NotForgottenError extends Error {
  override name = 'NotForgottenError'
  constructor(readonly findings: ByteScan['findings']) {
    const where = findings.slice(0, 5).map(({ file, what }) => `${file} (${what})`)
    super(`forget: still found in ${findings.length} files: ${where.join(', ')}; stop what writes there and forget again`)
  }
}

/**
 * Takes all of a user (or single posts) out of a lake: every table and every kept version of it, landed and given source files, sinks.
 * Then looks at every byte of the lake, and signs a receipt, which is also kept in the lake. What sources deliver again of them stays out.
 * Killed in the middle, the next call finishes it. Streams may go on meanwhile.
 * @throws NotForgottenError when something is still there at the end, UnsupportedFeatureError, with nothing changed, for a table that cannot be written
 */
export async function forget(
  orders: Forgotten | readonly Forgotten[],
  options: ForgetOptions = {},
): Promise<Signed<ForgetReceipt>> {
  const { lake = './lake', graceMs = GRACE_MS, signal } = options
  const list = Array.isArray(orders) ? (orders as readonly Forgotten[]) : [orders as Forgotten]
  const users = list.flatMap(({ user }) => (user === undefined ? [] : [checkedUser(user)]))
  const posts = list.flatMap(({ tweetId }) => (tweetId === undefined ? [] : [tweetId]))
  if (!users.length && !posts.length) throw new Error('forget: no user and no post named')
  const started = new Date()
  const names = await openLake(lake).tables()
  const tables = new Map(names.map(name => [name, tableLocation(lake, name)]))
  const store = openStore(lake)
  const columns = await checkTables(tables)
  await openSuppression(lake).add(users, posts)
  const terms = await gatherTerms(tables, users, posts)
  try {
    const removed = await eachSink(options.sinks ?? [], terms)
    const done = await purgeLake(lake, tables, terms, { signal, graceMs })
    const sources = await purgeFiles(store, tables, options.sources ?? [], terms)
    if (!store.localPath) await dropCopies()
    let scan = await scanBytes(store, terms, columns)
    for (
      let round = 1;
      scan.findings.length && (round < ROUNDS || (done.pending && Date.now() - started.getTime() < 2 * graceMs));
      round++
    ) {
      if (done.pending) await sleep(ROUND_MS, undefined, { signal })
      await purgeLake(lake, tables, terms, { signal, graceMs }, done)
      scan = await scanBytes(store, terms, columns)
    }
    if (scan.findings.length) throw new NotForgottenError(scan.findings)
    const salt = randomBytes(16).toString('hex')
    const named = JSON.stringify([users.map(user => user.toLowerCase()).sort(), [...posts].sort()])
    const receipt: ForgetReceipt = {
      version: 1,
      subject: {
        kind: users.length && posts.length ? 'both' : users.length ? 'users' : 'posts',
        orders: list.length,
        salt,
        hash: createHash('sha256')
          .update(salt + named)
          .digest('hex'),
      },
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      started: started.toISOString(),
      finished: new Date().toISOString(),
      tables: done.tables,
      versionsRemoved: done.versionsRemoved,
      sources,
      sinks: removed,
      scan: { files: scan.files, bytes: scan.bytes, findings: 0 },
    }
    return await keepReceipt(store, receipt)
  } finally {
    await terms.release()
  }
}

/** Refuses tables that could not be purged, before anything is. Gives the names of columns by those that data files have for them. */
async function checkTables(tables: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const columns = new Map<string, string>()
  for (const location of tables.values()) {
    const table = await openTable(location)
    const { protocol, properties, schema } = await table.snapshot()
    checkWritable(table.store.uri, protocol, { configuration: properties }, schema)
    for (const field of schema.fields) columns.set(physicalName(field), field.name)
  }
  return columns
}

/** How many orders are carried out together, and for how long the first of them may wait, ms. */
const GROUP = 500
const GROUP_MS = 5000

/**
 * Carries out orders to forget as they come, in groups: deletions of posts and accounts that a platform tells of. Ends with the orders.
 * @returns the receipts as they are made
 */
export async function* forgetAll(
  orders: AsyncIterable<Forgotten>,
  options: ForgetOptions = {},
): AsyncIterable<Signed<ForgetReceipt>> {
  const coming = orders[Symbol.asyncIterator]()
  let next = coming.next()
  for (;;) {
    const first = await next
    if (first.done) return
    const group = [first.value]
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<'over'>(resolve => {
      timer = setTimeout(() => resolve('over'), GROUP_MS)
    })
    next = coming.next()
    while (group.length < GROUP) {
      const found = await Promise.race([next, over])
      if (found === 'over' || found.done) break
      group.push(found.value)
      next = coming.next()
    }
    clearTimeout(timer)
    yield await forget(group, options)
  }
}

function checkedUser(user: string): string {
  const name = user.replace(/^@/, '').trim()
  if (!name) throw new Error(`forget: not the name of a user: ${JSON.stringify(user)}`)
  return name
}

interface Done {
  tables: ForgetReceipt['tables']
  versionsRemoved: Record<string, number>
  /** Files that were too young to be removed, in the newest round. */
  pending: number
}

/** Purges the tables: last those by which the posts of a user are found, so that a second try finds them too. */
async function purgeLake(
  lake: string,
  tables: ReadonlyMap<string, string>,
  terms: Terms,
  { signal, graceMs }: { signal?: AbortSignal | undefined; graceMs: number },
  done: Done = { tables: {}, versionsRemoved: {}, pending: 0 },
): Promise<Done> {
  done.pending = 0
  const last = ['gold', 'silver', 'bronze']
  const first = [...tables.keys()].filter(name => name !== 'application' && !last.includes(name))
  for (const name of [...first, ...last.filter(name => tables.has(name))]) {
    signal?.throwIfAborted()
    const table = await openTable(tables.get(name)!)
    const { deleted, changed, files, versions, pending } = await table.purge(schema => ({
      ...purgeOf(name, schema, terms),
      graceMs,
      scrub: text => holds(text, terms),
    }))
    done.pending += pending
    const before = done.tables[name] ?? { deleted: 0, changed: 0, files: 0, versions: 0 }
    done.tables[name] = {
      ...{ deleted: before.deleted + deleted, changed: before.changed + changed },
      ...{ files: before.files + files, versions: before.versions + versions },
    }
  }
  if (tables.has('application') && tables.has('gold')) {
    const counts = await lakeTable(lake, 'application')
    await countApplication(await openTable(tables.get('gold')!), counts)
    const { versions } = await dropDerived(counts, graceMs)
    done.versionsRemoved.application = (done.versionsRemoved.application ?? 0) + versions
  }
  return done
}

/** True when a predicate names one of the users or posts. */
function holds(predicate: string, { users, ids }: Terms): boolean {
  return (predicate.match(/[0-9A-Za-z_.-]+/g) ?? []).some(word => users.includes(word.toLowerCase()) || ids.has(word))
}

/** A table that is counted from others is not mended version by version. */
async function dropDerived(table: DeltaTable, graceMs: number): Promise<{ versions: number }> {
  const { files } = await table.snapshot()
  // Nothing was ever counted: there is no former version with anybody in it.
  return files.length ? table.dropHistory({ graceMs }) : { versions: 0 }
}

/** What lies landed in the lake, and the folders that were given. */
async function purgeFiles(store: Store, tables: ReadonlyMap<string, string>, sources: readonly string[], terms: Terms) {
  const done = { files: 0, records: 0 }
  const add = (more: { files: number; records: number }) => {
    done.files += more.files
    done.records += more.records
  }
  const folders = new Set<string>()
  for await (const { path } of store.list('')) folders.add(path.split('/', 1)[0]!)
  const own = new Set([...tables.keys(), '_checkpoints', FORGET_FOLDER])
  for (const folder of folders) if (!own.has(folder)) add(await forgetFiles(store, `${folder}/`, terms))
  for (const source of sources) {
    const { store: files, prefix } = await openFiles(source)
    add(await forgetFiles(files, prefix, terms))
  }
  return done
}

async function eachSink(sinks: readonly Sink[], terms: Terms): Promise<Record<string, number>> {
  const removed: Record<string, number> = {}
  for (const sink of sinks) removed[sink.name] = await sink.remove([...terms.ids])
  return removed
}

/** Local copies of the files of remote lakes. */
async function dropCopies(): Promise<void> {
  const folder = cacheFolder()
  for (const name of await fs.readdir(folder)) if (name.endsWith('.parquet')) await fs.rm(join(folder, name), { force: true })
}

/** Signs a receipt, chains it to the one before, and keeps it in the lake. */
async function keepReceipt(store: Store, receipt: ForgetReceipt): Promise<Signed<ForgetReceipt>> {
  for (;;) {
    let previous: string | null = null
    let n = 0
    for await (const { path } of store.list(`${FORGET_FOLDER}/receipts/`)) {
      previous = documentHash(JSON.parse(Buffer.from(await store.read(path)).toString()))
      n = Number(/(\d+)\.json$/.exec(path)?.[1] ?? n) + 1
    }
    const signed = signReceipt(receipt, previous)
    const path = `${FORGET_FOLDER}/receipts/${String(n).padStart(10, '0')}.json`
    if (await store.putIfAbsent(path, `${JSON.stringify(signed, null, 2)}\n`)) return signed
  }
}
