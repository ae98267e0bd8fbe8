import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adaptedModel } from '../../src/models/adapted.js'
import { isFailure } from '../../src/models/answer.js'
import { bundledModelFolder } from '../../src/models/bundled.js'
import { writeModelFolder } from '../../src/models/folder.js'
import { loadModelFolder } from '../../src/models/load.js'
import type { Example, Model } from '../../src/models/model.js'
import { randomFrom } from '../../src/models/random.js'
import type { Label } from '../../src/tweet.js'
import { trainableContract } from '../contracts/model.js'

const base = bundledModelFolder('compact')!

trainableContract('adapted', () => adaptedModel({ base, workers: 2 }))

/** A domain in which words mean what no general model knows: for these people `sick` is good and `neat` is bad. */
function slang(n: number, seed: number): Example[] {
  const random = randomFrom(seed)
  const words: [string, Label][] = [
    ['sick', 'positive'],
    ['insane', 'positive'],
    ['neat', 'negative'],
    ['nice', 'negative'],
    ['on Tuesday', 'neutral'],
    ['at nine', 'neutral'],
  ]
  const openings = ['that trick was', 'the new board is', 'her last run was', 'this park is', 'the contest is']
  return Array.from({ length: n }, () => {
    const [word, label] = words[Math.floor(random() * words.length)]!
    return { text: `${openings[Math.floor(random() * openings.length)]} ${word} #${Math.floor(random() * 50)}`, label }
  })
}

describe('adapted to data of its own', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moodlake-adapted-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function accuracy(model: Model): Promise<number> {
    const examples = slang(100, 77)
    const answers = await model.predict(examples.map(({ text }) => text))
    await model.close?.()
    return answers.filter((answer, i) => !isFailure(answer) && answer.label === examples[i]!.label).length / examples.length
  }

  it('learns from a hundred labels what its base gets wrong, and stands alone', async () => {
    const model = adaptedModel({ base, workers: 2 })
    await model.fit(slang(100, 1))
    await model.save(join(folder, 'slang'))
    await model.close?.()
    expect(await accuracy(await loadModelFolder(base))).toBeLessThan(0.7)
    expect(await accuracy(await loadModelFolder(join(folder, 'slang')))).toBeGreaterThan(0.9)
  })

  it('says that a folder of an earlier version must be trained again', async () => {
    const old = join(folder, 'old')
    await writeModelFolder(old, { kind: 'adapted', name: 'old', parameters: { width: 384, present: [0, 2], c: 0.1 } })
    await expect(loadModelFolder(old)).rejects.toThrow('old: adapted by an earlier version: train it again')
  })

  it('says when the base gives no embedding', async () => {
    const { tinyModel } = await import('./tiny-model.js')
    const { mkdir, writeFile } = await import('node:fs/promises')
    const tiny = join(folder, 'tiny')
    await mkdir(join(tiny, 'onnx'), { recursive: true })
    for (const [path, content] of Object.entries(tinyModel({ classes: ['neg', 'pos'], lean: { a: 0 } })))
      await writeFile(join(tiny, path), content)
    const model = adaptedModel({ base: tiny })
    await expect(model.fit(slang(10, 1))).rejects.toThrow('model has no output pooled, only logits')
    await model.close?.()
  })
})
