import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTable, duckdb, openTable } from '../../src/delta/index.js'
import { openStore } from '../../src/stores/open-store.js'
import { noMoto, useMoto } from '../stores/moto.js'
import { askPython, newFolder, noOracle } from './oracle.js'
import { rowsOf, wanted, write } from './writers.js'

describe('many writers at once', () => {
  it('on disk: every acknowledged row once, no other', async () => {
    const folder = newFolder()
    const told = (await Promise.all(['a', 'b', 'c', 'd'].map(writer => write(folder, writer, 8)))).flat()
    expect(told).toHaveLength(32)
    expect(new Set(told.map(one => one.version)).size).toBe(32)
    expect(await rowsOf(folder)).toEqual(wanted(told))
  })

  it.skipIf(noOracle)('on disk, together with delta-rs', async () => {
    const folder = newFolder()
    await write(folder, 'first', 1)
    const theirs = askPython<number>(
      `n = 0
for i in range(8):
    write_deltalake(args['path'], pa.table({'writer': ['rs'], 'n': pa.array([i], pa.int64())}), mode='append'); n += 1
print(n)`,
      { path: folder },
    )
    const ours = await Promise.all(['a', 'b'].map(writer => write(folder, writer, 8)))
    expect(await theirs).toBe(8)
    const rows = await rowsOf(folder)
    expect(rows).toHaveLength(1 + 8 + 16)
    expect(rows.filter(row => row.writer === 'rs').map(row => row.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(rows.filter(row => row.writer === 'a' || row.writer === 'b')).toEqual(wanted(ours.flat()))
  })

  describe.skipIf(noMoto)(`on S3${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
    const moto = useMoto()

    it('is not taken in by a checkpoint of the table that was there before', async () => {
      const store = openStore(`s3://lake/${randomUUID()}`, moto.options)
      for (const start of [0, 100]) {
        const table = await createTable(store, { schema: 'n int', properties: { 'delta.checkpointInterval': '1' } })
        await table.append([{ n: start }])
        const fresh = await (await openTable(store)).snapshot()
        expect(await (await duckdb()).rows(`SELECT n FROM ${await fresh.relation()}`)).toEqual([{ n: start }])
        for await (const file of store.list('')) await store.delete(file.path)
      }
    })

    it('keeps a change feed and deletion vectors', async () => {
      const store = openStore(`s3://lake/${randomUUID()}`, moto.options)
      const properties = { 'delta.enableChangeDataFeed': 'true', 'delta.enableDeletionVectors': 'true' }
      const table = await createTable(store, { schema: 'id int, p string', partitionBy: ['p'], properties })
      await table.append([1, 2, 3, 4].map(id => ({ id, p: id % 2 ? 'a b/%' : null })))
      await table.delete('id = 1')
      await table.update({ p: `'moved'` }, { where: 'id = 2' })
      await table.merge(
        [
          { id: 3, p: 'merged' },
          { id: 5, p: 'new' },
        ],
        { on: 'target.id = source.id' },
      )
      const feed = await (await (await openTable(store)).changes({ from: 1 })).relation()
      const told = await (await duckdb()).rows(
        `SELECT _commit_version AS v, id, p, _change_type AS t FROM ${feed} WHERE v > 1 ORDER BY v, id, t DESC`,
      )
      expect(told).toEqual([
        { v: 2, id: 1, p: 'a b/%', t: 'delete' },
        { v: 3, id: 2, p: null, t: 'update_preimage' },
        { v: 3, id: 2, p: 'moved', t: 'update_postimage' },
        { v: 4, id: 3, p: 'a b/%', t: 'update_preimage' },
        { v: 4, id: 3, p: 'merged', t: 'update_postimage' },
        { v: 4, id: 5, p: 'new', t: 'insert' },
      ])
    })

    it('every acknowledged row once, no other', async () => {
      const location = `s3://lake/${randomUUID()}`
      const told = (await Promise.all(['a', 'b', 'c'].map(writer => write(location, writer, 4, moto.options)))).flat()
      expect(await rowsOf(openStore(location, moto.options))).toEqual(wanted(told))
      expect(told).toHaveLength(12)
    })
  })
})
