import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTable, duckdb, openTable } from '../../src/delta/index.js'
import { fileStore } from '../../src/stores/file-store.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { Store } from '../../src/stores/store.js'
import { faulty } from './faulty.js'
import { deltaRs, newFolder, noOracle } from './oracle.js'

async function rowsOf(store: Store): Promise<number[]> {
  const snapshot = await (await openTable(store)).snapshot()
  const rows = await (await duckdb()).rows<{ id: number }>(`SELECT id FROM ${await snapshot.relation()} ORDER BY id`)
  return rows.map(row => row.id)
}

describe('a fault at any step of a commit', () => {
  // A checkpoint that fails is a warning, and here many do.
  beforeEach(() => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it.each([
    ['disk', () => fileStore(newFolder())],
    ['memory', () => memoryStore()],
  ])('on %s leaves the commit whole or absent, and a retry right', async (_name, open) => {
    for (const { error, after } of [
      { error: 'ENOSPC', after: false },
      { error: 'EIO', after: true },
    ]) {
      let done = false
      for (let at = 0; !done; at++) {
        const store = open()
        // A checkpoint at every version, so that its steps fail too; version 1 is there before.
        const table = await createTable(store, { schema: 'id int', properties: { 'delta.checkpointInterval': '1' } })
        await table.append([{ id: 1 }])
        const broken = faulty(store, at, { after, error }, true)
        const write = async (target: Store) => (await openTable(target)).append([{ id: 2 }], { txn: { appId: 'a', version: 1 } })
        const outcome = await write(broken).catch((caught: unknown) => caught)
        const seen = await rowsOf(store)
        const label = `call ${at}, ${error}, ${after ? 'after' : 'before'}: ${String(outcome)}`
        if (outcome instanceof Error) expect([[1], [1, 2]], label).toContainEqual(seen)
        else expect(seen, label).toEqual([1, 2])
        await write(store)
        expect(await rowsOf(store), label).toEqual([1, 2])
        done = broken.calls() <= at
      }
    }
  })

  it('takes a lost answer for what it was: its own commit', async () => {
    const store = memoryStore()
    await createTable(store, { schema: 'id int' })
    const lost: Store = {
      ...store,
      putIfAbsent: async (path, bytes) => {
        await store.putIfAbsent(path, bytes)
        return false // as a client that retried by itself sees it
      },
    }
    expect(await (await openTable(lost)).append([{ id: 1 }])).toMatchObject({ version: 1, skipped: false })
    expect(await rowsOf(store)).toEqual([1])
  })

  it('loses no acknowledged row when the writer is killed', async () => {
    const folder = newFolder()
    const told = new Map<string, number>()
    for (let round = 0; round < 6; round++) {
      const writer = `w${round}`
      const child = spawn(process.execPath, [resolve('test/delta/writer.mjs'), folder, writer, '1000'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise(done => child.once('exit', done))
      let first: (() => void) | undefined
      const started = new Promise<void>(done => {
        first = done
      })
      createInterface({ input: child.stdout }).on('line', line => {
        told.set(writer, (JSON.parse(line) as { n: number }).n)
        first?.()
      })
      await started
      await sleep(20 + 37 * round)
      child.kill('SIGKILL')
      await ended
    }
    const snapshot = await (await openTable(folder)).snapshot()
    const rows = await (await duckdb()).rows<{ writer: string; n: number; c: number }>(
      `SELECT writer, max(n) AS n, count(*) AS c FROM ${await snapshot.relation()} GROUP BY writer ORDER BY writer`,
    )
    expect(rows.map(row => row.writer)).toEqual([...told.keys()])
    for (const { writer, n, c } of rows) {
      expect(c).toBe(n + 1)
      // The kill may fall between a commit and its acknowledgement.
      expect([told.get(writer), (told.get(writer) ?? 0) + 1]).toContain(n)
    }
    if (!noOracle) expect((await deltaRs(folder, 'n')).length).toBe(rows.reduce((sum, row) => sum + row.c, 0))
  })
})
