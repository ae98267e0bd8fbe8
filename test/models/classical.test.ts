import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import { classicalModel, LEARNERS } from '../../src/models/classical.js'
import { hashFolder } from '../../src/models/folder.js'
import { lexiconModel } from '../../src/models/lexicon.js'
import { loadModelFolder } from '../../src/models/load.js'
import { majorityModel } from '../../src/models/majority.js'
import type { Model } from '../../src/models/model.js'
import { ngramModel } from '../../src/models/ngram.js'
import { trainableContract } from '../contracts/model.js'
import { syntheticExamples } from './examples.js'

trainableContract('majority', majorityModel)
trainableContract('lexicon', lexiconModel)
trainableContract('ngram', () => ngramModel({ settings: { bits: 14 } }))
for (const learner of LEARNERS)
  trainableContract(`${learner} on S4`, () =>
    classicalModel({ learner, features: 'S4', settings: learner === 'rf' ? { trees: 5 } : {} }),
  )
trainableContract('lr on S2', () => classicalModel({ learner: 'lr', features: 'S2' }))
trainableContract('rf on S5', () => classicalModel({ learner: 'rf', features: 'S5', settings: { trees: 3 } }))

async function accuracy(model: Model): Promise<number> {
  const examples = syntheticExamples(400, 55)
  const answers = await model.predict(examples.map(example => example.text))
  return answers.filter((answer, row) => !isFailure(answer) && answer.label === examples[row]!.label).length / examples.length
}

describe('what they learn', () => {
  it('majority answers the most frequent class with the training shares', async () => {
    const model = majorityModel()
    await model.fit([
      { text: 'a', label: 'positive' },
      { text: 'b', label: 'positive' },
      { text: 'c', label: 'negative' },
      { text: 'd', label: 'neutral' },
    ])
    expect(await model.predict(['whatever'])).toEqual([{ label: 'positive', probabilities: [0.25, 0.25, 0.5] }])
  })

  it('lexicon finds its thresholds, with the zones that the counts give', async () => {
    const model = lexiconModel()
    // AFINN: love 3, hate −3, good 3; "table" has no value.
    await model.fit([
      ...Array.from({ length: 8 }, () => ({ text: 'love it', label: 'positive' as const })),
      ...Array.from({ length: 2 }, () => ({ text: 'table', label: 'positive' as const })),
      ...Array.from({ length: 10 }, () => ({ text: 'table', label: 'neutral' as const })),
      ...Array.from({ length: 10 }, () => ({ text: 'hate it', label: 'negative' as const })),
    ])
    const [good, plain, bad] = await model.predict(['good', 'chair', 'hate'])
    // Positive zone: (8 + 1) / (10 + 3) of positive, 1 / 13 of either other class.
    expect(good).toMatchObject({ label: 'positive' })
    const shares = isFailure(good!) ? [] : good!.probabilities.map(p => (11 * p).toFixed(9))
    expect(shares).toEqual(['1.000000000', '1.000000000', '9.000000000'])
    expect(plain).toMatchObject({ label: 'neutral' })
    expect(bad).toMatchObject({ label: 'negative' })
  })

  it('each beats the one before', async () => {
    const models = [majorityModel(), lexiconModel(), ngramModel()]
    const results: number[] = []
    for (const model of models) {
      await model.fit(syntheticExamples(1500))
      results.push(await accuracy(model))
    }
    expect(results[1]).toBeGreaterThan(results[0]!)
    expect(results[2]).toBeGreaterThan(results[1]!)
    expect(results[2]).toBeGreaterThan(0.9)
  })

  it('n-grams stop while learning, the event loop alive all the time', async () => {
    const examples = syntheticExamples(30_000)
    const stop = new AbortController()
    let beats = 0
    const beat = setInterval(() => {
      beats++
    }, 5)
    const learning = ngramModel().fit(examples, {
      signal: stop.signal,
      onProgress: share => share > 0.4 && stop.abort(new Error('enough')),
    })
    await expect(learning).rejects.toThrow('enough')
    clearInterval(beat)
    // Steps of it that held the thread would leave no beat.
    expect(beats).toBeGreaterThan(5)
  })
})

describe('model folders', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moodlake-folder-'))
    const model = ngramModel({ settings: { bits: 10 } })
    await model.fit(syntheticExamples(50))
    await model.save(folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function withCard(change: Record<string, unknown>): Promise<unknown> {
    const file = join(folder, 'model.json')
    const text = await readFile(file, 'utf8')
    await writeFile(file, JSON.stringify({ ...JSON.parse(text), ...change }))
    try {
      return await loadModelFolder(folder)
    } catch (error) {
      return error instanceof Error ? error.message : error
    } finally {
      await writeFile(file, text)
    }
  }

  it('hash paths and bytes, nothing else', async () => {
    const hash = await hashFolder(folder)
    expect((await loadModelFolder(folder)).hash).toBe(hash)
    await writeFile(join(folder, 'NOTE.md'), 'a')
    const noted = await hashFolder(folder)
    await writeFile(join(folder, 'NOTE.md'), 'b')
    expect(new Set([hash, noted, await hashFolder(folder)]).size).toBe(3)
    await rm(join(folder, 'NOTE.md'))
    expect(await hashFolder(folder)).toBe(hash)
  })

  it('of an earlier text function, which is as good as this one, are loaded', async () => {
    expect(await withCard({ textVersion: 'text-1' })).toMatchObject({ textVersion: 'text-2' })
  })

  it('are refused with the reason', async () => {
    expect(await withCard({ textVersion: 'text-0' })).toContain('text function text-0, this program has text-2')
    expect(await withCard({ textVersion: 'text-3' })).toContain('text function text-3, this program has text-2')
    expect(await withCard({ labels: ['bad', 'good'] })).toContain('model has labels ["bad","good"]')
    expect(await withCard({ kind: 'oracle' })).toContain('kind of model not known: "oracle"')
    expect(await withCard({ settings: { bits: 11 } })).toContain('4096 bytes, the card asks for 8192')
    await expect(loadModelFolder(join(folder, 'nowhere'))).rejects.toThrow('nowhere: no such model folder')
    await expect(loadModelFolder(tmpdir())).rejects.toThrow('not a model folder: no model.json in it')
  })
})
