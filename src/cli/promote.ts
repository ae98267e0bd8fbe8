import { type Promotion, promote } from '../registry/champion.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { withRegistry } from './open-registry.js'

const help = `
usage: moodlake promote NAME VERSION [--alias ALIAS] [--reason TEXT] [--json]

Lets a version of a registered model serve under the alias (default champion). Written down in the version's tags.
`

/** One line on a change of an alias. */
export function promotionLine({ name, alias, version, former, changed }: Promotion): string {
  if (!changed) return `${name}@${alias} is version ${version} already`
  return `${name}@${alias} is version ${version} now${former ? `, was ${former}` : ''}`
}

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
  const [name, version] = positionals
  if (!name || !version || positionals.length > 2)
    throw new UsageError('promote: give NAME and VERSION, such as: promote sentiment 3')
  if (!/^\d+$/.test(version)) throw new UsageError(`promote: VERSION is a whole number: ${version}`)
  const result = await withRegistry(client => promote(client, { name, version, alias: values.alias, reason: values.reason }))
  if (values.json) printJson(result)
  else say(promotionLine(result))
  return 0
}

export const command: Command = { summary: 'let a version of a registered model serve', help, run }
