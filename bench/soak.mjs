/**
 * `node bench/soak.mjs [--minutes 60] [--rate 50] [--trigger 250ms] [--model compact] [--keep 1h] [--leave]`: a live load through all streams. Files of a fifth
 * of a second's tweets arrive while `moodlake run` goes on; measured are the time from a file's arrival to the commit of each of its tweets in
 * gold (read from gold's log once a minute), the memory of the process over time, and the size of the lake.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { duckdb, openTable } from '../dist/delta/index.js'
import { lakeStatus, streamHistory } from '../dist/pipeline/lake.js'
import { root, writeResult } from './measure.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : process.argv[at + 1]
}
const minutes = Number(option('minutes', 60))
const rate = Number(option('rate', 50))
const trigger = option('trigger', '250ms')
const model = option('model', 'compact')
const keep = option('keep', undefined)
const EVERY_MS = 200

const WORDS =
  'sun rain train love late good bad coffee game song delay friend work home sad happy phone new old wait win lose'.split(' ')
let random = 1
const draw = n => {
  random = (random * 48271) % 2147483647
  return random % n
}
const words = n => Array.from({ length: n }, () => WORDS[draw(WORDS.length)]).join(' ')

/** A tweet of now, different from all others. */
function tweet(i) {
  const date = new Date()
  const [day, , , ,] = date.toUTCString().split(',')
  const month = date.toUTCString().slice(8, 11)
  const text = `${words(4)} ${i}${draw(2) ? ` @user${draw(3000)}` : ''} ${words(6)}`
  const time = date.toISOString().slice(11, 19)
  return {
    date: `${day} ${month} ${String(date.getUTCDate()).padStart(2, '0')} ${time} UTC ${date.getUTCFullYear()}`,
    user: `ann${draw(5000)}`,
    text,
    sentiment: '',
  }
}

const rss = pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]

/** When each tweet came into gold, read from its log now and then: a lake keeps former versions for a while only. */
function followGold(lake) {
  const seen = []
  let after = -1
  return {
    async look() {
      const gold = await openTable(join(lake, 'gold')).catch(() => undefined)
      if (!gold) return
      const duck = await duckdb()
      const snapshot = await gold.snapshot()
      for await (const { version, timestamp, add } of gold.commits({ after, upTo: snapshot.version })) {
        after = version
        const files = add.filter(file => file.dataChange)
        if (!files.length) continue
        const from = await snapshot.relation({ columns: ['tweet_id'], files })
        for (const { tweet_id } of await duck.rows(`SELECT tweet_id FROM ${from}`))
          seen.push({ tweet_id, at: timestamp.getTime() })
      }
    },
    /** Milliseconds from the arrival of each tweet's file to the commit of the tweet, in order of the commits. */
    async latencies(arrived) {
      const silver = await (await openTable(join(lake, 'silver'))).snapshot()
      const origin = new Map()
      for await (const rows of (await duckdb()).stream(`SELECT tweet_id, source_file FROM ${await silver.relation()}`))
        for (const row of rows) origin.set(row.tweet_id, row.source_file)
      return seen.map(({ tweet_id, at }) => at - arrived.get(origin.get(tweet_id)))
    },
  }
}

const folder = mkdtempSync(join(tmpdir(), 'moodlake-soak-'))
const [source, lake] = [join(folder, 'source'), join(folder, 'lake')]
const { mkdirSync } = await import('node:fs')
mkdirSync(source)
const child = spawn(
  process.execPath,
  [
    join(root, 'bin', 'moodlake.mjs'),
    'run',
    '--source',
    source,
    '--lake',
    lake,
    '--mode',
    'concurrent',
    '--trigger',
    trigger,
    '--model',
    model,
    '--json',
    ...(keep ? ['--keep', keep] : []),
  ],
  {
    stdio: ['ignore', 'pipe', process.argv.includes('--verbose') ? 'inherit' : 'ignore'],
  },
)
let out = ''
child.stdout.on('data', text => {
  out += text
})
const ended = new Promise(resolve => child.once('exit', code => resolve(code)))

/** Files under a folder; those that go while they are counted may be missed. */
function count(path) {
  try {
    return readdirSync(path, { recursive: true }).length
  } catch {
    return undefined
  }
}

const arrived = new Map()
const memory = []
const gold = followGold(lake)
let looking = Promise.resolve()
const t0 = Date.now()
let written = 0
for (let file = 0; Date.now() - t0 < minutes * 60_000; file++) {
  const due = t0 + file * EVERY_MS
  if (due > Date.now()) await sleep(due - Date.now())
  const until = Math.round(((file + 1) * EVERY_MS * rate) / 1000)
  const lines = []
  for (; written < until; written++) lines.push(JSON.stringify(tweet(written)))
  const name = `live-${String(file).padStart(7, '0')}.json`
  writeFileSync(join(folder, 'coming'), `${lines.join('\n')}\n`)
  renameSync(join(folder, 'coming'), join(source, name))
  arrived.set(name, Date.now())
  if (file % 25 === 0 && child.exitCode === null) {
    memory.push({ second: Math.round((Date.now() - t0) / 1000), mb: Math.round(rss(child.pid)) })
    if (file % 300 === 0) {
      memory.at(-1).files = count(lake)
      looking = looking.then(gold.look)
      process.stdout.write(
        `${memory.at(-1).second} s: ${written} tweets, ${memory.at(-1).mb} MB, ${memory.at(-1).files ?? 0} files in the lake\n`,
      )
    }
  }
}
await sleep(5000)
child.kill('SIGTERM')
const code = await ended
if (code !== 0) throw new Error(`soak: the run ended with code ${code}`)

await looking
await gold.look()
const found = await gold.latencies(arrived)
const status = await lakeStatus(lake)
const tenth = part => found.slice(Math.floor(part * found.length), Math.floor((part + 0.1) * found.length)).sort((a, b) => a - b)
const [first, last] = [tenth(0.1), tenth(0.9)]
const sorted = [...found].sort((a, b) => a - b)
const result = {
  minutes,
  rate,
  tweets: { written, gold: status.tables.gold.rows },
  latencyMs: { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99), most: sorted.at(-1) },
  latencyMsEarlyLate: { early: quantile(first, 0.95), late: quantile(last, 0.95) },
  memory,
  lakeFiles: count(lake),
  checkpointFiles: count(join(lake, '_checkpoints')),
  lakeMb: Math.round(
    readdirSync(lake, { recursive: true }).reduce(
      (sum, path) => sum + (statSync(join(lake, path), { throwIfNoEntry: false })?.size ?? 0),
      0,
    ) /
      2 ** 20,
  ),
  verdicts: JSON.parse(out).verdicts,
}
const phases = {}
for (const stream of Object.keys(status.streams)) {
  const batches = await streamHistory(lake, stream)
  const mean = part =>
    Math.round(batches.slice(-200).reduce((sum, batch) => sum + part(batch), 0) / Math.min(200, batches.length))
  phases[stream] = {
    batches: batches.length,
    ms: mean(b => b.ms),
    read: mean(b => b.phases.read),
    work: mean(b => b.phases.work),
  }
}
process.stdout.write(
  `${JSON.stringify({ ...result, memory: memory.filter((_, i) => i % Math.ceil(memory.length / 12) === 0), phases }, null, 2)}\n`,
)
const settled = memory.filter(({ second }) => second > Math.min(300, minutes * 20))
writeResult('soak', {
  title: 'A live load',
  about: `${rate} tweets a second for ${minutes} minutes through \`moodlake run --trigger ${trigger}\` with the ${model} model; times from the arrival of a file to the commit of each of its tweets in gold.`,
  command: `node bench/soak.mjs ${process.argv.slice(2).join(' ')}`.trim(),
  rows: [
    { work: 'tweets written, and in gold', ours: `${written}, ${status.tables.gold.rows}`, target: 'equal', n: 1 },
    {
      work: 'file → gold, p50 · p95 · p99',
      ours: `${result.latencyMs.p50} ms · ${result.latencyMs.p95} ms · ${result.latencyMs.p99} ms`,
      target: 'p95 ≤ 2 s',
      n: found.length,
      note: `p95 of the second tenth of the tweets ${result.latencyMsEarlyLate.early} ms, of the last ${result.latencyMsEarlyLate.late} ms; longest ${result.latencyMs.most} ms`,
    },
    {
      work: 'memory of the process, MB',
      ours: `${settled[0]?.mb} → ${settled.at(-1)?.mb}`,
      target: 'flat',
      n: settled.length,
      note: `over time: ${memory
        .filter((_, i) => i % Math.ceil(memory.length / 12) === 0)
        .map(({ mb }) => mb)
        .join(' ')}`,
    },
    {
      work: 'lake at the end',
      ours: `${result.lakeFiles} files, ${result.lakeMb} MB; ${result.checkpointFiles} in checkpoints`,
      n: 1,
      note: `files over time: ${memory
        .flatMap(({ files }) => files ?? [])
        .filter((_, i, all) => i % Math.ceil(all.length / 12) === 0)
        .join(' ')}`,
    },
  ],
})
if (!process.argv.includes('--leave')) rmSync(folder, { recursive: true })
process.exitCode = found.length === written && result.latencyMs.p95 <= 2000 ? 0 : 1
