import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fileStore } from '../../src/stores/file-store.js'
import { openStore } from '../../src/stores/open-store.js'
import { storeContract } from '../contracts/store.js'

const folder = () => mkdtempSync(join(tmpdir(), 'moodlake-store-'))

describe('file store', () => {
  storeContract(() => fileStore(join(folder(), 'not', 'there', 'yet')))

  it('leaves no temporary files behind, and hides those of a crash', async () => {
    const root = folder()
    const store = fileStore(root)
    await store.putIfAbsent('x', '1')
    await store.putIfAbsent('x', '2')
    await store.put('x', '3')
    expect(readdirSync(root)).toEqual(['x'])
    writeFileSync(join(root, '.moodlake-tmp-left'), 'half')
    const listed: string[] = []
    for await (const file of store.list('')) listed.push(file.path)
    expect(listed).toEqual(['x'])
  })

  it('opens by path and by address', async () => {
    const root = join(folder(), 'a b%20c')
    await openStore(root).put('x', '1')
    expect(Buffer.from(await openStore(fileStore(root).uri).read('x')).toString()).toBe('1')
    expect(fileStore(root).localPath?.('x')).toBe(join(root, 'x'))
    expect(() => openStore('ftp://host/x')).toThrow('address not understood: ftp://host/x')
  })
})
