import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Batch, batchOfColumns } from '../../src/sources/batch.js'
import type { Source } from '../../src/sources/source.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { Store } from '../../src/stores/store.js'
import { openCheckpoint, type StreamDefinition } from '../../src/streams/checkpoint.js'
import { monitorLine, monitorStreams, streamVerdict } from '../../src/streams/monitor.js'
import { type BatchContext, runningStreams, type StreamOptions, startStream, stopStreams } from '../../src/streams/stream.js'

/** A source that counts: one row per number, `per` rows a batch. */
function numbers(count: () => number, per = 2): Source<number> {
  return {
    name: 'numbers',
    async latest(from = 0) {
      const to = Math.min(count(), from + per)
      return to > from ? { to, backlog: count() - to } : undefined
    },
    async read(from = 0, to) {
      return batchOfColumns({ n: { type: 'INTEGER', values: Array.from({ length: to - from }, (_, i) => from + i) } })
    },
  }
}

/** A table that is committed to once per txn, as Delta's are. */
function sink() {
  const commits = new Map<string, number[]>()
  return {
    rows: () => [...commits.values()].flat(),
    async work(batch: { rows<T>(): AsyncIterable<T[]> }, { txn }: BatchContext) {
      const rows: number[] = []
      for await (const part of batch.rows<{ n: number }>()) rows.push(...part.map(row => row.n))
      const key = `${txn.appId} ${txn.version}`
      if (!commits.has(key)) commits.set(key, rows)
      return { rows: rows.length }
    },
  }
}

function start(store: Store, options: Partial<StreamOptions<number>> & Pick<StreamOptions<number>, 'work' | 'source'>) {
  return startStream({ name: 's', checkpoint: openCheckpoint(store, 'c/s'), ...options })
}

describe('startStream', () => {
  it('remembers the newest batches of very many, and what all of them come to', async () => {
    const batch = { count: 2, drop: async () => {} } as unknown as Batch
    const source = { ...numbers(() => 5200, 1), read: async () => batch }
    const work = async (_: Batch, { id }: BatchContext) => ({ rows: 1, counts: { odd: id % 2, replayed: id ? 0 : 1 } })
    const stream = start(memoryStore(), { source, work })
    await stream.done
    expect(stream.progress()).toHaveLength(5000)
    expect(stream.progress().at(-1)!.batch).toBe(5199)
    expect(stream.totals()).toMatchObject({ batches: 5199, rowsIn: 10_398, rowsOut: 5199, counts: { odd: 2600 } })
    expect(monitorLine(stream, 0)).toMatchObject({ batches: 5199, rows: 5199, batchRows: 1 })
  })

  it('takes all there is, batch by batch, and nothing twice', async () => {
    const store = memoryStore()
    const table = sink()
    let n = 5
    const first = start(store, { source: numbers(() => n), work: table.work })
    await first.done
    expect(first.status()).toBe('finished')
    expect(first.progress().map(({ batch, rowsIn, rowsOut, backlog }) => [batch, rowsIn, rowsOut, backlog])).toEqual([
      [0, 2, 2, 3],
      [1, 2, 2, 1],
      [2, 1, 1, 0],
    ])
    const again = start(store, { source: numbers(() => n), work: table.work })
    await again.done
    expect(again.progress()).toEqual([])
    n = 6
    await start(store, { source: numbers(() => n), work: table.work }).done
    expect(table.rows()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('does a batch again, with the same rows, that failed before or after its commit', async () => {
    for (const moment of ['before', 'after']) {
      const store = memoryStore()
      const table = sink()
      let n = 4
      const broken = start(store, {
        source: numbers(() => n),
        work: async (batch, context) => {
          const result = context.id === 1 && moment === 'before' ? { rows: 0 } : await table.work(batch, context)
          if (context.id === 1) throw new Error('power cut')
          return result
        },
      })
      await expect(broken.done).rejects.toThrow('power cut')
      expect(broken.status()).toBe('failed')
      // What arrived meanwhile must not slip into the batch that was begun.
      n = 9
      await start(store, { source: numbers(() => n), work: table.work }).done
      expect(table.rows()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    }
  })

  /** A source that tells what was read, and which of its rows are still held. */
  function watched(count: number) {
    const read: number[] = []
    const held = new Set<number>()
    const source: Source<number> = {
      ...numbers(() => count),
      async read(from = 0, to) {
        read.push(to)
        held.add(to)
        return { ...(await numbers(() => count).read(from, to)), drop: async () => void held.delete(to) }
      },
    }
    return { source, read, held }
  }

  it.each([1, 2])('reads %i batches while it works on one, but begins none before the other is done', async ahead => {
    const store = memoryStore()
    const { source, read, held } = watched(7)
    const begun: string[][] = []
    const work = async (_: Batch, { id }: BatchContext) => {
      while (read.length < Math.min(4, id + 1 + ahead)) await sleep(1)
      const files: string[] = []
      for await (const { path } of store.list('c/s/')) files.push(path.slice(4))
      begun.push(files)
      return { rows: 0 }
    }
    await start(store, { source, work, ahead }).done
    expect(read).toEqual([2, 4, 6, 7])
    expect(held.size).toBe(0)
    const name = (folder: string, n: number) => `${folder}/000000000${n}.json`
    for (const [id, files] of begun.entries()) {
      expect(files).toContain(name('offsets', id))
      expect(files).not.toContain(name('offsets', id + 1))
      if (id) expect(files).toContain(name('commits', id - 1))
    }
  })

  it('lets go of what it has read ahead when it stops or fails, and tells of a read that failed when its turn comes', async () => {
    for (const end of ['stop', 'fail']) {
      const { source, read, held } = watched(9)
      const stream = start(memoryStore(), {
        source,
        work: async (_, { signal }) => {
          while (read.length < 2) await sleep(1)
          if (end === 'fail') throw new Error('power cut')
          await sleep(60_000, undefined, { signal })
          return { rows: 0 }
        },
      })
      if (end === 'fail') await expect(stream.done).rejects.toThrow('power cut')
      else {
        while (read.length < 2) await sleep(1)
        await stream.stop()
      }
      expect(held.size).toBe(0)
    }
    const table = sink()
    const { source } = watched(9)
    const lost = {
      ...source,
      read: async (from?: number, to = 0) => (to > 4 ? Promise.reject(new Error('gone')) : source.read(from, to)),
    }
    await expect(start(memoryStore(), { source: lost, work: table.work }).done).rejects.toThrow('gone')
    expect(table.rows()).toEqual([0, 1, 2, 3])
  })

  it('refuses a changed definition on an old checkpoint, and names the difference', async () => {
    const store = memoryStore()
    const defined = (definition: StreamDefinition) =>
      start(store, { source: numbers(() => 2), work: sink().work, definition }).done
    await defined({ source: 'numbers', text: 'text-1' })
    await defined({ text: 'text-1', source: 'numbers' })
    await expect(defined({ source: 'letters', text: 'text-1', rules: '7' })).rejects.toThrow(
      'c/s: the stream has changed since it began: source was numbers and is letters; rules was not set and is 7',
    )
  })

  it('goes on from a definition that it says is as good, and not back to it', async () => {
    const store = memoryStore()
    const defined = (text: string | string[]) =>
      start(store, { source: numbers(() => 2), work: sink().work, definition: { source: 'numbers', text } }).done
    await defined('text-1')
    await defined(['text-2', 'text-1'])
    await defined(['text-2', 'text-1'])
    await expect(defined('text-1')).rejects.toThrow('text was text-2 and is text-1')
    await expect(defined(['text-4', 'text-3'])).rejects.toThrow('text was text-2 and is text-4')
  })

  it('without a checkpoint takes up the batch that the tables know of', async () => {
    const store = memoryStore()
    const table = sink()
    await start(store, { source: numbers(() => 6), work: table.work }).done
    const ranges: unknown[] = []
    const recover = async () => ({ id: 1, from: 2, to: 4 })
    const again = () =>
      start(memoryStore(), {
        source: numbers(() => 6, 3),
        recover,
        work: (batch, context) => {
          ranges.push([context.id, context.range])
          return table.work(batch, context)
        },
      }).done
    await again()
    expect(ranges).toEqual([
      [1, { from: 2, to: 4 }],
      [2, { from: 4, to: 6 }],
    ])
    expect(table.rows()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('asks for its limits before each batch', async () => {
    let n = 0
    const asked: (number | undefined)[] = []
    const source = {
      ...numbers(() => 6),
      async latest(from: number | undefined, limits: { maxRows?: number } = {}) {
        asked.push(limits.maxRows)
        return numbers(() => 6, limits.maxRows).latest(from)
      },
    }
    const stream = start(memoryStore(), { source, work: sink().work, limits: () => ({ maxRows: ++n }) })
    await stream.done
    expect(asked).toEqual([1, 2, 3, 4])
    expect(stream.progress().map(progress => progress.rowsIn)).toEqual([1, 2, 3])
  })

  it('keeps its history in the checkpoint', async () => {
    const store = memoryStore()
    await start(store, { source: numbers(() => 4), work: sink().work }).done
    const kept: unknown[] = []
    for await (const progress of openCheckpoint(store, 'c/s').history()) kept.push(progress)
    expect(kept).toMatchObject([
      { stream: 's', batch: 0, rowsIn: 2 },
      { stream: 's', batch: 1, rowsIn: 2 },
    ])
  })

  it('stops in the middle of a batch, and takes the batch up again', async () => {
    const store = memoryStore()
    const table = sink()
    const slow = start(store, {
      source: numbers(() => 2),
      work: async (_batch, { signal }) => {
        await sleep(60_000, undefined, { signal })
        return { rows: 0 }
      },
    })
    while (!slow.busy()) await sleep(5)
    const asked = Date.now()
    await slow.stop()
    // Far less than the batch would take, on a machine however busy.
    expect(Date.now() - asked).toBeLessThan(10_000)
    expect(slow.status()).toBe('stopped')
    await start(store, { source: numbers(() => 2), work: table.work }).done
    expect(table.rows()).toEqual([0, 1])
  })

  it('stops when asked through the checkpoint, by another process, or by the Stop button', async () => {
    const store = memoryStore()
    let asked = 0
    const none = () => {
      asked++
      return 0
    }
    const endless = () => start(store, { source: numbers(none), work: sink().work, trigger: { everyMs: 20 } })
    const first = endless()
    while (!asked) await sleep(1)
    await openCheckpoint(store, 'c/s').requestStop()
    await first.done
    expect(first.status()).toBe('stopped')

    const button = new AbortController()
    const symbol = Symbol.for('moodlake.interrupt')
    Object.assign(globalThis, { [symbol]: () => button.signal })
    try {
      const second = endless()
      button.abort()
      await second.done
      expect(second.status()).toBe('stopped')
    } finally {
      delete (globalThis as { [key: symbol]: unknown })[symbol]
    }
  })

  it('lists the running streams and stops them all', async () => {
    const streams = ['a', 'b'].map(name =>
      start(memoryStore(), { name, source: numbers(() => 0), work: sink().work, trigger: { everyMs: 20 } }),
    )
    expect(runningStreams().map(stream => stream.name)).toEqual(['a', 'b'])
    await stopStreams()
    expect(runningStreams()).toEqual([])
    expect(streams.map(stream => stream.status())).toEqual(['stopped', 'stopped'])
  })

  it('with an upstream ends after it, with all of its rows', async () => {
    let n = 0
    let asked = 0
    const count = () => {
      asked++
      return n
    }
    let end = () => {}
    const settled = new Promise<void>(resolve => {
      end = resolve
    })
    const table = sink()
    const stream = start(memoryStore(), { source: numbers(count), work: table.work, upstream: { settled } })
    n = 2
    // It has all there is, and asks again and again.
    while (table.rows().length < 2) await sleep(1)
    for (const before = asked; asked < before + 3; ) await sleep(1)
    expect(stream.status()).toBe('running')
    n = 3
    end()
    await stream.done
    expect(table.rows()).toEqual([0, 1, 2])
  })

  it('refuses to begin a batch that another process has begun', async () => {
    const store = memoryStore()
    const source = numbers(() => 2)
    const checkpoint = openCheckpoint(store, 'c/s')
    const rival = {
      ...source,
      async latest(from?: number) {
        await checkpoint.begin(0, { from: undefined, to: 1 })
        return source.latest(from)
      },
    }
    await expect(start(store, { source: rival, work: sink().work }).done).rejects.toThrow(/begun by another process/)
  })
})

describe('monitorStreams', () => {
  it('ends only after several idle polls with an empty backlog (A10)', async () => {
    let n = 1
    const stream = start(memoryStore(), { source: numbers(() => n), work: sink().work, trigger: { everyMs: 10 } })
    const polls: { rows: number; status: string }[] = []
    await monitorStreams([stream], {
      everyMs: 60,
      idlePolls: 3,
      onLines: ([line]) => {
        polls.push(line!)
        if (polls.length === 3) n = 4
      },
    })
    await stream.stop()
    expect(polls.at(-1)?.rows).toBe(4)
    // At least three polls that saw no change come after the last rows.
    expect(polls.filter(poll => poll.rows === 4).length).toBeGreaterThan(3)
  })
})

describe('streamVerdict (A11)', () => {
  const batch = (started: number, ms: number) => ({
    ...{
      stream: 's',
      batch: 0,
      rowsIn: 100,
      rowsOut: 100,
      counts: {},
      phases: { read: 0, work: ms, checkpoint: 0 },
      backlog: 0,
      memory: 1,
    },
    started: new Date(started).toISOString(),
    ms,
  })
  it('tells slow, balanced and under-used streams by their numbers', () => {
    expect(streamVerdict('s', [batch(0, 1500), batch(1500, 1500)], 1000)).toMatchObject({
      verdict: 'slower than its trigger',
      busyShare: 1.5,
      meanBatchMs: 1500,
    })
    expect(streamVerdict('s', [batch(0, 500), batch(1000, 500)], 1000)).toMatchObject({ verdict: 'balanced', rowsPerSecond: 200 })
    expect(streamVerdict('s', [batch(0, 100), batch(1000, 100)], 1000).verdict).toBe('under-used')
    expect(streamVerdict('s', [], 1000).verdict).toBe('no batches')
  })
})
