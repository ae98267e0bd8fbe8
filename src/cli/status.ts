import { lakeStatus } from '../pipeline/lake.js'
import { type Command, parse, printJson } from './command.js'
import { progressLine } from './run.js'

const help = `
usage: moodlake status [--lake DIR] [--json]

Says how the tables and streams of a lake stand: versions, rows, files, batches done, the newest batch.
`

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: { lake: { type: 'string', default: './lake' }, json: { type: 'boolean', default: false } },
  })
  const status = await lakeStatus(values.lake)
  if (values.json) {
    printJson(status)
    return 0
  }
  const lines = Object.entries(status.tables).map(
    ([name, { version, rows, files, bytes }]) =>
      `${name.padEnd(12)} version ${version}, ${rows.toLocaleString('en')} rows, ${files} files, ${(bytes / 2 ** 20).toFixed(1)} MB`,
  )
  for (const [name, { batches, last }] of Object.entries(status.streams))
    lines.push(`${name.padEnd(12)} ${batches} batches`, ...(last ? [`  ${progressLine(last)}`] : []))
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

export const command: Command = { summary: 'how the tables and streams of a lake stand', help, run }
