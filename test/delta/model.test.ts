import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTable, type DeltaTable, duckdb, openTable } from '../../src/delta/index.js'
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
})
