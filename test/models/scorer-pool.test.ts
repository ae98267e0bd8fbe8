import type { ChildProcess } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { lruCache } from '../../src/models/cache.js'
import { type ScorerPool, type ScorerPoolOptions, scorerPool } from '../../src/models/scorer-pool.js'

const program = new URL('./fixtures/fake-scorer.mjs', import.meta.url)
let pool: ScorerPool | undefined

function open(data: object = {}, options: Partial<ScorerPoolOptions> = {}): ScorerPool {
  pool = scorerPool({ name: 'fake', data, program, ...options })
  return pool
}

afterEach(async () => {
  await pool?.close()
  pool = undefined
})

const texts = (n: number) => Array.from({ length: n }, (_, i) => 'x'.repeat(i % 97))
const expected = (list: readonly string[]) => list.map(text => ({ logits: [text.length, 0, 0] }))

describe('scorer pool', () => {
  it('answers in order, several calls at once', async () => {
    const workers: ChildProcess[] = []
    const { score } = open({}, { workers: 3, onWorker: worker => workers.push(worker) })
    const lists = [texts(200), texts(1), texts(50), []]
    expect(await Promise.all(lists.map(list => score(list)))).toEqual(lists.map(expected))
    expect(workers).toHaveLength(3)
  })

  it('starts no more workers than there is work for', async () => {
    let workers = 0
    const { score } = open({}, { workers: 4, onWorker: () => workers++ })
    await score(texts(3))
    expect(workers).toBe(1)
  })

  it.each([1, 8])('scores every row once though workers are killed dozens of times in mid-batch, %i texts a run', async batch => {
    const working = new Set<ChildProcess>()
    const onWorker = (worker: ChildProcess) => {
      worker.on('message', () => working.add(worker))
      worker.on('exit', () => working.delete(worker))
    }
    const { score } = open({}, { workers: 3, batch, onWorker })
    const list = texts(1500)
    const times = new Array(list.length).fill(0)
    let [scored, kills] = [0, 0]
    const onScored = (place: number) => {
      times[place]++
      scored += 1
      if (scored < 28 * (kills + 1) || kills === 50) return
      const [victim] = working
      if (victim?.kill('SIGKILL')) kills += 1
      if (victim) working.delete(victim)
    }
    expect(await score(list, { onScored })).toEqual(expected(list))
    expect(times).toEqual(list.map(() => 1))
    expect(kills).toBeGreaterThan(40)
  })

  it.each([
    ['exit', 'scoring failed 3 times: a worker ended with code 3'],
    ['throw', 'scoring failed 3 times: a worker ended with code 1: Error: thrown inside'],
    ['refuse', 'refused'],
  ])('lists a text that kills its worker: %s', async (text, error) => {
    const list = [...texts(20), text, ...texts(20)]
    for (const batch of [1, 8]) {
      const answers = await open({}, { workers: 2, batch }).score(list)
      expect(answers).toEqual([...expected(texts(20)), { error }, ...expected(texts(20))])
      await pool?.close()
    }
  })

  it('ends a worker that hangs and tries its rows again; a text that always hangs is listed', async () => {
    const list = [...texts(20), 'hang', ...texts(20)]
    let workers = 0
    const answers = await open({}, { workers: 2, patience: 1500, onWorker: () => workers++ }).score(list)
    const error = 'scoring failed 3 times: a worker said nothing for 1.5 s'
    expect(answers).toEqual([...expected(texts(20)), { error }, ...expected(texts(20))])
    expect(workers).toBeGreaterThanOrEqual(3)
  })

  it('lets workers be silent while there is no work', async () => {
    let workers = 0
    const { score } = open({}, { workers: 1, patience: 1000, onWorker: () => workers++ })
    await score(['a'])
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(await score(['abc'])).toEqual([{ logits: [3, 0, 0] }])
    expect(workers).toBe(1)
  })

  it('replaces workers that have grown too large, between chunks', async () => {
    let workers = 0
    const { score } = open({ memory: 2e9 }, { workers: 1, workerMemory: 1e9, onWorker: () => workers++ })
    expect(await score(texts(40))).toEqual(expected(texts(40)))
    expect(workers).toBe(5)
  })

  it('lists a text that takes all memory', async () => {
    const answers = await open({}, { workers: 1 }).score(['memory', 'abc'])
    expect(answers[0]).toEqual({ error: expect.stringContaining('heap out of memory') })
    expect(answers[1]).toEqual({ logits: [3, 0, 0] })
  })

  it('stops at once and goes on with the next call', async () => {
    const { score } = open({}, { workers: 2 })
    const stop = new AbortController()
    const hanging = score(['a', 'hang', 'b'], { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 100)
    await expect(hanging).rejects.toThrow('enough')
    expect(await score(['abc'])).toEqual([{ logits: [3, 0, 0] }])
    await expect(score(['abc'], { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })

  it('says when workers cannot start or load', async () => {
    await expect(open({ broken: 'no such file' }).score(['a'])).rejects.toThrow('fake: model cannot be loaded: no such file')
    await pool!.close()
    await expect(open({ dies: true }).score(['a'])).rejects.toThrow('fake: workers do not start: a worker ended with code 7')
    expect(() => open({}, { workers: 0 })).toThrow('workers must be a whole number of at least 1: 0')
  })

  it('closes: calls under way are rejected, later ones too', async () => {
    const { score, close } = open({}, { workers: 1 })
    const hanging = score(['hang'])
    setTimeout(() => close(), 50)
    await expect(hanging).rejects.toThrow('fake: closed')
    await expect(score(['a'])).rejects.toThrow('fake: closed')
  })
})

describe('cache', () => {
  it('forgets what was not used for the longest', () => {
    const cache = lruCache<number>(2)
    cache.set('a', 1)
    cache.set('b', 2)
    expect(cache.get('a')).toBe(1)
    cache.set('c', 3)
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([1, undefined, 3, 2])
  })
})
