import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { parseTweetDate } from '../text/dates.js'
import { isLabel, type Label } from '../tweet.js'
import { UsageError } from './command.js'

/** A row of a data file. */
export interface DataRow {
  text: string
  /** undefined where the file has no such column, null where the row has no value. */
  label?: Label | null
  mentions?: string[]
  /** Language tag, from a column `lang`. */
  lang?: string
  /** Moment, from a column `timestamp`, `created_at` or `date` where it can be read. */
  time?: Date
  /** First line of the row in its file, from 1. */
  line: number
}

/** Which columns to read; a name given by the user must exist, a default one may be missing. */
export interface ColumnChoice {
  text?: string
  label?: string
  /** Whether rows need a label. */
  labelled?: boolean
}

const TEXT_COLUMNS = ['text', 'full_text', 'cleaned_text']
const LABEL_COLUMNS = ['label', 'sentiment']
const TIME_COLUMNS = ['timestamp', 'created_at', 'date']

/**
 * Reads texts, and labels where there are any: `.txt` (one text a line), `.ndjson`/`.jsonl` (one object a line) or `.csv`
 * (RFC 4180, first row names the columns).
 * @throws when the file cannot be read, a column is missing, or a line is not what it should be: with its number
 */
export async function readRows(file: string, choice: ColumnChoice = {}): Promise<DataRow[]> {
  const kind = extname(file).toLowerCase()
  if (!['.txt', '.ndjson', '.jsonl', '.csv'].includes(kind))
    throw new UsageError(`${file}: kind of file not known: needed is .txt, .ndjson, .jsonl or .csv`)
  if (kind === '.txt' && choice.labelled) throw new UsageError(`${file}: a text file has no labels: needed is .ndjson or .csv`)
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    const why = { ENOENT: 'no such file', EISDIR: 'is a folder', EACCES: 'no permission' }[cause.code ?? ''] ?? cause.message
    throw new Error(`${file}: ${why}`, { cause })
  })
  const content = new TextDecoder('utf-8').decode(bytes)
  if (kind === '.txt') return textLines(content)
  return toRows(file, kind === '.csv' ? csvRecords(file, content) : jsonRecords(file, content), choice)
}

function textLines(content: string): DataRow[] {
  const lines = content.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines.map((text, i) => ({ text, line: i + 1 }))
}

interface FileRecord {
  fields: Record<string, unknown>
  line: number
}

function jsonRecords(file: string, content: string): FileRecord[] {
  return content.split('\n').flatMap((text, i) => {
    if (text.trim() === '') return []
    try {
      const fields: unknown = JSON.parse(text)
      if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new Error('not an object')
      return [{ fields: fields as Record<string, unknown>, line: i + 1 }]
    } catch (cause) {
      throw new Error(`${file}: line ${i + 1}: not a JSON object`, { cause })
    }
  })
}

function csvRecords(file: string, content: string): FileRecord[] {
  const [head, ...rows] = parseCsv(file, content)
  if (!head) throw new Error(`${file}: empty: needed is a first row with the names of the columns`)
  return rows.map(({ cells, line }) => {
    if (cells.length !== head.cells.length)
      throw new Error(`${file}: line ${line}: ${cells.length} cells, the first row has ${head.cells.length}`)
    return { fields: Object.fromEntries(head.cells.map((name, i) => [name.trim(), cells[i]!])), line }
  })
}

/** Cells of a CSV text; quotes may hold commas, line ends and doubled quotes. Empty lines are passed over. */
export function parseCsv(file: string, content: string): { cells: string[]; line: number }[] {
  const rows: { cells: string[]; line: number }[] = []
  // One cell at a time: quoted or plain, then what ends it. Sticky, so that nothing is passed over.
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y
  let [line, start] = [1, 1]
  let cells: string[] = []
  while (cell.lastIndex < content.length || cells.length) {
    const at = cell.lastIndex
    const match = cell.exec(content)
    if (!match)
      throw new Error(`${file}: line ${start}: quotes not understood near ${JSON.stringify(content.slice(at, at + 20))}`)
    const [all, quoted, plain, end] = match
    cells.push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain!)
    line += all.match(/\r\n|\n|\r/g)?.length ?? 0
    if (end === ',') continue
    if (cells.length > 1 || cells[0] !== '' || quoted !== undefined) rows.push({ cells, line: start })
    cells = []
    start = line
  }
  return rows
}

function toRows(file: string, records: FileRecord[], choice: ColumnChoice): DataRow[] {
  if (records.length === 0) return []
  const columns = new Set(records.flatMap(({ fields }) => Object.keys(fields)))
  const textColumn = chooseColumn(file, columns, TEXT_COLUMNS, choice.text, true)!
  const labelColumn = chooseColumn(file, columns, LABEL_COLUMNS, choice.label, choice.labelled ?? false)
  return records.map(({ fields, line }) => {
    const text = fields[textColumn]
    if (typeof text !== 'string') throw new Error(`${file}: line ${line}: ${textColumn} is not a text: ${shown(text)}`)
    const row: DataRow = { text, line }
    if (labelColumn) row.label = toLabel(file, line, labelColumn, fields[labelColumn])
    if (Array.isArray(fields.mentions)) row.mentions = fields.mentions.map(String)
    if (typeof fields.lang === 'string' && fields.lang) row.lang = fields.lang
    const time = TIME_COLUMNS.map(name => fields[name]).find(value => typeof value === 'string')
    const read = time === undefined ? undefined : parseTweetDate(String(time))
    if (read) row.time = read
    return row
  })
}

function chooseColumn(
  file: string,
  columns: ReadonlySet<string>,
  usual: readonly string[],
  asked: string | undefined,
  needed: boolean,
): string | undefined {
  const found = asked === undefined ? usual.find(name => columns.has(name)) : columns.has(asked) ? asked : undefined
  if (found === undefined && (needed || asked !== undefined))
    throw new UsageError(`${file}: no column ${asked ?? usual.join(' or ')}; it has ${[...columns].join(', ') || 'none'}`)
  return found
}

function toLabel(file: string, line: number, column: string, value: unknown): Label | null {
  if (value === null || value === undefined || value === '') return null
  const label = String(value).trim().toLowerCase()
  if (isLabel(label)) return label
  throw new Error(`${file}: line ${line}: ${column} is no class: ${shown(value)}: needed is negative, neutral or positive`)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 60)
}
