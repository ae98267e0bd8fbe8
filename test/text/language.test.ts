import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detectLanguage, languageOf } from '../../src/text/language.js'
import { primaryLanguage } from '../../src/text/language-tag.js'

const umsab = join(process.env.MOODLAKE_SHARED ?? '../shared', 'data/umsab')

describe('detectLanguage', () => {
  it.each([
    ['en', 'I really like how quiet the library is in the morning'],
    ['es', 'Esta mañana el tren llegó tarde otra vez y nadie nos dijo nada'],
    ['de', 'Heute Morgen war der Zug schon wieder zu spät und niemand sagt etwas'],
    ['fr', "Ce matin le train était encore en retard et personne n'a rien dit"],
    ['pt', 'Hoje de manhã o trem atrasou de novo e ninguém falou nada'],
    ['it', 'Stamattina il treno era di nuovo in ritardo e nessuno ha detto niente'],
    ['de', '@thequietlibrary https://example.org/this/is/english #ThisTagIsEnglish Das Wetter ist heute wirklich schön 😀'],
    ['ar', 'هذا الصباح كان القطار متأخرا مرة أخرى'],
  ])('%s: %s', (expected, text) => expect(detectLanguage(text)).toBe(expected))

  it.each([
    '',
    ' ',
    'ok',
    '😀😀😀',
    '@only @handles',
    'https://t.co/abc',
    '123 456',
    '\ud83d\ud83d',
    '\u0000\u0001',
    'a'.repeat(5),
    '@a '.repeat(10_000),
  ])('und: %.20j', text => expect(detectLanguage(text)).toBe('und'))

  it('answers any text with a code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        expect(detectLanguage(text)).toMatch(/^[a-z]{2,3}$/)
      }),
    )
    expect(detectLanguage('a b '.repeat(25_000))).toMatch(/^[a-z]{2,3}$/)
  })

  it.skipIf(!existsSync(umsab))(
    'is right in 95 % of the tweets it answers, in seven languages (needs ../shared/data/umsab)',
    () => {
      const languages = {
        arabic: 'ar',
        english: 'en',
        french: 'fr',
        german: 'de',
        italian: 'it',
        portuguese: 'pt',
        spanish: 'es',
      }
      let all = 0
      let answered = 0
      let right = 0
      for (const [name, code] of Object.entries(languages))
        for (const line of readFileSync(join(umsab, name, 'test_text.txt'), 'utf8')
          .split('\n')
          .filter(Boolean)) {
          const found = detectLanguage(line)
          all++
          if (found !== 'und') answered++
          if (found === code) right++
        }
      expect({ all, answered: answered / all, right: right / answered }).toEqual({
        all,
        answered: expect.toSatisfy(x => x > 0.93),
        right: expect.toSatisfy(x => x > 0.97),
      })
    },
  )
})

describe('primaryLanguage and languageOf', () => {
  it.each([
    ['en', 'en'],
    ['EN-gb', 'en'],
    ['pt_BR', 'pt'],
    ['in', 'id'],
    ['iw', 'he'],
    ['ckb', 'ckb'],
    ['und', undefined],
    ['zxx', undefined],
    ['qme', undefined],
    ['qht', undefined],
    ['qst', undefined],
    ['', undefined],
    ['english', undefined],
    ['1', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('%s → %s', (tag, expected) => expect(primaryLanguage(tag)).toBe(expected))

  it('takes the platform at its word, then the text', () => {
    expect(languageOf('fr', 'this is plain English, is it not')).toBe('fr')
    expect(languageOf('qme', 'this is plain English, is it not')).toBe('en')
    expect(languageOf(null, '😀')).toBe('und')
  })
})
