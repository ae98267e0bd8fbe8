/** A figure given again: its query asked anew at the same versions, or its notebook run anew. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Figure, figureOrigin } from './chart.js'
import { figureTitle } from './html.js'
import { openLake, type SqlResult } from './lake-sql.js'
import { type NotebookCell, readNotebook, runNotebook } from './notebook.js'
import { digestOf, type Origin, unpackParam } from './origin.js'
import { FIGURE_DATA } from './report.js'

/** What came of giving a figure again. */
export interface Reproduction {
  /** The notebook or report that holds the figure. */
  file: string
  /** Its place among the figures of the file, from 1. */
  number: number
  title: string
  /** How it was given again: its query at the recorded versions, or its whole notebook. */
  by: 'query' | 'notebook'
  /** The figure's query; undefined where a cell computed what is drawn. */
  origin?: Origin
  /** True when the digits are the same. */
  same: boolean
  /** Why they are not, or could not be given; empty when they are the same. */
  why: string
  /** The rows behind the figure, as they came this time. */
  rows?: SqlResult
}

/** Options of `reproduce`. */
export interface ReproduceOptions {
  /** Where the lake is now. Default: where it was. */
  lake?: string
  /** The kernel that runs a notebook. Default `moodlake`. */
  kernel?: string
  signal?: AbortSignal
}

const PLOTLY = 'application/vnd.plotly.v1+json'

/** The figures of a notebook's outputs, in order. */
function figuresOf(cells: readonly NotebookCell[]): Figure[] {
  return cells.flatMap(cell => cell.outputs ?? []).flatMap(output => (output.data?.[PLOTLY] as Figure | undefined) ?? [])
}

/** The figures of a report, in order, and how it was made. */
function readReport(file: string): { figures: Figure[]; notebook: string; set: Record<string, string> } {
  const html = readFileSync(file, 'utf8')
  const source = /<meta name="moodlake-source" content="([^"]*)">/.exec(html)?.[1]
  if (!source) throw new Error(`reproduce: ${file} is no report of moodlake`)
  const made = JSON.parse(source.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')) as {
    notebook: string
    set: Record<string, string>
  }
  return { ...made, figures: [...html.matchAll(FIGURE_DATA)].map(([, json]) => JSON.parse(json!) as Figure) }
}

/** The file that an address such as `sentiment-analysis#3` means, and the figure's number. */
function resolve(address: string): { file: string; number: number } {
  const [, name, digits] = /^(.*)#(\d+)$/.exec(address) ?? []
  if (!name || !digits) throw new Error(`reproduce: ${address}: write FILE#N, the N-th figure of a notebook or report`)
  const tries = [name, join('reports', name), ...['notebooks', 'includes'].map(folder => join(folder, `${name}.ipynb`))]
  const file = tries.find(path => /\.(ipynb|html)$/.test(path) && existsSync(path))
  if (!file) throw new Error(`reproduce: no such notebook or report: ${name}`)
  return { file, number: Number(digits) }
}

/** Asks a figure's query again, of the versions that it was drawn from. */
async function askAgain(origin: Origin, folder: string): Promise<Pick<Reproduction, 'same' | 'why' | 'rows'>> {
  const versions: Record<string, number> = {}
  // The one without a mark in the statement is the newer where a table was read at two versions.
  for (const { name, version } of origin.tables) versions[name] = Math.max(version, versions[name] ?? 0)
  try {
    const rows = await openLake(folder, { versions }).query(origin.sql, origin.params.map(unpackParam))
    const same = digestOf(rows.rows) === origin.digest
    const counted = rows.n === origin.rows ? `${rows.n} rows, but not the same` : `${rows.n} rows where there were ${origin.rows}`
    const why = same ? '' : `the lake ${folder} gives ${counted}: it was made anew, or the query has no fixed answer`
    return { same, why, rows }
  } catch (error) {
    return { same: false, why: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Gives a figure again. One that was drawn from a query is asked for at the table versions that it carries; one that a cell computed is
 * drawn anew by running its notebook.
 * @param address `FILE#N`: the N-th figure of a notebook or report, by path or by a notebook's bare name
 * @throws Error when there is no such file or figure, or NotebookError when a cell fails
 */
export async function reproduce(address: string, options: ReproduceOptions = {}): Promise<Reproduction> {
  const { file, number } = resolve(address)
  const report = file.endsWith('.html') ? readReport(file) : undefined
  const figures = report?.figures ?? figuresOf(readNotebook(file))
  const figure = figures[number - 1]
  if (!figure) throw new Error(`reproduce: ${file} has ${figures.length} figures, no figure ${number}`)
  const { title } = figureTitle(figure)
  const origin = figureOrigin(figure)
  if (origin) {
    const again = await askAgain(origin, options.lake ?? origin.lake)
    return { file, number, title, by: 'query', origin, ...again }
  }
  const notebook = report?.notebook || file
  const fresh = figuresOf(await runNotebook(notebook, { ...options, set: report?.set }))[number - 1]
  const digest = ({ data }: Figure) => digestOf(data)
  const same = fresh !== undefined && digest(fresh) === digest(figure)
  const why = fresh
    ? `run again, ${basename(notebook)} draws other digits here: they come from this run, as times do, or the code has changed`
    : `run again, ${basename(notebook)} has no figure ${number}`
  return { file, number, title, by: 'notebook', same, why: same ? '' : why }
}
