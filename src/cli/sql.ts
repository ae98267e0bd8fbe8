import { openLake } from '../explore/lake-sql.js'
import { formatNumber, textTable } from '../explore/text-table.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake sql "select …" [--lake DIR] [--json] [--timeout S] [--rows N]

Answers one read-only statement over the tables of a lake. Every table is visible by its name; gold_mentions
has one row per tweet and mention. table@v3 and table@'2026-05-01T10:00:00Z' read a table as it was.

  --lake DIR    folder of the lake (default: lake)
  --json        one JSON document: {"columns": [{name, type}], "rows": [{…}], "n", "tables": [{name, version}], "ms"};
                whole numbers past 2^53 and exact decimals come as text, times in ISO 8601 (UTC)
  --timeout S   seconds until the query is stopped (default: 30)
  --rows N      rows shown as text (default: 50); --json gives them all

exit code: 0 answered, 1 refused or failed, 2 wrong usage
`

/** `moodlake sql`: a query over the tables of a lake. */
export const command: Command = {
  summary: 'read-only SQL over all tables of a lake, table@v3 for time travel',
  help,
  async run(args) {
    const { values, positionals } = parse({
      args,
      allowPositionals: true,
      options: {
        lake: { type: 'string', default: 'lake' },
        json: { type: 'boolean', default: false },
        timeout: { type: 'string', default: '30' },
        rows: { type: 'string', default: '50' },
      },
    })
    const [sql, ...more] = positionals
    if (!sql) throw new UsageError('sql: write a statement in quotes: moodlake sql "select count(*) from gold"')
    if (more.length) throw new UsageError(`sql: one statement in quotes, not ${positionals.length} words`)
    const [timeout, maxRows] = [Number(values.timeout), Number(values.rows)]
    if (!(timeout > 0 && timeout <= 86_400))
      throw new UsageError(`sql: --timeout is seconds from above 0 to 86400, not ${values.timeout}`)
    if (!(Number.isInteger(maxRows) && maxRows >= 0)) throw new UsageError(`sql: --rows is a whole number, not ${values.rows}`)
    const answer = await openLake(values.lake).query(sql, [], { timeoutMs: timeout * 1000 })
    const { columns, rows, n, tables, ms } = answer
    if (values.json) {
      printJson({ columns, rows, n, tables, ms: Math.round(ms) })
      return 0
    }
    process.stdout.write(`${textTable(answer, { maxRows })}\n`)
    const from = tables.length ? ` from ${tables.map(({ name, version }) => `${name}@v${version}`).join(', ')}` : ''
    say(`${formatNumber(n)} rows${from} in ${Math.round(ms)} ms`)
    return 0
  },
}
