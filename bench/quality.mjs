/**
 * `node bench/quality.mjs`: two classes on the held-out rows of Sentiment140, into bench/results/quality.json: our n-gram model beside
 * scikit-learn on the same rows, the n-gram model averaged with the bundled transformer, and the transformer adapted to all rows at hand.
 * What is chosen is chosen on a part of the training rows; the test rows are looked at once a run. Takes ten minutes of four cores. Needs `npm run build`, .venv (`npm test` makes it) and ../shared.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { compareAnswers } from '../dist/evaluation/compare.js'
import { evaluate } from '../dist/evaluation/evaluate.js'
import { adaptedModel } from '../dist/models/adapted.js'
import { bundledModelFolder } from '../dist/models/bundled.js'
import { loadModelFolder } from '../dist/models/load.js'
import { ngramModel } from '../dist/models/ngram.js'
import { root, writeResult } from './measure.mjs'
import { split } from './sentiment140.mjs'

const WEIGHTS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
const { train: whole, test, others } = split()
/** Every tenth training row is for choosing; where the transformer has a say only the dated ones: it has learned from the others. */
const [train, validation] = [whole.filter((_, i) => i % 10 !== 0), whole.filter((_, i) => i % 10 === 0)]
const textsOf = rows => rows.map(({ text }) => text)
const labelsOf = rows => rows.map(({ label }) => label)
const say = line => process.stderr.write(`${line}\n`)

/** An answer of the two classes alone. */
function ofTwo(positive) {
  return { label: positive > 0.5 ? 'positive' : 'negative', probabilities: [1 - positive, 0, positive] }
}
/** The probability of positive where neutral is out of the question. */
const positiveOf = ({ probabilities: [negative, , positive] }) => positive / (positive + negative)

function scikit() {
  const python = join(root, '.venv', 'bin', 'python')
  return new Promise((resolve, reject) => {
    const child = execFile(python, [join(root, 'bench', 'quality_peer.py')], { maxBuffer: 2 ** 28 }, (error, out) =>
      error ? reject(error) : resolve(JSON.parse(out)),
    )
    child.stdin.end(JSON.stringify({ train, validation, test }))
  })
}

async function ngram(examples) {
  const model = ngramModel()
  await model.fit(examples)
  return async rows => (await model.predict(textsOf(rows))).map(positiveOf)
}

const compact = await loadModelFolder(bundledModelFolder('compact'))
say('the transformer answers')
const dated = validation.filter(row => row.dated)
const encoded = { dated: [], test: [] }
for (const [name, rows] of Object.entries({ dated, test })) encoded[name] = (await compact.predict(textsOf(rows))).map(positiveOf)
await compact.close()
say('n-grams')
const trial = await (await ngram(train))(dated)
const average = (words, transformer, weight) => words.map((value, i) => ofTwo((1 - weight) * value + weight * transformer[i]))
const right = answers => answers.filter(({ label }, i) => label === dated[i].label).length
const weight = WEIGHTS.map(w => [right(average(trial, encoded.dated, w)), w]).reduce((a, b) => (b[0] > a[0] ? b : a))[1]
const words = await (await ngram(whole))(test)
say(`the transformer is adapted to ${whole.length + others.length} rows`)
const adapted = adaptedModel({ base: bundledModelFolder('compact') })
let told = 0
await adapted.fit([...whole, ...others], {
  onProgress(share) {
    if (share < told + 0.1) return
    told = share
    say(`${Math.round(100 * share)} %`)
  },
})
const fitted = (await adapted.predict(textsOf(test))).map(positiveOf).map(ofTwo)
await adapted.close()
say('scikit-learn')
const peers = Object.fromEntries(
  Object.entries(await scikit()).map(([name, { labels, ...rest }]) => [
    name,
    { ...rest, answers: labels.map(label => ofTwo(label === 'positive' ? 1 : 0)) },
  ]),
)

const truth = labelsOf(test)
const percent = ({ value, low, high }) => `${(100 * value).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
/** F1 as the mean of both classes, and of the positive class as published figures have it. */
function figures(answers) {
  const { confusion, metrics, byClass } = evaluate(truth, answers)
  const f1 = ['negative', 'positive'].reduce((sum, label) => sum + byClass[label].f1.value / 2, 0)
  if (confusion.labels.length > 3) throw new Error(`classes: ${confusion.labels}`)
  return `accuracy ${percent(metrics.accuracy)} %, F1 of positive ${percent(byClass.positive.f1)}, mean of both ${(100 * f1).toFixed(1)}`
}
const points = ({ difference, low, high }) =>
  `${(100 * difference).toFixed(2)} points of accuracy [${(100 * low).toFixed(2)}, ${(100 * high).toFixed(2)}]`
const rows = []
const mine = words.map(ofTwo)
for (const [name, { answers, penalty }] of Object.entries(peers))
  rows.push({
    work: `n-grams, beside scikit-learn's TF-IDF of ${name} with logistic regression`,
    ours: figures(mine),
    peer: figures(answers),
    target: '≥ scikit-learn − 0.2 points',
    n: test.length,
    note: `ours − theirs, paired: ${points(compareAnswers(truth, answers, mine).differences.accuracy)}; C = ${penalty} chosen on the validation rows`,
  })
const both = average(words, encoded.test, weight)
rows.push({
  work: 'n-grams and the bundled transformer, averaged',
  ours: figures(both),
  target: 'F1 ≥ 82',
  n: test.length,
  note: `weight of the transformer ${weight}, chosen on the ${dated.length.toLocaleString('en')} dated validation rows: it has learned from the others; over n-grams alone: ${points(compareAnswers(truth, mine, both).differences.accuracy)}`,
})
rows.push({
  work: 'the bundled transformer adapted to all rows at hand (`train adapt`)',
  ours: figures(fitted),
  target: 'F1 ≥ 82',
  n: test.length,
  note: `${(whole.length + others.length).toLocaleString('en')} rows: the random ones and ${others.length.toLocaleString('en')} that are not random (alphabetical stretches, a few days), without those whose text is a test row's; over the average: ${points(compareAnswers(truth, both, fitted).differences.accuracy)}. The second look of this benchmark at these test rows: how the adapted model learns was changed after the first, on the validation rows alone`,
})
rows.push({ work: 'the bundled transformer alone, without these labels', ours: figures(encoded.test.map(ofTwo)), n: test.length })
for (const row of rows) say(`${row.work}: ${row.ours}${row.peer ? ` | ${row.peer}` : ''} | ${row.note ?? ''}`)
writeResult('quality', {
  title: 'Quality on Sentiment140',
  about: `Two classes: ${whole.length.toLocaleString('en')} random rows to learn from, every tenth of them for choosing, ${test.length.toLocaleString('en')} dated random rows held out. The labels are emoticons, so weak. The transformer learned from 57,634 of the rows to learn from, the undated ones.`,
  command: 'node bench/quality.mjs',
  rows,
})
