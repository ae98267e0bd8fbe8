/**
 * `npm run bench delta [-- --quick] [--no-spark]`: our Delta tables beside delta-rs and Spark, the same work in turns in one run. delta-rs is given ready
 * Arrow tables and does not fsync; ours fsyncs every file and folder. `--quick` takes fewer turns and no Spark.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createTable, duckdb, openTable } from '../dist/delta/index.js'
import { inTurns, quantile, root, timed, writeResult } from './measure.mjs'
import { findSpark } from './spark.mjs'

const quick = process.argv.includes('--quick')
const turns = quick ? 2 : 7
const folder = mkdtempSync(join(tmpdir(), 'moodlake-bench-'))
const at = name => join(folder, name)

const schema =
  'tweet_id string, timestamp timestamp, user string, lang string, full_text string, mentions array<string>, predicted_score double, likes long'
const START = Date.UTC(2026, 8, 1)

/** Tweets `start` to `start + count`, as plain objects; delta_rs.py makes the same. */
const tweets = (start, count) =>
  Array.from({ length: count }, (_, k) => {
    const i = start + k
    return {
      tweet_id: String(10 ** 15 + i),
      timestamp: new Date(START + i * 1000),
      user: `user_${i % 5000}`,
      lang: ['en', 'es', 'de'][i % 3],
      full_text: `tweet ${i} says that the café @friend${i % 997} is open, and ${(i * 7919) % 100003} others agree`,
      mentions: i % 2 ? [`friend${i % 997}`] : [],
      predicted_score: ((i * 31) % 1000) / 10,
      likes: i,
    }
  })

/** The same tweets as a SELECT. */
const tweetSql = count => `
  SELECT CAST(1000000000000000 + i AS VARCHAR) AS tweet_id, TIMESTAMPTZ '2026-09-01 00:00:00Z' + to_seconds(i) AS timestamp,
    'user_' || i % 5000 AS "user", (['en', 'es', 'de'])[i % 3 + 1] AS lang,
    'tweet ' || i || ' says that the café @friend' || i % 997 || ' is open, and ' || i * 7919 % 100003 || ' others agree' AS full_text,
    CASE WHEN i % 2 = 1 THEN ['friend' || i % 997] ELSE [] END AS mentions, (i * 31 % 1000) / 10.0::DOUBLE AS predicted_score, i AS likes
  FROM range(${count}) t(i)`

/** A peer in a process of its own, so that its start is not counted. */
function startPeer(python, script, ...args) {
  const child = spawn(python, [join(root, 'bench', script), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = []
  createInterface({ input: child.stdout }).on('line', line => waiting.shift().resolve(JSON.parse(line)))
  child.once('close', code => {
    for (const { reject } of waiting) reject(new Error(`${script} ended with ${code}`))
  })
  return {
    ask: request =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${JSON.stringify(request)}\n`)
      }),
    close: () => child.stdin.end(),
  }
}

const rows = []
const peer = startPeer(join(root, '.venv', 'bin', 'python'), 'delta_rs.py')
const found = quick || process.argv.includes('--no-spark') ? undefined : findSpark()
const spark = found && startPeer(found.python, 'delta_spark.py', found.jars, at('warehouse'))

/** One line of the result: both sides, ours ÷ the peer's, and the target. */
function row(work, { ours, theirs }, target, note, name = 'delta-rs') {
  const ratio = theirs ? ours.seconds / theirs.seconds : undefined
  rows.push({ work: name === 'delta-rs' ? work : `${work}, beside ${name}`, ours, peer: theirs, ratio, target, n: turns, note })
  const text = side =>
    side ? `${side.seconds.toFixed(3)} s (${side.low.toFixed(3)}–${side.high.toFixed(3)}), ${side.cpu.toFixed(2)} CPU-s` : '–'
  process.stdout.write(`${work}\n  ours ${text(ours)}; ${name} ${text(theirs)}; ratio ${ratio?.toFixed(2) ?? '–'} (${target})\n`)
}

/** A new table, and the time that some appends to it take. */
async function appended(name, parts) {
  rmSync(at(name), { recursive: true, force: true })
  const table = await createTable(at(name), { schema })
  return timed(async () => {
    for (const part of parts) await table.append(part)
  })
}

async function writing() {
  const small = Array.from({ length: 100 }, (_, i) => tweets(i * 1000, 1000))
  row(
    '100 commits of 1,000 rows, from objects',
    await inTurns(turns, {
      ours: () => appended('commits', small),
      theirs: () => peer.ask({ do: 'commits', path: at('commits-rs'), count: 100, size: 1000 }),
    }),
    '≤ 1.0 ×',
    'ours with fsync and a checkpoint every 10 versions; delta-rs without fsync, from Arrow, a checkpoint every 100',
  )
  const large = tweets(0, 200_000)
  const database = await duckdb()
  await database.run(`CREATE TABLE ready AS ${tweetSql(200_000)}`)
  const both = await inTurns(turns, {
    objects: () => appended('objects', [large]),
    columns: () => appended('columns', [{ sql: 'SELECT * FROM ready' }]),
    theirs: () => peer.ask({ do: 'commits', path: at('large-rs'), count: 1, size: 200_000 }),
  })
  row(
    'one append of 200,000 rows, from objects',
    { ours: both.objects, theirs: both.theirs },
    '≤ 2.5 ×',
    'delta-rs from ready Arrow',
  )
  row(
    'one append of 200,000 rows, columns in DuckDB',
    { ours: both.columns, theirs: both.theirs },
    '≤ 1.2 ×',
    'delta-rs from ready Arrow',
  )
}

/** The same beside Spark, which is slow enough for fewer turns. */
async function besideSpark() {
  if (!spark) return process.stdout.write('without Spark\n')
  const small = Array.from({ length: 100 }, (_, i) => tweets(i * 1000, 1000))
  const commits = await inTurns(2, {
    ours: () => appended('commits', small),
    theirs: () => spark.ask({ do: 'commits', path: at('commits-spark'), count: 100, size: 1000 }),
  })
  row('100 commits of 1,000 rows, from objects', commits, '≤ 0.033 × (30 times as fast)', SPARK_NOTE, 'Spark')
  rows.at(-1).n = 2
  const large = tweets(0, 200_000)
  const append = await inTurns(5, {
    ours: () => appended('objects', [large]),
    theirs: () => spark.ask({ do: 'commits', path: at('large-spark'), count: 1, size: 200_000 }),
  })
  row('one append of 200,000 rows, from objects', append, '', SPARK_NOTE, 'Spark')
  rows.at(-1).n = 5
}
const SPARK_NOTE = 'Spark 4.2 with Delta 4.4, local mode with all cores, from a cached DataFrame, without the start of the JVM'

/** A log of commits that add files which nobody reads. */
function fakeLog(name, versions, addsEach) {
  const log = join(at(name), '_delta_log')
  mkdirSync(log, { recursive: true })
  const fields = [{ name: 'id', type: 'long', nullable: true, metadata: {} }]
  const metaData = {
    id: '5fba94ed-9794-4965-ba6e-6ee3c0d22af9',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns: [],
    configuration: {},
    createdTime: START,
  }
  for (let version = 0; version <= versions; version++) {
    const actions = [{ commitInfo: { timestamp: START + version, operation: 'WRITE', operationParameters: { mode: 'Append' } } }]
    if (version === 0) actions.push({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData })
    else
      for (let k = 0; k < addsEach; k++) {
        const id = version * addsEach + k
        const stats = JSON.stringify({ numRecords: 1000, minValues: { id }, maxValues: { id: id + 999 }, nullCount: { id: 0 } })
        const path = `part-${String(id).padStart(8, '0')}-${metaData.id}.zstd.parquet`
        actions.push({ add: { path, partitionValues: {}, size: 4096, modificationTime: START, dataChange: true, stats } })
      }
    const text = actions.map(action => `${JSON.stringify(action)}\n`).join('')
    writeFileSync(join(log, `${String(version).padStart(20, '0')}.json`), text)
  }
}

async function snapshots() {
  fakeLog('adds', 20, 1000)
  await peer.ask({ do: 'checkpoint', path: at('adds') })
  const count = name => timed(async () => (await (await openTable(at(name))).snapshot()).files.length)
  const adds = await inTurns(turns, {
    ours: () => count('adds'),
    theirs: () => peer.ask({ do: 'snapshot', path: at('adds') }),
    opened: () => peer.ask({ do: 'opened', path: at('adds') }),
  })
  row(
    'snapshot of 20,000 adds after a checkpoint, and its files',
    adds,
    '≤ 2 ×',
    `checkpoint written by delta-rs; its DeltaTable(path) without the list of files takes ${adds.opened.seconds.toFixed(3)} s`,
  )
  fakeLog('versions', 10_000, 1)
  row(
    '10,000 commits without a checkpoint, and its files',
    await inTurns(turns, { ours: () => count('versions'), theirs: () => peer.ask({ do: 'snapshot', path: at('versions') }) }),
    '< 1 s',
    '',
  )
}

async function queries() {
  const table = await createTable(at('gold'), { schema })
  await table.append({ sql: `${tweetSql(1_000_000)}` })
  const where = `lang = 'es' AND timestamp >= TIMESTAMPTZ '2026-09-03 00:00:00Z' AND timestamp < TIMESTAMPTZ '2026-09-10 00:00:00Z'`
  const select = from =>
    `SELECT date_trunc('hour', timestamp) AS hour, count(*) AS tweets, avg(predicted_score) AS score FROM ${from} WHERE ${where} GROUP BY 1 ORDER BY 1`
  const database = await duckdb()
  const samples = { ours: [], theirs: [] }
  const keep = (side, work) => async turn => {
    const run = await work()
    if (turn >= 0) samples[side].push(run.seconds)
    return run
  }
  const times = quick ? 5 : 60
  const both = await inTurns(times, {
    ours: keep('ours', () =>
      timed(async () => {
        const snapshot = await table.snapshot()
        await database.rows(select(await snapshot.relation()))
      }),
    ),
    theirs: keep('theirs', () =>
      peer.ask({ do: 'query', path: at('gold'), sql: select('gold').replaceAll('TIMESTAMPTZ', 'TIMESTAMP') }),
    ),
  })
  const p95 = side => `${Math.round(1000 * quantile(samples[side], 0.95))} ms`
  row(
    'filter and aggregate over 1,000,000 gold-like rows',
    both,
    'p95 < 200 ms',
    `p95: ours ${p95('ours')}, with the look for a newer version; delta-rs with DataFusion ${p95('theirs')}, on a snapshot it holds; n = ${times}`,
  )
  rows.at(-1).n = times
}

try {
  await writing()
  await besideSpark()
  await snapshots()
  await queries()
  if (!quick)
    writeResult('delta', {
      title: 'Delta tables',
      about:
        'Beside delta-rs 1.6.6 (Python), and Spark where it says so, the same rows in one run, in turns, on a local disk. A ratio below 1 means that ours is faster. Where the load average is above the number of cores, wall times wait for other programs; CPU seconds are the steadier figure.',
      command: 'npm run bench delta',
      rows,
    })
} finally {
  peer.close()
  spark?.close()
  rmSync(folder, { recursive: true, force: true })
}
