/** A scored tweet as a row of a sink: the columns of `gold`. */
export type SinkRow = Record<string, unknown> & { tweet_id: string; model_version: string }

/**
 * A database that keeps the rows of gold, one per tweet and model version. Its table and indexes are made where they are not there. Every
 * sink runs `test/contracts/sink.ts`.
 */
export interface Sink {
  /** Such as `postgres://host:5432/db/gold`; never with a password. */
  readonly name: string
  /** Number of the newest batch of a stream that is there, undefined before the first. */
  progress(stream: string): Promise<number | undefined>
  /**
   * Puts rows there, replacing those of the same tweet and model version, together with the number of their batch. Safe to call again: a
   * batch that is there is left alone. Tries again while the database is out of reach, then throws.
   */
  write(rows: AsyncIterable<SinkRow[]>, batch: { stream: string; version: number }): Promise<void>
  /** Ids of the tweets that are there, in chunks. */
  ids(): AsyncIterable<string[]>
  /** Removes tweets, in all model versions; gives the number of rows that went. */
  remove(ids: readonly string[]): Promise<number>
  close(): Promise<void>
}

/** Ids that one statement removes. */
const IDS_AT_ONCE = 10_000

/** Ids in parts that a statement takes. */
export function* idChunks(ids: readonly string[]): Iterable<string[]> {
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) yield ids.slice(i, i + IDS_AT_ONCE)
}

/** An address without what is secret in it, and one of its parameters taken out. */
export function splitAddress(
  uri: string,
  parameter: string,
  otherwise: string,
): { name: string; address: string; value: string } {
  const query = uri.indexOf('?')
  const base = query < 0 ? uri : uri.slice(0, query)
  const parameters = new URLSearchParams(query < 0 ? '' : uri.slice(query + 1))
  const value = parameters.get(parameter) ?? otherwise
  parameters.delete(parameter)
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) throw new Error(`sink: not a name for a ${parameter}: ${value}`)
  const rest = parameters.toString()
  return { name: `${base.replace(/\/\/[^@/]*@/, '//')}/${value}`, address: rest ? `${base}?${rest}` : base, value }
}

/** The rows, each key once, the last of it: what a statement that replaces rows may be given. */
export function lastOfEach(rows: readonly SinkRow[], key: (row: SinkRow) => string): SinkRow[] {
  return [...new Map(rows.map(row => [key(row), row])).values()]
}
