/**
 * Has a teacher judge the weakly labelled rows: adds `chances`, its probabilities, to each.
 * `node training/teach.mjs TEACHER DATA`; TEACHER is a model's folder, DATA what prepare.mjs wrote.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '../dist/models/answer.js'
import { loadModelFolder } from '../dist/models/load.js'

const [folder, data] = process.argv.slice(2)
if (!folder || !data) throw new Error('usage: node training/teach.mjs TEACHER DATA')
const file = join(data, 'weak.ndjson')
const rows = readFileSync(file, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line))
const teacher = await loadModelFolder(folder)
try {
  const answers = await teacher.predict(rows.map(({ text }) => text))
  const taught = rows.flatMap((row, i) => {
    const answer = answers[i]
    return isFailure(answer) ? [] : [{ ...row, chances: answer.probabilities.map(p => Number(p.toFixed(4))) }]
  })
  writeFileSync(file, taught.map(row => `${JSON.stringify(row)}\n`).join(''))
  process.stdout.write(`${JSON.stringify({ teacher: teacher.hash, rows: taught.length })}\n`)
} finally {
  await teacher.close()
}
