import { openTable } from '../delta/index.js'
import { STREAMS, streamHistory, tableLocation } from '../pipeline/lake.js'
import { type Command, parse, printJson, UsageError } from './command.js'
import { progressLine, readCount } from './run.js'

const help = `
usage: moodlake history TABLE|STREAM [--lake DIR] [--limit N] [--json]

Lists the versions of a table of a lake, newest first; or the batches of a stream (${STREAMS.join(', ')}), newest first.
`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      lake: { type: 'string', default: './lake' },
      limit: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
    },
  })
  if (positionals.length !== 1) throw new UsageError('history: name one table, such as gold')
  if ((STREAMS as readonly string[]).includes(positionals[0]!)) {
    const batches = (await streamHistory(values.lake, positionals[0]!)).reverse().slice(0, readCount('limit', values.limit))
    if (values.json) printJson(batches)
    else for (const batch of batches) process.stdout.write(`${batch.started}  ${progressLine(batch)}\n`)
    return 0
  }
  const entries = await (await openTable(tableLocation(values.lake, positionals[0]!))).history(readCount('limit', values.limit))
  if (values.json) printJson(entries)
  else
    for (const entry of entries) process.stdout.write(`${entry.version}\t${entry.timestamp.toISOString()}\t${entry.operation}\n`)
  return 0
}

export const command: Command = { summary: 'versions of a table, or batches of a stream, of a lake', help, run }
