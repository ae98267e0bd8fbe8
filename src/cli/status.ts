import { lakeStatus } from '../pipeline/lake.js'
import { defineCommand, json, lake, print } from './command.js'
import { progressLine } from './run.js'

export const command = defineCommand({
  summary: 'how the tables and streams of a lake stand',
  usage: 'status [--lake DIR] [--json]',
  about: 'Says how the tables and streams of a lake stand: versions, rows, files, batches done, the newest batch.',
  options: { lake, json },
  async run({ lake, json }) {
    const status = await lakeStatus(lake)
    const lines = Object.entries(status.tables).map(
      ([name, { version, rows, files, bytes }]) =>
        `${name.padEnd(12)} version ${version}, ${rows.toLocaleString('en')} rows, ${files} files, ${(bytes / 2 ** 20).toFixed(1)} MB`,
    )
    for (const [name, { batches, last }] of Object.entries(status.streams))
      lines.push(`${name.padEnd(12)} ${batches} batches`, ...(last ? [`  ${progressLine(last)}`] : []))
    return print(lines, status, json)
  },
})
