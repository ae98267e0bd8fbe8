import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { rocCurve } from '../../src/evaluation/roc.js'
import { barChart, classBars, scoreBars } from '../../src/explore/bar-charts.js'
import { emptyFigure, type Figure } from '../../src/explore/chart.js'
import { LABEL_COLOURS } from '../../src/explore/colours.js'
import { driftChart } from '../../src/explore/drift-chart.js'
import { confusionMatrixChart, learningCurveChart, rocChart } from '../../src/explore/evaluation-charts.js'
import { smallMultiples } from '../../src/explore/panels.js'
import { placeMap } from '../../src/explore/place-charts.js'
import { profile } from '../../src/explore/profile.js'
import { figureSvg } from '../../src/explore/svg.js'
import { hourHeatMap, lineChart, sentimentOverTime } from '../../src/explore/time-charts.js'
import { driftOf } from '../../src/monitoring/drift.js'
import { foreignMarkup, HOSTILE } from './hostile.js'

const tweets = ['positive', 'negative', 'negative', 'neutral'].map((predicted_sentiment, i) => ({
  predicted_sentiment,
  timestamp: new Date(Date.UTC(2026, 8, 7 + i, 5 * i)),
  latitude: 50 + i,
  longitude: 10 * i,
  location: HOSTILE[i],
}))
const bars = HOSTILE.map((user, i) => ({ user, n: i + 1, negative: i, neutral: 2, positive: 3 }))
const figures: Record<string, Figure> = {
  bar: barChart(bars, { label: 'user', value: 'n', title: HOSTILE[0] }),
  upright: barChart(bars, { label: 'user', value: 'n', vertical: true }),
  classes: classBars(bars, { label: 'user' }),
  scores: scoreBars([{ model: '\ud83d', f1: 0.5, f1Low: 0.4, f1High: 0.6 }], { label: 'model', value: 'f1', baseline: 0.3 }),
  confusion: confusionMatrixChart({
    labels: ['a', '\u0000b\uffff'],
    counts: [
      [14220, 9897],
      [5802, 21029],
    ],
  }),
  roc: rocChart([{ name: HOSTILE[2], roc: rocCurve([2, 1], [true, false]) }]),
  map: placeMap(tweets),
  heat: placeMap(tweets, { as: 'heat' }),
  hours: hourHeatMap(tweets),
  time: sentimentOverTime(tweets),
  line: lineChart(
    tweets.map(({ timestamp }, i) => ({ timestamp, i, s: HOSTILE[i % 2] })),
    { x: 'timestamp', y: 'i', series: 's' },
  ),
  profile: profile(bars).figure,
  multiples: smallMultiples(tweets, { by: 'location' }),
  drift: driftChart(driftOf(tweets, { column: 'location', until: tweets[2]!.timestamp })),
  learning: learningCurveChart(
    [9, 90, 900].map(examples => ({ examples, n: 5, macroRecall: { value: 0.5, low: 0.4, high: 0.6 } })),
  ),
  empty: emptyFigure('Nothing', HOSTILE[1]),
}
const rects = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)" fill="([^"]+)"/g)].map(
    ([, x, y, w, h, fill]) => ({ x: Number(x), y: Number(y), w: Number(w), h: Number(h), fill }),
  )

describe('figureSvg', () => {
  it.each(Object.entries(figures))('draws %s without foreign mark-up or numbers that are none', (_, figure) => {
    const svg = figureSvg(figure)
    expect(foreignMarkup(svg).map(tag => tag.slice(0, 5))).toEqual(['<svg ', '</svg'])
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    expect(svg).not.toMatch(/<\w+[^>]* on\w+=/)
  })

  it.skipIf(!existsSync('.venv/bin/python'))('is well-formed XML to a parser of another house (skipped without .venv)', () => {
    const check =
      'import sys, json, xml.dom.minidom as d\nprint(sum(d.parseString(s.encode()).documentElement.tagName == "svg" for s in json.load(sys.stdin)))'
    const input = JSON.stringify(Object.values(figures).map(figureSvg))
    expect(Number(execFileSync('.venv/bin/python', ['-c', check], { input }))).toBe(Object.keys(figures).length)
  })

  it('draws bars as long as the numbers of the figure, and writes these beside them', () => {
    const svg = figureSvg(
      barChart(
        [
          { user: 'a', n: 4000 },
          { user: 'b', n: 1000 },
        ],
        { label: 'user', value: 'n' },
      ),
    )
    const [a, b] = rects(svg)
    expect(a!.w / b!.w).toBeCloseTo(4, 1)
    expect(svg).toContain('>4,000</text>')
    expect(svg).toContain('together 5,000 of n = 5,000')
  })

  it('stacks the classes in their colours up to the whole', () => {
    const one = sentimentOverTime(
      tweets.slice(0, 2).map(tweet => ({ ...tweet, timestamp: tweets[0]!.timestamp })),
      { every: 'day' },
    )
    const [negative, , positive] = Object.values(LABEL_COLOURS).map(colour =>
      rects(figureSvg(one)).find(rect => rect.fill === colour && rect.h > 20),
    )
    expect(negative!.h).toBeCloseTo(positive!.h, 1)
    expect(positive!.y + positive!.h).toBeCloseTo(negative!.y, 0)
  })

  it('draws panels on one scale, and powers in equal steps', () => {
    const [few, many] = ['es', 'en'].map((lang, i) => tweets.slice(0, 1).flatMap(tweet => Array(1 + i).fill({ ...tweet, lang })))
    const svg = figureSvg(
      smallMultiples([...few!, ...many!], {
        by: 'lang',
        chart: rows => barChart([{ tag: 'a', n: rows.length }], { label: 'tag', value: 'n' }),
      }),
    )
    const [en, es] = rects(svg)
    expect(en!.w / es!.w).toBeCloseTo(2, 1)
    expect(es!.x).toBeGreaterThan(en!.x + en!.w)
    const [first, second, third] = [...figureSvg(figures.learning!).matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x))
    expect(second! - first!).toBeCloseTo(third! - second!, 0)
  })

  it('gives the cells of a matrix their integers', () => {
    const svg = figureSvg(figures.confusion!)
    for (const text of ['14,220', '9,897', '5,802', '21,029']) expect(svg).toContain(`>${text}</text>`)
  })
})
