import { createInterface } from 'node:readline/promises'
import { clearLake, lakeStatus } from '../pipeline/lake.js'
import { type Command, parse, say, UsageError } from './command.js'

const help = `
usage: moodlake clear [--lake DIR] [--yes]

Removes the tables and checkpoints of a lake, after asking; --yes does not ask. What else is in the folder stays.
`

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: { lake: { type: 'string', default: './lake' }, yes: { type: 'boolean', default: false } },
  })
  const { tables } = await lakeStatus(values.lake)
  const what = Object.entries(tables)
    .map(([name, { rows }]) => `${name} (${rows.toLocaleString('en')} rows)`)
    .join(', ')
  if (!values.yes) {
    if (!process.stdin.isTTY) throw new UsageError(`clear: would remove ${what}; add --yes`)
    const ask = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await ask.question(`Remove ${what} from ${values.lake}? [y/N] `)
    ask.close()
    if (!/^y(es)?$/i.test(answer.trim())) {
      say('nothing removed')
      return 1
    }
  }
  say(`removed ${await clearLake(values.lake)} files of ${what}`)
  return 0
}

export const command: Command = { summary: 'remove the tables and checkpoints of a lake (asks)', help, run }
