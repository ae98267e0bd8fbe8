import { cpSync, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { duckdb, openTable, type Row } from '../../src/delta/index.js'
import { fileStore } from '../../src/stores/file-store.js'
import { newFolder, noOracle } from './oracle.js'
import { checkPurge, KINDS } from './purged.js'

const all = process.env.MOODLAKE_TEST_ALL === '1'
const onDisk = () => {
  const address = newFolder()
  return { store: fileStore(address), address }
}

describe.skipIf(noOracle)(`a purge${noOracle ? ` (skipped: ${noOracle})` : ''}`, () => {
  const kinds = all ? Object.keys(KINDS) : ['partitions by a day', 'column mapping by id, and partitions', 'all of it']
  it.each(kinds)(
    'takes rows out of every version of %s, killed on the way too',
    kind => checkPurge(kind, { fresh: onDisk, kills: all ? 12 : 1 }),
    600_000,
  )
})

const golden = resolve(process.env.MOODLAKE_SHARED ?? '../shared', 'data/delta-golden')
const noGolden = existsSync(golden) ? undefined : `no ${golden}`
const rowsAt = async (folder: string, version: number) =>
  (await duckdb()).rows(`SELECT * FROM ${await (await (await openTable(folder)).snapshot({ version })).relation()} ORDER BY ALL`)

describe.skipIf(noGolden)(`a purge of what Spark wrote${noGolden ? ` (skipped: ${noGolden})` : ''}`, () => {
  it.each(['dv-with-columnmapping', 'table-with-columnmapping-mode-id', 'log-replay-dv-key-cases', 'v2-checkpoint-json'])(
    'takes every other row out of all versions of %s',
    async name => {
      const folder = newFolder()
      const inside = join(golden, name, 'delta')
      cpSync(existsSync(inside) ? inside : join(golden, name), folder, { recursive: true })
      const table = await openTable(folder)
      const { version, schema } = await table.snapshot()
      const column = schema.fields.find(field => /^(integer|long|short)$/.test(String(field.type)))!.name
      const versions: [number, Row[]][] = []
      for (let at = version; at >= 0; at--) versions.push([at, await rowsAt(folder, at)])
      const stays = (row: Row) => row[column] === null || Number(row[column]) % 2 !== 0
      const done = await table.purge({ where: `"${column}" % 2 = 0`, graceMs: 0 })
      expect(done.deleted).toBeGreaterThan(0)
      for (const [at, rows] of versions) expect(await rowsAt(folder, at)).toEqual(rows.filter(stays))
      expect(await rowsAt(folder, (await table.snapshot()).version)).toEqual(versions[0]![1].filter(stays))
    },
  )
})
