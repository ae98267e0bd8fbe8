/**
 * `node bench/scoring.mjs [ROWS]`: how fast models answer, into bench/results/scoring.json: our scorer beside the transformers.js pipeline,
 * and, where `npm run train-compact` has installed them, PyTorch and Python's ONNX Runtime, and where `transformers` is beside them the Hugging
 * Face pipeline; four workers against one, the event loop
 * meanwhile, the caches, the n-gram model. Needs `npm run build` and ../shared.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { parseCsv } from '../dist/cli/read-rows.js'
import { bundledModelFolder } from '../dist/models/bundled.js'
import { loadModelFolder } from '../dist/models/load.js'
import { ngramModel } from '../dist/models/ngram.js'
import { modelText } from '../dist/text/clean.js'
import { quantile, root, timed, writeResult } from './measure.mjs'

const shared = join(process.env.MOODLAKE_SHARED ?? join(root, '..', 'shared'), 'data')
const rows = Number(process.argv[2] ?? 2000)
const TURNS = 5
/** Of the slow ones. */
const FEW = 300
const python = join(root, 'training', '.venv', 'bin', 'python')
const folder = bundledModelFolder('compact')
const run = promisify(execFile)

/** Distinct tweets, so that no cache helps. */
const all = [
  ...new Set(
    readFileSync(join(shared, 'tweeteval', 'train_rebuilt_text.txt'), 'utf8')
      .split('\n')
      .filter(Boolean),
  ),
]
/** The same length of list for each turn and side, never the same texts: our scorer would remember them. */
let next = 0
function fresh(n = rows) {
  next += n
  return all.slice(next - n, next)
}

async function withModel({ from = folder, ...options }, work) {
  const model = await loadModelFolder(from, options)
  try {
    await model.predict(['warm'])
    return await work(model)
  } finally {
    await model.close()
  }
}

async function perSecond(n, work) {
  const start = performance.now()
  await work()
  return n / ((performance.now() - start) / 1000)
}

const ours = workers =>
  withModel({ workers }, async model => {
    // All workers have to be up.
    await model.predict(Array.from({ length: 256 }, (_, i) => `warm ${workers} ${i} ${next}`))
    const texts = fresh()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const speed = await perSecond(texts.length, () => model.predict(texts))
    delay.disable()
    return { speed, delay: delay.percentile(99) / 1e6 }
  })

/** The pipeline of transformers.js in a process of its own, one thread. */
async function pipelineSpeed(texts, batch) {
  const script = `
    import { env, pipeline } from '@xenova/transformers'
    import { dirname } from 'node:path'
    const { texts, batch, folder } = JSON.parse(await new Response(process.stdin).text())
    env.localModelPath = dirname(folder)
    env.allowRemoteModels = false
    const options = { dtype: 'q8', local_files_only: true, session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 } }
    const classify = await pipeline('text-classification', 'compact', options)
    await classify('warm')
    const start = performance.now()
    for (let i = 0; i < texts.length; i += batch) await classify(texts.slice(i, i + batch))
    console.log(texts.length / ((performance.now() - start) / 1000))`
  const child = run(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
  child.child.stdin.end(JSON.stringify({ texts, batch, folder }))
  return Number((await child).stdout.trim().split('\n').at(-1))
}

async function pythonSpeeds(texts) {
  if (!existsSync(python)) return {}
  const child = run(python, [join(root, 'bench', 'scoring_peers.py'), folder], {
    cwd: root,
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  })
  child.child.stdin.end(JSON.stringify(texts))
  return JSON.parse((await child).stdout.trim().split('\n').at(-1))
}

const speeds = {}
const note = (name, value) => {
  speeds[name] ??= []
  speeds[name].push(value)
}
const delays = []
const made = mkdtempSync(join(tmpdir(), 'moodlake-bench-'))
const baseSize = join(made, 'base-size')
if (existsSync(python)) await run(python, [join(root, 'bench', 'base_size.py'), folder, baseSize], { cwd: root })
for (let turn = 0; turn < TURNS; turn++) {
  for (const workers of [1, 4]) {
    const { speed, delay } = await ours(workers)
    note(`${workers} workers`, speed)
    delays.push(delay)
  }
  if (existsSync(baseSize))
    await withModel({ from: baseSize, workers: 1 }, async model => {
      const texts = fresh(FEW)
      note('base-size', await perSecond(texts.length, () => model.predict(texts)))
    })
  const clean = fresh().map(modelText)
  for (const batch of [1, 32]) note(`transformers.js ${batch}`, await pipelineSpeed(clean, batch))
  for (const [name, speed] of Object.entries(await pythonSpeeds(clean))) note(name, speed)
}

rmSync(made, { recursive: true, force: true })

const known = mkdtempSync(join(tmpdir(), 'moodlake-bench-'))
const seen = fresh()
const many = Array.from({ length: 50 }, () => seen).flat()
await withModel({ scoreFolder: known }, async model => {
  await model.predict(seen)
  for (let turn = 0; turn < TURNS; turn++)
    note(
      'hits in memory',
      await perSecond(many.length, async () => {
        for (let i = 0; i < 50; i++) await model.predict(seen)
      }),
    )
})
const { openScoreFile } = await import('../dist/models/score-file.js')
const { hashFolder } = await import('../dist/models/folder.js')
const file = openScoreFile(known, await hashFolder(folder))
// The answer to a text that was cut is not kept.
const cleaned = seen.map(modelText).filter(text => file.get(text))
const hits = 50 * cleaned.length
for (let turn = 0; turn < TURNS; turn++)
  note(
    'hits on disk',
    await perSecond(hits, () => {
      for (let i = 0; i < 50; i++) for (const text of cleaned) if (!file.get(text)) throw new Error(`not kept: ${text}`)
    }),
  )
rmSync(known, { recursive: true, force: true })

const [, ...union] = parseCsv('union', gunzipSync(readFileSync(join(shared, 'sentiment140', 'union.csv.gz'))).toString('utf8'))
const [, ...kinds] = parseCsv(
  'kinds',
  gunzipSync(readFileSync(join(shared, 'sentiment140', 'provenance.csv.gz'))).toString('utf8'),
)
const random = union.filter((_, i) => kinds[i].cells[1] === 'random').slice(0, 116_000)
const examples = random.map(({ cells }) => ({ text: cells[4], label: cells[0] === '4' ? 'positive' : 'negative' }))
const texts = examples.map(({ text }) => text)
for (let turn = 0; turn < TURNS; turn++) {
  const model = ngramModel()
  const fit = await timed(() => model.fit(examples))
  note('n-gram fit', fit.seconds)
  note('n-gram fit CPU', fit.cpu)
  const predict = await timed(() => model.predict(texts))
  note('n-gram', texts.length / predict.seconds)
  note('n-gram CPU', texts.length / predict.cpu)
}

const median = name => (speeds[name] ? quantile(speeds[name], 0.5) : undefined)
const spread = name => {
  const list = [...speeds[name]].sort((a, b) => a - b)
  return `${Math.round(list[0]).toLocaleString('en')} – ${Math.round(list.at(-1)).toLocaleString('en')}`
}
const rate = name => `${Math.round(median(name)).toLocaleString('en')}/s (${spread(name)})`
/** Of the two in the same turn, in the middle: the machine is now faster, now slower. */
const ratioOf = (one, other) =>
  Number(
    quantile(
      speeds[one].map((speed, turn) => speed / speeds[other][turn]),
      0.5,
    ).toFixed(2),
  )
const beside = (work, peer, target) =>
  median(peer) === undefined
    ? { work, ours: rate('1 workers'), peer: 'not installed', target, n: TURNS }
    : {
        work,
        ours: rate('1 workers'),
        peer: rate(peer),
        ratio: ratioOf('1 workers', peer),
        target,
        n: TURNS,
      }
const best = median('transformers.js 1') > median('transformers.js 32') ? 1 : 32

writeResult('scoring', {
  title: 'Scoring',
  about: `The bundled transformer (6 layers × 384, int8) on ${rows.toLocaleString('en')} tweets a turn that it has not seen, tokenising included, one thread a process. No answer of ours depends on its batch. A ratio is the middle one of the turns.`,
  command: 'node bench/scoring.mjs',
  rows: [
    { work: 'tweets per second, one worker', ours: rate('1 workers'), target: '≥ 340/s', n: TURNS },
    beside('beside the Hugging Face pipeline, PyTorch fp32, batch_size=32', 'HF pipeline', '≥ 4.5'),
    beside('beside the plain encoder in PyTorch fp32, batches of 32 as they come', 'PyTorch', '–'),
    beside('beside PyTorch fp32, sorted by length', 'PyTorch sorted', '≥ 2.7'),
    beside('beside Python’s ONNX Runtime, sorted, batches of 8', 'ONNX Runtime', '–'),
    beside(`beside the transformers.js pipeline at its best (batch ${best})`, `transformers.js ${best}`, '≥ 1.1'),
    {
      work: 'four workers',
      ours: rate('4 workers'),
      peer: `one worker ${rate('1 workers')}`,
      ratio: ratioOf('4 workers', '1 workers'),
      target: '≥ 3.3',
      n: TURNS,
    },
    {
      work: 'event-loop delay while scoring, p99',
      ours: `${quantile(delays, 0.5).toFixed(1)} ms (at most ${Math.max(...delays).toFixed(1)})`,
      target: '< 50 ms',
      n: delays.length,
    },
    {
      work: 'tweets per second, one worker, a base-size model (12 layers × 768, int8)',
      ours: speeds['base-size'] ? rate('base-size') : 'not measured: no training/.venv',
      target: '≥ 46/s',
      n: TURNS,
    },
    { work: 'texts known in memory', ours: rate('hits in memory'), target: '≥ 100,000/s', n: TURNS },
    { work: 'texts known on disk, by sha256', ours: rate('hits on disk'), target: '≥ 100,000/s', n: TURNS },
    {
      work: 'n-gram model, texts per second',
      ours: rate('n-gram'),
      target: '≥ 200,000/s',
      n: TURNS,
      note: `per CPU second ${rate('n-gram CPU').replaceAll('/s', '')}`,
    },
    {
      work: `n-gram model, fit of ${examples.length.toLocaleString('en')} tweets`,
      ours: `${median('n-gram fit').toFixed(1)} s, ${median('n-gram fit CPU').toFixed(1)} CPU-s`,
      target: '≤ 3 s',
      n: TURNS,
    },
  ],
})
