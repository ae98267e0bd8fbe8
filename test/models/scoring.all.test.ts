import type { ChildProcess } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundledModelFolder } from '../../src/models/bundled.js'
import { loadModelFolder } from '../../src/models/load.js'
import { HOSTILE, syntheticExamples } from './examples.js'

const KILLS = 100

describe('the transformer’s workers, killed again and again', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moodlake-scoring-'))
    await cp(bundledModelFolder('compact')!, folder, { recursive: true })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The same model under another hash: the process's cache does not know its texts. */
  async function fresh(note: string, options: Parameters<typeof loadModelFolder>[1] = {}) {
    await writeFile(join(folder, 'NOTE'), note)
    return loadModelFolder(folder, options)
  }

  it(`score every row once, to the bit as undisturbed, over ${KILLS} kills in mid-batch`, { timeout: 900_000 }, async () => {
    const texts = [...new Set([...syntheticExamples(2500, 5).map(({ text }) => text), ...HOSTILE])]
    const calm = await fresh('calm', { workers: 1 })
    const expected = await calm.predict(texts)
    await calm.close?.()
    const alive = new Set<ChildProcess>()
    const stormy = await fresh('stormy', {
      workers: 3,
      onWorker(worker) {
        worker.on('message', () => alive.add(worker))
        worker.on('exit', () => alive.delete(worker))
      },
    })
    const step = Math.floor(texts.length / (KILLS + 5))
    const reported: number[] = []
    let kills = 0
    const answers = await stormy.predict(texts, {
      onProgress(done) {
        reported.push(done)
        if (kills >= KILLS || done < step * (kills + 1)) return
        const [victim] = alive
        if (!victim) return
        alive.delete(victim)
        if (victim.kill('SIGKILL')) kills += 1
      },
    })
    await stormy.close?.()
    expect(kills).toBeGreaterThanOrEqual(0.9 * KILLS)
    expect(answers).toEqual(expected)
    // A row that was told twice would make it more.
    expect(reported.at(-1)).toBe(texts.length)
    expect(reported.every((done, i) => i === 0 || done > reported[i - 1]!)).toBe(true)
  })
})
