import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScoreFile } from '../../src/models/score-file.js'

const HASH = 'ab'.repeat(32)
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moodlake-scores-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const path = () => join(folder, `scores-${HASH.slice(0, 32)}.bin`)
const text = (i: number) => `text ${i} 😀`
const logits = (i: number) => [i + 0.1, -i, Number.NEGATIVE_INFINITY].map(Math.fround)

async function filled(n: number): Promise<void> {
  const file = openScoreFile(folder, HASH)
  for (let i = 0; i < n; i++) file.set(text(i), logits(i))
  await file.flush()
}
const found = (n: number, options?: { most?: number }) => {
  const file = openScoreFile(folder, HASH, options)
  return Array.from({ length: n }, (_, i) => file.get(text(i))).map(values => values && [...values].length)
}

describe('answers on disk', () => {
  it('are found again, to the bit, by a later process', async () => {
    await filled(5000)
    const file = openScoreFile(folder, HASH)
    expect(file.size).toBe(5000)
    for (let i = 0; i < 5000; i++) expect([...file.get(text(i))!]).toEqual(logits(i))
    expect(file.get('other')).toBeUndefined()
    expect(openScoreFile(folder, 'cd'.repeat(32)).get(text(1))).toBeUndefined()
    file.set(text(1), [9, 9, 9])
    await file.flush()
    expect((await stat(path())).size).toBe(5000 * 32)
  })

  it('of two processes at once are both kept', async () => {
    const [a, b] = [openScoreFile(folder, HASH), openScoreFile(folder, HASH)]
    a.set(text(0), logits(0))
    b.set(text(1), logits(1))
    await Promise.all([a.flush(), b.flush()])
    expect(found(3)).toEqual([3, 3, undefined])
  })

  it('half written or damaged are passed over, never believed', async () => {
    await filled(10)
    await truncate(path(), 10 * 32 - 5)
    expect(found(10).filter(Boolean)).toHaveLength(9)
    // What is appended behind a torn record is out of step: lost, but not wrong.
    await appendFile(path(), Buffer.alloc(64, 7))
    expect(found(10).filter(Boolean)).toHaveLength(9)
    const bytes = await readFile(path())
    bytes[3 * 32 + 17]! ^= 1
    await writeFile(path(), bytes)
    expect(found(10)[3]).toBeUndefined()
    expect(found(10).filter(Boolean)).toHaveLength(8)
  })

  it('are bounded: the older half goes', async () => {
    await filled(100)
    const file = openScoreFile(folder, HASH, { most: 60 })
    expect(file.size).toBe(30)
    expect(file.get(text(69))).toBeUndefined()
    expect([...file.get(text(70))!]).toEqual(logits(70))
    for (let i = 100; i < 200; i++) file.set(text(i), logits(i))
    expect(file.size).toBe(60)
    await file.flush()
    expect((await stat(path())).size).toBe(60 * 32)
  })
})
