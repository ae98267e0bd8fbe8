import { vacuumLake } from '../pipeline/care.js'
import { type Command, parse, printJson, UsageError } from './command.js'

const help = `
usage: moodlake vacuum [--lake DIR] [--retention-hours N] [--force] [--dry-run] [--json]

Removes the files of every table of a lake that no version of the last N hours needs (default: the table's own, else 168),
and log files past the table's own retention. What a stream of the lake has not read yet stays.
Versions before that can no longer be read. --force allows fewer than 168 hours, --dry-run only says what would go.
`

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: {
      lake: { type: 'string', default: './lake' },
      'retention-hours': { type: 'string' },
      force: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const hours = values['retention-hours']
  if (hours !== undefined && !/^\d+$/.test(hours)) throw new UsageError(`--retention-hours: not a whole number: ${hours}`)
  const { force, 'dry-run': dryRun } = values
  const options = { ...(hours && { retentionHours: Number(hours) }), force, dryRun }
  const done = await vacuumLake(values.lake, options).catch((error: unknown) => {
    throw error instanceof RangeError ? new UsageError(error.message, { cause: error }) : error
  })
  const verb = dryRun ? 'would go' : 'removed'
  if (values.json) printJson({ dryRun, tables: done })
  else
    for (const { table, files, bytes, logFiles } of done)
      process.stdout.write(`${table}\t${files.length} files ${verb}, ${bytes} bytes; ${logFiles} of the log\n`)
  return 0
}

export const command: Command = { summary: 'remove old files of all tables of a lake', help, run }
