import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FileNotFoundError, type Store } from '../../src/stores/store.js'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')

async function paths(store: Store, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of store.list(prefix, { after })) found.push(file.path)
  return found
}

/** What every store promises. `open` gives an empty store each time. */
export function storeContract(open: () => Promise<Store> | Store): void {
  it('gives back what was put, whole and in ranges', async () => {
    const store = await open()
    await store.put('a/b.txt', 'hello world')
    expect(text(await store.read('a/b.txt'))).toBe('hello world')
    expect(text(await store.read('a/b.txt', { start: 6 }))).toBe('world')
    expect(text(await store.read('a/b.txt', { start: 0, end: 5 }))).toBe('hello')
    expect(text(await store.read('a/b.txt', { start: 8, end: 99 }))).toBe('rld')
    expect(text(await store.read('a/b.txt', { start: 11 }))).toBe('')
    await store.put('a/b.txt', Buffer.from([0, 255, 10]))
    expect([...(await store.read('a/b.txt'))]).toEqual([0, 255, 10])
  })

  it('keeps large files and empty ones', async () => {
    const store = await open()
    const large = Buffer.alloc(3_000_000, 'moodlake')
    await store.put('large', large)
    expect(Buffer.compare(Buffer.from(await store.read('large')), large)).toBe(0)
    await store.put('empty', '')
    expect((await store.read('empty')).length).toBe(0)
    expect((await store.stat('empty'))?.size).toBe(0)
  })

  it('names a file that is not there', async () => {
    const store = await open()
    await store.put('folder/file', 'x')
    await expect(store.read('none')).rejects.toBeInstanceOf(FileNotFoundError)
    await expect(store.read('folder')).rejects.toBeInstanceOf(FileNotFoundError)
    await expect(store.read('folder/file/below')).rejects.toBeInstanceOf(FileNotFoundError)
    expect(await store.stat('none')).toBeUndefined()
    await store.delete('none')
  })

  it('stats size and time', async () => {
    const store = await open()
    const before = Date.now() - 5000
    await store.put('x', '12345')
    const found = await store.stat('x')
    expect(found).toMatchObject({ path: 'x', size: 5 })
    expect(found?.modified.getTime()).toBeGreaterThan(before)
  })

  it('puts if absent once, whoever asks', async () => {
    const store = await open()
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => store.putIfAbsent('log/0.json', `writer ${i}`)))
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect(text(await store.read('log/0.json'))).toBe(`writer ${answers.indexOf(true)}`)
    expect(await store.putIfAbsent('log/0.json', 'late')).toBe(false)
    await store.delete('log/0.json')
    expect(await store.putIfAbsent('log/0.json', 'again')).toBe(true)
  })

  it('lists by prefix, in order of UTF-8 bytes, after a path', async () => {
    const store = await open()
    const all = ['a', 'b/1', 'b/10', 'b/2', 'b/c/d', 'b-x', 'b.json', 'é', '\u{1F600}', '\uFFFD']
    for (const path of all) await store.put(path, path)
    const sorted = [...all].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
    expect(await paths(store, '')).toEqual(sorted)
    expect(await paths(store, 'b/')).toEqual(['b/1', 'b/10', 'b/2', 'b/c/d'])
    expect(await paths(store, 'b/1')).toEqual(['b/1', 'b/10'])
    expect(await paths(store, 'b/', 'b/10')).toEqual(['b/2', 'b/c/d'])
    expect(await paths(store, 'none/')).toEqual([])
  })

  it('stops listing when asked', async () => {
    const store = await open()
    await store.put('a', '1')
    const listing = store.list('', { signal: AbortSignal.abort() })[Symbol.asyncIterator]()
    await expect(listing.next()).rejects.toThrow()
  })

  it('takes over a local file', async () => {
    const store = await open()
    const local = join(mkdtempSync(join(tmpdir(), 'moodlake-store-')), 'part.bin')
    const content = Buffer.alloc(11 << 20, 'parquet ')
    writeFileSync(local, content)
    await store.putFile('data/part.bin', local)
    expect((await store.stat('data/part.bin'))?.size).toBe(content.length)
    expect(Buffer.compare(Buffer.from(await store.read('data/part.bin')), content)).toBe(0)
  })

  it('never leaves its root', async () => {
    const store = await open()
    for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a//b', './a', '', 'a\0b', 'a\\..\\b']) {
      await expect(store.put(path, 'x'), path).rejects.toThrow(/not a path inside/)
      await expect(store.read(path), path).rejects.toThrow(/not a path inside/)
    }
  })
}
