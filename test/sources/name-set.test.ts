import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameSet } from '../../src/sources/name-set.js'

describe('nameSet', () => {
  it('has what was added and nothing else, as a Set', () => {
    const name = fc.oneof(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 300 }).map(String))
    fc.assert(
      fc.property(fc.array(name, { maxLength: 3000 }), fc.array(name), (added, others) => {
        const [names, oracle] = [nameSet(), new Set(added)]
        for (const one of added) names.add(one)
        for (const one of [...added, ...others]) expect(names.has(one)).toBe(oracle.has(one))
      }),
    )
  })

  it('grows with them', () => {
    const names = nameSet()
    for (let i = 0; i < 100_000; i++) names.add(`folder/file-${i}.json`)
    for (let i = 0; i < 200_000; i++) expect(names.has(`folder/file-${i}.json`)).toBe(i < 100_000)
  })
})
