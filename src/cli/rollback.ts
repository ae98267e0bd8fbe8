import { rollback } from '../registry/champion.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { withRegistry } from './open-registry.js'
import { promotionLine } from './promote.js'

const help = `
usage: moodlake rollback NAME [--alias ALIAS] [--reason TEXT] [--json]

Gives the alias (default champion) back to the version that served before. Written down in that version's tags.
`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      alias: { type: 'string', default: 'champion' },
      reason: { type: 'string', default: 'by hand' },
      json: { type: 'boolean', default: false },
    },
  })
  const [name] = positionals
  if (!name || positionals.length > 1) throw new UsageError('rollback: give NAME, such as: rollback sentiment')
  const result = await withRegistry(client => rollback(client, { name, alias: values.alias, reason: values.reason }))
  if (values.json) printJson(result)
  else say(promotionLine(result))
  return 0
}

export const command: Command = { summary: 'let the version serve that served before', help, run }
