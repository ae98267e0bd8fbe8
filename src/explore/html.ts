/** Tables and figures as HTML in which the text of strangers is inert. */
import type { Explanation } from '../models/explain.js'
import { type Figure, plainText } from './chart.js'
import { LABEL_COLOURS } from './colours.js'
import { isDanfo, type TableLike, toColumns } from './frames.js'
import type { Origin } from './origin.js'
import { formatNumber, formatValue } from './text-table.js'

/** Text for an HTML page or attribute: mark-up characters become entities. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** How an HTML table is cut. */
export interface HtmlTableOptions {
  /** Rows shown; the rest is counted below. Default 50. */
  maxRows?: number
  /** Characters of a cell before it folds into one that opens on a click. Default 100. */
  maxText?: number
  /** A line above the table. */
  caption?: string
}

/** What a column holds, in a word: `text`, `number`, `time`, `list`, …, `mixed`, or `empty`. */
export function typeOf(values: readonly unknown[]): string {
  const kinds = new Set(
    values
      .filter(value => value !== null && value !== undefined)
      .map(value =>
        value instanceof Date ? 'time' : Array.isArray(value) ? 'list' : typeof value === 'string' ? 'text' : typeof value,
      ),
  )
  if (kinds.has('bigint') && kinds.has('number')) kinds.delete('bigint')
  return kinds.size === 0 ? 'empty' : kinds.size === 1 ? [...kinds][0]! : 'mixed'
}

/** The types a table declares of its columns (SQL's or danfo's), by name. */
function declaredTypes(table: TableLike): Map<string, string> {
  if (isDanfo(table)) return new Map(table.columns.map((name, i) => [name, table.dtypes[i]!]))
  const columns = Reflect.get(table, 'columns')
  if (!Array.isArray(columns)) return new Map()
  return new Map(columns.filter(column => column?.type).map(column => [column.name, column.type]))
}

const NUMERIC = 'text-align:right;vertical-align:top;font-variant-numeric:tabular-nums;white-space:nowrap'
const TEXT = 'text-align:left;max-width:36em;overflow-wrap:break-word;vertical-align:top'

/** A cell's inside: `<bdi>` keeps right-to-left text from turning its neighbours round. */
function cell(value: unknown, maxText: number): string {
  const text = formatValue(value)
  if (text === null) return '<span style="opacity:.55;font-style:italic">null</span>'
  if (typeof value === 'number' || typeof value === 'bigint') return text
  if (text === '') return '<span style="opacity:.55;font-style:italic">empty</span>'
  const characters = [...text]
  if (characters.length <= maxText) return `<bdi>${escapeHtml(text)}</bdi>`
  const start = escapeHtml(characters.slice(0, maxText - 1).join(''))
  return `<details><summary title="show all ${formatNumber(characters.length)} characters"><bdi>${start}…</bdi></summary><bdi>${escapeHtml(text)}</bdi></details>`
}

/** The table as HTML: types in the header, nulls marked, numbers to the right with separators, long text folded, all text inert. */
export function tableHtml(table: TableLike, options: HtmlTableOptions = {}): string {
  const { maxRows = 50, maxText = 100, caption } = options
  const columns = toColumns(table)
  if (!columns.names.length) return '<p>No columns, no rows.</p>'
  const types = declaredTypes(table)
  const shown = Math.min(columns.n, maxRows)
  const values = columns.names.map(name => columns.values(name)!)
  const numeric = values.map(
    column =>
      column.some(value => value !== null) && column.every(value => value === null || /^(number|bigint)$/.test(typeof value)),
  )
  const times = values.map(column => column.some(value => value instanceof Date) && typeOf(column) === 'time')
  const longest = values.map(column => Math.max(0, ...column.slice(0, shown).map(value => formatValue(value)?.length ?? 0)))
  const style = (i: number) => {
    if (numeric[i]) return NUMERIC
    return times[i] || longest[i]! <= 26
      ? `${TEXT};white-space:nowrap`
      : longest[i]! > 40
        ? `${TEXT};min-width:${longest[i]! > 80 ? 16 : 10}em`
        : TEXT
  }
  const head = columns.names.map((name, i) => {
    const type = types.get(name) ?? typeOf(values[i]!)
    return `<th scope="col" style="${style(i)}">${escapeHtml(name)}<br><small style="font-weight:normal;opacity:.7">${escapeHtml(type.toLowerCase())}</small></th>`
  })
  const body = Array.from({ length: shown }, (_, row) => {
    const cells = values.map((column, i) => `<td style="${style(i)}">${cell(column[row], maxText)}</td>`)
    return `<tr>${cells.join('')}</tr>`
  })
  const more = columns.n > shown ? `${formatNumber(shown)} of ${formatNumber(columns.n)} rows shown` : columns.n ? '' : 'no rows'
  return [
    '<div class="moodlake-table" style="overflow-x:auto"><table style="margin-left:0">',
    caption ? `<caption style="text-align:left;caption-side:top">${escapeHtml(caption)}</caption>` : '',
    `<thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table>`,
    more ? `<p style="opacity:.7;margin:.3em 0">${more}</p>` : '',
    '</div>',
  ].join('')
}

/** The title of a figure in plain words. */
export function figureTitle(figure: Figure): { title: string; subtitle: string } {
  const title = figure.layout.title as { text?: unknown; subtitle?: { text?: unknown } } | undefined
  const plain = (text: unknown) => plainText(String(text ?? '').replace(/[\u2068\u2069]/g, ''))
  return { title: plain(title?.text) || 'untitled chart', subtitle: plain(title?.subtitle?.text) }
}

/** What a figure was drawn from, and how to have it again, folded. */
export function originHtml(origin: Origin | undefined, address: string): string {
  const command = `<code>npx moodlake reproduce ${escapeHtml(address)}</code>`
  const fold = (text: string) =>
    `<details class="origin"><summary>figure ${escapeHtml(address.replace(/^.*#/, ''))}</summary>${text}</details>`
  if (!origin) return fold(`<p>Computed in the cell above it. Again: ${command}</p>`)
  const { sql, params, tables, models, rows, digest, lake } = origin
  const values = params.map((value, i) => `$${i + 1} = ${JSON.stringify(value)}`).join(', ')
  const from = tables.map(({ name, version }) => `${name}@v${version}`).join(', ')
  const by = models.map(({ name, version, hash }) => `${name} version ${version}${hash ? `, ${hash}` : ''}`).join('; ')
  const lines = [
    `${formatNumber(rows)} rows from ${from || 'no table'} of ${lake}`,
    ...(values ? [values] : []),
    ...(by ? [`scored by ${by}`] : []),
    `rows ${digest}`,
  ]
  return fold(`<pre>${escapeHtml(sql)}</pre><p>${lines.map(escapeHtml).join('<br>')}<br>Again: ${command}</p>`)
}

/** An explanation as its text, each word coloured by what it adds: the class's colour for it, hatched amber against it. */
export function explanationHtml({ parts, label, probability, method, faithfulness, model }: Explanation): string {
  const most = Math.max(...parts.map(part => Math.abs(part.weight)), 1e-12)
  const span = ({ text, weight }: Explanation['parts'][number]) => {
    const strength = Math.abs(weight) / most
    if (strength < 0.02) return escapeHtml(text)
    const shade = Math.round(200 * strength)
      .toString(16)
      .padStart(2, '0')
    const style = weight > 0 ? `background:${LABEL_COLOURS[label]}${shade}` : `border-bottom:3px dotted #e69f00${shade}`
    return `<bdi style="${style};border-radius:3px" title="${weight.toFixed(3)}">${escapeHtml(text)}</bdi>`
  }
  const faith = faithfulness === null ? '' : `, faithfulness ${faithfulness.toFixed(2)}`
  const note = `${label} ${probability.toFixed(2)} (${model}; ${method}${faith}). Shaded: speaks for it; dotted: against it.`
  return `<p style="line-height:1.9;margin:.3em 0;overflow-wrap:anywhere" dir="auto">${parts.map(span).join('')}</p><p style="opacity:.7;margin:.2em 0 .8em">${escapeHtml(note)}</p>`
}
