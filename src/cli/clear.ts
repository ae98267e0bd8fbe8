import { clearLake, lakeStatus } from '../pipeline/lake.js'
import { confirmed, defineCommand, flag, lake, say } from './command.js'

export const command = defineCommand({
  summary: 'remove the tables and checkpoints of a lake (asks)',
  usage: 'clear [--lake DIR] [--yes]',
  about: 'Removes the tables and checkpoints of a lake, after asking. What else is in the folder stays.',
  options: { lake, yes: flag('does not ask') },
  async run({ lake, yes }) {
    const { tables } = await lakeStatus(lake)
    const what = Object.entries(tables)
      .map(([name, { rows }]) => `${name} (${rows.toLocaleString('en')} rows)`)
      .join(', ')
    if (!yes && !(await confirmed(`Remove ${what} from ${lake}?`, `clear: would remove ${what}`))) return 1
    say(`removed ${await clearLake(lake)} files of ${what}`)
    return 0
  },
})
