import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toArquero, toDanfo } from '../../src/explore/frames.js'
import { escapeHtml, tableHtml } from '../../src/explore/html.js'
import { formatNumber, textTable } from '../../src/explore/text-table.js'
import { foreignMarkup, HOSTILE } from './hostile.js'

describe('tableHtml', () => {
  it('marks nulls and types, sets numbers right with separators, cuts nothing away', () => {
    const long = 'word '.repeat(60).trim()
    const html = tableHtml([
      { n: 40000, share: 0.12345678, text: long, when: new Date('2009-04-07T05:19:45Z'), tags: ['a', 'b'], none: null },
      { n: null, share: 1, text: '', when: null, tags: [], none: null },
    ])
    expect(html).toContain('>40,000</td>')
    expect(html).not.toContain('e+04')
    expect(html).toContain('<bdi>2009-04-07 05:19:45Z</bdi>')
    expect(html.match(/<span style="opacity:.55;font-style:italic">null<\/span>/g)).toHaveLength(4)
    expect(html).toMatch(/<th scope="col" style="text-align:right[^"]*">n<br><small[^>]*>number/)
    expect(html).toMatch(/none<br><small[^>]*>empty/)
    expect(html).toContain(`<bdi>${long}</bdi></details>`)
    expect(html).toContain('show all 299 characters')
  })

  it('says the types that SQL and danfo declare', () => {
    expect(tableHtml({ rows: [], columns: [{ name: 'n', type: 'BIGINT' }] })).toMatch(/n<br><small[^>]*>bigint.*no rows/)
    expect(tableHtml(toDanfo([{ n: 1 }]))).toMatch(/n<br><small[^>]*>int32/)
    expect(tableHtml(toArquero([{ n: 1 }]))).toMatch(/n<br><small[^>]*>number/)
  })

  it('counts the rows it leaves out', () => {
    const html = tableHtml(
      Array.from({ length: 2000 }, (_, i) => ({ i })),
      { maxRows: 3 },
    )
    expect(html.match(/<tr>/g)).toHaveLength(4)
    expect(html).toContain('3 of 2,000 rows shown')
  })

  it.each(HOSTILE)('makes %j inert, in cells and in headers', text => {
    const html = tableHtml([{ [text]: text, list: [text], object: { [text]: text } }], { caption: text, maxText: 10 })
    expect(foreignMarkup(html)).toEqual([])
    expect(html).not.toMatch(/[\u0007\u001b]/)
  })

  it('never lets text become mark-up', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']/)
      }),
    )
  })
})

describe('textTable', () => {
  it('aligns under headers, writes null, counts the rest', () => {
    const text = textTable(
      [
        { user: 'anna', n: 12345 },
        { user: '日本', n: null },
        { user: 'x', n: 1 },
      ],
      { maxRows: 2 },
    )
    expect(text).toBe(['user       n', '────  ──────', 'anna  12,345', '日本    null', '… 1 more rows'].join('\n'))
  })

  it('drops what would steer a terminal or turn the line round', () => {
    expect(textTable(HOSTILE.map(text => ({ text })))).not.toMatch(/[\u0007\u001b\u202e]/)
  })
})

describe('formatNumber', () => {
  it.each([
    [40000, '40,000'],
    [1234567.891, '1,234,567.891'],
    [0.5603, '0.5603'],
    [0.00001234, '0.0000123'],
    [1.5e-9, '1.50 × 10^-9'],
    [0, '0'],
    [-1e21, '-1,000,000,000,000,000,000,000'],
    [12345678901234567890n, '12,345,678,901,234,567,890'],
    [Number.NaN, 'NaN'],
  ])('%s', (value, text) => expect(formatNumber(value)).toBe(text))
})
