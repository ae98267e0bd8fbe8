import { type CrashReport, crashTest } from '../pipeline/crash-test.js'
import { defineCommand, flag, json, print, read, readCount, say } from './command.js'

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

export const command = defineCommand({
  summary: 'kill a pipeline many times and prove that no row is lost or doubled',
  usage: 'crash-test [--kills N] [--seed S] [--json]',
  about: `
Kills a pipeline N times (at each of its steps in turn, at random moments, and its scorer workers), starts it again each
time, and holds its tables against those of an undisturbed run, row by row. Exit code 1 when a row is lost or doubled.`,
  options: {
    kills: read('N', 'about one a second', readCount, '25'),
    seed: read('S', 'the same records and moments again', readCount, '1'),
    broken: flag('leaves out of every commit what makes it unique, to see the test fail'),
    json,
  },
  async run({ json, ...options }) {
    const stop = new AbortController()
    const interrupt = () => stop.abort(new Error('crash-test: interrupted'))
    process.once('SIGINT', interrupt)
    try {
      const onKill = (where: string, kills: number) => say(`kill ${kills}: ${where}`)
      const report = await crashTest({ ...options, signal: stop.signal, onKill })
      print(reportLines(report), report, json)
      return report.identical ? 0 : 1
    } finally {
      process.off('SIGINT', interrupt)
    }
  },
})
