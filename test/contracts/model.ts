import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import { loadModelFolder } from '../../src/models/load.js'
import type { Answer, Model, TrainableModel } from '../../src/models/model.js'
import { TEXT_VERSION } from '../../src/text/clean.js'
import { LABELS } from '../../src/tweet.js'
import { HOSTILE, syntheticExamples } from '../models/examples.js'

/** What every model does, whatever its kind. `make` gives a trained one. */
export function modelContract(kind: string, make: () => Promise<Model>): void {
  describe(`model contract: ${kind}`, () => {
    let model: Model
    const texts = syntheticExamples(60, 99).map(example => example.text)
    beforeAll(async () => {
      model = await make()
    })
    afterAll(async () => {
      await model.close?.()
    })

    it('names itself and its text function', () => {
      expect(model.name).not.toBe('')
      expect(model.textVersion).toBe(TEXT_VERSION)
    })

    it('gives each text, in order, probabilities that sum to 1 and the likeliest label', async () => {
      const answers = await model.predict(texts)
      expect(answers).toHaveLength(texts.length)
      for (const answer of answers) expectSound(answer)
    })

    it('predicts the same again: predict changes nothing', async () => {
      expect(await model.predict(texts)).toEqual(await model.predict(texts))
    })

    it('answers a text alike, alone, in any company and in any order', async () => {
      const together = await model.predict(texts)
      const turned = await model.predict([...HOSTILE.slice(0, 3), ...texts].reverse())
      expect(turned.slice(0, texts.length).reverse()).toEqual(together)
      for (const row of [0, 7, 31]) expect(await model.predict([texts[row]!])).toEqual([together[row]])
    })

    it('leaves the texts alone and says how far it is', async () => {
      const given = Object.freeze([...texts])
      const progress: number[] = []
      await model.predict(given, { onProgress: done => progress.push(done) })
      expect(progress.at(-1)).toBe(texts.length)
      expect(progress).toEqual([...progress].sort((a, b) => a - b))
    })

    it('answers an empty batch with nothing', async () => {
      expect(await model.predict([])).toEqual([])
    })

    it('stands hostile texts: an answer or a listed failure', async () => {
      const answers = await model.predict(HOSTILE)
      expect(answers).toHaveLength(HOSTILE.length)
      for (const answer of answers)
        if (isFailure(answer)) expect(answer.error).not.toBe('')
        else expectSound(answer)
    })

    it('stops when it is told to', async () => {
      const stopped = AbortSignal.abort(new Error('enough'))
      await expect(model.predict(texts, { signal: stopped })).rejects.toThrow('enough')
    })
  })
}

/** What every model does besides that is trained here. `make` gives an untrained one. */
export function trainableContract(kind: string, make: () => TrainableModel): void {
  modelContract(kind, async () => {
    const model = make()
    await model.fit(syntheticExamples(400))
    return model
  })

  describe(`trainable model contract: ${kind}`, () => {
    let folder: string
    const texts = [...syntheticExamples(40, 98).map(example => example.text), ...HOSTILE]
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'moodlake-model-'))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it('predicts, to the bit, the same after being saved and loaded', async () => {
      const model = make()
      await model.fit(syntheticExamples(300))
      expect(model.hash).toBeUndefined()
      const before = await model.predict(texts)
      await model.save(join(folder, 'a'))
      const loaded = await loadModelFolder(join(folder, 'a'))
      expect(loaded.name).toBe(model.name)
      expect(loaded.hash).toMatch(/^[0-9a-f]{64}$/)
      expect(loaded.hash).toBe(model.hash)
      expect(await loaded.predict(texts)).toEqual(before)
      expect(await model.predict(texts)).toEqual(before)
    })

    it('learns the same from the same examples and seed, and forgets what it learned before', async () => {
      const [first, second] = [make(), make()]
      await first.fit(syntheticExamples(300), { seed: 5 })
      await second.fit(syntheticExamples(100, 7), { seed: 6 })
      await second.fit(syntheticExamples(300), { seed: 5 })
      await first.save(join(folder, 'b'))
      await second.save(join(folder, 'c'))
      expect(first.hash).toBe(second.hash)
      await second.fit(syntheticExamples(300, 8))
      expect(second.hash).toBeUndefined()
    })

    it('gives a class that it never saw no chance', async () => {
      const model = make()
      await model.fit(syntheticExamples(300).filter(example => example.label !== 'neutral'))
      for (const answer of await model.predict(texts)) {
        expectSound(answer)
        if (!isFailure(answer)) expect(answer.probabilities[1]).toBe(0)
      }
    })

    it('refuses to learn from nothing, to answer untrained, to save over strange files, and stops when told to', async () => {
      await expect(make().fit([])).rejects.toThrow('no examples')
      await expect(make().fit([{ text: 'x', label: 'POS' as never }])).rejects.toThrow('row 0: label not known: "POS"')
      await expect(make().predict(['x'])).rejects.toThrow('not trained yet')
      await expect(make().save(join(folder, 'd'))).rejects.toThrow('not trained yet')
      const model = make()
      await model.fit(syntheticExamples(50))
      await expect(model.save(folder)).rejects.toThrow('is no model folder')
      const stopped = AbortSignal.abort(new Error('enough'))
      await expect(make().fit(syntheticExamples(300), { signal: stopped })).rejects.toThrow('enough')
    })
  })
}

function expectSound(answer: Answer): void {
  if (isFailure(answer)) throw new Error(`failure: ${answer.error}`)
  const { probabilities, label } = answer
  expect(Math.abs(probabilities[0] + probabilities[1] + probabilities[2] - 1)).toBeLessThan(1e-9)
  for (const p of probabilities) expect(p).toBeGreaterThanOrEqual(0)
  expect(probabilities[LABELS.indexOf(label)]).toBe(Math.max(...probabilities))
}
