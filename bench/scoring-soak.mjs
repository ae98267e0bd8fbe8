/**
 * `node bench/scoring-soak.mjs [--minutes 60] [--kills 12]`: scores new texts without end through one worker, as `moodlake run` does, so that the
 * cache of answers is full and forgets; now and then the worker is killed in mid-batch. Memory of the process and its workers every 10 s.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundledModelFolder } from '../dist/models/bundled.js'
import { loadModelFolder } from '../dist/models/load.js'
import { randomFrom } from '../dist/models/random.js'
import { quantile, root, writeResult } from './measure.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return Number(at < 0 ? otherwise : process.argv[at + 1])
}
const minutes = option('minutes', 60)
const kills = option('kills', 12)
const EVERY_MS = 10_000
/** As gold's batches. */
const BATCH = 2000
/** A text in so many was asked for before. */
const REPEATS = 10
/** Memory counts from here on: by then the cache is full, at 50,000 texts. */
const SETTLED = Math.min(300, minutes * 12)

const words = readFileSync(join(root, 'data', 'labelled', 'train.ndjson'), 'utf8')
  .split('\n')
  .filter(Boolean)
  .flatMap(line => JSON.parse(line).text.split(/\s+/))
const random = randomFrom(1)
const draw = n => Math.floor(random() * n)
let texts = 0
/** A text of 4 to 23 words of our synthetic tweets, its number among them. */
function fresh() {
  const list = Array.from({ length: 4 + draw(20) }, () => words[draw(words.length)])
  list.splice(draw(list.length), 0, String(texts++))
  return list.join(' ')
}

const alive = new Set()
let started = 0
const model = await loadModelFolder(bundledModelFolder('compact'), {
  workers: 1,
  onWorker(worker) {
    started += 1
    alive.add(worker)
    worker.once('exit', () => alive.delete(worker))
  },
})

const mb = pid => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0 // It has just ended.
  }
}
const t0 = performance.now()
const seconds = () => (performance.now() - t0) / 1000
const memory = []
const sampling = setInterval(() => {
  const worker = [...alive].reduce((sum, { pid }) => sum + mb(pid), 0)
  memory.push({ second: seconds(), parent: mb(process.pid), worker, answered })
  if (memory.length % 6 === 0) {
    const { second, parent } = memory.at(-1)
    process.stdout.write(`${Math.round(second)} s: ${answered} texts, ${Math.round(parent)} + ${Math.round(worker)} MB\n`)
  }
}, EVERY_MS)

let [answered, failed, killed] = [0, 0, 0]
let before = []
while (seconds() < minutes * 60) {
  const batch = Array.from({ length: BATCH }, (_, i) => (i % REPEATS === 0 && before[i]) || fresh())
  const answers = model.predict(batch)
  if (killed < kills && seconds() > ((killed + 0.5) * minutes * 60) / kills) {
    await sleep(500)
    for (const worker of alive) killed += Number(worker.kill('SIGKILL'))
  }
  const list = await answers
  const lost = batch.filter((_, i) => !list[i])
  if (lost.length) throw new Error(`${lost.length} texts have no answer: ${lost[0]}`)
  failed += list.filter(answer => 'error' in answer).length
  answered += batch.length
  before = batch
}
clearInterval(sampling)
const wall = seconds()
await model.close()

/** Medians of the first and last quarter, and the slope (least squares) in MB an hour. */
function trend(part) {
  const list = memory.filter(({ second }) => second > SETTLED).map(sample => ({ x: sample.second / 3600, y: sample[part] }))
  const quarter = Math.max(1, Math.floor(list.length / 4))
  const [x, y] = ['x', 'y'].map(key => list.reduce((sum, point) => sum + point[key], 0) / list.length)
  const slope =
    list.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / list.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  const middle = points =>
    quantile(
      points.map(point => point.y),
      0.5,
    )
  return { first: middle(list.slice(0, quarter)), last: middle(list.slice(-quarter)), slope, n: list.length }
}
const row = (work, part) => {
  const { first, last, slope, n } = trend(part)
  const shown = memory.filter((_, i) => i % Math.ceil(memory.length / 12) === 0)
  return {
    work,
    ours: `${Math.round(first)} → ${Math.round(last)} MB (medians of the first and last quarter), slope ${slope.toFixed(1)} MB an hour`,
    target: 'flat',
    n,
    note: `MB over time: ${shown.map(sample => Math.round(sample[part])).join(' ')}`,
  }
}

writeResult('scoring-soak', {
  title: `${minutes} minutes of scoring`,
  about: `New texts without end, one in ${REPEATS} asked for before, through one worker of the bundled transformer, the cache of 50,000 answers on; a sample every ${EVERY_MS / 1000} s, counted from ${SETTLED} s on.`,
  command: `node bench/scoring-soak.mjs --minutes ${minutes} --kills ${kills}`,
  rows: [
    row('memory of the process', 'parent'),
    row('memory of its worker', 'worker'),
    {
      work: 'texts answered, listed failures',
      ours: `${answered.toLocaleString('en')}, ${failed}`,
      target: 'every text, 0',
      n: answered,
      note: `${Math.round(answered / wall)} a second beside whatever else ran; worker killed in mid-batch ${killed} times, ${started} started`,
    },
  ],
})
const grown = trend('parent').last / trend('parent').first
process.stdout.write(
  `${JSON.stringify({ parent: trend('parent'), worker: trend('worker'), answered, failed, killed, started })}\n`,
)
process.exitCode = failed || grown > 1.1 ? 1 : 0
