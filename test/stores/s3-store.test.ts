import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTable, isTable } from '../../src/delta/index.js'
import { openStore } from '../../src/stores/open-store.js'
import { ConditionalPutError, type S3Options } from '../../src/stores/s3-store.js'
import { storeContract } from '../contracts/store.js'
import { type Moto, noMoto, startMoto } from './moto.js'
import { startProxy } from './proxy.js'

describe.skipIf(noMoto)(`S3 store${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto
  beforeAll(async () => {
    moto = await startMoto()
  })
  afterAll(() => moto?.stop())

  storeContract(() => openStore(`s3://lake/${randomUUID()}/deep`, { ...moto.options, partBytes: 5 << 20 }))

  it('lists over many pages', async () => {
    const store = openStore(`s3://lake/${randomUUID()}`, moto.options)
    const names = Array.from({ length: 1100 }, (_, i) => `p/${String(i).padStart(5, '0')}`)
    for (let i = 0; i < names.length; i += 50) await Promise.all(names.slice(i, i + 50).map(name => store.put(name, '')))
    const found: string[] = []
    for await (const file of store.list('p/')) found.push(file.path)
    expect(found).toEqual(names)
  })

  it('says "there is one" when the answer to its own put was lost', async () => {
    let dropped = 0
    const proxy = await startProxy(moto.endpoint, (method, path) => {
      if (method === 'PUT' && path.includes('commit') && dropped === 0) {
        dropped++
        return 'drop'
      }
      return 'pass'
    })
    const store = openStore(`s3://lake/${randomUUID()}`, { ...moto.options, endpoint: proxy.endpoint })
    expect(await store.putIfAbsent('commit', 'mine')).toBe(false)
    expect(dropped).toBe(1)
    expect(Buffer.from(await store.read('commit')).toString()).toBe('mine')
    proxy.stop()
  })

  it('names a bucket that is not there', async () => {
    await expect(openStore('s3://no-such-bucket/x', moto.options).read('y')).rejects.toThrow(/bucket/i)
  })
})

describe('an S3 service that ignores the condition of a put', () => {
  const objects = new Map<string, Buffer>()
  let server: Server
  let options: S3Options
  beforeAll(async () => {
    server = createServer((request, answer) => {
      const url = new URL(request.url ?? '', 'http://x')
      const body: Buffer[] = []
      request.on('data', chunk => body.push(chunk as Buffer))
      request.on('end', () => {
        const found = objects.get(url.pathname)
        if (request.method === 'PUT') objects.set(url.pathname, Buffer.concat(body))
        if (request.method === 'DELETE') objects.delete(url.pathname)
        const listed = url.searchParams.has('list-type')
        if (listed) answer.writeHead(200).end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
        else if ((request.method === 'GET' || request.method === 'HEAD') && !found) answer.writeHead(404).end()
        else answer.writeHead(200).end(request.method === 'GET' ? found : undefined)
      })
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    options = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } }
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('is refused before the first commit, and nothing is left there', async () => {
    const store = openStore('s3://lake/table', options)
    await expect(store.putIfAbsent('x', '1')).rejects.toBeInstanceOf(ConditionalPutError)
    await expect(createTable(store, { schema: 'id int' })).rejects.toBeInstanceOf(ConditionalPutError)
    expect([...objects.keys()]).toEqual([])
    expect(await isTable(store)).toBe(false)
  })
})
