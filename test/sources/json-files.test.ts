import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/sources/batch.js'
import { jsonFiles } from '../../src/sources/json-files.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { sourceContract } from '../contracts/source.js'

interface Raw {
  record: string
  source_file: string
  line: number
  damage: string | null
}

async function rows(batch: Batch): Promise<Raw[]> {
  const all: Raw[] = []
  for await (const part of batch.rows<Raw>()) all.push(...part)
  return all
}

sourceContract('jsonFiles', async () => {
  const store = memoryStore()
  const log = { store: memoryStore(), path: 'log' }
  let n = 0
  return {
    open: async () => jsonFiles({ store, log }) as never,
    add: async values =>
      store.put(`f-${String(n++).padStart(4, '0')}.json`, values.map(value => JSON.stringify(value)).join('\n')),
    values: async batch => (await rows(batch)).map(row => JSON.parse(row.record) as string),
  }
})

describe('jsonFiles', () => {
  const log = () => ({ store: memoryStore(), path: 'log' })

  it('reads gzipped files, skips other and hidden ones', async () => {
    const store = memoryStore()
    await store.put('a/1.json.gz', gzipSync('{"a":1}'))
    await store.put('a/2.ndjson', '{"a":2}\n')
    await store.put('a/readme.txt', 'no')
    await store.put('a/.hidden.json', '{}')
    await store.put('a/_temporary/3.json', '{}')
    await store.put('b/4.json', '{}')
    const source = jsonFiles({ store, prefix: 'a/', log: log() })
    const available = await source.latest(undefined)
    const found = await rows(await source.read(undefined, available!.to))
    expect(found.map(row => [row.source_file, row.record]).sort()).toEqual([
      ['a/1.json.gz', '{"a":1}'],
      ['a/2.ndjson', '{"a":2}'],
    ])
  })

  it('keeps the bytes of a line that is not UTF-8, and the lines around it', async () => {
    const store = memoryStore()
    const bad = Buffer.from([0x7b, 0xff, 0xfe, 0x7d])
    await store.put('1.json', Buffer.concat([Buffer.from('{"a":1}\n'), bad, Buffer.from('\n{"a":2}\n')]))
    const source = jsonFiles({ store, log: log() })
    const available = await source.latest(undefined)
    const found = await rows(await source.read(undefined, available!.to))
    expect(found.map(row => row.line)).toEqual([1, 2, 3])
    expect(found.map(row => row.damage)).toEqual([null, bad.toString('base64'), null])
  })

  it('takes no more bytes than allowed, but at least a file', async () => {
    const store = memoryStore()
    for (const name of 'abc') await store.put(`${name}.json`, JSON.stringify('x'.repeat(100)))
    const source = jsonFiles({ store, log: log() })
    expect(await source.latest(undefined, { maxBytes: 210 })).toEqual({ to: 0, backlog: 1 })
    expect(await source.latest(0, { maxBytes: 1 })).toEqual({ to: 1, backlog: 0 })
  })

  it('says which file is no whole gzip, and which has gone', async () => {
    const store = memoryStore()
    await store.put('a.json.gz', 'nonsense')
    const source = jsonFiles({ store, log: log() })
    const { to } = (await source.latest(undefined))!
    await expect(source.read(undefined, to)).rejects.toThrow(/a\.json\.gz is not a whole gzip file/)
    await store.delete('a.json.gz')
    await expect(source.read(undefined, to)).rejects.toThrow(/a\.json\.gz/)
  })

  it('follows a stream that changes to another folder', async () => {
    const shared = log()
    const one = memoryStore('json-files-one')
    const two = memoryStore('json-files-two')
    await one.put('1.json', '1')
    await two.put('1.json', '2')
    const first = (await jsonFiles({ store: one, log: shared }).latest(undefined))!
    const source = jsonFiles({ store: two, log: shared })
    const second = (await source.latest(first.to))!
    expect((await rows(await source.read(first.to, second.to))).map(row => row.record)).toEqual(['2'])
    expect((await rows(await source.read(undefined, second.to))).map(row => row.record)).toEqual(['1', '2'])
  })

  it.each([true, false])('keeps a short log of very many batches, and knows all of them (in order: %s)', async ordered => {
    const [store, place] = [memoryStore(), log()]
    const open = () => jsonFiles({ store, log: place, ordered })
    const entries = async () => {
      const found: string[] = []
      for await (const { path } of place.store.list('log/')) found.push(path)
      return found
    }
    let from: number | undefined
    const source = open()
    for (let n = 0; n < 450; n++) {
      await store.put(`f-${String(n).padStart(4, '0')}.json`, `{"n":${n}}`)
      const { to } = (await source.latest(from))!
      from = to
    }
    expect((await entries()).length).toBeLessThan(ordered ? 202 : 255)
    // Another process: the newest batch can be read again, and nothing is new.
    expect((await rows(await open().read(from! - 1, from!))).map(({ record }) => record)).toEqual(['{"n":449}'])
    expect(await open().latest(from)).toBeUndefined()
    await store.put('f-9999.json', '{"n":9999}')
    const { to } = (await open().latest(from))!
    expect((await rows(await open().read(from, to))).map(({ record }) => record)).toEqual(['{"n":9999}'])
  })

  it('loses and doubles nothing when it is killed while it makes many entries one', async () => {
    const store = memoryStore()
    let left = Number.POSITIVE_INFINITY
    const inner = memoryStore()
    const dying = {
      ...inner,
      delete: async (path: string) => {
        if (left-- <= 0) throw new Error('killed')
        await inner.delete(path)
      },
    }
    let from: number | undefined
    const source = jsonFiles({ store, log: { store: dying, path: 'log' } })
    for (let n = 0; n < 200; n++) {
      await store.put(`f-${n}.json`, `{"n":${n}}`)
      from = (await source.latest(from))!.to
    }
    await store.put('f-200.json', '{"n":200}')
    left = 70
    await expect(source.latest(from)).rejects.toThrow('killed')
    left = Number.POSITIVE_INFINITY
    const again = jsonFiles({ store, log: { store: inner, path: 'log' } })
    expect((await rows(await again.read(from! - 1, from!))).map(({ record }) => record)).toEqual(['{"n":199}'])
    const { to, backlog } = (await again.latest(from))!
    expect([backlog, (await rows(await again.read(from, to))).map(({ record }) => record)]).toEqual([0, ['{"n":200}']])
  })
})
