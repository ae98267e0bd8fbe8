import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import { packModel, saveAverage } from '../../src/models/average.js'
import { hashFolder } from '../../src/models/folder.js'
import { loadModelFolder } from '../../src/models/load.js'
import { majorityModel } from '../../src/models/majority.js'
import { ngramModel } from '../../src/models/ngram.js'
import { modelContract } from '../contracts/model.js'
import { syntheticExamples } from './examples.js'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'moodlake-average-'))
  for (const [folder, model] of [
    ['words', ngramModel({ settings: { bits: 12 } })],
    ['always', majorityModel()],
  ] as const) {
    await model.fit(syntheticExamples(300))
    await model.save(join(root, folder))
  }
  await saveAverage(join(root, 'both'), parts(0.75, 0.25), { name: 'both' })
})
afterAll(() => rm(root, { recursive: true, force: true }))

const parts = (words: number, always: number) => [
  { folder: join(root, 'words'), weight: words },
  { folder: join(root, 'always'), weight: always },
]

modelContract('average', () => loadModelFolder(join(root, 'both')))

describe('an average', () => {
  it('has the weighted mean of its parts’ probabilities, and names them', async () => {
    const [both, words, always] = await Promise.all(['both', 'words', 'always'].map(name => loadModelFolder(join(root, name))))
    const texts = syntheticExamples(50, 9).map(({ text }) => text)
    const [mean, a, b] = await Promise.all([both!, words!, always!].map(model => model.predict(texts)))
    mean!.forEach((answer, row) => {
      const [first, second] = [a![row]!, b![row]!]
      if (isFailure(answer) || isFailure(first) || isFailure(second)) throw new Error('failed')
      for (const k of [0, 1, 2])
        expect(answer.probabilities[k]).toBeCloseTo(0.75 * first.probabilities[k]! + 0.25 * second.probabilities[k]!, 12)
    })
    expect(both!.parts).toEqual([
      { name: 'ngram', hash: words!.hash, weight: 0.75 },
      { name: 'majority', hash: always!.hash, weight: 0.25 },
    ])
  })

  it('can be packed, stands alone then and answers the same', async () => {
    await packModel(join(root, 'both'), join(root, 'else', 'packed'))
    const [here, there] = [await loadModelFolder(join(root, 'both')), await loadModelFolder(join(root, 'else', 'packed'))]
    expect(await there.predict(['love', 'hate it'])).toEqual(await here.predict(['love', 'hate it']))
    expect(there.hash).toBe(await hashFolder(join(root, 'else', 'packed')))
    await packModel(join(root, 'else', 'packed'), join(root, 'twice'))
    expect(await hashFolder(join(root, 'twice'))).toBe(there.hash)
  })

  it('refuses parts that are not those it was made of, and weights that do not add up', async () => {
    await packModel(join(root, 'both'), join(root, 'changed'))
    await writeFile(join(root, 'changed', 'words', 'NOTE.md'), 'x')
    await expect(loadModelFolder(join(root, 'changed'))).rejects.toThrow('part words is another model')
    await rm(join(root, 'changed', 'words'), { recursive: true })
    await expect(loadModelFolder(join(root, 'changed'))).rejects.toThrow('no such model folder')
    await expect(saveAverage(join(root, 'wrong'), parts(0.5, 0.4))).rejects.toThrow('weights sum to 1')
  })
})
