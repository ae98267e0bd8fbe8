/** Where the rows of a table come from: enough to ask for the same rows again, and to tell whether they are the same. */
import { createHash } from 'node:crypto'

/** A model that scored rows of `gold`. */
export interface OriginModel {
  name: string
  version: string
  /** SHA-256 of its folder; undefined for models that have none. */
  hash?: string
}

/** The query behind a table or figure, and what it read. */
export interface Origin {
  /** Folder or address of the lake, as it was given. */
  lake: string
  sql: string
  /** Values of `$1`, `$2`, …; moments as `{"$date": …}`, big whole numbers as `{"$bigint": …}`. */
  params: unknown[]
  tables: { name: string; version: number }[]
  /** Who made the predictions, where `gold` was read. */
  models: OriginModel[]
  /** Number of rows. */
  rows: number
  /** SHA-256 over the rows, whatever their order, numbers to twelve digits. */
  digest: string
}

const origins = new WeakMap<object, () => Origin>()

/** Notes the origin of tables that hold the same rows. */
export function noteOrigin(tables: readonly object[], origin: () => Origin): void {
  let known: Origin | undefined
  for (const table of tables) origins.set(table, () => (known ??= origin()))
}

/** The origin of a query's answer, of its rows, or of the frames made from it; undefined for tables that a cell computed. */
export function originOf(table: object): Origin | undefined {
  return origins.get(table)?.()
}

/** Floats may differ in their last digits where threads add in another order. */
const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? String(value)
    : typeof value === 'number' && !Number.isInteger(value)
      ? Number(value.toPrecision(12))
      : value

/** SHA-256 over rows, whatever their order. */
export function digestOf(rows: readonly unknown[]): string {
  const hash = createHash('sha256')
  for (const row of rows.map(one => JSON.stringify(one, plain)).sort()) hash.update(`${row}\n`)
  return hash.digest('hex')
}

/** A bound value as JSON keeps it. */
export function packParam(value: unknown): unknown {
  if (value instanceof Date) return { $date: value.toISOString() }
  return typeof value === 'bigint' ? { $bigint: String(value) } : value
}

/** The bound value that `packParam` was given. */
export function unpackParam(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { $date, $bigint } = value as { $date?: string; $bigint?: string }
  return $date !== undefined ? new Date($date) : $bigint !== undefined ? BigInt($bigint) : value
}
