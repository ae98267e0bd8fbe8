/** What the commits of a stream's tables say of its batches, and what is read back from that. */
import type { DeltaTable } from '../delta/index.js'
import type { BatchRange } from '../streams/checkpoint.js'
import type { BatchContext, BatchResult } from '../streams/stream.js'

/** Commits of a table that are searched for what they say of the newest batch. */
const RECENT = 50

/** What came of a batch that an earlier try committed to the table; undefined when none did. */
export async function committed(table: DeltaTable, { txn }: BatchContext): Promise<BatchResult | undefined> {
  if (((await table.snapshot()).txn(txn.appId) ?? -1) < txn.version) return undefined
  for (const { operationParameters: said } of await table.history(RECENT))
    if (said.stream === txn.appId && said.batch === String(txn.version) && said.result) {
      const { counts, ...result } = JSON.parse(String(said.result)) as BatchResult
      return { ...result, counts: { ...counts, replayed: 1 } }
    }
  return { rows: 0, counts: { replayed: 1 } }
}

/** What a commit says of its batch; read back by `lastBatch` and `committed`. */
function batchParameters({ txn, range }: BatchContext, result?: BatchResult): Record<string, string> {
  return {
    ...{ stream: txn.appId, batch: String(txn.version), range: JSON.stringify(range) },
    ...(result && { result: JSON.stringify(result) }),
  }
}

/** The newest batch of a stream that any of its tables knows of, with its range: what a lost checkpoint said last. */
export async function lastBatch(stream: string, tables: readonly DeltaTable[]): Promise<BatchRange | undefined> {
  const known = await Promise.all(tables.map(async table => ({ table, id: (await table.snapshot()).txn(stream) ?? -1 })))
  const { table, id } = known.reduce((a, b) => (b.id > a.id ? b : a))
  if (id < 0) return undefined
  for (const { operationParameters: said } of await table.history())
    if (said.stream === stream && said.batch === String(id)) return { id, ...(JSON.parse(String(said.range)) as object) }
  throw new Error(`${stream}: its checkpoint is gone, and ${table.store.uri} does not say what batch ${id} read; clear the lake`)
}

/** Appends the rows of a SQL table expression to a table, in a commit that says of which batch they are. */
export async function append(
  table: DeltaTable,
  from: string,
  context: BatchContext,
  options: { mergeSchema?: boolean; operationParameters?: Record<string, string>; result?: BatchResult } = {},
): Promise<void> {
  const { result, ...given } = options
  const operationParameters = { ...batchParameters(context, result), ...given.operationParameters }
  await table.append({ sql: `SELECT * FROM ${from}` }, { ...given, txn: context.txn, operationParameters })
}
