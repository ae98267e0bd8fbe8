import { randomUUID } from 'node:crypto'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/stores/open-store.js'
import { ConditionalPutError } from '../../src/stores/s3-store.js'
import { storeContract } from '../contracts/store.js'
import { type Moto, noMoto, startMoto } from './moto.js'

describe.skipIf(noMoto)(`S3 store${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto
  const proxies: Server[] = []
  beforeAll(async () => {
    moto = await startMoto()
  })
  afterAll(async () => {
    for (const proxy of proxies) {
      proxy.closeAllConnections()
      proxy.close()
    }
    await moto?.stop()
  })

  /** A proxy before moto that may drop the answer or change the headers of a request. */
  async function proxy(
    tamper: (method: string, path: string, headers: Record<string, unknown>) => 'drop' | 'pass',
  ): Promise<string> {
    const server = createServer((incoming, outgoing) => {
      const headers = { ...incoming.headers }
      const verdict = tamper(incoming.method ?? '', incoming.url ?? '', headers)
      const target = new URL(moto.endpoint)
      const onward = request(
        { host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers },
        answer => {
          if (verdict === 'drop') {
            answer.resume().on('end', () => incoming.socket.destroy())
            return
          }
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
        },
      )
      incoming.pipe(onward)
    })
    proxies.push(server)
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  storeContract(() => openStore(`s3://lake/${randomUUID()}/deep`, { ...moto.options, partBytes: 5 << 20 }))

  it('lists over many pages', async () => {
    const store = openStore(`s3://lake/${randomUUID()}`, moto.options)
    const names = Array.from({ length: 1100 }, (_, i) => `p/${String(i).padStart(5, '0')}`)
    for (let i = 0; i < names.length; i += 50) await Promise.all(names.slice(i, i + 50).map(name => store.put(name, '')))
    const found: string[] = []
    for await (const file of store.list('p/')) found.push(file.path)
    expect(found).toEqual(names)
  })

  it('refuses a service that overwrites', async () => {
    const endpoint = await proxy((_method, _path, headers) => {
      delete headers['if-none-match']
      return 'pass'
    })
    const store = openStore(`s3://lake/${randomUUID()}`, { ...moto.options, endpoint })
    await expect(store.putIfAbsent('x', '1')).rejects.toBeInstanceOf(ConditionalPutError)
    expect(await store.stat('x')).toBeUndefined()
  })

  it('says "there is one" when the answer to its own put was lost', async () => {
    let dropped = 0
    const endpoint = await proxy((method, path) => {
      if (method === 'PUT' && path.includes('commit') && dropped === 0) {
        dropped++
        return 'drop'
      }
      return 'pass'
    })
    const store = openStore(`s3://lake/${randomUUID()}`, { ...moto.options, endpoint })
    expect(await store.putIfAbsent('commit', 'mine')).toBe(false)
    expect(dropped).toBe(1)
    expect(Buffer.from(await store.read('commit')).toString()).toBe('mine')
  })

  it('names a bucket that is not there', async () => {
    await expect(openStore('s3://no-such-bucket/x', moto.options).read('y')).rejects.toThrow(/bucket/i)
  })
})
