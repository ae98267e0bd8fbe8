import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTable, type DeltaTable, duckdb, openTable } from '../../src/delta/index.js'
import { fileStore } from '../../src/stores/file-store.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { faulty } from './faulty.js'
import { newFolder } from './oracle.js'

/** How the store fails: one call before or after its work, or every call from then on, as when the process is killed there. */
const FAULTS = [
  { error: 'ENOSPC', after: false, dead: false },
  { error: 'EIO', after: true, dead: false },
  { error: 'killed before', after: false, dead: true },
  { error: 'killed after', after: true, dead: true },
]

type Row = { id: number; v: number }
const START: Row[] = [1, 2, 3, 4, 5, 6].map(id => ({ id, v: id }))

/** Changes that do the same when done twice, and the rows after them. */
const CHANGES: Record<string, { run(table: DeltaTable): Promise<unknown>; after: Row[] }> = {
  delete: { run: table => table.delete('id IN (1, 4)'), after: START.filter(({ id }) => id !== 1 && id !== 4) },
  'delete of whole files': { run: table => table.delete('id <= 4'), after: START.filter(({ id }) => id > 4) },
  update: {
    run: table => table.update({ v: '10' }, { where: 'id % 2 = 0' }),
    after: START.map(row => (row.id % 2 ? row : { ...row, v: 10 })),
  },
  merge: {
    run: table =>
      table.merge(
        [
          { id: 2, v: 20 },
          { id: 3, v: 0 },
          { id: 9, v: 90 },
        ],
        {
          on: 'target.id = source.id',
          matched: [{ delete: true, where: 'source.v = 0' }, { update: 'all' }],
          notMatched: [{ insert: 'all', where: 'source.v > 0' }],
        },
      ),
    after: [...START.filter(({ id }) => id !== 3).map(row => (row.id === 2 ? { id: 2, v: 20 } : row)), { id: 9, v: 90 }],
  },
  optimize: { run: table => table.optimize(), after: START },
  overwrite: { run: table => table.overwrite([{ id: 7, v: 7 }]), after: [{ id: 7, v: 7 }] },
  restore: { run: table => table.restore({ version: 1 }), after: START.slice(0, 2) },
}

async function rowsOf(table: DeltaTable, version?: number): Promise<Row[]> {
  const snapshot = await table.snapshot(version === undefined ? {} : { version })
  return (await duckdb()).rows(`SELECT id, v FROM ${await snapshot.relation()} ORDER BY id, v`)
}

/** Rows of a version with a feed's changes done to them. */
async function changed(table: DeltaTable, version: number): Promise<Row[]> {
  const feed = await (await table.changes({ from: version, to: version })).relation()
  const before = await (await table.snapshot({ version: version - 1 })).relation()
  const sql = (types: string) => `SELECT id, v FROM ${feed} WHERE _change_type IN (${types})`
  return (await duckdb()).rows(
    `SELECT * FROM ((SELECT id, v FROM ${before} EXCEPT ALL ${sql(`'delete', 'update_preimage'`)}) UNION ALL ${sql(`'insert', 'update_postimage'`)}) ORDER BY id, v`,
  )
}

describe('a fault at any step of a change', () => {
  beforeEach(() => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  const shapes = [
    { name: 'change files, in memory', vectors: false, open: () => memoryStore() },
    { name: 'change files and deletion vectors, on disk', vectors: true, open: () => fileStore(newFolder()) },
  ]
  for (const { name, vectors, open } of shapes)
    it.each(Object.keys(CHANGES))(`%s, ${name}: whole or absent, the feed with it, and a retry right`, async what => {
      const { run, after } = CHANGES[what] as (typeof CHANGES)[string]
      for (const fault of FAULTS) {
        let done = false
        for (let at = 0; !done; at++) {
          const store = open()
          const properties = {
            'delta.enableChangeDataFeed': 'true',
            'delta.checkpointInterval': '4',
            ...(vectors ? { 'delta.enableDeletionVectors': 'true' } : {}),
          }
          const table = await createTable(store, { schema: 'id int, v int', properties })
          for (let i = 0; i < 6; i += 2) await table.append(START.slice(i, i + 2))
          const broken = faulty(store, at, fault)
          const outcome = await openTable(broken)
            .then(run)
            .catch((error: unknown) => error)
          const label = `${fault.error} at ${at}: ${String(outcome)}`
          const fresh = await openTable(store)
          const { version } = await fresh.snapshot()
          const seen = await rowsOf(fresh)
          if (outcome instanceof Error) expect([START, after], label).toContainEqual(seen)
          else expect(seen, label).toEqual(after)
          expect([3, 4], label).toContain(version)
          expect(await rowsOf(fresh, 3), label).toEqual(START)
          if (version === 4) expect(await changed(fresh, 4), label).toEqual(seen)
          await run(fresh)
          expect(await rowsOf(fresh), label).toEqual(after)
          done = broken.calls() <= at
        }
      }
    })
})
