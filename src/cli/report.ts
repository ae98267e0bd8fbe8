import { makeReport, type Report } from '../explore/report.js'
import { formatNumber } from '../explore/text-table.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake report [NOTEBOOK…] [--output DIR] [--set NAME=VALUE] [--no-execute] [--no-code] [--pdf] [--json]

Runs each notebook in its kernel and writes it as one self-contained HTML file that opens offline, charts included.
The notebook itself is not changed. Default notebook: notebooks/sentiment-analysis.ipynb
A link from one of several notebooks to another leads to that one's report: give all of notebooks/*.ipynb for the series, and open index.html.

  --output DIR   folder for the reports (default: reports)
  --set N=VALUE  a value for the notebook's parameter N, as in --set product=Nimbolo; may be given several times
  --no-execute   shows the outputs saved in the notebook instead of running it
  --pdf          prints each report as PDF too, by Chromium or Chrome
  --no-code      leaves the code out; with it, code is folded
  --timeout S    seconds that one cell may take (default: 600)
  --json         one JSON document: {"reports": [{notebook, file, pdf, bytes, figures, seconds}]}

exit code: 0 made, 1 a cell failed or something is missing, 2 wrong usage
`

/** `moodlake report`: notebooks as self-contained HTML. */
export const command: Command = {
  summary: 'run notebooks and export them to self-contained HTML',
  help,
  async run(args) {
    const { values, positionals } = parse({
      args,
      allowPositionals: true,
      options: {
        output: { type: 'string', default: 'reports' },
        set: { type: 'string', multiple: true, default: [] },
        'no-execute': { type: 'boolean', default: false },
        'no-code': { type: 'boolean', default: false },
        pdf: { type: 'boolean', default: false },
        timeout: { type: 'string', default: '600' },
        json: { type: 'boolean', default: false },
      },
    })
    const cellTimeoutS = Number(values.timeout)
    if (!(Number.isInteger(cellTimeoutS) && cellTimeoutS > 0))
      throw new UsageError(`report: --timeout is whole seconds above 0, not ${values.timeout}`)
    const given = values.set.map(one => one.split(/=(.*)/s, 2) as [string, string | undefined])
    const wrong = given.findIndex(([name, value]) => !name || value === undefined)
    if (wrong >= 0) throw new UsageError(`report: --set wants NAME=VALUE, not ${values.set[wrong]}`)
    if (given.length && values['no-execute'])
      throw new UsageError('report: --set needs the notebook to run: leave --no-execute out')
    const notebooks = positionals.length ? positionals : ['notebooks/sentiment-analysis.ipynb']
    const reports: Report[] = []
    for (const notebook of notebooks) {
      if (!values['no-execute']) say(`running ${notebook}`)
      const report = await makeReport(notebook, {
        output: values.output,
        execute: !values['no-execute'],
        code: !values['no-code'],
        pdf: values.pdf,
        cellTimeoutS,
        set: Object.fromEntries(given) as Record<string, string>,
      })
      reports.push(report)
      const size = `${(report.bytes / 1e6).toFixed(1)} MB, ${formatNumber(report.figures)} charts`
      const tell = values.json ? say : (line: string) => process.stdout.write(`${line}\n`)
      tell(`${report.file} (${size}, ${report.seconds.toFixed(1)} s)`)
      if (report.pdf) tell(report.pdf)
    }
    if (values.json) printJson({ reports })
    return 0
  },
}
