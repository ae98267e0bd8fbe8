import { openTable } from '../delta/index.js'
import { lakeStreams, STREAMS, streamHistory, tableLocation } from '../pipeline/lake.js'
import { defineCommand, json, lake, print, read, readCount, UsageError } from './command.js'
import { progressLine } from './run.js'

export const command = defineCommand({
  summary: 'versions of a table, or batches of a stream, of a lake',
  usage: 'history TABLE|STREAM [--lake DIR] [--limit N] [--json]',
  about: `Lists the versions of a table of a lake, newest first; or the batches of a stream (${STREAMS.join(', ')}), newest first.`,
  options: { lake, limit: read('N', 'versions or batches', readCount, '20'), json },
  words: true,
  async run({ lake, limit, json }, [name, ...more]) {
    if (name === undefined || more.length) throw new UsageError('history: name one table, such as gold')
    if ((await lakeStreams(lake)).includes(name)) {
      const batches = (await streamHistory(lake, name)).reverse().slice(0, limit)
      return print(
        batches.map(batch => `${batch.started}  ${progressLine(batch)}`),
        batches,
        json,
      )
    }
    const entries = await (await openTable(tableLocation(lake, name))).history(limit)
    const lineOf = (entry: (typeof entries)[number]) => `${entry.version}\t${entry.timestamp.toISOString()}\t${entry.operation}`
    return print(entries.map(lineOf), entries, json)
  },
})
