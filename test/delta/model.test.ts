import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CommitConflictError, createTable, type DeltaTable, duckdb, openTable } from '../../src/delta/index.js'
import { fileStore } from '../../src/stores/file-store.js'
import { faulty } from './faulty.js'
import { deltaRs, newFolder, noOracle } from './oracle.js'

/** One step against the table and the plain model of it: all versions as lists of numbers. */
type Step =
  | { kind: 'append'; ids: number[]; sql: boolean }
  | { kind: 'overwrite'; ids: number[] }
  | { kind: 'txn'; ids: number[]; version: number }
  | { kind: 'delete'; below: number }
  | { kind: 'update'; below: number }
  | { kind: 'restore'; back: number }
  | { kind: 'optimize' }
  | { kind: 'checkpoint' }
  | { kind: 'reopen' }
  | { kind: 'forget' }

const ids = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), ids, sql: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overwrite' as const), ids }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('txn' as const), ids, version: fc.integer({ min: 0, max: 5 }) }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.boolean(), fc.integer({ min: 0, max: 10 }))
      .map(([update, below]): Step => (update ? { kind: 'update', below } : { kind: 'delete', below })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), back: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ kind: 'checkpoint' }, { kind: 'reopen' }, { kind: 'forget' }) },
)

async function idsOf(table: DeltaTable, version?: number): Promise<number[]> {
  const snapshot = await table.snapshot(version === undefined ? {} : { version })
  const rows = await (await duckdb()).rows<{ id: number }>(`SELECT id FROM ${await snapshot.relation()} ORDER BY id`)
  return rows.map(row => row.id)
}

const sorted = (list: number[]) => [...list].sort((a, b) => a - b)

/** What one of several writers does, and at which of its writes it dies (8: at none). */
interface Deed {
  kind: 'append' | 'delete' | 'update' | 'upsert' | 'overwrite' | 'optimize'
  ids: number[]
  below: number
  dies: number
  after: boolean
}

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'delete', 'update', 'upsert', 'overwrite', 'optimize'),
  ids: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
  below: fc.integer({ min: 1, max: 10 }),
  dies: fc.integer({ min: 0, max: 16 }).map(at => Math.min(at, 8)),
  after: fc.boolean(),
})

/** The rows after a deed. */
function afterDeed(rows: readonly number[], { kind, ids, below }: Deed): number[] {
  if (kind === 'append') return [...rows, ...ids]
  if (kind === 'delete') return rows.filter(id => id >= below)
  if (kind === 'update') return rows.map(id => (id < below ? id + 1 : id))
  if (kind === 'upsert') return [...rows, ...ids.filter(id => !rows.includes(id))]
  return kind === 'overwrite' ? ids : [...rows]
}

/** Does it; gives the version that was committed, if one was. */
async function act(table: DeltaTable, { kind, ids, below }: Deed): Promise<number | undefined> {
  const rows = ids.map(id => ({ id }))
  const where = `id < ${below}`
  if (kind === 'append') return (await table.append(rows)).version
  if (kind === 'overwrite') return (await table.overwrite(rows)).version
  if (kind === 'optimize') {
    const { version, removed } = await table.optimize()
    return removed ? version : undefined
  }
  if (kind === 'upsert') {
    const { version, inserted } = await table.merge(rows, { on: 'target.id = source.id', matched: [] })
    return inserted ? version : undefined
  }
  const changed = await (kind === 'delete' ? table.delete(where) : table.update({ id: 'id + 1' }, { where }))
  return changed.rows ? changed.version : undefined
}

describe('the log against a model in memory', () => {
  it('gives the same rows at every version after any steps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), fc.boolean(), async (steps, vectors) => {
        const folder = newFolder()
        let table = await createTable(folder, {
          schema: 'id int',
          properties: { 'delta.checkpointInterval': '4', ...(vectors ? { 'delta.enableDeletionVectors': 'true' } : {}) },
        })
        const versions: number[][] = [[]]
        let txn = -1
        const now = () => versions.at(-1) as number[]
        for (const one of steps) {
          if (one.kind === 'reopen') table = await openTable(folder)
          else if (one.kind === 'checkpoint') await table.checkpoint()
          else if (one.kind === 'forget') rmSync(join(folder, '_delta_log', '_last_checkpoint'), { force: true })
          else if (one.kind === 'optimize') {
            const { version } = await table.optimize()
            if (version === versions.length) versions.push(now())
            expect(version).toBe(versions.length - 1)
          } else if (one.kind === 'delete' || one.kind === 'update') {
            const hit = now().filter(id => id < one.below)
            const where = `id < ${one.below}`
            const changed = await (one.kind === 'delete' ? table.delete(where) : table.update({ id: 'id + 1' }, { where }))
            expect(changed.rows).toBe(hit.length)
            const rest = now().filter(id => id >= one.below)
            if (hit.length) versions.push(sorted(one.kind === 'delete' ? rest : [...rest, ...hit.map(id => id + 1)]))
          } else if (one.kind === 'restore') {
            const version = Math.max(0, versions.length - 1 - one.back)
            await table.restore({ version })
            versions.push(versions[version] as number[])
          } else if (one.kind === 'overwrite') {
            await table.overwrite(one.ids.map(id => ({ id })))
            versions.push(sorted(one.ids))
          } else if (one.kind === 'append') {
            const sql = `SELECT unnest(CAST([${one.ids.join(', ')}] AS INTEGER[])) AS id`
            await table.append(one.sql ? { sql } : one.ids.map(id => ({ id })))
            versions.push(sorted([...now(), ...one.ids]))
          } else {
            const commit = await table.append(
              one.ids.map(id => ({ id })),
              { txn: { appId: 'app', version: one.version } },
            )
            expect(commit.skipped).toBe(one.version <= txn)
            if (!commit.skipped) {
              txn = one.version
              versions.push(sorted([...now(), ...one.ids]))
            }
          }
        }
        const fresh = await openTable(folder)
        expect((await fresh.snapshot()).version).toBe(versions.length - 1)
        for (const [version, rows] of versions.entries()) expect(await idsOf(fresh, version)).toEqual(rows)
        expect(await idsOf(table)).toEqual(now())
        expect((await fresh.snapshot()).txn('app') ?? -1).toBe(txn)
        expect(readdirSync(folder).filter(name => name.startsWith('.'))).toEqual([])
        // delta-rs does not read deletion vectors through pyarrow.
        if (!noOracle && !vectors && steps.length > 11)
          expect(sorted((await deltaRs<{ id: number }>(folder, 'id')).map(row => row.id))).toEqual(now())
        rmSync(folder, { recursive: true })
      }),
      { numRuns: 30 },
    )
  })

  it('is what its commits make in order, whoever writes at once and dies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(deed, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }), async rounds => {
        const folder = newFolder()
        const properties = { 'delta.checkpointInterval': '3', 'delta.enableChangeDataFeed': 'true' }
        const table = await createTable(folder, { schema: 'id int', properties })
        const told = new Map<number, Deed>()
        const unsure: Deed[] = []
        for (const round of rounds)
          await Promise.all(
            round.map(async one => {
              const store = fileStore(folder)
              const mine = one.dies < 8 ? faulty(store, one.dies, { error: 'killed', after: one.after, dead: true }) : store
              const commit = await openTable(mine)
                .then(opened => act(opened, one))
                .catch((error: unknown) => error)
              if (commit instanceof CommitConflictError) return
              if (commit instanceof Error) {
                expect(commit.message).toBe('killed')
                unsure.push(one)
              } else if (commit !== undefined) {
                expect(told.has(commit as number)).toBe(false)
                told.set(commit as number, one)
              }
            }),
          )
        const last = (await (await openTable(folder)).snapshot()).version
        let rows: number[] = []
        for (let version = 1; version <= last; version++) {
          const seen = await idsOf(table, version)
          const one = told.get(version)
          told.delete(version)
          // A writer that died may have committed: then the version is what it wanted.
          const at = one ? -1 : unsure.findIndex(other => String(sorted(afterDeed(rows, other))) === String(seen))
          if (!one) expect(at, `version ${version} is nobody's: ${rows} became ${seen}`).toBeGreaterThanOrEqual(0)
          expect(seen).toEqual(sorted(afterDeed(rows, one ?? (unsure.splice(at, 1)[0] as Deed))))
          rows = seen
        }
        expect([...told.keys()]).toEqual([])
        rmSync(folder, { recursive: true })
      }),
      { numRuns: 25 },
    )
  })
})
