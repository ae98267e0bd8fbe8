import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBundle } from '../../src/explore/display.js'
import { isFailure } from '../../src/models/answer.js'
import { classicalModel } from '../../src/models/classical.js'
import { explain } from '../../src/models/explain.js'
import { lexiconModel } from '../../src/models/lexicon.js'
import { ngramModel } from '../../src/models/ngram.js'
import { syntheticExamples } from './examples.js'

const twoClasses = syntheticExamples(800).filter(({ label }) => label !== 'neutral')
const TEXT = 'the phone\tlove again  today awful love <b>'

describe('why this label', () => {
  it.each(['S4', 'S5'] as const)('exact weights on %s: with the bias they are the log odds', async features => {
    const model = classicalModel({ learner: 'lr', features })
    await model.fit(twoClasses)
    const odds = async (text: string) => {
      const [answer] = await model.predict([text])
      if (!answer || isFailure(answer)) throw new Error('failed')
      return Math.log(answer.probabilities[2] / answer.probabilities[0])
    }
    const { method, parts, label } = await explain(model, TEXT)
    expect(method).toBe('weights')
    expect(parts.map(part => part.text).join('')).toBe(TEXT)
    // A text without any known word has the bias only.
    const total = (label === 'positive' ? 1 : -1) * parts.reduce((sum, part) => sum + part.weight, 0)
    expect(total).toBeCloseTo((await odds(TEXT)) - (await odds('zzz')), 6)
    const weight = (word: string) => parts.find(part => part.text === word)!.weight
    expect(Math.sign(weight('love'))).toBe(-Math.sign(weight('awful')))
  })

  it.each([
    [2, 5],
    [3, 4],
    [2, 8],
  ] as const)('exact weights of n-grams (%d to %d characters) and word list, whatever the text', async (...characters) => {
    const model = ngramModel({ settings: { bits: 14, characters } })
    await model.fit(syntheticExamples(600))
    const oddsOf = async (text: string) => {
      const [answer] = await model.predict([text])
      if (!answer || isFailure(answer)) throw new Error('failed')
      return Math.log(answer.probabilities[2] / answer.probabilities[0])
    }
    // The empty text has the bias only.
    const bias = await oddsOf('')
    const check = async (text: string) => {
      const pieces = text.split(/(\s+)/).filter(piece => piece !== '')
      const [positive, negative] = [model.weigh!(pieces, 'positive'), model.weigh!(pieces, 'negative')]
      if (!positive || !negative) return false
      const sum = pieces.reduce((total, _, i) => total + positive[i]! - negative[i]!, 0)
      expect(sum).toBeCloseTo((await oddsOf(text)) - bias, 9)
      return true
    }
    for (const text of [TEXT, 'I do not love this, never GREAT :) #love 😍', '@ann &amp; https://x.example/y  awfullll', 'x'])
      expect(await check(text)).toBe(true)
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('not', 'love', '#hate', '&amp;', '@you', '😍', 'İ', 'e\u0301'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(word), async words => void (await check(words.join(' ')))),
      { numRuns: 300 },
    )
  })

  it('the word list’s values, negation heeded', async () => {
    const model = lexiconModel()
    await model.fit(syntheticExamples(300))
    const { method, parts } = await explain(model, 'not good but lovely', { label: 'positive' })
    expect(method).toBe('weights')
    const values = parts.filter(({ text }) => text.trim()).map(({ weight }) => weight)
    expect(values).toEqual([0, -3, 0, 3])
  })

  it('occlusion finds the word that decides, and the deletion curve proves it', async () => {
    const model = { ...ngramModel({ settings: { bits: 14 } }), weigh: undefined }
    await model.fit(syntheticExamples(600))
    const why = await explain(model, 'the phone today love my bus')
    expect(why).toMatchObject({ method: 'occlusion', label: 'positive' })
    const heaviest = why.parts.reduce((a, b) => (b.weight > a.weight ? b : a))
    expect(heaviest.text).toBe('love')
    expect(why.deletion).toHaveLength(7)
    expect(why.deletion[1]).toBeCloseTo(why.probability - heaviest.weight, 12)
    expect(why.faithfulness).toBeGreaterThan(0.1)
    expect(await explain(model, 'the phone today love my bus')).toEqual(why)
    expect((await explain(model, ' ')).faithfulness).toBeNull()
  })

  it('is shown as coloured text in which mark-up is inert', async () => {
    const model = classicalModel({ learner: 'nb' })
    await model.fit([...twoClasses, { text: 'love <img/src=x/onerror=alert(1)>', label: 'positive' }])
    const why = await explain(model, 'love <img/src=x/onerror=alert(1)> awful " onclick="x')
    const html = String(toBundle(why)['text/html'])
    expect(html).toContain('background:#0079bd')
    expect(html).toContain('&lt;img/src=x/onerror=alert(1)&gt;')
    expect(html).not.toMatch(/<img|<script| onclick="/)
  })
})
