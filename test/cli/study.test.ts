import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runStudy, splitExamples } from '../../src/evaluation/study.js'
import { syntheticExamples } from '../models/examples.js'

const moodlake = (...args: string[]) => promisify(execFile)(process.execPath, ['bin/moodlake.mjs', 'study', ...args])

describe('the classical study', () => {
  it('measures each cell on rows that were held out, with intervals, time and size', async () => {
    const data = ['--data', 'data/labelled/train.ndjson', '--train', '600']
    const { stdout } = await moodlake(...data, '--sets', 'S2,S4', '--models', 'lr,nb,svm,dt', '--json')
    const study = JSON.parse(stdout)
    expect(study.trainRows).toBe(600)
    expect(study.cells.map((cell: { set: string; learner: string }) => `${cell.set} ${cell.learner}`)).toEqual(
      ['S2', 'S4'].flatMap(set => ['lr', 'nb', 'svm', 'dt'].map(learner => `${set} ${learner}`)),
    )
    for (const cell of study.cells) {
      expect(cell.n).toBe(study.testRows)
      expect(cell.accuracy.low).toBeLessThan(cell.accuracy.value)
      expect(cell.accuracy.high).toBeGreaterThan(cell.accuracy.value)
      expect(cell.roc.name).toBe('AUC')
      expect(cell.auc.value).toBeCloseTo(cell.roc.auc, 12)
      expect(cell.bytes).toBeGreaterThan(1000)
      if (cell.learner === 'lr') expect(cell.accuracy.low).toBeGreaterThan(study.majority.high)
    }
  })

  it('says what it does not understand', async () => {
    await expect(moodlake()).rejects.toMatchObject({ code: 2 })
    const wrong = moodlake('--data', 'data/labelled/train.ndjson', '--sets', 'S9')
    await expect(wrong).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--sets: S9: needed is S1') })
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
