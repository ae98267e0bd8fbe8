import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { duckdb, openTable, quoteName } from '../delta/index.js'
import { type Random, randomFrom } from '../models/random.js'
import { programBeside } from '../threads.js'
import type { CrashChildNews, CrashChildOptions } from './crash-child.js'
import { LAKE_TABLES, tableLocation } from './lake.js'

/** Options of `crashTest`. */
export interface CrashTestOptions {
  /** Kills. Default 25. */
  kills?: number
  /** Seed of the records and of the moments. Default 1. */
  seed?: number
  /** Leaves out of every commit what makes it unique: the test must fail then. Default false. */
  broken?: boolean
  signal?: AbortSignal
  /** Called after every kill. */
  onKill?(where: string, kills: number): void
}

/** How a table of the killed lake compares with the undisturbed one, by hashes of its rows. */
export interface TableLedger {
  rows: number
  /** Rows that are missing, that are there too often, and that the undisturbed table does not have at all. */
  lost: number
  duplicated: number
  foreign: number
  /** md5 over the sorted md5s of the rows; times of processing are not in it. */
  hash: string
  undisturbedHash: string
}

/** What a crash test found. */
export interface CrashReport {
  kills: number
  seed: number
  seconds: number
  /** Processes started. */
  runs: number
  /** Records in the source. */
  records: number
  /** Kills by place: a step, `at random`, or `scorer worker`. */
  steps: Record<string, number>
  tables: Record<string, TableLedger>
  lost: number
  duplicated: number
  /** True when every table has the rows of the undisturbed run, and bronze has every record. */
  identical: boolean
  /** Where the lakes are, kept when the test failed. */
  folder?: string
}

/** Records that arrive before each run. */
const RECORDS = 12
/** One step in so many is tried after the last: every step has its turn, early and late ones in between. */
const STRIDE = 7
/** Kills at random fall within this many milliseconds of the start of work. */
const RANDOM_MS = 400

/** A file of new records: good ones, a repeat, and what silver and gold put into quarantine. */
function writeRecords(folder: string, file: number, random: Random): void {
  const lines: string[] = []
  for (let i = 0; i < RECORDS; i++) {
    const n = i === 3 ? Math.floor(random() * file) * RECORDS : file * RECORDS + i
    const text = `tweet ${n}${n % 2 ? ` @user${n % 7} and @friend` : ''} ${'x'.repeat(n % 5)}${i === 5 ? ' unscorable' : ''}`
    const date = i === 7 ? 'some day' : `Mon Apr ${String(1 + (n % 28)).padStart(2, '0')} 22:19:45 PDT 2009`
    const record = { date, user: `user${n % 5}`, text, sentiment: n % 3 ? 'positive' : 'negative' }
    lines.push(i === 9 ? `{"text": "cut ${n}` : JSON.stringify(record))
  }
  writeFileSync(join(folder, `part-${String(file).padStart(6, '0')}.json`), `${lines.join('\n')}\n`)
}

/** How a child ended: whole, or killed and where. */
interface ChildEnd {
  died?: string
  steps: number
  workers: number
}

/** Runs the pipeline in a process of its own. Throws when it ends neither whole nor killed. */
async function runChild(options: CrashChildOptions, killAfterMs?: number, signal?: AbortSignal): Promise<ChildEnd> {
  signal?.throwIfAborted()
  const child: ChildProcess = spawn(
    process.execPath,
    [fileURLToPath(programBeside(import.meta.url, 'crash-child')), JSON.stringify(options)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const kill = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', kill, { once: true })
  let timer: NodeJS.Timeout | undefined
  let trouble = ''
  const end: ChildEnd = { steps: 0, workers: 0 }
  child.stderr!.on('data', text => {
    trouble = (trouble + text).slice(-4000)
  })
  createInterface({ input: child.stdout! }).on('line', line => {
    const news = JSON.parse(line) as CrashChildNews
    if ('started' in news) timer = killAfterMs === undefined ? undefined : setTimeout(kill, killAfterMs)
    else Object.assign(end, news)
  })
  const [code, by] = await new Promise<[number | null, string | null]>(resolve => child.once('close', (...how) => resolve(how)))
  clearTimeout(timer)
  signal?.removeEventListener('abort', kill)
  signal?.throwIfAborted()
  if (by === 'SIGKILL') return { ...end, died: end.died ?? 'at random' }
  if (code !== 0) throw new Error(`crash-test: the pipeline ended with code ${code}: ${trouble.trim()}`)
  return end
}

/**
 * Kills the pipeline over a growing source again and again (at each of its steps in turn, at random moments, and its scorer
 * workers) and holds the tables it ends with against those of an undisturbed run, row by row.
 * @throws when a run ends in another way than by a kill
 */
export async function crashTest(options: CrashTestOptions = {}): Promise<CrashReport> {
  const { kills = 25, seed = 1, broken = false, signal, onKill } = options
  const started = performance.now()
  const random = randomFrom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-crash-'))
  const source = join(folder, 'source')
  const lake = join(folder, 'killed')
  mkdirSync(source)
  const child = { source, lake, maxFiles: 2, mode: 'concurrent', broken } as const
  const steps: Record<string, number> = {}
  let runs = 0
  let done = 0
  // Steps of the newest whole run, as a count that shares no factor with the stride: every step has its turn.
  let whole = 0
  let turn = 0
  while (done < kills) {
    writeRecords(source, runs, random)
    const kind = !whole ? 'none' : broken || done % 5 < 3 ? 'step' : done % 5 === 3 ? 'random' : 'worker'
    const after = kind === 'random' ? random() * RANDOM_MS : undefined
    const killAt = kind === 'step' ? (turn * STRIDE) % whole : undefined
    const end = await runChild({ ...child, killAt, killWorker: kind === 'worker' }, after, signal)
    runs++
    if (kind === 'step') turn++
    if (!end.died) whole = end.steps % STRIDE ? end.steps : end.steps + 1
    const where = end.died ?? (end.workers ? 'scorer worker' : undefined)
    if (!where) continue
    steps[where] = (steps[where] ?? 0) + 1
    done++
    onKill?.(where, done)
  }
  await runChild(child, undefined, signal)
  const undisturbed = join(folder, 'undisturbed')
  await runChild({ source, lake: undisturbed, maxFiles: 1000, mode: 'linear' }, undefined, signal)
  const tables = await ledgers(lake, undisturbed)
  const sum = (part: (ledger: TableLedger) => number) => Object.values(tables).reduce((total, ledger) => total + part(ledger), 0)
  const records = runs * RECORDS
  const identical = sum(({ lost, duplicated, foreign }) => lost + duplicated + foreign) === 0 && tables.bronze?.rows === records
  if (identical) rmSync(folder, { recursive: true })
  return {
    ...{ kills: done, seed, seconds: Math.round(performance.now() - started) / 1000, runs, records, steps, tables },
    ...{ lost: sum(ledger => ledger.lost), duplicated: sum(ledger => ledger.duplicated), identical },
    ...(identical ? {} : { folder }),
  }
}

/** The row-hash ledger of every table of two lakes. */
async function ledgers(lake: string, undisturbed: string): Promise<Record<string, TableLedger>> {
  const found: Record<string, TableLedger> = {}
  for (const name of Object.keys(LAKE_TABLES)) {
    const [killed, whole] = [await hashes(lake, name), await hashes(undisturbed, name)]
    const [ledger] = await (await duckdb()).rows<TableLedger>(`
      WITH k AS (SELECT h, count(*) AS n FROM (${killed}) GROUP BY h), w AS (SELECT h, count(*) AS n FROM (${whole}) GROUP BY h)
      SELECT coalesce(sum(k.n), 0)::BIGINT AS rows, coalesce(sum(greatest(w.n - coalesce(k.n, 0), 0)), 0)::BIGINT AS lost,
        coalesce(sum(greatest(k.n - w.n, 0)) FILTER (w.n IS NOT NULL), 0)::BIGINT AS duplicated,
        coalesce(sum(k.n) FILTER (w.n IS NULL), 0)::BIGINT AS "foreign",
        (SELECT md5(string_agg(h, '' ORDER BY h)) FROM (${killed})) AS hash,
        (SELECT md5(string_agg(h, '' ORDER BY h)) FROM (${whole})) AS "undisturbedHash"
      FROM k FULL JOIN w USING (h)`)
    found[name] = ledger!
  }
  return found
}

/** What two runs must agree on of the tables that have a row per batch, however the batches fell. */
const SUMS: Readonly<Record<string, string>> = {
  progress: 'stream, sum(rows_in) AS rows_in, sum(rows_out) AS rows_out',
  expectations: 'stream, rule, action, sum(passed) AS passed, sum(failed) AS failed',
}

/** A SELECT with a hash of every row of a table, times of processing left out. */
async function hashes(lake: string, name: string): Promise<string> {
  const snapshot = await (await openTable(tableLocation(lake, name))).snapshot()
  const times = ['processing_time', 'scored_at', 'time']
  const columns = snapshot.schema.fields.map(field => field.name).filter(column => !times.includes(column))
  const select = SUMS[name] ?? columns.map(quoteName).join(', ')
  const from = `SELECT ${select} FROM ${await snapshot.relation()}${SUMS[name] ? ' GROUP BY ALL' : ''}`
  return `SELECT md5(to_json(t)::VARCHAR) AS h FROM (${from}) t`
}
