import { makeReport, type Report } from '../explore/report.js'
import { formatNumber } from '../explore/text-table.js'
import { defineCommand, flag, printJson, read, say, text, texts, UsageError } from './command.js'

/** `moodlake report`: notebooks as self-contained HTML. */
export const command = defineCommand({
  summary: 'run notebooks and export them to self-contained HTML',
  usage: 'report [NOTEBOOK…] [--output DIR] [--set NAME=VALUE] [--no-execute] [--no-code] [--pdf] [--json]',
  about: `
Runs each notebook in its kernel and writes it as one self-contained HTML file that opens offline, charts included.
The notebook itself is not changed. Default notebook: notebooks/sentiment-analysis.ipynb
A link from one of several notebooks to another leads to that one's report: give all of notebooks/*.ipynb for the series, and open index.html.`,
  options: {
    output: text('DIR', 'folder for the reports', 'reports'),
    set: texts('N=VALUE', "a value for the notebook's parameter N, as in --set product=Nimbolo"),
    noExecute: flag('shows the outputs saved in the notebook instead of running it'),
    noCode: flag('leaves the code out; with it, code is folded'),
    pdf: flag('prints each report as PDF too, by Chromium or Chrome'),
    timeout: read(
      'S',
      'seconds that one cell may take',
      given => {
        if (Number.isInteger(Number(given)) && Number(given) > 0) return Number(given)
        throw new UsageError(`report: --timeout is whole seconds above 0, not ${given}`)
      },
      '600',
    ),
    json: flag('one JSON document: {"reports": [{notebook, file, pdf, bytes, figures, seconds}]}'),
  },
  words: true,
  more: 'exit code: 0 made, 1 a cell failed or something is missing, 2 wrong usage',
  async run(values, positionals) {
    const given = values.set.map(one => one.split(/=(.*)/s, 2) as [string, string | undefined])
    const wrong = given.findIndex(([name, value]) => !name || value === undefined)
    if (wrong >= 0) throw new UsageError(`report: --set wants NAME=VALUE, not ${values.set[wrong]}`)
    if (given.length && values.noExecute) throw new UsageError('report: --set needs the notebook to run: leave --no-execute out')
    const notebooks = positionals.length ? positionals : ['notebooks/sentiment-analysis.ipynb']
    const reports: Report[] = []
    for (const notebook of notebooks) {
      if (!values.noExecute) say(`running ${notebook}`)
      const report = await makeReport(notebook, {
        output: values.output,
        execute: !values.noExecute,
        code: !values.noCode,
        pdf: values.pdf,
        cellTimeoutS: values.timeout,
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
})
