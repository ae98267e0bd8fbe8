import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { jsonFiles } from '../../src/sources/json-files.js'
import { fileStore } from '../../src/stores/file-store.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { ListOptions } from '../../src/stores/store.js'
import { newFolder } from '../pipeline/lake.js'

async function open() {
  const folder = await newFolder('growing')
  const inner = fileStore(folder)
  const asked: string[] = []
  const stat = (path: string) => {
    asked.push(path)
    return inner.stat(path)
  }
  const store = { ...inner, stat }
  const source = jsonFiles({ store, log: { store: memoryStore(), path: 'log' } })
  const next = async (from?: number) => {
    const available = await source.latest(from)
    if (!available) return { records: [], to: from }
    const batch = await source.read(from, available.to)
    const records: string[] = []
    for await (const rows of batch.rows<{ record: string }>(['record'])) records.push(...rows.map(row => row.record))
    return { records, to: available.to }
  }
  return { folder, store, next, asked }
}

/** Longer ago than any file under way. */
const LONG_AGO = new Date(Date.now() - 3_600_000)

describe('files under way', () => {
  it('half a record is waited for, in lines, in one value over many lines, and compressed', async () => {
    const { folder, next, asked } = await open()
    const zipped = gzipSync('{"c":1}\n{"c":2}\n')
    writeFileSync(join(folder, 'a.jsonl'), '{"a":1}\n{"a":{"b":1}')
    writeFileSync(join(folder, 'b.json'), '{\n "b":\n')
    writeFileSync(join(folder, 'c.jsonl.gz'), zipped.subarray(0, 20))
    const reading = next()
    for (const rest of ['{"a":', '3}\n']) {
      const before = asked.length
      while (asked.length === before) await new Promise(resolve => setTimeout(resolve, 5))
      appendFileSync(join(folder, 'a.jsonl'), rest === '3}\n' ? rest : `}\n${rest}`)
    }
    appendFileSync(join(folder, 'b.json'), '2}')
    appendFileSync(join(folder, 'c.jsonl.gz'), zipped.subarray(20))
    const { records } = await reading
    expect(records.map(record => JSON.parse(record) as object)).toEqual([
      { a: 1 },
      { a: { b: 1 } },
      { a: 3 },
      { b: 2 },
      { c: 1 },
      { c: 2 },
    ])
  })

  it('half a record that stays is taken as it is', async () => {
    const { folder, next } = await open()
    writeFileSync(join(folder, 'a.jsonl'), '{"a":1}\n{"a":')
    expect((await next()).records).toEqual(['{"a":1}', '{"a":'])
  })

  it('an old file is not waited for', async () => {
    const { folder, next, asked } = await open()
    writeFileSync(join(folder, 'a.jsonl'), '{"a":')
    utimesSync(join(folder, 'a.jsonl'), LONG_AGO, LONG_AGO)
    expect((await next()).records).toEqual(['{"a":'])
    // Who waits asks for the size again.
    expect(asked).toEqual([])
  })

  it('a file that grows after it was read is refused by its name', async () => {
    const { folder, next } = await open()
    writeFileSync(join(folder, 'a.jsonl'), '{"a":1}\n')
    const { to } = await next()
    appendFileSync(join(folder, 'a.jsonl'), '{"a":2}\n')
    await expect(next(to)).rejects.toThrow(/json-files: a\.jsonl has grown from 8 to 16 bytes since it was read/)
  })
})

describe('listing again', () => {
  it('passes over folders that have not changed, and finds what is new in any other', async () => {
    const { folder, store, next } = await open()
    const list = async (folders: ListOptions['folders']) => {
      const paths: string[] = []
      for await (const file of store.list('', { folders })) paths.push(file.path)
      return paths
    }
    mkdirSync(join(folder, 'x'))
    mkdirSync(join(folder, 'y'))
    writeFileSync(join(folder, 'x/1.json'), '1')
    writeFileSync(join(folder, 'y/1.json'), '2')
    writeFileSync(join(folder, 'r.json'), '0')
    const all = ['r.json', 'x/1.json', 'y/1.json']
    const folders: ListOptions['folders'] = new Map()
    expect(await list(folders)).toEqual(all)
    // Changed just now: looked at again.
    expect(await list(folders)).toEqual(all)
    for (const name of ['.', 'x', 'y']) utimesSync(join(folder, name), LONG_AGO, LONG_AGO)
    await list(folders)
    expect(await list(folders)).toEqual([])
    writeFileSync(join(folder, 'y/2.json'), '3')
    expect(await list(folders)).toEqual(['y/1.json', 'y/2.json'])
    mkdirSync(join(folder, 'z'))
    writeFileSync(join(folder, 'z/1.json'), '4')
    expect(await list(folders)).toEqual(['r.json', 'y/1.json', 'y/2.json', 'z/1.json'])
    const first = await next()
    expect(first.records.sort()).toEqual(['0', '1', '2', '3', '4'])
    for (const name of ['.', 'x', 'y', 'z']) utimesSync(join(folder, name), LONG_AGO, LONG_AGO)
    expect((await next(first.to)).records).toEqual([])
    writeFileSync(join(folder, 'x/2.json'), '5')
    expect((await next(first.to)).records).toEqual(['5'])
  })

  it('does not look at files that are to be skipped', async () => {
    const { folder, store } = await open()
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, `${name}.json`), name)
    const paths: string[] = []
    for await (const file of store.list('', { skip: path => path === 'b.json' })) paths.push(file.path)
    expect(paths).toEqual(['a.json', 'c.json'])
  })
})
