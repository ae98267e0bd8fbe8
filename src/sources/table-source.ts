import { goneRows, presentBefore } from '../delta/gone.js'
import { type AddFile, type DeltaTable, duckdb, type LogCommit } from '../delta/index.js'
import { recordCount } from '../delta/stats.js'
import { type Batch, batchOfQuery } from './batch.js'
import type { Source } from './source.js'

/** How far a table has been read: the versions before it, and of `version` the first `row` rows that it added (default all). */
export interface TableOffset {
  version: number
  row?: number
}

/** A data file that a version added. */
interface Piece {
  version: number
  add: AddFile
  rows: number
  /** Numbers of the rows that were purged since; all other numbers of this piece count them as if they were there. */
  gone: number[]
  /** Rows that the version's files before it hold. */
  first: number
  /** Rows of it that were read before. */
  read: number
  /** True for the last file of its version. */
  last: boolean
}

/** Options of `tableSource`. */
export interface TableSourceOptions<Rows = Batch> {
  /** The files of a version whose rows are read. Default: those that it added; a version that took rows away is refused. */
  added?(commit: LogCommit): AddFile[]
  /** Makes the rows of a batch out of a SELECT that gives them. Default: keeps them as they are. */
  rows?(select: string, signal?: AbortSignal): Promise<Rows>
}

/** The files that a version of a growing table added. */
function grown(name: string, { version, add, remove }: LogCommit): AddFile[] {
  const lost = remove.find(file => file.dataChange)
  if (lost)
    throw new Error(`${name}: version ${version} took rows away (${lost.path}); a stream can only follow a table that grows`)
  return add.filter(file => file.dataChange)
}

const DEFAULT_ROWS = 64_000
const DEFAULT_BYTES = 64 * 2 ** 20

/**
 * A Delta table as a replayable source: the rows that each version added, in order of version, file and row. A batch may end
 * inside a version, and inside a file that is too large for one. The table must only grow: a version that took rows away is refused by its number; compaction, which
 * changes no rows, is passed over.
 * @param open gives the table, or undefined while nobody has made it
 */
export function tableSource<Rows = Batch>(
  name: string,
  open: () => Promise<DeltaTable | undefined>,
  options: TableSourceOptions<Rows> = {},
): Source<TableOffset, Rows> {
  const { added = commit => grown(name, commit), rows: made = batchOfQuery as NonNullable<typeof options.rows> } = options
  let table: DeltaTable | undefined
  const opened = async () => (table ??= await open())

  async function rowsIn(source: DeltaTable, version: number, add: AddFile): Promise<number> {
    const known = recordCount(add.stats)
    if (known !== undefined) return known
    const relation = await (await source.snapshot({ version })).relation({ files: [add], columns: [] })
    return (await (await duckdb()).rows<{ n: number }>(`SELECT count(*) AS n FROM ${relation}`))[0]!.n
  }

  /** The files with rows after `from`, in order, up to version `upTo`. */
  async function* pieces(source: DeltaTable, from: TableOffset | undefined, upTo: number): AsyncIterable<Piece> {
    const after = from === undefined ? -1 : from.row === undefined ? from.version : from.version - 1
    for await (const commit of source.commits({ after, upTo })) {
      const { version } = commit
      const files = added(commit)
      const skip = version === from?.version ? from.row! : 0
      let first = 0
      for (const [i, add] of files.entries()) {
        const gone = goneRows(add)
        const rows = (await rowsIn(source, version, add)) + gone.length
        if (first + rows > skip)
          yield { version, add, gone, rows, first, read: Math.max(0, skip - first), last: i === files.length - 1 }
        first += rows
      }
    }
  }

  return {
    name: `table ${name}`,

    async latest(from, limits = {}) {
      const source = await opened()
      if (!source) return undefined
      const { maxRows = DEFAULT_ROWS, maxBytes = DEFAULT_BYTES, maxFiles = Number.POSITIVE_INFINITY } = limits
      const newest = (await source.snapshot()).version
      const taken = { rows: 0, bytes: 0, versions: 0 }
      let to: TableOffset | undefined
      for await (const { version, add, rows, first, read, last } of pieces(source, from, newest)) {
        const next = to?.version !== version
        // Cut is only what is too large for a batch of its own: reading from the middle of a file costs all before it.
        const full =
          taken.rows + rows - read > maxRows || (next && taken.versions >= maxFiles) || taken.bytes + add.size > maxBytes
        if (to && full) break
        const end = Math.min(rows, read + maxRows - taken.rows)
        taken.rows += end - read
        taken.bytes += add.size
        if (next) taken.versions++
        to = last && end === rows ? { version } : { version, row: first + end }
      }
      return to && { to, backlog: newest - to.version + (to.row === undefined ? 0 : 1) }
    },

    async read(from, to, signal): Promise<Rows> {
      const source = await opened()
      if (!source) throw new Error(`${name}: the table has gone`)
      const snapshot = await source.snapshot({ version: to.version })
      const parts: string[] = []
      let whole: AddFile[] = []
      const flush = async () => {
        if (whole.length || !parts.length) parts.push(`SELECT * FROM ${await snapshot.relation({ files: whole })}`)
        whole = []
      }
      for await (const { version, add, gone, rows, first, read } of pieces(source, from, to.version)) {
        const end = version === to.version && to.row !== undefined ? Math.min(rows, to.row - first) : rows
        if (end <= read) break
        if (read === 0 && end === rows) whole.push(add)
        else {
          if (whole.length) await flush()
          const relation = await snapshot.relation({ files: [add] })
          const [skip, upTo] = [presentBefore(gone, read), presentBefore(gone, end)]
          parts.push(`(SELECT * FROM ${relation} LIMIT ${upTo - skip} OFFSET ${skip})`)
        }
      }
      await flush()
      return made(parts.join(' UNION ALL BY NAME '), signal)
    },
  }
}
