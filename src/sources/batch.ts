import { type Column, duckdb, quoteName, type Row, tempName } from '../delta/duckdb.js'

/** Rows of one micro-batch as columns in the process's DuckDB; only what a step asks for becomes JavaScript. */
export interface Batch {
  /** Number of rows. */
  readonly count: number
  /** The batch as a SQL table expression, for use after FROM. */
  readonly from: string
  /** A new batch: what a SELECT over this one gives. */
  sql(select: (from: string) => string): Promise<Batch>
  /** Rows in order, in chunks of about 2,048; `columns` leaves the others in DuckDB. */
  rows<T = Row>(columns?: readonly string[]): AsyncIterable<T[]>
  /**
   * A new batch with columns that a TypeScript step computes from some of the others, row by row in order.
   * @param reads columns handed to the step, as arrays with one entry per row
   * @param adds new columns and their DuckDB types
   * @param select what to keep of the old and the new columns; default all. Rows stay in order without ORDER BY
   */
  extend(
    reads: readonly string[],
    adds: Record<string, string>,
    step: (columns: Record<string, unknown[]>) => Record<string, unknown[]> | Promise<Record<string, unknown[]>>,
    select?: (from: string) => string,
  ): Promise<Batch>
  /** Frees its memory. Later uses fail. */
  drop(): Promise<void>
}

/** Wraps a table of the process's DuckDB as a batch. DuckDB keeps rows in the order of their insertion: no SELECT here sorts. */
async function batchOfTable(table: string): Promise<Batch> {
  const duck = await duckdb()
  const name = quoteName(table)
  const counted = await duck.rows<{ n: number }>(`SELECT count(*) AS n FROM ${name}`)
  const count = counted[0]?.n ?? 0

  return {
    count,
    from: name,
    sql: select => batchOfQuery(select(name)),
    rows<T>(columns?: readonly string[]) {
      return duck.stream<T>(`SELECT ${columns ? columns.map(quoteName).join(', ') : '*'} FROM ${name}`)
    },
    async extend(reads, adds, step, select = from => `SELECT * FROM ${from}`) {
      const given = await duck.columns(`SELECT ${reads.map(quoteName).join(', ')} FROM ${name}`)
      // A table without rows has columns without arrays: the step still gets one per column.
      const computed = await step(Object.fromEntries(reads.map(read => [read, given[read] ?? []])))
      const columns: Record<string, Column> = {}
      for (const [column, type] of Object.entries(adds)) {
        const values = computed[column]
        if (values?.length !== count)
          throw new Error(`${table}: step gave ${values?.length ?? 'no'} values of ${column} for ${count} rows`)
        columns[column] = { type, values }
      }
      const added = tempName('added')
      await duck.load(added, columns)
      try {
        return await batchOfQuery(select(`(${name} POSITIONAL JOIN ${quoteName(added)})`))
      } finally {
        await duck.run(`DROP TABLE ${quoteName(added)}`)
      }
    },
    drop: async () => void (await duck.run(`DROP TABLE IF EXISTS ${name}`)),
  }
}

/** Runs a SELECT and keeps its rows as a batch. */
export async function batchOfQuery(select: string): Promise<Batch> {
  const table = tempName('batch')
  await (await duckdb()).run(`CREATE TABLE ${quoteName(table)} AS ${select}`)
  return batchOfTable(table)
}

/** Makes a batch out of JavaScript columns. */
export async function batchOfColumns(columns: Record<string, Column>): Promise<Batch> {
  const table = tempName('batch')
  await (await duckdb()).load(table, columns)
  return batchOfTable(table)
}

/** Makes a batch out of row objects; `types` names the columns and their DuckDB types. */
export function batchOfRows(rows: readonly Row[], types: Record<string, string>): Promise<Batch> {
  const columns = Object.entries(types).map(
    ([name, type]) => [name, { type, values: rows.map(row => row[name] ?? null) }] as const,
  )
  return batchOfColumns(Object.fromEntries(columns))
}
