import { rollback } from '../registry/champion.js'
import { defineCommand, UsageError } from './command.js'
import { change, options } from './promote.js'

/** `moodlake rollback`: the version before takes it back. */
export const command = defineCommand({
  summary: 'let the version serve that served before',
  usage: 'rollback NAME [--alias ALIAS] [--reason TEXT] [--json]',
  about: "Gives the alias (default champion) back to the version that served before. Written down in that version's tags.",
  options,
  words: true,
  async run({ alias, reason, json }, [name, ...more]) {
    if (!name || more.length) throw new UsageError('rollback: give NAME, such as: rollback sentiment')
    return change(client => rollback(client, { name, alias, reason }), json)
  },
})
