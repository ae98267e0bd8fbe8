import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTable, duckdb, openTable } from '../../src/delta/index.js'
import { openStore } from '../../src/stores/open-store.js'
import { noMoto, useMoto } from '../stores/moto.js'
import { startProxy, type Verdict } from '../stores/proxy.js'

const FAULTS: Record<string, Verdict> = {
  'a lost answer': 'drop',
  'a 500': { refuse: 500 },
  'a 503': { refuse: 503 },
  'a 503 after the work was done': { answer: 503 },
}

describe.skipIf(noMoto)(`a fault of S3 at any request${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  const moto = useMoto()

  it.each(Object.entries(FAULTS))('%s is not visible in the table', async (_name, fault) => {
    let requests = 0
    let at = Number.POSITIVE_INFINITY
    const proxy = await startProxy(moto.endpoint, () => (requests++ === at ? fault : 'pass'))
    try {
      let last = 0
      for (let n = 0; n <= last; n++) {
        const uri = `s3://lake/${randomUUID()}`
        const straight = openStore(uri, moto.options)
        const properties = { 'delta.enableDeletionVectors': 'true', 'delta.checkpointInterval': '2' }
        await createTable(straight, { schema: 'id int', properties })
        requests = 0
        at = n
        const table = await openTable(openStore(uri, { ...moto.options, endpoint: proxy.endpoint }))
        await table.append([{ id: 1 }, { id: 2 }, { id: 3 }], { txn: { appId: 'a', version: 1 } })
        await table.delete('id = 2')
        await table.append([{ id: 4 }])
        at = Number.POSITIVE_INFINITY
        last = Math.max(last, requests - 1)
        const snapshot = await (await openTable(straight)).snapshot()
        const rows = await (await duckdb()).rows(`SELECT id FROM ${await snapshot.relation()} ORDER BY id`)
        expect(rows, `request ${n}`).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }])
        expect(snapshot.version, `request ${n}`).toBe(3)
      }
      expect(last).toBeGreaterThan(20)
    } finally {
      proxy.stop()
    }
  })

  it('a 412 that answers a put of ours is taken for what it was', async () => {
    const uri = `s3://lake/${randomUUID()}`
    await createTable(openStore(uri, moto.options), { schema: 'id int' })
    const commit = (path: string) => path.includes('_delta_log') && path.includes('1.json')
    let told = 0
    const proxy = await startProxy(moto.endpoint, (method, path) =>
      method === 'PUT' && commit(path) && told++ === 0 ? { answer: 412 } : 'pass',
    )
    try {
      const table = await openTable(openStore(uri, { ...moto.options, endpoint: proxy.endpoint }))
      expect(await table.append([{ id: 1 }])).toMatchObject({ version: 1 })
      expect((await table.snapshot()).version).toBe(1)
    } finally {
      proxy.stop()
    }
  })
})
