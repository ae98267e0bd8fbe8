import { expect, it } from 'vitest'
import { checkAccounting } from './accounting.js'
import { fuzzFiles } from './fuzz.js'

it('40,000 broken files: every byte accounted for', async () => {
  let rows = 0
  for (let seed = 1000; seed < 1200; seed++) rows += (await checkAccounting(fuzzFiles(seed, 200))).rows
  expect(rows).toBeGreaterThan(40_000)
})

it('a line of 50 MB, whole and broken, within 1.5 GB', async () => {
  const line = JSON.stringify({ date: 'x', user: 'u', text: 'y'.repeat(50 * 2 ** 20), sentiment: 's' })
  const before = process.memoryUsage.rss()
  expect(await checkAccounting({ 'a.json': Buffer.from(`{"a":1}\n${line}\n{"b":2}`) })).toEqual({ rows: 3 })
  expect(await checkAccounting({ 'b.json': Buffer.from(`${line.slice(0, -2)}\n{"b":2}\n`) })).toEqual({ rows: 2 })
  expect(process.memoryUsage.rss() - before).toBeLessThan(1.5 * 2 ** 30)
})
