import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/evaluation/evaluate.js'
import { learningCurve } from '../../src/evaluation/learning-curve.js'
import { confidentMistakes, evaluateSlices } from '../../src/evaluation/slices.js'
import { predictionFrom } from '../../src/models/answer.js'
import type { Answer } from '../../src/models/model.js'
import { ngramModel } from '../../src/models/ngram.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS, type Label } from '../../src/tweet.js'
import { syntheticExamples } from '../models/examples.js'

const random = randomFrom(4)
const N = 400
const truth: Label[] = Array.from({ length: N }, () => LABELS[Math.floor(3 * random())]!)
/** Right with this chance, else any class. */
const answer = (label: Label, chance: number): Answer => {
  const said = random() < chance ? LABELS.indexOf(label) : Math.floor(3 * random())
  const odds = [1, 1, 1]
  odds[said] = 2 + 8 * random()
  return predictionFrom(odds[0]!, odds[1]!, odds[2]!)
}
const texts = truth.map((_, i) => (i % 2 ? `I do not know #${i % 4 === 1 ? 'one' : 'two'}` : 'the train leaves at nine 😀'))
const rows = texts.map((text, i) => ({ text, lang: i < 20 ? 'de' : 'en', time: new Date(Date.UTC(2020, 0, 1, i % 3)) }))
const answers = truth.map((label, i) => answer(label, i % 2 ? 0.2 : 0.95))

describe('slices', () => {
  const slices = evaluateSlices(rows, truth, answers, { samples: 200 })
  const slice = (by: string, value: string) => slices.find(one => one.by === by && one.value === value)!

  it('hold the figures of exactly their rows', () => {
    const inside = truth.flatMap((_, i) => (i % 2 ? [i] : []))
    const own = evaluate(
      inside.map(i => truth[i]!),
      inside.map(i => answers[i]!),
      { samples: 200 },
    )
    expect(slice('negation', 'with')).toMatchObject({
      n: 200,
      accuracy: own.metrics.accuracy,
      macroRecall: own.metrics.macroRecall,
    })
    expect(slice('emoji', 'without').n).toBe(200)
    expect(slices.filter(({ by }) => by === 'hour').map(({ value, n }) => [value, n])).toEqual([
      ['00', 134],
      ['01', 133],
      ['02', 133],
    ])
    expect(slices.filter(({ by }) => by === 'topic').map(({ value }) => value)).toEqual(['#one', '#two'])
  })

  it('differ where the model does, and have at least 30 rows', () => {
    const { value, low, high } = slice('negation', 'with').difference
    expect(value).toBeCloseTo(slice('negation', 'with').macroRecall.value! - slice('negation', 'without').macroRecall.value!, 12)
    expect(high).toBeLessThan(-0.2)
    expect(low).toBeLessThan(value!)
    expect(slices.filter(({ by }) => by === 'language').map(one => one.value)).toEqual(['en'])
  })

  it('leave out failures and rows without a truth', () => {
    const failing = answers.map((one, i) => (i < 10 ? { error: 'no' } : one))
    const some = truth.map((label, i) => (i >= N - 10 ? null : label))
    const [first] = evaluateSlices(rows, some, failing, { samples: 10 })
    expect(first!.n).toBe(190)
  })

  it('lists the mistakes that the model was surest of', () => {
    const mistakes = confidentMistakes(texts, truth, answers, { most: 5 })
    const all = answers.flatMap((one, i) => ('label' in one && one.label !== truth[i] ? [Math.max(...one.probabilities)] : []))
    expect(mistakes.map(({ probability }) => probability)).toEqual(all.sort((a, b) => b - a).slice(0, 5))
    for (const { row, text, label } of mistakes) expect([text, truth[row] === label]).toEqual([texts[row], false])
  })
})

describe('learning curve', () => {
  it('measures nested sets on the same rows, and more examples help', async () => {
    const make = () => ngramModel({ settings: { bits: 12 } })
    const points = await learningCurve(make, syntheticExamples(600, 3), syntheticExamples(200, 4), { sizes: [600, 10, 60] })
    expect(points.map(({ examples, n }) => [examples, n])).toEqual([
      [10, 200],
      [60, 200],
      [600, 200],
    ])
    expect(points[2]!.macroRecall.value).toBeGreaterThan(points[0]!.macroRecall.value!)
  })
})
