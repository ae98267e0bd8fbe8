/** A notebook as one HTML file that opens offline, with its charts working. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { escapeHtml } from './html.js'
import { formatNumber } from './text-table.js'

/** How a report is made. */
export interface ReportOptions {
  /** Folder for the HTML file. Default `reports`. */
  output?: string
  /** Runs the notebook first; else the outputs saved in it are shown. Default true. */
  execute?: boolean
  /** Holds the code, folded. Default true. */
  code?: boolean
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
  bytes: number
  /** Charts inside. */
  figures: number
  /** Duration in seconds, running the notebook included. */
  seconds: number
}

/** A cell of a notebook failed. */
export class NotebookError extends Error {
  override name = 'NotebookError'
  constructor(
    /** Path of the notebook. */
    readonly notebook: string,
    /** Place of the cell among all cells, from 1; undefined when it is not known. */
    readonly cell: number | undefined,
    /** What went wrong, first line first. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${notebook}: ${cell === undefined ? 'a cell' : `cell ${cell}`} failed: ${reason}`, options)
  }
}

interface NotebookCell {
  cell_type: string
  source: string | string[]
  outputs?: unknown[]
}

const root = fileURLToPath(new URL('../../', import.meta.url))

const sourceOf = (cell: NotebookCell) => (Array.isArray(cell.source) ? cell.source.join('') : cell.source)

/** The cells of a notebook file. */
function readNotebook(path: string): NotebookCell[] {
  if (!existsSync(path)) throw new Error(`report: no such notebook: ${path}`)
  let notebook: unknown
  try {
    notebook = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`report: ${path} is not a notebook: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  const cells = (notebook as { cells?: unknown } | null)?.cells
  if (!Array.isArray(cells)) throw new Error(`report: ${path} is not a notebook: it has no cells`)
  return cells as NotebookCell[]
}

/** Path of nbconvert's launcher, and the folder its kernels lie in. */
function findJupyter(kernel: string): string {
  const bin = join(root, '.venv', process.platform === 'win32' ? 'Scripts' : 'bin', 'jupyter')
  if (!existsSync(bin)) throw new Error('report: JupyterLab is not set up here: run `npm run setup`')
  const folders = [join(root, '.venv', 'share', 'jupyter'), ...(process.env.JUPYTER_PATH?.split(/[:;]/) ?? [])]
  if (!folders.some(folder => existsSync(join(folder, 'kernels', kernel, 'kernel.json'))))
    throw new Error(`report: the notebook kernel ${kernel} is not set up here: run \`npm run setup\``)
  return bin
}

/** Runs a program; gives its exit code and the end of what it said on stderr. */
function runProgram(
  program: string,
  args: string[],
  more: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<{ code: number | null; stderr: string }> {
  return new Promise((done, fail) => {
    const env = { ...process.env, JUPYTER_PREFER_ENV_PATH: '1', PYTHONWARNINGS: 'ignore', ...more }
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'], signal, killSignal: 'SIGINT' })
    let stderr = ''
    child.stderr.on('data', part => {
      stderr = (stderr + String(part)).slice(-200_000)
    })
    child.on('error', error => (signal?.aborted ? undefined : fail(error)))
    child.on('close', code =>
      signal?.aborted ? fail(new Error('report: stopped', { cause: signal.reason })) : done({ code, stderr }),
    )
  })
}

/** The failing cell and its message out of nbconvert's traceback. */
function cellError(notebook: string, cells: readonly NotebookCell[], stderr: string): Error {
  const text = stderr.replace(/\u001b\[[0-9;]*m/g, '')
  const timeout = /A cell timed out while it was being executed, after (\d+) seconds/.exec(text)
  const parts = /while executing the following cell:\n-{8,}\n([\s\S]*?)\n-{8,}\n([\s\S]*)$/.exec(text)
  const preview = /Here is a preview of the cell contents:\n-{8,}\n([\s\S]*?)\n-{8,}/.exec(text)
  const source = parts?.[1]?.trim() ?? preview?.[1]?.split('\n')[0]?.replace(/^\['/, '').trim()
  if (!parts && !timeout) {
    const last =
      text
        .trim()
        .split('\n')
        .filter(line => line.trim())
        .at(-1) ?? 'nbconvert said nothing'
    return new Error(`report: ${notebook} was not exported: ${last}`)
  }
  const index = cells.findIndex(cell => cell.cell_type === 'code' && source && sourceOf(cell).trim().startsWith(source))
  const said = (parts?.[2] ?? '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line && !/^-+( (stdout|stderr) -+)?$/.test(line) && !/^(at |node:)/.test(line))
  const cause = said.find(line => /\b\w*(Error|Exception)\b|\d+:\d+ - /.test(line)) ?? said[0] ?? 'no message'
  const reason = timeout ? `took longer than ${timeout[1]} s` : cause
  return new NotebookError(notebook, index < 0 ? undefined : index + 1, reason)
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

/** Fills in what the template leaves open. */
function finish(html: string, name: string, executed: boolean): { html: string; figures: number } {
  // Marks that turn the writing direction reach past the text that holds them; a link to a notebook leads to its report.
  const page = html.replace(/[\u202a-\u202e]/g, '').replace(/href="(?:[\w.-]+\/)*([\w-]+)\.ipynb"/g, 'href="$1.html"')
  const figures = (html.match(/ class="moodlake-figure"/g) ?? []).length
  const title = plain(/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? escapeHtml(name))
  const when = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const fills: Record<string, string> = {
    title,
    contents: contents(html),
    plotly: figures ? plotly() : '',
    footer: `${escapeHtml(name)}: ${executed ? 'run and exported' : 'exported as saved, not run again,'} by Moodlake on ${when}. ${formatNumber(figures)} charts.`,
  }
  // A function, since a text with `$&` would be read as a pattern.
  return { html: page.replace(/<!--moodlake:(title|contents|plotly|footer)-->/g, (_, key: string) => fills[key]!), figures }
}

/**
 * Runs a notebook in its kernel and writes it as one HTML file that asks nothing of the network. The notebook file stays as it is.
 * @throws NotebookError when a cell fails; Error when there is no such notebook or something is not set up
 */
export async function makeReport(notebook: string, options: ReportOptions = {}): Promise<Report> {
  const { output = 'reports', execute = true, code = true, kernel = 'moodlake', cellTimeoutS = 600, set = {}, signal } = options
  const start = performance.now()
  const cells = readNotebook(notebook)
  const jupyter = findJupyter(kernel)
  const name = basename(notebook).replace(/\.ipynb$/, '')
  const temp = mkdtempSync(join(tmpdir(), 'moodlake-report-'))
  try {
    const args = [
      'nbconvert',
      '--to=html',
      '--template=report',
      `--TemplateExporter.extra_template_basedirs=${join(root, 'templates')}`,
      `--output-dir=${temp}`,
      '--output=report.html',
      '--embed-images',
      ...(execute
        ? ['--execute', `--ExecutePreprocessor.kernel_name=${kernel}`, `--ExecutePreprocessor.timeout=${cellTimeoutS}`]
        : []),
      ...(code ? [] : ['--no-input']),
      resolve(notebook),
    ]
    const { code: exit, stderr } = await runProgram(jupyter, args, { MOODLAKE_SET: JSON.stringify(set) }, signal)
    const made = join(temp, 'report.html')
    if (exit !== 0 || !existsSync(made)) throw cellError(notebook, cells, stderr)
    const given = Object.entries(set).map(([key, value]) => `${key}=${value}`)
    const { html, figures } = finish(readFileSync(made, 'utf8'), [`${name}.ipynb`, ...given].join(', '), execute)
    const file = resolve(output, `${[name, ...given].join('-').replace(/[^\p{L}\p{N}._=-]+/gu, '_')}.html`)
    mkdirSync(resolve(output), { recursive: true })
    writeFileSync(file, html)
    return { notebook, file, bytes: statSync(file).size, figures, seconds: (performance.now() - start) / 1000 }
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
