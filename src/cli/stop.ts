import { lakeCheckpoint, lakeStreams, STREAMS } from '../pipeline/lake.js'
import { type Command, parse, say, UsageError } from './command.js'

const help = `
usage: moodlake stop [NAME] [--lake DIR]

Asks the process that runs a lake's streams (or the one stream NAME: ${STREAMS.join(', ')}) to stop them; it does so within a second.
`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: { lake: { type: 'string', default: './lake' } },
  })
  const [name] = positionals
  const streams = await lakeStreams(values.lake)
  if (name && !streams.includes(name)) throw new UsageError(`stop: no such stream: ${name} (there are ${streams.join(', ')})`)
  for (const stream of name ? [name] : streams) await lakeCheckpoint(values.lake, stream).requestStop()
  say(`asked ${name ?? 'all streams'} of ${values.lake} to stop`)
  return 0
}

export const command: Command = { summary: 'stop the streams of a lake, wherever they run', help, run }
