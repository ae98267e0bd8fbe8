/**
 * Makes docs/benchmarks.md of `bench/results/*.json`. A result file is
 *
 *   { title, about, command, date, machine, rows: [{ work, ours, peer, ratio, target, n, note }] }
 *
 * `title` is the heading, `about` a sentence or two, `command` what made it, `machine` as `machine()` of measure.mjs says it. In a row only
 * `work` must be there. `ours` and `peer` are a text, a number, or a measurement { seconds, low, high, cpu } (median, spread, CPU seconds);
 * `ratio` (ours ÷ peer) a number or a text; `target` and `note` texts; `n` the number of runs. Columns that no row fills are left out.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './measure.mjs'

const results = join(root, 'bench', 'results')

const number = value => (value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3))))

const time = seconds => (seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`)

/** A cell's text, whatever the value is. */
function cell(value) {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return number(value)
  if (typeof value !== 'object') return String(value).replaceAll('|', '\\|').replaceAll('\n', ' ')
  const { seconds, low, high, cpu } = value
  if (typeof seconds !== 'number') return cell(JSON.stringify(value))
  const spread = typeof low === 'number' && typeof high === 'number' ? ` (${time(low)} – ${time(high)})` : ''
  return `${time(seconds)}${spread}${typeof cpu === 'number' ? `, ${time(cpu)} CPU` : ''}`
}

const COLUMNS = { work: 'work', ours: 'Moodlake', peer: 'peer', ratio: 'ratio', target: 'target', n: 'n', note: 'note' }

function section({ title, about, command, date, machine, rows }) {
  const columns = Object.keys(COLUMNS).filter(key => rows.some(row => cell(row[key]) !== ''))
  const line = cells => `| ${cells.join(' | ')} |`
  return [
    `## ${title}`,
    ...(about ? [about] : []),
    `\`${command}\`, ${date}, ${machine}.`,
    [
      line(columns.map(key => COLUMNS[key])),
      line(columns.map(() => '---')),
      ...rows.map(row => line(columns.map(key => cell(row[key])))),
    ].join('\n'),
  ].join('\n\n')
}

/** Writes the page; gives its path within the repository. */
export function writePage() {
  const files = readdirSync(results)
    .filter(name => name.endsWith('.json'))
    .sort()
  const sections = files.map(name => section(JSON.parse(readFileSync(join(results, name), 'utf8'))))
  const head = [
    '# Benchmarks',
    'Made by `bench/page.mjs` from `bench/results/`; do not edit. `npm run bench` lists the benchmarks, `npm run bench NAME` runs one.',
    'Both sides run side by side in one run, in turns, on the same rows. Given are the median and, in brackets, the fastest and slowest run; CPU is that of all threads. The ratio is ours ÷ peer.',
  ]
  writeFileSync(join(root, 'docs', 'benchmarks.md'), `${[...head, ...sections].join('\n\n')}\n`)
  return 'docs/benchmarks.md'
}
