/** The random rows of Sentiment140, in the one split that the benchmarks share with ../shared/tools/mllib-study.py. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseCsv } from '../dist/cli/read-rows.js'
import { root } from './measure.mjs'

const data = join(process.env.MOODLAKE_SHARED ?? join(root, '..', 'shared'), 'data', 'sentiment140')

function table(file) {
  const [head, ...rows] = parseCsv(file, gunzipSync(readFileSync(join(data, file))).toString('utf8'))
  return rows.map(({ cells }) => Object.fromEntries(head.cells.map((name, i) => [name, cells[i]])))
}

/** What is left of a text for a strict comparison: no handles, addresses, case, punctuation or spaces. */
const bare = text => text.toLowerCase().replace(/@\w+|https?:\/\/\S+|[^a-z0-9]+/g, '')

/**
 * Test: 10,000 dated random rows, those with the smallest sha256 of their id. Train: the other random rows. Others: the rows that are not
 * random (alphabetical stretches, a few days), but for those whose text is one of the test rows'.
 */
export function split() {
  const kinds = table('provenance.csv.gz')
  const [random, rest] = [[], []]
  table('union.csv.gz').forEach((row, i) => {
    ;(kinds[i].kind === 'random' ? random : rest).push(row)
  })
  const hash = id => createHash('sha256').update(id).digest('hex')
  const dated = random.filter(row => row.id).map(row => ({ row, key: hash(row.id) }))
  const test = new Set(
    dated
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, 10_000)
      .map(({ row }) => row),
  )
  const example = ({ id, text, target }) => ({ text, label: target === '4' ? 'positive' : 'negative', dated: Boolean(id) })
  const held = new Set([...test].map(({ text }) => bare(text)))
  return {
    train: random.filter(row => !test.has(row)).map(example),
    test: [...test].map(example),
    others: rest.filter(({ text }) => !held.has(bare(text))).map(example),
  }
}
