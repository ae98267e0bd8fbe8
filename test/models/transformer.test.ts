import { type ChildProcess, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import { bundledModelFolder } from '../../src/models/bundled.js'
import { loadModelFolder } from '../../src/models/load.js'
import { modelContract } from '../contracts/model.js'
import { syntheticExamples } from './examples.js'

const COMPACT = bundledModelFolder('compact')!

modelContract('transformer', () => loadModelFolder(COMPACT, { workers: 2 }))

describe('compact transformer', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moodlake-compact-'))
    await cp(COMPACT, folder, { recursive: true })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The same model under another hash, so that the process's cache does not know its texts. */
  async function loadFresh(note: string, options: Parameters<typeof loadModelFolder>[1] = {}) {
    await writeFile(join(folder, 'NOTE'), note)
    return loadModelFolder(folder, options)
  }

  it('has the files that its card names, by sha256', async () => {
    const text = await readFile(join(COMPACT, 'CARD.md'), 'utf8')
    const rows = [...text.matchAll(/\| `([^`]+)` \| `([0-9a-f]{64})` \|/g)]
    expect(rows.map(row => row[1])).toEqual([
      'onnx/model_quantized.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
      'config.json',
    ])
    for (const [, file, sha] of rows)
      expect(
        createHash('sha256')
          .update(await readFile(join(COMPACT, file!)))
          .digest('hex'),
        file,
      ).toBe(sha)
  })

  it('knows what it should', async () => {
    const model = await loadFresh('plain', { workers: 1 })
    const answers = await model.predict([
      'I love this so much, what a day!',
      'This is the worst service ever.',
      'The meeting is on Tuesday at nine.',
    ])
    expect(answers.map(answer => (isFailure(answer) ? answer.error : answer.label))).toEqual(['positive', 'negative', 'neutral'])
    await model.close?.()
  })

  it('gives the same to the bit alone and in a batch of any texts', async () => {
    const words = syntheticExamples(40, 7).flatMap(example => example.text.split(' '))
    const texts = Array.from({ length: 90 }, (_, i) => words.slice(i, 2 * i + 1).join(' '))
    const together = await loadFresh('together', { workers: 1 })
    const all = await together.predict(texts)
    await together.close?.()
    const alone = await loadFresh('alone', { workers: 1 })
    for (const [i, text] of texts.entries()) expect((await alone.predict([text]))[0], `${i} words`).toEqual(all[i])
    await alone.close?.()
    expect(new Set(all.map(answer => JSON.stringify(answer))).size).toBeGreaterThan(60)
  })

  it('scores equal texts once and gives the same to the bit with one worker and three, though workers are killed', async () => {
    const texts = syntheticExamples(150, 5).map(example => example.text)
    const one = await loadFresh('one', { workers: 1 })
    const calm = await one.predict(texts)
    await one.close?.()
    const workers = new Set<ChildProcess>()
    const onWorker = (worker: ChildProcess) => {
      workers.add(worker)
      worker.on('exit', () => workers.delete(worker))
    }
    const many = await loadFresh('many', { workers: 3, onWorker })
    let kills = 0
    const stormy = await many.predict([...texts, ...texts], {
      onProgress: done => {
        if (done < 30 * (kills + 1) || kills === 3) return
        kills += 1
        const [victim] = workers
        victim?.kill('SIGKILL')
      },
    })
    expect(kills).toBe(3)
    expect(stormy).toEqual([...calm, ...calm])
    await many.close?.()
  })

  it('leaves the event loop free and the process able to end', async () => {
    const script = `
      import { loadModelFolder } from './dist/models/load.js'
      const model = await loadModelFolder('models/compact', { workers: 2 })
      let ticks = 0
      setInterval(() => ticks++, 10).unref()
      const texts = Array.from({ length: 200 }, (_, i) => 'text number ' + i)
      const answers = await model.predict(texts)
      console.log(JSON.stringify({ answers: answers.length, ticks }))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 })
    const { answers, ticks } = JSON.parse(stdout)
    expect(answers).toBe(200)
    expect(ticks).toBeGreaterThan(10)
  })

  it('runs where it is told to or not at all', async () => {
    // One that this platform has not.
    const device = process.platform === 'linux' ? 'coreml' : 'tensorrt'
    const refused = expect.objectContaining({
      name: 'DeviceError',
      device,
      message: expect.stringMatching(/^device \w+ cannot be used: .+$/),
    })
    await expect(loadModelFolder(COMPACT, { device })).rejects.toEqual(refused)
    await expect(loadModelFolder(join(COMPACT, '..', 'blend'), { device })).rejects.toEqual(refused)
    await expect(loadModelFolder(join(COMPACT, '..', 'blend', 'ngram'), { device })).rejects.toThrow('ngram runs on the CPU only')
    expect(await loadModelFolder(COMPACT, { device: 'cpu' })).not.toHaveProperty('device')
  })

  it('refuses broken folders with the reason', async () => {
    const config = await readFile(join(folder, 'config.json'), 'utf8')
    await writeFile(join(folder, 'config.json'), config.replace('"0": "negative"', '"0": "joy"'))
    await expect(loadModelFolder(folder)).rejects.toThrow('classes not understood: ["joy","neutral","positive"]')
    await writeFile(join(folder, 'config.json'), config)
    await rm(join(folder, 'onnx/model_quantized.onnx'))
    const model = await loadModelFolder(folder)
    await expect(model.predict(['a'])).rejects.toThrow('compact: model cannot be loaded')
    await model.close?.()
  })
})
