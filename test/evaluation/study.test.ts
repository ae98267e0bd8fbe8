import { describe, expect, it } from 'vitest'
import { runStudy, splitExamples } from '../../src/evaluation/study.js'
import { readLabelled } from '../../src/pipeline/champion.js'
import { syntheticExamples } from '../models/examples.js'

describe('the classical study', () => {
  it('measures each cell on rows that were held out, with intervals, time and size', async () => {
    const { train, test } = splitExamples(await readLabelled('data/labelled/train.ndjson'), 0.2)
    const study = await runStudy(train.slice(0, 600), test, { sets: ['S2', 'S4'], learners: ['lr', 'nb', 'svm', 'dt'] })
    expect([study.trainRows, study.testRows]).toEqual([600, test.length])
    expect(study.cells.map(cell => `${cell.set} ${cell.learner}`)).toEqual(
      ['S2', 'S4'].flatMap(set => ['lr', 'nb', 'svm', 'dt'].map(learner => `${set} ${learner}`)),
    )
    for (const cell of study.cells) {
      expect(cell.n).toBe(study.testRows)
      expect(cell.accuracy.low!).toBeLessThan(cell.accuracy.value!)
      expect(cell.accuracy.high!).toBeGreaterThan(cell.accuracy.value!)
      expect(cell.roc.name).toBe('AUC')
      expect(cell.auc.value).toBeCloseTo(cell.roc.auc!, 12)
      expect(cell.bytes).toBeGreaterThan(1000)
      if (cell.learner === 'lr') expect(cell.accuracy.low!).toBeGreaterThan(study.majority.high!)
    }
  })

  it('holds out the same texts whatever their order, equal ones together, and nothing of them to learn from', () => {
    const examples = [...syntheticExamples(500), ...syntheticExamples(500)]
    const { train, test } = splitExamples(examples, 0.2)
    expect(train.length + test.length).toBe(1000)
    expect(test.length / 1000).toBeGreaterThan(0.12)
    expect(test.length / 1000).toBeLessThan(0.28)
    const learned = new Set(train.map(({ text }) => text))
    expect(test.filter(({ text }) => learned.has(text))).toEqual([])
    const turned = splitExamples([...examples].reverse(), 0.2).test.map(({ text }) => text)
    expect(turned.sort()).toEqual(test.map(({ text }) => text).sort())
  })

  it('stops when told to', async () => {
    const stop = new AbortController()
    const running = runStudy(syntheticExamples(3000), syntheticExamples(100, 2), {
      sets: ['S4', 'S5'],
      learners: ['rf'],
      signal: stop.signal,
      onProgress: share => share > 0.1 && stop.abort(new Error('enough')),
    })
    await expect(running).rejects.toThrow('enough')
  })
})
