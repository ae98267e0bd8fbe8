import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { unescapeHtml } from '../../src/text/entities.js'

const python = '.venv/bin/python'

describe('unescapeHtml', () => {
  it.each([
    ['&notit; &copy2 &unknown; AT&T &#128; &#0; &#xD800; &#x110000;', '¬it; ©2 &unknown; AT&T € \ufffd \ufffd \ufffd'],
    ['&apos;&Alpha;&Alpha', "'Α&Alpha"],
    ['&amp;amp;', '&amp;'],
    ['& &; &# &#; &#x; &a', '& &; &# &#; &#x; &a'],
  ])('%s', (text, expected) => expect(unescapeHtml(text)).toBe(expected))

  it.skipIf(!existsSync(python))('agrees with Python on every name of HTML 4 and on numbers (needs .venv)', () => {
    const script = `
import html, html.entities, json
texts = ['&' + n + e for n in html.entities.name2codepoint for e in (';', '; x', ' x')]
texts += ['&#%d;' % n for n in range(32, 1200) if not 127 <= n <= 159] + ['&#x%X' % n for n in range(0x1F600, 0x1F650)]
print(json.dumps([[t, html.unescape(t)] for t in texts]))`
    const pairs = JSON.parse(execFileSync(python, ['-c', script], { encoding: 'utf8' })) as [string, string][]
    expect(pairs.length).toBeGreaterThan(1900)
    for (const [text, expected] of pairs) expect(unescapeHtml(text), text).toBe(expected)
  })
})
