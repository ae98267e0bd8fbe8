/**
 * Makes the training data of the compact model: every text through the text function that serving uses, so that the two
 * cannot differ. Writes {train, validation, weak}.ndjson of `{ text, label }` (label 0 negative, 1 neutral, 2 positive),
 * emoji.json and meta.json. `node training/prepare.mjs DATA OUTPUT [ROWS]`; dist/ must be built.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseCsv } from '../dist/cli/read-rows.js'
import { randomFrom, shuffle } from '../dist/models/random.js'
import { modelText, TEXT_VERSION } from '../dist/text/clean.js'

const [data, output, rows] = process.argv.slice(2)
if (!data || !output) throw new Error('usage: node training/prepare.mjs DATA OUTPUT [ROWS]')
const most = rows === undefined ? Number.POSITIVE_INFINITY : Number(rows)
const SEED = 1

const sources = {}
function read(path) {
  const bytes = readFileSync(join(data, path))
  sources[path] = createHash('sha256').update(bytes).digest('hex')
  return path.endsWith('.gz') ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8')
}
const lines = path => read(path).replace(/\n$/, '').split('\n')

function labelled(name) {
  const labels = lines(`tweeteval/${name}_labels.txt`)
  return lines(`tweeteval/${name}_text.txt`).map((text, i) => ({ text, label: Number(labels[i]) }))
}

/** What is left of a text for a strict comparison: no mentions, addresses, case, punctuation or spaces. */
const bare = text =>
  modelText(text)
    .toLowerCase()
    .replace(/@user|\bhttp\b/g, '')
    .replace(/[^a-z0-9]+/g, '')

/** Sentiment140's undated random rows: labelled by emoticon only. The dated ones are kept for tests of other models. */
function weakRows() {
  const provenance = parseCsv('provenance', read('sentiment140/provenance.csv.gz')).slice(1)
  const found = []
  parseCsv('union', read('sentiment140/union.csv.gz'))
    .slice(1)
    .forEach(({ cells: [target, , date, , text] }, i) => {
      if (provenance[i].cells[1] === 'random' && date === '') found.push({ text, label: target === '4' ? 2 : 0 })
    })
  return found
}

const evaluation = new Set(['val', 'test'].flatMap(name => lines(`tweeteval/${name}_text.txt`).map(bare)))
const seeds = randomFrom(SEED)
function pick(all) {
  const order = shuffle(
    Uint32Array.from(all, (_, i) => i),
    seeds,
  )
  return Array.from(order.subarray(0, Math.min(most, all.length)).sort(), i => all[i])
}

const meta = { textVersion: TEXT_VERSION, rows: {}, dropped: {}, sources }
mkdirSync(output, { recursive: true })
for (const [name, all] of Object.entries({ train: labelled('train_rebuilt'), weak: weakRows(), validation: labelled('val') })) {
  const kept = name === 'validation' ? all : all.filter(({ text }) => !evaluation.has(bare(text)))
  meta.dropped[name] = all.length - kept.length
  const chosen = pick(kept)
  meta.rows[name] = chosen.length
  writeFileSync(
    join(output, `${name}.ndjson`),
    chosen.map(({ text, label }) => `${JSON.stringify({ text: modelText(text), label })}\n`).join(''),
  )
}
const emoji = []
for (let code = 0x80; code <= 0x1faff; code++) {
  const sign = String.fromCodePoint(code)
  if (modelText(`a${sign}a`) === `a ${sign} a` && /[\p{Extended_Pictographic}\p{Regional_Indicator}]/u.test(sign)) emoji.push(sign)
}
writeFileSync(join(output, 'emoji.json'), JSON.stringify(emoji))
meta.emoji = emoji.length
writeFileSync(join(output, 'meta.json'), `${JSON.stringify(meta, null, 2)}\n`)
process.stdout.write(`${JSON.stringify({ rows: meta.rows, dropped: meta.dropped, emoji: meta.emoji })}\n`)
