import { lakeCheckpoint, lakeStreams, STREAMS } from '../pipeline/lake.js'
import { defineCommand, lake, say, UsageError } from './command.js'

export const command = defineCommand({
  summary: 'stop the streams of a lake, wherever they run',
  usage: 'stop [NAME] [--lake DIR]',
  about: `Asks the process that runs a lake's streams (or the one stream NAME: ${STREAMS.join(', ')}) to stop them; it does so within a second.`,
  options: { lake },
  words: true,
  async run({ lake }, [name]) {
    const streams = await lakeStreams(lake)
    if (name && !streams.includes(name)) throw new UsageError(`stop: no such stream: ${name} (there are ${streams.join(', ')})`)
    for (const stream of name ? [name] : streams) await lakeCheckpoint(lake, stream).requestStop()
    say(`asked ${name ?? 'all streams'} of ${lake} to stop`)
    return 0
  },
})
