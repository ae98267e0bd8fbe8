import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitRecords } from '../../src/sources/records.js'

const texts = (file: string) => splitRecords(file).map(record => record.text)

describe('splitRecords', () => {
  it('reads JSON lines, with blank lines, CRLF and a byte order mark', () => {
    expect(splitRecords('\ufeff{"a":1}\r\n\r\n{"a":2}\n')).toEqual([
      { text: '{"a":1}', line: 1 },
      { text: '{"a":2}', line: 3 },
    ])
  })

  it('reads one record, printed over many lines or not', () => {
    expect(texts('{\n  "a": 1\n}\n')).toEqual(['{\n  "a": 1\n}'])
    expect(texts('{"a":1}')).toEqual(['{"a":1}'])
  })

  it('reads an array of records verbatim', () => {
    expect(texts('[ {"a":"],[\\"", "b":12345678901234567890},\n{"a":[1,{"x":2}]} ]')).toEqual([
      '{"a":"],[\\"", "b":12345678901234567890}',
      '{"a":[1,{"x":2}]}',
    ])
    expect(texts('[]')).toEqual([])
  })

  it('leaves what is broken as it is', () => {
    expect(texts('{"a":1}\n{"a":\n{"a":3}')).toEqual(['{"a":1}', '{"a":', '{"a":3}'])
    expect(texts('[{"a":1},{"a":')).toEqual(['[{"a":1},{"a":'])
    expect(texts('[1,2]\n[3,4]')).toEqual(['[1,2]', '[3,4]'])
    expect(texts('')).toEqual([])
    expect(texts(' \n ')).toEqual([])
  })

  it('gives array elements that are the same values, for any JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.nat(3), (values, indent) => {
        // JSON.stringify writes -0 as 0: compare what was written.
        const file = JSON.stringify(values, null, indent)
        expect(texts(file).map(text => JSON.parse(text))).toEqual(JSON.parse(file))
      }),
    )
  })

  it('loses no character but white space and the brackets of an array, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'[]{},:"\\ \n1ae') }), file => {
        const squeeze = (text: string) => text.replaceAll(/\s/g, '')
        const kept = squeeze(texts(file).join(''))
        const whole = squeeze(file)
        expect(kept === whole || squeeze(texts(file).join(',')) === whole.slice(1, -1)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
