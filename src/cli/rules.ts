import { xClient } from '../sources/x-client.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake rules list
       moodlake rules add VALUE [--tag TEXT] [--dry-run]
       moodlake rules delete ID… [--dry-run]

The rules by which X's filtered stream chooses posts (moodlake run --source x:stream). The token comes from X_BEARER_TOKEN.

  --tag TEXT   a name for the rule, sent with each post that it chose
  --dry-run    lets X check the change without making it
  --json       one JSON document on stdout
`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      tag: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [action = 'list', ...given] = positionals
  if (!['list', 'add', 'delete'].includes(action)) throw new UsageError(`rules: ${action} is none of list, add, delete`)
  if (action !== 'list' && !given.length) throw new UsageError(`rules: ${action} needs ${action === 'add' ? 'a value' : 'an id'}`)
  const client = xClient({ onNotice: say })
  const options = { dryRun: values['dry-run'] }
  const { rules, summary, problems } =
    action === 'list'
      ? { rules: await client.rules(), summary: {}, problems: [] }
      : action === 'add'
        ? await client.addRules(
            given.map(value => ({ value, ...(values.tag && { tag: values.tag }) })),
            options,
          )
        : await client.deleteRules(given, options)
  if (values.json) printJson({ rules, summary, problems })
  else {
    for (const rule of rules) process.stdout.write(`${rule.id}\t${rule.value}\t${rule.tag ?? ''}\n`)
    if (action !== 'list') say(`${values['dry-run'] ? 'checked only: ' : ''}${counts(summary) || 'no change'}`)
  }
  for (const problem of problems) say(`moodlake: x: ${problem}`)
  return problems.length ? 1 : 0
}

const counts = (summary: Record<string, number>) =>
  Object.entries(summary)
    .map(([name, n]) => `${n} ${name.replaceAll('_', ' ')}`)
    .join(', ')

export const command: Command = { summary: "the rules of X's filtered stream", help, run }
