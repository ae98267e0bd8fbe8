import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  guardDerivedTruth,
  guardLabelSets,
  guardOneClass,
  guardPerfectAgreement,
  guardPrinted,
} from '../../src/evaluation/guards.js'
import { confusionOf } from '../../src/evaluation/metrics.js'
import { guardBlankPicture } from '../../src/evaluation/picture.js'
import { predictionFrom } from '../../src/models/answer.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS, type Label } from '../../src/tweet.js'

const guards = (alarms: { guard: string }[]) => alarms.map(alarm => alarm.guard)

function randomAnswers(n: number, seed = 1) {
  const random = randomFrom(seed)
  return Array.from({ length: n }, () => predictionFrom(random(), random(), random()))
}

describe('guards', () => {
  it('alarm on perfect agreement', () => {
    expect(guards(guardPerfectAgreement(confusionOf(['negative', 'positive'], ['negative', 'positive'], LABELS)))).toEqual([
      'perfect-agreement',
    ])
    expect(guardPerfectAgreement(confusionOf(['negative', 'positive'], ['negative', 'negative'], LABELS))).toEqual([])
    expect(guardPerfectAgreement(confusionOf([], [], LABELS))).toEqual([])
  })

  it('alarm on one class, on either side', () => {
    const alarms = guardOneClass(confusionOf(['positive', 'positive'], ['neutral', 'neutral'], LABELS))
    expect(alarms.map(a => a.message)).toEqual(['all 2 predictions are neutral', 'all 2 true labels are positive'])
    expect(guardOneClass(confusionOf(['positive', 'negative'], ['neutral', 'negative'], LABELS))).toEqual([])
  })

  it('alarm on label sets that differ', () => {
    expect(guardLabelSets(['POS', 'NEG'], ['positive', 'negative']).map(a => a.message)).toEqual([
      'predicted but never true: "negative", "positive"',
      'true but never predicted: "NEG", "POS"',
    ])
    expect(guardLabelSets(LABELS, LABELS)).toEqual([])
  })

  it('alarm when the truth follows from the prediction', () => {
    const answers = randomAnswers(60)
    const honest = randomAnswers(60, 2).map(answer => answer.label)
    expect(guardDerivedTruth(honest, answers)).toEqual([])
    const same = answers.map(answer => answer.label)
    expect(guards(guardDerivedTruth(same, answers))).toEqual(['truth-from-prediction'])
    // Neutral read as positive: agreement is not perfect, the truth is derived all the same.
    const mapped = same.map((label): Label => (label === 'neutral' ? 'positive' : label))
    expect(guardDerivedTruth(mapped, answers)[0]!.message).toContain('neutral → positive')
    // A threshold on the score, which no label shows.
    const cut = answers.map(({ probabilities: [n, , p] }): Label => (p - n > 0.05 ? 'positive' : 'negative'))
    expect(guardDerivedTruth(cut, answers)[0]!.message).toContain('threshold')
    expect(guards(guardDerivedTruth(honest, answers, { truthSource: 'predicted_sentiment' }))).toEqual(['truth-from-prediction'])
    expect(guardDerivedTruth(honest, answers, { truthSource: 'sentiment' })).toEqual([])
  })

  it('alarm on printed metrics that the counts do not give (A17)', () => {
    const lr = {
      labels: ['negative', 'positive'],
      counts: [
        [122924, 36862],
        [25837, 134063],
      ],
    }
    const alarms = guardPrinted(lr, { accuracy: '.808' })
    expect(alarms).toEqual([{ guard: 'printed-metrics', message: 'accuracy is printed as .808, the counts give 0.8039' }])
    expect(guardPrinted(lr, { accuracy: '.8039', 'positive.recall': 134063 / (134063 + 25837) })).toEqual([])
    expect(guards(guardPrinted(lr, { 'positive.recall': '1.0' }))).toEqual(['printed-metrics'])
    expect(() => guardPrinted(lr, { accuracy: 'high' })).toThrow('not a number: "high"')
    expect(() => guardPrinted(lr, { 'nobody.recall': 1 })).toThrow('printed metric not known: nobody.recall')
  })

  it('alarm on blank pictures', () => {
    const blank = (picture: Parameters<typeof guardBlankPicture>[0]) => guardBlankPicture(picture).length === 1
    expect(blank({ data: [] })).toBe(true)
    expect(
      blank({
        data: [
          {
            type: 'heatmap',
            x: ['a', 'b'],
            y: ['a', 'b'],
            z: [
              [0, 0],
              [0, 0],
            ],
          },
        ],
      }),
    ).toBe(true)
    expect(
      blank({
        data: [
          {
            type: 'heatmap',
            x: ['a', 'b'],
            y: ['a', 'b'],
            z: [
              [3, 0],
              [0, 0],
            ],
          },
        ],
      }),
    ).toBe(false)
    expect(blank({ data: [{ type: 'bar', x: ['a', 'b'], y: [] }] })).toBe(true)
    expect(blank({ data: [{ type: 'bar', x: ['a', 'b'], y: new Float64Array([0, 2]) }] })).toBe(false)
    expect(blank({ data: [{ type: 'bar', orientation: 'h', y: ['a', 'b'], x: [0, 0] }] })).toBe(true)
    expect(blank('<svg><defs><path/></defs><rect width="9"/></svg>')).toBe(true)
    expect(blank('<svg><rect/><path d="M0 0L1 1"/></svg>')).toBe(false)
    expect(blank({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 1, 2, 3) })).toBe(true)
    expect(blank({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 1, 2, 4) })).toBe(false)
    const white = Array.from({ length: 6 }, () => [255, 255, 255, 255, 255, 255, 255, 255, 255])
    expect(blank(png(3, 6, white))).toBe(true)
    const marked = white.map(row => [...row])
    marked[4]![5] = 254
    for (const filter of [0, 1, 2, 3, 4]) expect(blank(png(3, 6, marked, filter)), `filter ${filter}`).toBe(false)
    for (const filter of [0, 1, 2, 3, 4]) expect(blank(png(3, 6, white, filter)), `filter ${filter}`).toBe(true)
    expect(() => guardBlankPicture(Uint8Array.of(1, 2, 3))).toThrow('not a PNG')
  })
})

/** A PNG of RGB rows, each line filtered by the same filter of the specification (checksums left 0: nobody reads them). */
function png(width: number, height: number, rows: number[][], filter = 0): Uint8Array {
  const filtered = rows.flatMap((row, y) => [
    filter,
    ...row.map((value, x) => {
      const left = x >= 3 ? row[x - 3]! : 0
      const up = y > 0 ? rows[y - 1]![x]! : 0
      const corner = x >= 3 && y > 0 ? rows[y - 1]![x - 3]! : 0
      const p = left + up - corner
      const nearest = [left, up, corner].reduce((best, v) => (Math.abs(p - v) < Math.abs(p - best) ? v : best), left)
      return (value - [0, left, up, Math.floor((left + up) / 2), nearest][filter]!) & 255
    }),
  ])
  const chunk = (type: string, data: Uint8Array) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(data.length)
    head.write(type, 4, 'latin1')
    return Buffer.concat([head, data, Buffer.alloc(4)])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Uint8Array.from(filtered))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
