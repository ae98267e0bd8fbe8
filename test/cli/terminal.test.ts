import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { newFolder, writeRecords } from '../pipeline/lake.js'

interface Seen {
  output: string
  code: number
  /** The terminal's settings were left as they were. */
  same: boolean
}

/** What a terminal has shown, the lines that have scrolled away included: line feeds, carriage returns, cursor up, erase, and wrapping. */
function screen(output: string, columns: number): string[] {
  const lines: string[][] = [[]]
  let [row, column] = [0, 0]
  const down = () => {
    if (++row === lines.length) lines.push([])
  }
  for (const [part, up] of output.matchAll(/\u001b\[(\d+)A|\u001b\[K|[^\u001b]/gu)) {
    if (up) row -= Number(up)
    else if (part === '\u001b[K') lines[row]!.length = column
    else if (part === '\r') column = 0
    else if (part === '\n') down()
    else {
      if (column === columns) {
        column = 0
        down()
      }
      lines[row]![column++] = part
    }
  }
  expect(output.replace(/\u001b\[(\d+A|K)/g, '')).not.toContain('\u001b')
  return lines.map(line => Array.from(line, character => character ?? ' ').join(''))
}

it.each([80, 48])(
  'a run on a terminal of %s columns: a table in place, of whole columns; Ctrl-C ends it and leaves all in order',
  async columns => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 1200, 400)
    const command = ['bin/moodlake.mjs', 'run', '--source', source, '--lake', lake, '--until', 'bronze', '--trigger', '50ms']
    const typed = [String(columns), '\u0003', 'idle.*\\[3A.*idle', process.execPath, ...command]
    const { stdout } = await promisify(execFile)('.venv/bin/python', ['test/cli/terminal.py', ...typed])
    const { output, code, same } = JSON.parse(stdout) as Seen
    expect([code, same]).toEqual([0, true])
    const shown = screen(output, columns)
    // Many looks, two tables: one up to the key, one below what was said to it.
    expect(output.split('bronze_stream  ').length).toBeGreaterThan(3)
    const table = (status: string) => [
      expect.stringMatching(
        columns === 80
          ? /^stream +status +batches +rows +backlog +seconds +last rows +last ms$/
          : /^stream +status +batches +rows +backlog *$/,
      ),
      expect.stringMatching(/^[─ ]+$/),
      expect.stringMatching(
        columns === 80
          ? new RegExp(`^bronze_stream +${status} +1 +1,200 +0 +\\S+ +1,200 +\\S+$`)
          : new RegExp(`^bronze_stream +${status} +1 +1,200 +0 *$`),
      ),
    ]
    expect(shown.slice(0, 7)).toEqual([...table('idle'), '^Cstopping …', ...table('stopped')])
    // Sentences that are told once may take more than a line.
    expect(shown.slice(7).join('')).toMatch(/^bronze_stream: .* rows\/s.*: bronze 1,200, .* s\)$/)
  },
)
