import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/sources/batch.js'
import { jsonFiles } from '../../src/sources/json-files.js'
import { landedSource, openLanding, pruneLanded } from '../../src/sources/landing.js'
import { replay } from '../../src/sources/replay.js'
import type { Source } from '../../src/sources/source.js'
import { fileStore } from '../../src/stores/file-store.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { sourceContract } from '../contracts/source.js'
import { newFolder } from '../pipeline/lake.js'

async function valuesOf(batch: Batch): Promise<string[]> {
  const values: string[] = []
  for await (const rows of batch.rows<{ record: string }>(['record']))
    values.push(...rows.map(row => JSON.parse(row.record) as string))
  return values
}

// Bluesky's and X's feeds are this source with a collector each; what theirs do is in their own tests.
sourceContract('landedSource', async () => {
  const store = memoryStore()
  const place = { store, path: 'landing/feed', origin: 'feed' }
  return {
    open: async () =>
      landedSource({
        name: 'feed',
        landing: place,
        log: { store, path: 'log' },
        quietMs: 0,
        collect: async (_, link) => link.alive(),
      }) as Source,
    add: async values => {
      const landing = await openLanding(place)
      for (const value of values) landing.add(JSON.stringify(value))
      await landing.flush()
    },
    values: valuesOf,
  }
})

sourceContract('a folder that files are replayed into', async () => {
  const name = `replayed-${Math.random()}`
  const log = { store: memoryStore(), path: 'log' }
  let n = 0
  return {
    open: async () => jsonFiles({ store: memoryStore(name), log }) as Source,
    add: async values => {
      const from = `${name}-${n++}`
      await memoryStore(from).put('a.jsonl', values.map(value => JSON.stringify(value)).join('\n'))
      await replay(`memory:${from}`, { to: `memory:${name}`, ledger: `memory:${from}/ledger.jsonl` })
    },
    values: valuesOf,
  }
})

describe('landing', () => {
  it('is whole when it appears, numbered on, within half a second or when much is waiting', async () => {
    const store = memoryStore()
    const options = { store, path: 'l', origin: 'o', everyMs: 1, maxBytes: 30 }
    const landing = await openLanding(options)
    const files: number[] = []
    landing.onFile(() => files.push(1))
    landing.add('{"a":1}')
    while (!files.length) await new Promise(resolve => setTimeout(resolve, 1))
    for (let i = 0; i < 10; i++) landing.add(`{"much":"${'x'.repeat(10)}${i}"}`)
    await landing.flush()
    expect(landing.waiting()).toBe(0)
    expect(files.length).toBeGreaterThan(1)
    const paths: string[] = []
    for await (const { path } of store.list('l/')) paths.push(path)
    expect(paths[0]).toMatch(/^l\/000000000\/000000000000-[0-9a-f]{8}\.jsonl$/)
    expect(paths).toEqual([...paths].sort())
    const again = await openLanding({ ...options, origin: 'other' })
    const newest: { text: string; same: boolean }[] = []
    for await (const record of again.newest()) newest.push(record)
    expect(newest[0]).toEqual({ text: '{"much":"xxxxxxxxxx9"}', same: false })
    expect(newest).toHaveLength(11)
  })

  it('two that write the same folder: the second is told', async () => {
    const place = { store: memoryStore(), path: 'l', origin: 'o' }
    const [one, two] = [await openLanding(place), await openLanding(place)]
    one.add('1')
    await one.flush()
    two.add('2')
    await expect(two.flush()).rejects.toThrow(/is the same feed collected twice/)
  })

  it('is bounded: what was read and is old goes, but for the newest thousand; a feed goes on from there', async () => {
    const folder = await newFolder('landing')
    const store = fileStore(folder)
    const tag = '0123abcd'
    const path = (n: number) =>
      `landing/x/${String(Math.floor(n / 1000)).padStart(9, '0')}/${String(n).padStart(12, '0')}-${tag}.jsonl`
    const folders = () => readdirSync(join(folder, 'landing/x'))
    for (const name of ['000000000', '000000001']) mkdirSync(join(folder, 'landing/x', name), { recursive: true })
    for (let n = 0; n < 1300; n++) writeFileSync(join(folder, path(n)), `{"n":${n}}`)
    await pruneLanded(store, path(1200), 60_000)
    expect(await store.stat(path(0))).toBeDefined()
    await pruneLanded(store, path(1200), 0)
    const left: string[] = []
    for await (const file of store.list('landing/')) left.push(file.path)
    expect([left.length, left[0]]).toEqual([1100, path(200)])
    const landing = await openLanding({ store, path: 'landing/x', origin: 'o' })
    landing.add('{"n":1300}')
    await landing.flush()
    left.length = 0
    for await (const file of store.list('landing/')) left.push(file.path)
    expect(left.at(-1)).toContain('landing/x/000000001/000000001300-')

    // A folder that was emptied goes, also one of an earlier time; one that may still be written into stays, be it empty.
    for (const name of ['000000001', '000000002']) mkdirSync(join(folder, 'landing/x', name), { recursive: true })
    expect(folders()).toEqual(['000000000', '000000001', '000000002'])
    await pruneLanded(store, path(2100), 0)
    expect(folders()).toEqual(['000000001', '000000002'])
    await pruneLanded(store, path(3100), 0)
    expect(folders()).toEqual(['000000002'])
  })
})
