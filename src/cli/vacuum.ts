import { vacuumLake } from '../pipeline/care.js'
import { defineCommand, flag, json, lake, print, read, UsageError } from './command.js'

export const command = defineCommand({
  summary: 'remove old files of all tables of a lake',
  usage: 'vacuum [--lake DIR] [--retention-hours N] [--force] [--dry-run] [--json]',
  about: `
Removes the files of every table of a lake that no version of the last N hours needs, and log files past the table's own retention.
What a stream of the lake has not read yet stays. Versions before that can no longer be read.`,
  options: {
    lake,
    retentionHours: read('N', "removed files are kept this long (default: the table's own, else 168)", (given, name) => {
      if (/^\d+$/.test(given)) return Number(given)
      throw new UsageError(`${name}: not a whole number: ${given}`)
    }),
    force: flag('allows fewer than 168 hours'),
    dryRun: flag('only says what would go'),
    json,
  },
  async run({ lake, json, ...options }) {
    const done = await vacuumLake(lake, options).catch((error: unknown) => {
      throw error instanceof RangeError ? new UsageError(error.message, { cause: error }) : error
    })
    const verb = options.dryRun ? 'would go' : 'removed'
    const lines = done.map(
      ({ table, files, bytes, logFiles }) => `${table}\t${files.length} files ${verb}, ${bytes} bytes; ${logFiles} of the log`,
    )
    return print(lines, { dryRun: options.dryRun, tables: done }, json)
  },
})
