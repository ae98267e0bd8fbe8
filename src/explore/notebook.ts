/** Notebook files, and running them by nbconvert. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

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

/** A cell of a notebook file. */
export interface NotebookCell {
  cell_type: string
  source: string | string[]
  outputs?: { data?: Record<string, unknown> }[]
}

/** The repository's root. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

const sourceOf = (cell: NotebookCell) => (Array.isArray(cell.source) ? cell.source.join('') : cell.source)

/** The cells of a notebook file. */
export function readNotebook(path: string): NotebookCell[] {
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

/** How `convert` runs nbconvert. */
export interface Conversion {
  /** Arguments for the form wanted. */
  to: string[]
  execute: boolean
  kernel: string
  cellTimeoutS: number
  set: Record<string, string>
  signal?: AbortSignal
}

/** Runs nbconvert on a notebook; gives the path of what it made in a folder. */
export async function convert(notebook: string, folder: string, conversion: Conversion): Promise<string> {
  const { to, execute, kernel, cellTimeoutS, set, signal } = conversion
  const cells = readNotebook(notebook)
  const jupyter = findJupyter(kernel)
  const run = ['--execute', `--ExecutePreprocessor.kernel_name=${kernel}`, `--ExecutePreprocessor.timeout=${cellTimeoutS}`]
  const args = ['nbconvert', ...to, `--output-dir=${folder}`, '--output=made', ...(execute ? run : []), resolve(notebook)]
  const { code, stderr } = await runProgram(jupyter, args, { MOODLAKE_SET: JSON.stringify(set) }, signal)
  const made = readdirSync(folder).find(file => file.startsWith('made.'))
  if (code !== 0 || !made) throw cellError(notebook, cells, stderr)
  return join(folder, made)
}

/**
 * Runs a notebook in its kernel and gives its cells with their outputs. The notebook file stays as it is.
 * @throws NotebookError when a cell fails; Error when there is no such notebook or something is not set up
 */
export async function runNotebook(
  notebook: string,
  { kernel = 'moodlake', set = {}, signal }: { kernel?: string; set?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<NotebookCell[]> {
  const temp = mkdtempSync(join(tmpdir(), 'moodlake-notebook-'))
  try {
    const how = { to: ['--to=notebook'], execute: true, kernel, cellTimeoutS: 600, set, signal }
    return readNotebook(await convert(notebook, temp, how))
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
