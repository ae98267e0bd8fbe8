import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, hashtagsOf, isRetweet, mentionsOf, modelText } from '../../src/text/clean.js'
import { unescapeHtml } from '../../src/text/entities.js'

describe('modelText', () => {
  it.each([
    ['decodes literal escapes', 'it\\u2019s \\ud83d\\ude00 ok', 'it’s 😀 ok'],
    ['unescapes entities twice', 'a &amp;lt;3 &quot;b&quot; &#39;c&#039; &hearts; &amp d', 'a <3 "b" \'c\' ♥ & d'],
    ['hides handles', 'hi @Ann_1, .@bob! RT@cy x@y.com @', 'hi @user, .@user! RT@user x@y.com @'],
    ['hides handles of Bluesky', 'hi @ann-b.bsky.social. RT@Bob.BSKY.social: @c.social', 'hi @user. RT@user: @user.social'],
    ['takes no sentence for a handle', '@bob.Thanks @bob.bsky.socialize', '@user.Thanks @user.bsky.socialize'],
    ['hides full-width handles', '＠taro さん', '@user さん'],
    ['names addresses', 'see https://t.co/a?b=1 HTTP://X.Y and www.z.com/q now', 'see http http and http now'],
    ['keeps a sigh', 'awww.that is cute', 'awww.that is cute'],
    ['drops tones, VS16 and joiners', '👍🏽 ❤️ 👩‍👩', '👍 ❤ 👩 👩'],
    ['sets emoji apart', 'good😀😀bad★x', 'good 😀 😀 bad ★ x'],
    ['splits flags into letters', 'go🇺🇸', 'go 🇺 🇸'],
    ['leaves trade marks alone', '©2010 Brand™', '©2010 Brand™'],
    ['cuts runs to three', 'soooooo good!!!!!! aaa', 'sooo good!!! aaa'],
    ['folds white space', '  a\t\n b\u00a0 c ', 'a b c'],
    ['composes', 'cafe\u0301', 'café'],
    ['mends half pairs', 'a\ud83d b\ude00 \\ud800', 'a\ufffd b\ufffd \ufffd'],
  ])('%s', (_, text, expected) => expect(modelText(text)).toBe(expected))
})

describe('mentionsOf', () => {
  it.each([
    ['@a hi @B, x@y.com @', ['a', 'b']],
    ['@A @a @b @A', ['a', 'b']],
    ['RT @x: RT@y (@z) "@q"', ['x', 'y', 'z', 'q']],
    ['https://m.com/@deep/x @real', ['real']],
    ['&#64;bob \\u0040eve &amp;@al', ['bob', 'eve', 'al']],
    [`@${'a'.repeat(50)} @${'b'.repeat(51)}`, ['a'.repeat(50)]],
    ['＠wide ありがとう@jp', ['wide', 'jp']],
    ['@ @@ @- me@home', []],
    ['@Ann-b.bsky.social, @bob.bsky @c.d', ['ann-b.bsky.social', 'bob', 'c']],
  ])('%s', (text, expected) => expect(mentionsOf(text)).toEqual(expected))
})

describe('hashtagsOf', () => {
  it.each([
    ['#Größe #2026 #größe #C3', ['größe', 'c3']],
    ['I&#39;m #in http://x.y/#no a#b &#x23;yes', ['in', 'yes']],
    ['#東京 ＃wide #_ #__1 #١٢ (#paren)', ['東京', 'wide', 'paren']],
  ])('%s', (text, expected) => expect(hashtagsOf(text)).toEqual(expected))
})

describe('cleanText', () => {
  it.each([
    ['RT @bob: loving it @ann 😀 #win https://t.co/x', 'loving it 😀 #win'],
    ['rt @a: RT @b: twice', 'twice'],
    ['RT if you agree', 'RT if you agree'],
    ['@a hi @B, x@y.com @', 'hi , x@y.com'],
    ['go🇺🇸team &amp; co', 'go 🇺🇸 team & co'],
    ['see https://m.com/@deep/page ok', 'see ok'],
    ['a\u0000b\u202ec \ufeffd', 'a bc d'],
    ['@y writes x@y.com', 'writes x y.com'],
    ['hidden @\u200dann handle', 'hidden handle'],
    ['RT @ann.bsky.social: yes @bob-c.bsky.social', 'yes'],
    ['@ann.bsky.social x@ann.bsky.social', 'x ann.bsky.social'],
  ])('%s', (text, expected) => expect(cleanText(text)).toBe(expected))

  it('knows retweets', () => {
    expect(isRetweet('RT @bob: x')).toBe(true)
    expect(isRetweet('RT if you agree @bob')).toBe(false)
  })
})

const real = join(process.env.MOODLAKE_SHARED ?? '../shared', 'data/tweets-json/v1.1-english.ndjson.gz')

interface Entities {
  text?: string
  entities?: { user_mentions: { screen_name: string }[]; hashtags: { text: string }[] }
}

describe.skipIf(!existsSync(real))('against the entities that Twitter found (needs ../shared/data/tweets-json)', () => {
  const tweets = () =>
    gunzipSync(readFileSync(real))
      .toString()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Entities)
      .filter((tweet): tweet is Required<Entities> => tweet.text !== undefined && tweet.entities !== undefined)

  it('finds every mention, and 1 in 100 tweets at most has one more: of an account that is gone', () => {
    let more = 0
    let mentions = 0
    for (const { text, entities } of tweets()) {
      const found = mentionsOf(text)
      const listed = entities.user_mentions.map(mention => mention.screen_name.toLowerCase())
      expect(found, text).toEqual(expect.arrayContaining(listed))
      mentions += listed.length
      if (found.length > new Set(listed).size) more++
    }
    expect(mentions).toBeGreaterThan(5000)
    expect(more).toBeLessThan(56)
  })

  it('finds the same hashtags but for 1 tweet in 1,000', () => {
    const differing = tweets().filter(({ text, entities }) => {
      const listed = new Set(entities.hashtags.map(tag => tag.text.toLowerCase()))
      return hashtagsOf(text).join() !== [...listed].join()
    })
    expect(differing.length).toBeLessThanOrEqual(5)
  })
})

/** Strings made of what breaks cleaners: handles, entities, escapes, half pairs, marks, joiners, long runs. */
const pieces = fc.oneof(
  fc.constantFrom(
    '@',
    '＠',
    '@a',
    '@A',
    'x@a.b',
    '@aaaa',
    '@\u200d',
    'RT ',
    'RT@',
    '@a-b',
    '.bsky.social',
    '.bsky',
    '.Thanks',
    '&amp;',
    '&#64;',
    '\\u0040',
    '\\ud83d',
    '#',
    '#a',
    '#1',
  ),
  fc.constantFrom(
    'http://',
    'https://t.co/a',
    'www.',
    '😀',
    '👍🏽',
    '🇺🇸',
    '\ud83d',
    '\ude00',
    '\u202e',
    '\u0000',
    '\u0301',
    'İ',
    'K',
    ' ',
    '\n',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const hostile = fc.array(pieces, { maxLength: 30 }).map(parts => parts.join(''))

const INVISIBLE = /[\u{1f3fb}-\u{1f3ff}\ufe0f\u200d]/gu
const EMOJI = /(?![©®™‼⁉])[\p{Extended_Pictographic}\p{Regional_Indicator}\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff]/gu
const EMOJI_OR_FLAG = new RegExp(`\\p{Regional_Indicator}{2}|${EMOJI.source}`, 'gu')
/** Handles as each version of the text function has them. */
const HANDLES = {
  'text-1': '[A-Za-z0-9_]{1,50}(?![A-Za-z0-9_])',
  'text-2':
    '[A-Za-z0-9][A-Za-z0-9-]{0,62}[.][Bb][Ss][Kk][Yy][.][Ss][Oo][Cc][Ii][Aa][Ll](?![A-Za-z0-9_])|[A-Za-z0-9_]{1,50}(?![A-Za-z0-9_])',
}
const ADDRESS = /https?:\/\/\S+|(?<![A-Za-z0-9_])www\.(?!\.)\S+/gi

/** As `modelText` and `cleanText`, each expression tried on every text. */
function slowly(text: string, version: keyof typeof HANDLES = 'text-2'): { model: string; clean: string; plain: string } {
  const MENTION = new RegExp(`[@＠](?<=(?:^|[^A-Za-z0-9_])(?:[Rr][Tt])?.)(${HANDLES[version]})`, 'g')
  const folded = (of: string) => of.replace(/\s+/g, ' ').trim()
  const tidied = (of: string, emoji: RegExp) =>
    folded(
      of
        .replace(INVISIBLE, '')
        .replace(emoji, ' $& ')
        .normalize('NFC')
        .replace(/(.)\1{3,}/gsu, '$1$1$1'),
    )
  const escapes = text.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const decoded = unescapeHtml(unescapeHtml(escapes)).replace(/[\ud800-\udfff]/gu, '\ufffd')
  const plain = decoded
    .replace(INVISIBLE, '')
    .replace(/[\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
    .normalize('NFC')
  const own = plain
    .replace(/[\x00-\x08\x0e-\x1f\x7f-\x9f]/g, ' ')
    .replace(new RegExp(`^\\s*(?:[Rr][Tt]\\s*[@＠](?:${HANDLES[version]})\\s*:?\\s*)+`), '')
  const out = tidied(own.replace(ADDRESS, ' ').replace(MENTION, ' '), EMOJI_OR_FLAG)
  const handles = [...plain.replace(ADDRESS, ' ').matchAll(MENTION)].map(([, handle]) => `@${handle!.toLowerCase()}`)
  const named = handles.some(handle => out.toLowerCase().includes(handle))
  return {
    plain,
    model: tidied(decoded.replace(MENTION, '@user').replace(ADDRESS, ' http '), EMOJI),
    clean: folded(out.replace(named ? /[@＠]/g : /(?<!\S)[@＠](?!\S)/g, ' ')),
  }
}

describe('for any text', () => {
  it('gives what its expressions give when each is tried on every text', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'grapheme', maxLength: 20 })), text => {
        expect(slowly(text)).toMatchObject({ model: modelText(text), clean: cleanText(text) })
      }),
      { numRuns: 5000 },
    )
    // Every character of the first plane, and all that may be pictures.
    for (let code = 0; code < 0x20000; code = code === 0xffff ? 0x1f000 : code + 1)
      for (const text of [`a${String.fromCodePoint(code)}b`, String.fromCodePoint(code).repeat(4)])
        if (modelText(text) !== slowly(text).model || cleanText(text) !== slowly(text).clean)
          expect(text).toBe('as when tried slowly')
  })

  it('gives what text-1 gave, where there is no handle of Bluesky', () => {
    let same = 0
    fc.assert(
      fc.property(hostile, text => {
        const { plain, ...before } = slowly(text, 'text-1')
        // Also one whose last letter has got an accent of its own.
        if (/[.]bsky[.]social/i.test(plain.normalize('NFD'))) return
        same++
        expect({ model: modelText(text), clean: cleanText(text) }).toEqual(before)
      }),
      { numRuns: 3000 },
    )
    expect(same).toBeGreaterThan(1500)
  })

  it('gives well-formed, folded, composed text and never throws', () => {
    fc.assert(
      fc.property(hostile, text => {
        for (const out of [modelText(text), cleanText(text)]) {
          expect(out).not.toMatch(/[\ud800-\udfff]/u)
          expect(out).not.toMatch(/^\s|\s$|\s\s|[^\S ]/)
          expect(out.normalize('NFC')).toBe(out)
        }
        expect(Array.isArray(hashtagsOf(text))).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  it('leaves no mentioned handle in the cleaned text', () => {
    fc.assert(
      fc.property(hostile, text => {
        const lower = cleanText(text).toLowerCase()
        for (const mention of mentionsOf(text)) {
          expect(mention).toMatch(/^(?:[a-z0-9_]{1,50}|[a-z0-9-]{1,63}[.]bsky[.]social)$/)
          expect(lower).not.toContain(`@${mention}`)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('changes a cleaned tweet no further', () => {
    const word = fc.constantFrom(
      'good',
      'sooooo',
      'bad!!!!!',
      '@ann',
      '😀',
      '❤️',
      '👍🏽',
      'https://t.co/x',
      '#win',
      'café',
      '“so”',
      'a😀b',
      '🇺🇸',
    )
    fc.assert(
      fc.property(fc.array(word), words => {
        const text = words.join(' ')
        expect(modelText(modelText(text))).toBe(modelText(text))
        expect(cleanText(cleanText(text))).toBe(cleanText(text))
      }),
    )
  })
})

describe('hostile sizes', () => {
  const big: [string, string][] = [
    ['empty', ''],
    ['spaces', ' '.repeat(100_000)],
    ['one letter', 'a'.repeat(100_000)],
    ['only emoji', '😀'.repeat(50_000)],
    ['only @', '@'.repeat(100_000)],
    ['10,000 mentions', Array.from({ length: 10_000 }, (_, i) => `@user${i}`).join(' ')],
    ['10,000 mentions and an address', `${Array.from({ length: 10_000 }, (_, i) => `@user${i}`).join(' ')} x@user7.com`],
    ['retweets', 'RT @a: '.repeat(20_000)],
    ['entities', '&amp;'.repeat(20_000)],
    ['ampersands', '&'.repeat(100_000)],
    ['open names', `&${'a'.repeat(100_000)}`],
    ['half pairs', '\ud83d'.repeat(100_000)],
    ['tags', '#'.repeat(100_000)],
    ['one tag', `#${'1'.repeat(100_000)}`],
    ['address', `http://${'@a/'.repeat(30_000)}`],
    ['marks', 'e' + '\u0301'.repeat(100_000)],
    ['right to left', 'שלום @a مرحبا '.repeat(5_000)],
    ['underscores', '_'.repeat(100_000)],
  ]
  // Quadratic work on 100,000 characters would run into the test's time limit of 5 s.
  it.each(big)('%s', { timeout: 5_000 }, (_, text) => {
    const mentions = mentionsOf(text)
    const lower = cleanText(text).toLowerCase()
    expect(mentions.slice(0, 50).some(mention => lower.includes(`@${mention}`))).toBe(false)
    expect(modelText(text).length).toBeLessThanOrEqual(text.length * 3)
    hashtagsOf(text)
  })
})
