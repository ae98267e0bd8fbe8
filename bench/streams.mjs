/**
 * `node bench/streams.mjs [--quick] [--no-spark] [--rows MILLIONS (4; the tool counts to 17)] [--only lines|files|many|rows]`: raw files → bronze → silver beside Spark structured streaming with Delta,
 * and beside what DuckDB alone needs for the plainest form of it, the same files in turns in one run, each run a process of its own. Spark is fetched into .moodlake/ when
 * Java and Maven are there. `--only` keeps the other rows of the result file. The load comes from ../shared/tools (MOODLAKE_SHARED names another place).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inTurns, machine, root, writeResult } from './measure.mjs'
import { findSpark } from './spark.mjs'

const option = name => process.argv.includes(`--${name}`)
const quick = option('quick')
const millions = option('rows') ? Number(process.argv[process.argv.indexOf('--rows') + 1]) : 4
const shared = process.env.MOODLAKE_SHARED ?? join(root, '..', 'shared')
const only = option('only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
const rows = []

/** One run of ours in this process: prints what it took, start of the process included. */
async function runOurs({ source, lake, until, mode }) {
  const { runPipeline } = await import('../dist/pipeline/run.js')
  const begun = performance.now()
  const streams = await runPipeline({ source, lake, until, mode })
  const seconds = (performance.now() - begun) / 1000
  const cpu = process.cpuUsage()
  const batches = streams.map(stream => stream.progress())
  const half = list => Math.floor(list.length / 2)
  const speed = list => list.reduce((sum, batch) => sum + batch.rowsIn, 0) / list.reduce((sum, batch) => sum + batch.ms / 1000, 0)
  process.stdout.write(
    JSON.stringify({
      seconds,
      cpu: (cpu.user + cpu.system) / 1e6,
      rss: Math.round(process.resourceUsage().maxRSS / 1024),
      rows: batches.map(list => list.reduce((sum, batch) => sum + batch.rowsOut, 0)),
      early: batches.map(list => speed(list.slice(0, half(list) || 1))),
      late: batches.map(list => speed(list.slice(half(list)))),
      memory: batches.flat().map(batch => batch.memory),
    }),
  )
}

/** The least that can be done with the lines, in this process: JSON to Parquet, distinct ids, times and mentions, without log, rescue, or text that was cleaned. */
async function runCeiling({ source, folder }) {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const columns = `{id_str: 'VARCHAR', full_text: 'VARCHAR', lang: 'VARCHAR', created_at: 'VARCHAR', "user": 'STRUCT(id_str VARCHAR, followers_count BIGINT)'}`
  const parquet = name => `'${folder}/${name}.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1)`
  const begun = performance.now()
  await connection.run(
    `COPY (FROM read_json('${source}/*.json', format = 'newline_delimited', filename = true, columns = ${columns})) TO ${parquet('bronze')}`,
  )
  const silver = await connection.run(`
    COPY (
      SELECT DISTINCT ON (id_str) id_str AS tweet_id, created_at::TIMESTAMPTZ AS timestamp, "user".id_str AS "user", lang, full_text,
        regexp_extract_all(lower(full_text), '@([a-z0-9_]+)', 1) AS mentions, filename AS source_file
      FROM '${folder}/bronze.parquet' WHERE full_text IS NOT NULL
    ) TO ${parquet('silver')}`)
  const seconds = (performance.now() - begun) / 1000
  const cpu = process.cpuUsage()
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  process.stdout.write(JSON.stringify({ seconds, cpu: (cpu.user + cpu.system) / 1e6, rss, rows: silver.rowsChanged }))
}

const inProcess = (how, argument) =>
  JSON.parse(execFileSync(process.execPath, [import.meta.filename, how, JSON.stringify(argument)], { encoding: 'utf8' }))

/** Ours in a process of its own; checks the rows of each stream where they are known. */
function ours(folder, options, rowsOut) {
  const lake = join(folder, 'ours')
  rmSync(lake, { recursive: true, force: true })
  const run = inProcess('--run', { mode: 'linear', ...options, lake })
  if (rowsOut && String(run.rows) !== String(rowsOut)) throw new Error(`ours: rows ${run.rows}, not ${rowsOut}`)
  return run
}

/** Spark on the same files: seconds without the start of the JVM, CPU seconds of the JVM. */
function sparkRun({ python, jars }, folder, source, perTrigger, silver) {
  const args = [join(shared, 'tools', 'spark-baseline.py'), source, join(folder, 'spark'), jars, String(perTrigger)]
  const text = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 })
  const run = JSON.parse(text.slice(text.lastIndexOf('{')))
  if (silver && run.silver_rows !== silver) throw new Error(`Spark: silver has ${run.silver_rows} rows, not ${silver}`)
  return { ...run, seconds: silver ? run.bronze_s + run.silver_s : run.bronze_s, cpu: run.jvm_cpu_s, rss: run.jvm_peak_mb }
}

/** Runs both sides in turns, without a warm-up, and keeps the peak of memory as well. */
async function compare(work, n, sides, target, note) {
  const peaks = {}
  const kept = Object.fromEntries(
    Object.entries(sides).map(([name, side]) => [
      name,
      async turn => {
        if (turn < 0) return { seconds: 0, cpu: 0 }
        const run = side()
        peaks[name] = Math.max(peaks[name] ?? 0, run.rss)
        return run
      },
    ]),
  )
  const found = await inTurns(n, kept)
  const peer = found.spark && { ...found.spark, rss: peaks.spark }
  const mine = { ...found.ours, rss: peaks.ours }
  rows.push({ work, ours: mine, peer, ratio: peer && mine.seconds / peer.seconds, target, n, note })
  const text = side =>
    `${side.seconds.toFixed(2)} s (${side.low.toFixed(2)}–${side.high.toFixed(2)}), ${side.cpu.toFixed(1)} CPU-s, ${side.rss} MB`
  const gain = peer
    ? `; Spark ${text(peer)}; ${(peer.seconds / mine.seconds).toFixed(1)} × faster, ${(peer.cpu / mine.cpu).toFixed(1)} × less CPU`
    : ''
  process.stdout.write(`${work}, n = ${n}\n  ours ${text(mine)}${gain} (target ${target})\n`)
  if (found.duckdb) {
    const ratio = mine.seconds / found.duckdb.seconds
    const what = 'DuckDB alone: JSON to Parquet, distinct ids, mentions by one expression; no log, no rescue, no cleaned text'
    rows.push({ work: `${work}, beside the least`, ours: mine, peer: found.duckdb, ratio, target: '≤ 3 ×', n, note: what })
    process.stdout.write(
      `  DuckDB alone ${found.duckdb.seconds.toFixed(2)} s, ${found.duckdb.cpu.toFixed(1)} CPU-s: ${ratio.toFixed(1)} ×\n`,
    )
  }
}

/** The rows of the result file, those that were measured now in their place; they say when. */
function merged() {
  const file = join(root, 'bench', 'results', 'streams.json')
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : []
  const when = `by itself on ${new Date().toISOString().slice(0, 10)}, ${/load average \d+/.exec(machine())[0]}`
  const now = rows.map(row => ({ ...row, note: [row.note, when].filter(Boolean).join('; ') }))
  const kept = before.map(row => now.find(({ work }) => work === row.work) ?? row)
  return [...kept, ...now.filter(row => !kept.includes(row))]
}

const tool = (name, ...args) =>
  JSON.parse(execFileSync(process.execPath, [join(shared, 'tools', name), ...args.map(String)], { encoding: 'utf8' }))

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-bench-'))
  const at = name => join(folder, name)
  const spark = option('no-spark') ? undefined : findSpark()
  const beside = side => (spark ? { spark: side } : {})
  const n = quick ? 1 : 5
  const works = {
    async lines() {
      const { lines, silver } = tool('tweet-lines.mjs', at('lines'), 40, 5000)
      await compare(
        '200,000 tweets in 40 JSON-lines files → bronze → silver',
        n,
        {
          ours: () => ours(folder, { source: at('lines'), until: 'silver' }, [lines, silver]),
          ...beside(() => sparkRun(spark, folder, at('lines'), 40, silver)),
          duckdb() {
            const run = inProcess('--ceiling', { source: at('lines'), folder })
            if (run.rows !== silver) throw new Error(`DuckDB: silver has ${run.rows} rows, not ${silver}`)
            return run
          },
        },
        '≥ 12 × faster, ≥ 15 × less CPU, ≤ 600 MB',
        'seconds without the start of Node and of the JVM; CPU seconds with it',
      )
    },
    async files() {
      tool('classroom-files.mjs', at('files'), 50_000)
      await compare(
        '50,000 one-record JSON files → bronze',
        1,
        {
          ours: () => ours(folder, { source: at('files'), until: 'bronze' }, [50_000]),
          ...beside(() => sparkRun(spark, folder, at('files'), 50_000)),
        },
        '≥ 60 × faster',
        'Spark runs the same baseline program on these files; its CPU seconds include an empty silver stream',
      )
    },
    async many() {
      tool('classroom-files.mjs', at('files'), 200_000)
      const many = () => ours(folder, { source: at('files'), until: 'bronze' }, [200_000])
      await compare('200,000 one-record JSON files → bronze', n, { ours: many }, '< 10 s', '')
      rmSync(at('files'), { recursive: true })
    },
    async rows() {
      const load = tool('tweet-lines.mjs', at('lines'), Math.round(millions * 200), 5000)
      let run
      const whole = () => {
        run = ours(folder, { source: at('lines'), until: 'silver' }, [load.lines, load.silver])
        return run
      }
      await compare(`${millions} M tweets → bronze → silver`, 1, { ours: whole }, 'RSS < 700 MB, flat; no slower at the end', '')
      const [early, late] = [run.early, run.late].map(list => list.map(speed => Math.round(speed / 1000)))
      const memory = run.memory.filter((_, i) => i % Math.ceil(run.memory.length / 10) === 0)
      rows.at(-1).note =
        `thousand rows/s, first and second half of the batches: bronze ${early[0]} and ${late[0]}, silver ${early[1]} and ${late[1]}; MB after batches: ${memory.join(' ')}`
      process.stdout.write(`  ${rows.at(-1).note}\n`)
    },
  }
  try {
    for (const [name, work] of Object.entries(works)) if (!only || only === name) await work()
    if (!quick)
      writeResult('streams', {
        title: 'Streams',
        about:
          'Beside PySpark 4.2 structured streaming with Delta 4.4, local[cores], the same files in turns in one run, local disk.',
        command: 'npm run bench streams',
        rows: only ? merged() : rows,
      })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const [how, argument] = process.argv.slice(2)
if (how === '--run') await runOurs(JSON.parse(argument))
else if (how === '--ceiling') await runCeiling(JSON.parse(argument))
else await main()
