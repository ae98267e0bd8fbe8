import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findBursts, similarTexts } from '../../src/explore/topics.js'
import { parseTweetDate } from '../../src/text/dates.js'

const lines = [0, 1, 2, 3, 4].flatMap(i => readFileSync(`data/tweets/classroom/part-0${i}.json`, 'utf8').split('\n'))
const tweets = lines.flatMap(line => {
  try {
    const { date, text, sentiment } = JSON.parse(line)
    const timestamp = parseTweetDate(date)
    return timestamp && typeof text === 'string' ? [{ timestamp, text, sentiment }] : []
  } catch {
    return []
  }
})
const { events } = JSON.parse(readFileSync('data/summary.json', 'utf8'))
const columns = { text: 'text', sentiment: 'sentiment' }
const about = (name: RegExp) => tweets.filter(({ text }) => name.test(text))

describe('findBursts', () => {
  it('finds the outage and the launch of the sample data, and nothing else', () => {
    const bursts = findBursts(tweets, columns)
    expect(bursts.map(({ from, mood }) => ({ from: from.toISOString(), mood }))).toEqual([
      { from: events.outage.from, mood: 'negative' },
      { from: events.launch.from, mood: 'positive' },
    ])
    for (const [i, { hours }] of [events.outage, events.launch].entries())
      expect(bursts[i]!.to.getTime() - bursts[i]!.from.getTime()).toBe(hours * 3_600_000)
    expect(bursts[0]!.words.join(' ')).toContain('quvra')
    expect(bursts[1]!.words.join(' ')).toContain('nimbolo')
    expect(bursts[0]!.samples).toHaveLength(3)
    expect(bursts[0]!.shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1)
  })

  it('finds none where nothing happens', () => {
    expect(findBursts(about(/tazzel/i), columns)).toEqual([])
    expect(findBursts([])).toEqual([])
    expect(() => findBursts(tweets)).toThrow('findBursts: no column cleaned_text')
  })

  it('expects what the hour of the day usually brings', () => {
    const daily = Array.from({ length: 10 }, (_, day) =>
      Array.from({ length: 50 }, (_, i) => ({ timestamp: new Date(Date.UTC(2026, 0, 1 + day, 20, i)), cleaned_text: 'evening' })),
    ).flat()
    expect(findBursts(daily)).toEqual([])
    const more = [
      ...daily,
      ...daily
        .slice(0, 50)
        .map(one => ({ ...one, timestamp: new Date(one.timestamp.getTime() - 6 * 3_600_000), cleaned_text: 'quake now' })),
    ]
    expect(findBursts(more)).toMatchObject([
      { tweets: 50, expected: 1, mood: null, words: ['quake', 'now'], samples: ['quake now'] },
    ])
  })
})

describe('similarTexts', () => {
  it('gives the likest first, itself with 1, and nothing that shares nothing', () => {
    const texts = ['payment failed again', 'my payment failed at the till', 'lovely bread', '漢字']
    const found = similarTexts(texts, texts[0]!)
    expect(found.map(({ index }) => index)).toEqual([0, 1])
    expect(found[0]!.similarity).toBeCloseTo(1, 5)
    expect(
      similarTexts(texts, ['bread', '漢字'], { top: 2 })
        .map(({ index }) => index)
        .sort(),
    ).toEqual([2, 3])
    expect(similarTexts([], 'x')).toEqual([])
  })

  it('finds tweets of the product that an example speaks of', () => {
    const examples = about(/quvra/i)
      .slice(0, 20)
      .map(({ text }) => text)
    const found = similarTexts(
      tweets.map(({ text }) => text),
      examples,
      { top: 100 },
    )
    expect(found.filter(({ text }) => /quvra/i.test(text)).length).toBeGreaterThan(90)
  })
})
