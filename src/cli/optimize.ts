import { optimizeLake } from '../pipeline/care.js'
import { type Command, parse, printJson } from './command.js'
import { readCount } from './run.js'

const help = `
usage: moodlake optimize [--lake DIR] [--target-bytes N] [--json]

Merges the small files of every table of a lake, up to --target-bytes (134217728). Rows stay the same; streams may go on.
`

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: {
      lake: { type: 'string', default: './lake' },
      'target-bytes': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const target = values['target-bytes']
  const done = await optimizeLake(values.lake, { ...(target && { targetBytes: readCount('target-bytes', target) }) })
  if (values.json) printJson(done)
  else
    for (const { table, version, removed, added } of done)
      process.stdout.write(`${table}\tversion ${version}\t${removed ? `${removed} files became ${added}` : 'nothing to merge'}\n`)
  return 0
}

export const command: Command = { summary: 'merge the small files of all tables of a lake', help, run }
