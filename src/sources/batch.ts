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
  /** The same rows, seen through a SELECT that neither adds nor drops any (`count`: leaves so many): computed where it is read, gone with this batch. */
  view(select: (from: string) => string, count?: number): Batch
  /**
   * The batch with columns that a TypeScript step computes from some of the others, row by row in order. It needs this one's rows for
   * as long as it is used; `drop` drops what was added.
   * @param reads columns handed to the step, as arrays with one entry per row
   * @param adds new columns and their DuckDB types
   * @param parts `rows`: so many are enough for a step, which is then called for parts of the batch and saves memory; default: it gets
   *   all. `atOnce`: parts that are given to it before the first of them is done; default 1. `key`: an integer column that no two rows
   *   share: several threads can then read the result, and a SELECT over it may give its rows in another order
   */
  extend(
    reads: readonly string[],
    adds: Record<string, string>,
    step: (columns: Record<string, unknown[]>) => Record<string, unknown[]> | Promise<Record<string, unknown[]>>,
    parts?: { rows: number; atOnce?: number; key?: string },
  ): Promise<Batch>
  /** Frees its memory; safe to call again. Other later uses fail. */
  drop(): Promise<void>
}

/** Wraps a table of the process's DuckDB as a batch. DuckDB keeps rows in the order of their insertion: no SELECT here sorts. */
async function batchOfTable(table: string): Promise<Batch> {
  const name = quoteName(table)
  const [counted] = await (await duckdb()).rows<{ n: number }>(`SELECT count(*) AS n FROM ${name}`)
  return batchOver(name, counted!.n, dropping(table))
}

/** Drops a table when it is first called. */
function dropping(table: string): () => Promise<void> {
  let gone: Promise<unknown> | undefined
  return async () => {
    gone ??= duckdb().then(duck => duck.run(`DROP TABLE ${quoteName(table)}`))
    await gone
  }
}

function batchOver(from: string, count: number, drop: () => Promise<void>): Batch {
  return {
    count,
    from,
    sql: select => batchOfQuery(select(from)),
    async *rows<T>(columns?: readonly string[]) {
      yield* (await duckdb()).stream<T>(`SELECT ${columns ? columns.map(quoteName).join(', ') : '*'} FROM ${from}`)
    },
    view: (select, left = count) => batchOver(`(${select(from)})`, left, drop),
    async extend(reads, adds, step, { rows, atOnce = 1, key } = { rows: Number.POSITIVE_INFINITY }) {
      const duck = await duckdb()
      const added = tempName('added')
      const loader = await duck.loader(added, { ...adds, ...(key && { [key]: 'INTEGER' }) })
      const dropAdded = dropping(added)
      const underWay: Promise<Record<string, unknown[]>>[] = []
      async function compute(part: Record<string, unknown[]>): Promise<Record<string, unknown[]>> {
        const computed = await step(part)
        const wanted = part[reads[0]!]!.length
        for (const column of Object.keys(adds))
          if (computed[column]?.length !== wanted)
            throw new Error(`${added}: step gave ${computed[column]?.length ?? 'no'} values of ${column} for ${wanted} rows`)
        return key ? { ...computed, [key]: part[key]! } : computed
      }
      const selected = key ? [...reads, key] : reads
      const addFirst = async () => loader.add(await underWay.shift()!)
      try {
        for await (const part of duck.parts(`SELECT ${selected.map(quoteName).join(', ')} FROM ${from}`, rows)) {
          const computing = compute(part)
          // What fails does so when its turn comes.
          computing.catch(() => {})
          underWay.push(computing)
          if (underWay.length >= atOnce) await addFirst()
        }
        while (underWay.length) await addFirst()
        loader.close()
      } catch (error) {
        loader.close()
        await dropAdded()
        throw error
      }
      const join = key ? `JOIN ${quoteName(added)} USING (${quoteName(key)})` : `POSITIONAL JOIN ${quoteName(added)}`
      return batchOver(`(SELECT * FROM ${from} ${join})`, count, dropAdded)
    },
    drop,
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
