import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  CorruptLogError,
  duckdb,
  exportTable,
  openTable,
  quoteText,
  TableNotFoundError,
  UnsupportedFeatureError,
} from '../../src/delta/index.js'
import { newFolder } from './oracle.js'

const root = resolve(process.env.MOODLAKE_SHARED ?? '../shared', 'data/delta-golden')
const cases = existsSync(root)
  ? readdirSync(root, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name)
  : []
const valid = cases.filter(name => existsSync(join(root, name, 'expected')))

/** Tables without rows to expect: what is wrong with them, or nothing (empty). */
const OTHERS: Record<string, { refused: new (...args: never[]) => Error; says: string } | 'empty'> = {
  'canonicalized-paths-normal-b': 'empty',
  'canonicalized-paths-special-b': 'empty',
  'deltalog-commit-info': { refused: CorruptLogError, says: 'no schema' },
  'deltalog-invalid-protocol-version': { refused: UnsupportedFeatureError, says: 'reader version 99' },
  'deltalog-state-reconstruction-from-checkpoint-missing-protocol': { refused: CorruptLogError, says: 'no protocol' },
  'deltalog-state-reconstruction-without-protocol': { refused: CorruptLogError, says: 'no protocol' },
  'no-delta-log-folder': { refused: TableNotFoundError, says: 'no Delta table here' },
  'versions-not-contiguous': { refused: CorruptLogError, says: 'version 1 is missing' },
}

/** Columns with their types as the Parquet file has them, and rows that only one of two queries has. */
async function compare(ours: string, theirs: string) {
  const database = await duckdb()
  const types = async (source: string) =>
    (await database.describe(`SELECT * FROM ${source}`)).map(column => `${column.name} ${String(column.type)}`)
  const only = (a: string, b: string) => database.rows(`(SELECT * FROM ${a}) EXCEPT ALL (SELECT * FROM ${b}) LIMIT 3`)
  return {
    types: [await types(ours), await types(theirs)] as const,
    onlyOurs: await only(ours, theirs),
    onlyTheirs: await only(theirs, ours),
  }
}

describe.skipIf(!cases.length)(`golden tables of other engines${cases.length ? '' : ` (skipped: no ${root})`}`, () => {
  it.each(valid)('%s exports what is expected', async name => {
    const output = join(newFolder(), 'export.parquet')
    const snapshot = await (await openTable(join(root, name, 'delta'))).snapshot()
    const exported = await exportTable(snapshot, output)
    const expected = `read_parquet(${quoteText(join(root, name, 'expected', '*.parquet'))}, hive_partitioning=false)`
    const found = await compare(`read_parquet(${quoteText(output)})`, expected)
    expect(found.types[0]).toEqual(found.types[1])
    expect(found.onlyOurs).toEqual([])
    expect(found.onlyTheirs).toEqual([])
    const [count] = await (await duckdb()).rows<{ n: number }>(`SELECT count(*) AS n FROM ${expected}`)
    expect(exported.rows).toBe(count?.n)
    if (snapshot.rowCount !== undefined) expect(snapshot.rowCount).toBe(count?.n)
  })

  it.each(cases.filter(name => !valid.includes(name)))('%s is empty or refused for the right cause', async name => {
    const wanted = OTHERS[name]
    if (wanted === undefined) throw new Error(`a new case: say in OTHERS what is to become of ${name}`)
    const opened = openTable(join(root, name, 'delta'))
    if (wanted === 'empty') {
      expect((await exportTable(await (await opened).snapshot(), join(newFolder(), 'export.parquet'))).rows).toBe(0)
      return
    }
    const error = await opened.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(wanted.refused)
    expect(String(error)).toContain(wanted.says)
  })
})
