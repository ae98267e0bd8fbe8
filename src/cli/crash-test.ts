import { type CrashReport, crashTest } from '../pipeline/crash-test.js'
import { type Command, parse, printJson, say } from './command.js'
import { readCount } from './run.js'

const help = `
usage: moodlake crash-test [--kills N] [--seed S] [--json]

Kills a pipeline N times (at each of its steps in turn, at random moments, and its scorer workers), starts it again each
time, and holds its tables against those of an undisturbed run, row by row. Exit code 1 when a row is lost or doubled.

  --kills N     default 25; about one a second
  --seed S      the same records and moments again (default 1)
  --broken      leaves out of every commit what makes it unique, to see the test fail
  --json        one JSON document on stdout
`

/** The report for people: kills by step, the ledger of each table, the verdict. */
function reportLines({ steps, tables, ...report }: CrashReport): string[] {
  const width = Math.max(...Object.keys(steps).map(step => step.length), 0)
  return [
    ...Object.entries(steps)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([step, kills]) => `  ${step.padEnd(width)}  ${kills}`),
    ...Object.entries(tables).map(
      ([name, { rows, lost, duplicated, foreign, hash, undisturbedHash }]) =>
        `${name.padEnd(12)} ${rows} rows, lost ${lost}, duplicated ${duplicated}, foreign ${foreign}; ${hash} ${hash === undisturbedHash ? '=' : '≠'} ${undisturbedHash}`,
    ),
    `${report.kills} kills in ${report.runs} runs over ${report.records} records, ${report.seconds} s: lost ${report.lost}, duplicated ${report.duplicated}, tables ${report.identical ? 'identical' : `DIFFER; see ${report.folder}`}`,
  ]
}

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: {
      kills: { type: 'string', default: '25' },
      seed: { type: 'string', default: '1' },
      broken: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const stop = new AbortController()
  const interrupt = () => stop.abort(new Error('crash-test: interrupted'))
  process.once('SIGINT', interrupt)
  try {
    const report = await crashTest({
      kills: readCount('kills', values.kills),
      seed: readCount('seed', values.seed),
      broken: values.broken,
      signal: stop.signal,
      onKill: (where, kills) => say(`kill ${kills}: ${where}`),
    })
    if (values.json) printJson(report)
    else process.stdout.write(`${reportLines(report).join('\n')}\n`)
    return report.identical ? 0 : 1
  } finally {
    process.off('SIGINT', interrupt)
  }
}

export const command: Command = { summary: 'kill a pipeline many times and prove that no row is lost or doubled', help, run }
