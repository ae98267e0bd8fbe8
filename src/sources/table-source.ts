import type { DeltaTable } from '../delta/index.js'
import { type Batch, batchOfQuery } from './batch.js'
import type { Source } from './source.js'

/** Version of the table up to which rows were read. */
export type TableOffset = number

const DEFAULT_BYTES = 256 * 2 ** 20

/**
 * A Delta table as a replayable source: the rows that each version added, in order of version. The table must only grow:
 * a version that took rows away is refused by its number; compaction, which changes no rows, is passed over.
 * @param open gives the table, or undefined while nobody has made it
 */
export function tableSource(name: string, open: () => Promise<DeltaTable | undefined>): Source<TableOffset> {
  let table: DeltaTable | undefined
  const opened = async () => (table ??= await open())

  return {
    name: `table ${name}`,

    async latest(from, limits = {}) {
      const source = await opened()
      if (!source) return undefined
      const newest = (await source.snapshot()).version
      const after = from ?? -1
      if (newest <= after) return undefined
      const maxBytes = limits.maxBytes ?? DEFAULT_BYTES
      let bytes = 0
      let to = after
      for await (const commit of source.commits({ after, upTo: newest })) {
        const size = commit.add.reduce((sum, add) => sum + (add.dataChange ? add.size : 0), 0)
        if (to > after && (bytes + size > maxBytes || to - after >= (limits.maxFiles ?? Number.POSITIVE_INFINITY))) break
        bytes += size
        to = commit.version
      }
      return { to, backlog: newest - to }
    },

    async read(from, to): Promise<Batch> {
      const source = await opened()
      if (!source) throw new Error(`${name}: the table has gone`)
      const snapshot = await source.snapshot({ version: to })
      const parts: string[] = []
      for await (const commit of source.commits({ after: from ?? -1, upTo: to })) {
        const lost = commit.remove.find(remove => remove.dataChange)
        if (lost)
          throw new Error(
            `${name}: version ${commit.version} took rows away (${lost.path}); a stream can only follow a table that grows`,
          )
        const added = commit.add.filter(add => add.dataChange)
        if (added.length) parts.push(`SELECT * FROM ${await snapshot.relation({ files: added })}`)
      }
      if (!parts.length) parts.push(`SELECT * FROM ${await snapshot.relation({ files: [] })}`)
      return batchOfQuery(parts.join(' UNION ALL BY NAME '))
    },
  }
}
