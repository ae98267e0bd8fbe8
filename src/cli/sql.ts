import { openLake } from '../explore/lake-sql.js'
import { formatNumber, textTable } from '../explore/text-table.js'
import { defineCommand, flag, lake, print, read, say, UsageError } from './command.js'

/** `moodlake sql`: a query over the tables of a lake. */
export const command = defineCommand({
  summary: 'read-only SQL over all tables of a lake, table@v3 for time travel',
  usage: 'sql "select …" [--lake DIR] [--json] [--timeout S] [--rows N]',
  about: `
Answers one read-only statement over the tables of a lake. Every table is visible by its name; gold_mentions
has one row per tweet and mention. table@v3 and table@'2026-05-01T10:00:00Z' read a table as it was.`,
  options: {
    lake,
    json: flag(`one JSON document: {"columns": [{name, type}], "rows": [{…}], "n", "tables": [{name, version}], "ms"};
whole numbers past 2^53 and exact decimals come as text, times in ISO 8601 (UTC)`),
    timeout: read(
      'S',
      'seconds until the query is stopped',
      given => {
        if (Number(given) > 0 && Number(given) <= 86_400) return Number(given)
        throw new UsageError(`sql: --timeout is seconds from above 0 to 86400, not ${given}`)
      },
      '30',
    ),
    rows: read(
      'N',
      'rows shown as text; --json gives them all',
      given => {
        if (/^\d+$/.test(given)) return Number(given)
        throw new UsageError(`sql: --rows is a whole number, not ${given}`)
      },
      '50',
    ),
  },
  words: true,
  more: 'exit code: 0 answered, 1 refused or failed, 2 wrong usage',
  async run({ lake, json, timeout, rows: maxRows }, words) {
    const [sql, ...more] = words
    if (!sql) throw new UsageError('sql: write a statement in quotes: moodlake sql "select count(*) from gold"')
    if (more.length) throw new UsageError(`sql: one statement in quotes, not ${words.length} words`)
    const answer = await openLake(lake).query(sql, [], { timeoutMs: timeout * 1000 })
    const { columns, rows, n, tables, ms } = answer
    const from = tables.length ? ` from ${tables.map(({ name, version }) => `${name}@v${version}`).join(', ')}` : ''
    print([textTable(answer, { maxRows })], { columns, rows, n, tables, ms: Math.round(ms) }, json)
    if (!json) say(`${formatNumber(n)} rows${from} in ${Math.round(ms)} ms`)
    return 0
  },
})
