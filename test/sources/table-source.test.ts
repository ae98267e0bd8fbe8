import { describe, expect, it } from 'vitest'
import { createTable, type DeltaTable } from '../../src/delta/index.js'
import type { Batch } from '../../src/sources/batch.js'
import { type TableOffset, tableSource } from '../../src/sources/table-source.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { sourceContract } from '../contracts/source.js'

async function values(batch: Batch): Promise<string[]> {
  const all: string[] = []
  for await (const rows of batch.rows<{ v: string }>()) all.push(...rows.map(row => row.v))
  return all
}

const newTable = () => createTable(memoryStore(), { schema: 'v string not null' })
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ v: String(from + i) }))

sourceContract('tableSource', async () => {
  const table = await newTable()
  return {
    open: async () => tableSource('t', async () => table) as never,
    add: async list => void (await table.append(list.map(v => ({ v })))),
    values,
  }
})

describe('tableSource', () => {
  async function batches(table: DeltaTable, maxRows: number): Promise<string[][]> {
    const source = tableSource('t', async () => table)
    const found: string[][] = []
    let from: TableOffset | undefined
    for (;;) {
      const available = await source.latest(from, { maxRows })
      if (!available) return found
      // As the checkpoint keeps it.
      const to = JSON.parse(JSON.stringify(available.to)) as TableOffset
      const batch = await source.read(from, to)
      const again = await tableSource('t', async () => table).read(from, to)
      found.push(await values(batch))
      expect(await values(again)).toEqual(found.at(-1))
      await Promise.all([batch.drop(), again.drop()])
      from = to
    }
  }

  it('ends batches inside files that are too large and over versions, never past the limit', async () => {
    const table = await newTable()
    await table.append(numbered(0, 7))
    await table.append(numbered(7, 9))
    await table.append(numbered(9, 30))
    const all = numbered(0, 30).map(row => row.v)
    const largest = { 1: 1, 2: 2, 5: 5, 7: 7, 9: 9, 29: 21, 30: 30, 100: 30 }
    for (const [maxRows, most] of Object.entries(largest)) {
      const found = await batches(table, Number(maxRows))
      expect(found.flat()).toEqual(all)
      expect(Math.max(...found.map(batch => batch.length))).toBe(most)
    }
  })

  it('reads partly read files past 100,000 rows in their order', async () => {
    const table = await newTable()
    await table.append({ sql: 'SELECT range::VARCHAR AS v FROM range(300000)' })
    const source = tableSource('t', async () => table)
    const batch = await source.read({ version: 1, row: 199_990 }, { version: 1, row: 200_010 })
    expect(await values(batch)).toEqual(numbered(199_990, 200_010).map(row => row.v))
  })

  it('stays where it is while more is appended', async () => {
    const table = await newTable()
    await table.append(numbered(0, 3))
    const source = tableSource('t', async () => table)
    expect(await source.latest(undefined, { maxRows: 2 })).toEqual({ to: { version: 1, row: 2 }, backlog: 1 })
    await table.append(numbered(3, 5))
    expect(await values(await source.read(undefined, { version: 1, row: 2 }))).toEqual(['0', '1'])
    expect(await source.latest({ version: 1, row: 2 }, { maxRows: 2 })).toEqual({ to: { version: 1 }, backlog: 1 })
    expect(await source.latest({ version: 1, row: 2 }, { maxRows: 3 })).toEqual({ to: { version: 2 }, backlog: 0 })
    expect(await values(await source.read({ version: 1, row: 2 }, { version: 2 }))).toEqual(['2', '3', '4'])
    expect(await source.latest({ version: 2 })).toBeUndefined()
  })

  it('refuses a version that took rows away, by its number', async () => {
    const table = await newTable()
    await table.append(numbered(0, 3))
    await table.overwrite(numbered(0, 1))
    await expect(tableSource('t', async () => table).latest(undefined)).rejects.toThrow(/t: version 2 took rows away/)
  })
})
