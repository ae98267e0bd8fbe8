import { show } from '../explore/display.js'
import { reproduce } from '../explore/reproduce.js'
import { defineCommand, flag, printJson, text, UsageError } from './command.js'

/** `moodlake reproduce`: a figure given again. */
export const command = defineCommand({
  summary: 'give a figure again from the versions it was drawn from',
  usage: 'reproduce FIGURE [--lake DIR] [--json]',
  about: `
Gives a figure of a notebook or report again, and says whether the digits are the same. FIGURE is FILE#N, the N-th figure of the file:
  moodlake reproduce sentiment-analysis#3            of notebooks/sentiment-analysis.ipynb
  moodlake reproduce reports/sentiment-analysis.html#3
A figure carries its query, the versions of the tables, the model's hash and a digest of the rows: the query is asked again at those
versions. One that a cell computed from several queries is drawn again by running its notebook.`,
  options: {
    lake: text('DIR', 'where the lake is now (default: where the figure was drawn from)'),
    json: flag('one JSON document: {file, number, title, by, origin, same, why, rows}'),
  },
  words: true,
  more: 'exit code: 0 the same digits, 1 not the same or not to be had, with the reason, 2 wrong usage',
  async run({ lake, json }, [address, ...more]) {
    if (!address || more.length) throw new UsageError('reproduce: one FIGURE, as in sentiment-analysis#3')
    const { rows, ...made } = await reproduce(address, { lake })
    if (json) printJson({ ...made, rows: rows?.rows })
    else {
      const { file, number, title, origin, same, why } = made
      process.stdout.write(`${file}, figure ${number}: ${title}\n`)
      for (const { name, version, hash } of origin?.models ?? [])
        process.stdout.write(`scored by ${name}, version ${version}${hash ? `, hash ${hash.slice(0, 12)}` : ''}\n`)
      if (origin) process.stdout.write(`${origin.sql}\n`)
      if (rows) show(rows)
      process.stdout.write(same ? 'The same digits.\n' : `Not the same: ${why}.\n`)
    }
    return made.same ? 0 : 1
  },
})
