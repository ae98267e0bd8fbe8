import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelText } from '../../src/text/clean.js'
import { plainCodes } from '../../src/text/plain-codes.js'

const codes = new Uint16Array(10_000)
/** What was read; undefined where the text is not plain. */
function read(text: string): string | undefined {
  const length = plainCodes(text, codes)
  return length < 0 ? undefined : String.fromCharCode(...codes.subarray(1, 1 + length))
}

const PIECES = [
  ...[
    '@',
    '@ann',
    '@@bob ',
    'x@y.com',
    'RT@c',
    'rt @d: ',
    `@${'h'.repeat(50)}`,
    `@${'h'.repeat(51)}`,
    '@a_B9',
    '@a@b',
    '@a-b',
    '.bsky.social',
    '.bsky',
    '.b',
    'r',
    'rrr',
  ],
  ...['http://a.b', 'HTTPS://', '://', 'www.', 'awww.', 'WwW', '.', '/', ':', 'ht', '&amp;', '&', '\\u0041', '\\'],
  ...[
    ' ',
    '\t\n',
    '\v',
    '\f',
    '\0',
    '\x1c',
    '\x7f',
    '!!',
    '!!!!',
    'aA',
    'Aa',
    'so',
    'OOO',
    '#',
    "'",
    'é',
    '😀',
    '\ud83d',
    '\u00a0',
    'İ',
    '＠u',
  ],
]

describe('plain texts in one pass', () => {
  it('are read as the text function reads them, or not at all', () => {
    const text = fc.oneof(
      fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map(pieces => pieces.join('')),
      fc.string({ unit: 'binary-ascii', maxLength: 60 }),
    )
    fc.assert(
      fc.property(text, given => {
        const found = read(given)
        if (found !== undefined) expect(found).toBe(modelText(given).toLowerCase())
      }),
      { numRuns: 5000 },
    )
  })

  it('covers what most tweets are', () => {
    for (const text of [
      '',
      '   ',
      '@Ann_1 So  good!!! #win :)\n',
      'RT @bob: no way... (@c)',
      '@',
      '@x'.repeat(1).repeat(1),
      'w. ww. a/b c:/ d//',
    ])
      expect(read(text), text).toBe(modelText(text).toLowerCase())
    for (const text of ['a@b.c', 'http://x.y', 'caf\u00e9', 'R&amp;B']) expect(read(text), text).toBeUndefined()
  })
})
