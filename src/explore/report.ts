/** A notebook as one HTML file that opens offline, with its charts working. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { type Figure, figureOrigin } from './chart.js'
import { escapeHtml, originHtml } from './html.js'
import { convert, root } from './notebook.js'
import { printPdf } from './pdf.js'
import { formatNumber } from './text-table.js'

/** How a report is made. */
export interface ReportOptions {
  /** Folder for the HTML file. Default `reports`. */
  output?: string
  /** Runs the notebook first; else the outputs saved in it are shown. Default true. */
  execute?: boolean
  /** Holds the code, folded. Default true. */
  code?: boolean
  /** Prints the report as PDF too, beside the HTML file. Default false. */
  pdf?: boolean
  /** Values that the notebook reads with `parameter(name, otherwise)`; they become part of the file's name. Default none. */
  set?: Readonly<Record<string, string>>
  /** Name of the Jupyter kernel. Default `moodlake`. */
  kernel?: string
  /** Seconds that one cell may take. Default 600. */
  cellTimeoutS?: number
  /** Ends the run early. */
  signal?: AbortSignal
}

/** A report that was made. */
export interface Report {
  /** Path of the notebook as it was given. */
  notebook: string
  /** Absolute path of the HTML file. */
  file: string
  /** Absolute path of the PDF, where one was asked for. */
  pdf?: string
  bytes: number
  /** Charts inside. */
  figures: number
  /** Duration in seconds, running the notebook included. */
  seconds: number
}

/** Text of a heading without its mark-up. */
const plain = (html: string) =>
  html
    .replace(/<a class="anchor-link"[\s\S]*?<\/a>/g, '')
    .replace(/<[^>]*>/g, '')
    .trim()

/** A list of links to the headings of levels 2 and 3. */
function contents(html: string): string {
  const items = [...html.matchAll(/<h([23]) id="([^"]+)">([\s\S]*?)<\/h\1>/g)].map(
    ([, level, id, text]) => `<li class="level-${level}"><a href="#${id}">${plain(text!)}</a></li>`,
  )
  return items.length ? `<ol>${items.join('')}</ol>` : ''
}

/** Plotly's library as a script element. */
function plotly(): string {
  const file = join(root, 'node_modules', 'plotly.js', 'plotly.min.js')
  if (!existsSync(file)) throw new Error('report: plotly.js is not installed: run `npm ci`')
  return `<script>${readFileSync(file, 'utf8').replace(/<\/script/gi, '<\\/script')}</script>`
}

/** The data of a chart, which stands behind its place in a report. */
export const FIGURE_DATA = /<script type="application\/json">([\s\S]*?)<\/script>/g

/** The file name of a report, without ending: the notebook's, and the values it was given. */
function reportName(notebook: string, given: readonly [string, string][]): string {
  const parts = [basename(notebook).replace(/\.ipynb$/, ''), ...given.map(([key, value]) => `${key}=${value}`)]
  return parts.join('-').replace(/[^\p{L}\p{N}._=-]+/gu, '_')
}

/** Fills in what the template leaves open. */
function finish(
  html: string,
  notebook: string,
  given: readonly [string, string][],
  executed: boolean,
): { html: string; figures: number } {
  const name = [basename(notebook), ...given.map(([key, value]) => `${key}=${value}`)].join(', ')
  let figures = 0
  const page = html
    // Marks that turn the writing direction reach past the text that holds them; a link to a notebook leads to its report.
    .replace(/[\u202a-\u202e]/g, '')
    .replace(/href="(?:[\w.-]+\/)*([\w-]+)\.ipynb"/g, 'href="$1.html"')
    .replace(FIGURE_DATA, (all, json: string) => {
      const address = `${reportName(notebook, given)}.html#${++figures}`
      return all + originHtml(figureOrigin(JSON.parse(json) as Figure), address)
    })
  const inside = relative(root, resolve(notebook))
  const source = { notebook: inside.startsWith('..') ? basename(notebook) : inside, set: Object.fromEntries(given) }
  const title = plain(/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? escapeHtml(name))
  const when = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const fills: Record<string, string> = {
    title,
    source: `<meta name="moodlake-source" content="${escapeHtml(JSON.stringify(source))}">`,
    contents: contents(html),
    plotly: figures ? plotly() : '',
    footer: `${escapeHtml(name)}: ${executed ? 'run and exported' : 'exported as saved, not run again,'} by Moodlake on ${when}. ${formatNumber(figures)} charts.`,
  }
  // A function, since a text with `$&` would be read as a pattern.
  return {
    html: page.replace(/<!--moodlake:(title|source|contents|plotly|footer)-->/g, (_, key: string) => fills[key]!),
    figures,
  }
}

/**
 * Runs a notebook in its kernel and writes it as one HTML file that asks nothing of the network. The notebook file stays as it is.
 * @throws NotebookError when a cell fails; Error when there is no such notebook or something is not set up
 */
export async function makeReport(notebook: string, options: ReportOptions = {}): Promise<Report> {
  const { output = 'reports', execute = true, code = true, pdf = false, set = {}, signal } = options
  const { kernel = 'moodlake', cellTimeoutS = 600 } = options
  const start = performance.now()
  const temp = mkdtempSync(join(tmpdir(), 'moodlake-report-'))
  try {
    const layout = [
      '--template=report',
      `--TemplateExporter.extra_template_basedirs=${join(root, 'templates')}`,
      '--embed-images',
    ]
    const made = await convert(notebook, temp, {
      to: ['--to=html', ...layout, ...(code ? [] : ['--no-input'])],
      ...{ execute, kernel, cellTimeoutS, set, signal },
    })
    const given = Object.entries(set)
    const { html, figures } = finish(readFileSync(made, 'utf8'), notebook, given, execute)
    const file = resolve(output, `${reportName(notebook, given)}.html`)
    mkdirSync(resolve(output), { recursive: true })
    writeFileSync(file, html)
    const paper = pdf ? { pdf: await printPdf(file, { signal }) } : {}
    return { notebook, file, ...paper, bytes: statSync(file).size, figures, seconds: (performance.now() - start) / 1000 }
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
