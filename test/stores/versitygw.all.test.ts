import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/stores/open-store.js'
import { storeContract } from '../contracts/store.js'
import type { S3Server } from './s3-server.js'
import { startVersitygw } from './versitygw.js'

const started = await startVersitygw()
const reason = typeof started === 'string' ? started : undefined
const server = started as S3Server
if (reason) console.warn(`versitygw tests skipped: ${reason}`)

describe.skipIf(reason)(`S3 store on versitygw${reason ? ` (skipped: ${reason})` : ''}`, () => {
  afterAll(() => server?.stop?.())

  storeContract(() => openStore(`s3://lake/${randomUUID()}/deep`, { ...server.options, partBytes: 5 << 20 }))

  it('lets one of many conditional puts win', async () => {
    const store = openStore(`s3://lake/${randomUUID()}`, server.options)
    for (let round = 0; round < 10; round++) {
      const won = await Promise.all(Array.from({ length: 12 }, (_, i) => store.putIfAbsent(`r${round}`, String(i))))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(Buffer.from(await store.read(`r${round}`)).toString()).toBe(String(won.indexOf(true)))
    }
  })

  it('lists over many pages', async () => {
    const store = openStore(`s3://lake/${randomUUID()}`, server.options)
    const names = Array.from({ length: 1100 }, (_, i) => `p/${String(i).padStart(5, '0')}`)
    for (let i = 0; i < names.length; i += 50) await Promise.all(names.slice(i, i + 50).map(name => store.put(name, 'x')))
    const found: string[] = []
    for await (const file of store.list('p/')) found.push(file.path)
    expect(found).toEqual(names)
  })
})
