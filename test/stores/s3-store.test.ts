import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTable, isTable, openTable } from '../../src/delta/index.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { openStore } from '../../src/stores/open-store.js'
import { ConditionalPutError, type S3Options } from '../../src/stores/s3-store.js'
import { storeContract } from '../contracts/store.js'
import { noMoto, useMoto } from './moto.js'
import { startProxy } from './proxy.js'

describe.skipIf(noMoto)(`S3 store${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  const moto = useMoto()

  storeContract(() => openStore(`s3://lake/${randomUUID()}/deep`, { ...moto.options, partBytes: 5 << 20 }))

  it('lists over many pages', async () => {
    const store = openStore(`s3://lake/${randomUUID()}`, moto.options)
    const names = Array.from({ length: 1100 }, (_, i) => `p/${String(i).padStart(5, '0')}`)
    for (let i = 0; i < names.length; i += 50) await Promise.all(names.slice(i, i + 50).map(name => store.put(name, '')))
    const found: string[] = []
    for await (const file of store.list('p/')) found.push(file.path)
    expect(found).toEqual(names)
  })

  it('is probed once a process, when the first table is opened', async () => {
    const asked: string[] = []
    const proxy = await startProxy(moto.endpoint, (method, path) => {
      if (path.includes('_probe-')) asked.push(method)
      return 'pass'
    })
    const uri = `s3://lake/${randomUUID()}`
    await createTable(openStore(uri, moto.options), { schema: 'id int' })
    const there = { ...moto.options, endpoint: proxy.endpoint }
    expect(await isTable(openStore(uri, there))).toBe(true)
    expect(asked).toEqual([])
    for (let i = 0; i < 3; i++) await (await openTable(openStore(uri, there))).append([{ id: i }])
    expect(asked).toEqual(['PUT', 'PUT', 'DELETE'])
    proxy.stop()
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
  let readOnly = false
  let server: Server
  let options: S3Options
  const listing = (prefix: string) =>
    [...objects].map(([path, { length }]) =>
      path.startsWith(prefix)
        ? `<Contents><Key>${path.slice('/lake/'.length)}</Key><Size>${length}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`
        : '',
    )
  beforeAll(async () => {
    server = createServer((request, answer) => {
      const url = new URL(request.url ?? '', 'http://x')
      const body: Buffer[] = []
      request.on('data', chunk => body.push(chunk as Buffer))
      request.on('end', () => {
        const reading = request.method === 'GET' || request.method === 'HEAD'
        if (readOnly && !reading) return answer.writeHead(403).end()
        const found = objects.get(url.pathname)
        if (request.method === 'PUT') objects.set(url.pathname, Buffer.concat(body))
        if (request.method === 'DELETE') objects.delete(url.pathname)
        const listed = url.searchParams.has('list-type')
        if (listed) {
          const keys = listing(`/lake/${url.searchParams.get('prefix')}`)
            .sort()
            .join('')
          answer.writeHead(200).end(`<ListBucketResult><IsTruncated>false</IsTruncated>${keys}</ListBucketResult>`)
        } else if (reading && !found) answer.writeHead(404).end()
        else
          answer
            .writeHead(200, reading ? { 'content-length': found?.length } : {})
            .end(request.method === 'GET' ? found : undefined)
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

  it('is refused when a table there is opened, and read where nothing may be written', async () => {
    const made = await createTable(memoryStore(), { schema: 'id int' })
    await made.append([{ id: 7 }])
    for await (const { path } of made.store.list('')) objects.set(`/lake/t/${path}`, Buffer.from(await made.store.read(path)))
    const before = [...objects.keys()]
    await expect(openTable(openStore('s3://lake/t', options))).rejects.toBeInstanceOf(ConditionalPutError)
    await expect(openTable(openStore('s3://lake/t', options))).rejects.toBeInstanceOf(ConditionalPutError)
    readOnly = true
    const table = await openTable(openStore('s3://lake/t', options))
    const read = []
    for await (const rows of (await table.snapshot()).rows()) read.push(...rows)
    expect(read).toEqual([{ id: 7 }])
    await expect(table.append([{ id: 8 }])).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    // Leave to write came later: what it is worth is found out before the first commit.
    readOnly = false
    await expect(table.append([{ id: 8 }])).rejects.toBeInstanceOf(ConditionalPutError)
    expect([...objects.keys()].filter(path => path.includes('_delta_log'))).toEqual(
      before.filter(path => path.includes('_delta_log')),
    )
  })
})
