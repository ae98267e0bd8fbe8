import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { policiesOfCounts } from '../../src/evaluation/neutral-policy.js'
import { precisionRecallCurve, rocCurve } from '../../src/evaluation/roc.js'
import { barChart, classBars, scoreBars } from '../../src/explore/bar-charts.js'
import { type Figure, label } from '../../src/explore/chart.js'
import { LABEL_COLOURS } from '../../src/explore/colours.js'
import { driftChart } from '../../src/explore/drift-chart.js'
import {
  confusionMatrixChart,
  learningCurveChart,
  precisionRecallChart,
  reliabilityChart,
  rocChart,
} from '../../src/explore/evaluation-charts.js'
import { smallMultiples } from '../../src/explore/panels.js'
import { placeMap } from '../../src/explore/place-charts.js'
import {
  hourHeatMap,
  lineChart,
  sentimentOverTime,
  streamProgressChart,
  streamRowsChart,
  streamTimeChart,
} from '../../src/explore/time-charts.js'
import { driftOf } from '../../src/monitoring/drift.js'
import { HOSTILE } from './hostile.js'

const title = (figure: Figure) => figure.layout.title as { text: string; subtitle: { text: string } }
/** Of panels that share an axis, only one at the edge says its title. */
const axisTitle = (figure: Figure, name: 'xaxis' | 'yaxis') =>
  Object.entries(figure.layout)
    .flatMap(([key, axis]) => (key.startsWith(name) ? ((axis as { title?: { text: string } }).title?.text ?? []) : []))
    .join(' ')

const tweets = [
  {
    timestamp: new Date('2026-05-04T10:15:00Z'),
    predicted_sentiment: 'positive',
    latitude: 52.5,
    longitude: 13.4,
    location: 'Berlin',
  },
  {
    timestamp: new Date('2026-05-04T10:45:00Z'),
    predicted_sentiment: 'negative',
    latitude: 52.4,
    longitude: 13.3,
    location: 'Berlin',
  },
  {
    timestamp: new Date('2026-05-05T23:00:00Z'),
    predicted_sentiment: 'neutral',
    latitude: null,
    longitude: null,
    location: null,
  },
]
const application = [
  { mention: 'anna', negative: 5, neutral: 1, positive: 2, total: 8 },
  { mention: 'bob', negative: 0, neutral: 0, positive: 7, total: 7 },
  { mention: null, negative: 50, neutral: 0, positive: 0, total: 50 },
]
const points = [
  { stream: 'bronze_stream', time: '2026-05-04T10:00:01Z', rows: 100, ms: 40, backlog: 900 },
  { stream: 'gold_stream', time: '2026-05-04T10:00:03Z', rows: 90, ms: 400, backlog: null },
  { stream: 'bronze_stream', time: '2026-05-04T10:00:02Z', rows: 100, ms: 45, backlog: 800 },
]
const matrix = {
  labels: ['negative', 'positive'],
  predicted: ['negative', 'neutral', 'positive'],
  counts: [
    [14220, 9897, 6121],
    [5802, 21029, 40377],
  ],
}

const recall = (value: number) => ({ value, low: value - 0.05, high: value + 0.1 })
const learning = [
  { examples: 10, n: 600, macroRecall: recall(0.4), model: 'nb' },
  { examples: 100, n: 600, macroRecall: recall(0.6), model: 'nb' },
]
const later = ['positive', 'negative', 'negative', 'neutral'].map((predicted_sentiment, i) => ({
  predicted_sentiment,
  timestamp: `2026-05-0${4 + Math.ceil(i / 2)}T10:00:00Z`,
}))
const drift = driftOf([...tweets, ...later], { column: 'predicted_sentiment', until: '2026-05-05' })

const every: [string, Figure][] = [
  [
    'barChart',
    barChart(
      [
        { user: 'a', n: 3 },
        { user: 'b', n: 4 },
      ],
      { label: 'user', value: 'n', valueTitle: 'tweets' },
    ),
  ],
  ['classBars', classBars(application)],
  [
    'scoreBars',
    scoreBars([{ policy: 'drop', accuracy: 0.8208, accuracyLow: 0.81, accuracyHigh: 0.83, n: 66520 }], {
      label: 'policy',
      value: 'accuracy',
      baseline: 0.6897,
    }),
  ],
  ['lineChart', lineChart([{ t: 1, v: 2 }], { x: 't', y: 'v', xTitle: 'seconds', yTitle: 'tweets' })],
  ['streamRowsChart', streamRowsChart(points)],
  ['streamTimeChart', streamTimeChart(points)],
  ['streamProgressChart', streamProgressChart(points)],
  ['sentimentOverTime', sentimentOverTime(tweets)],
  ['hourHeatMap', hourHeatMap(tweets)],
  ['confusionMatrixChart', confusionMatrixChart(matrix)],
  ['rocChart', rocChart([{ name: 'ngram', roc: rocCurve([0.9, 0.8, 0.3], [true, false, true]) }])],
  ['reliabilityChart', reliabilityChart([{ confidence: 0.7, accuracy: 0.6, n: 50 }], { ece: 0.1 })],
  ['precisionRecallChart', precisionRecallChart([{ name: 'ngram', curve: precisionRecallCurve([0.9, 0.1], [true, false]) }])],
  ['learningCurveChart', learningCurveChart(learning, { series: 'model' })],
  ['driftChart', driftChart(drift, { column: 'class' })],
  ['smallMultiples', smallMultiples(tweets, { by: 'predicted_sentiment' })],
  ['placeMap', placeMap(tweets)],
  ['placeMap as heat', placeMap(tweets, { as: 'heat' })],
]

describe('every chart', () => {
  it.each(every)('%s has data, a title, n and axis titles, and is plain JSON', (_name, figure) => {
    expect(figure.data.length).toBeGreaterThan(0)
    expect(title(figure).text.length).toBeGreaterThan(10)
    expect(title(figure).subtitle.text).toMatch(/n = [\d,]+ \w+/)
    expect(axisTitle(figure, 'xaxis')).toMatch(/\w/)
    expect(axisTitle(figure, 'yaxis')).toMatch(/\w/)
    expect(JSON.parse(JSON.stringify(figure))).toEqual(figure)
    expect(figure.layout.paper_bgcolor).toBe('rgba(0,0,0,0)')
  })

  it.each<[string, () => Figure]>([
    ['barChart', () => barChart([], { label: 'user', value: 'n' })],
    ['barChart without numbers', () => barChart([{ user: 'a', n: null }], { label: 'user', value: 'n' })],
    ['classBars', () => classBars([])],
    ['classBars with nulls only', () => classBars(application.slice(2))],
    ['scoreBars', () => scoreBars([], { label: 'policy', value: 'accuracy' })],
    ['lineChart', () => lineChart([], { x: 'a', y: 'b' })],
    ['streamRowsChart', () => streamRowsChart([])],
    ['streamProgressChart', () => streamProgressChart([])],
    ['sentimentOverTime', () => sentimentOverTime([])],
    ['sentimentOverTime without classes', () => sentimentOverTime([{ timestamp: new Date(), predicted_sentiment: 'fine' }])],
    ['hourHeatMap', () => hourHeatMap([])],
    ['confusionMatrixChart', () => confusionMatrixChart({ labels: ['a'], counts: [[0]] })],
    ['rocChart', () => rocChart([])],
    ['reliabilityChart', () => reliabilityChart([])],
    ['precisionRecallChart', () => precisionRecallChart([{ name: 'none', curve: precisionRecallCurve([1], [false]) }])],
    ['learningCurveChart', () => learningCurveChart([])],
    ['driftChart', () => driftChart([])],
    ['smallMultiples', () => smallMultiples([], { by: 'lang' })],
    ['smallMultiples without values', () => smallMultiples(tweets.slice(2), { by: 'location' })],
    ['placeMap', () => placeMap([])],
    ['placeMap without places', () => placeMap(tweets.slice(2))],
  ])('%s is never blank: without data it says so', (_name, build) => {
    const figure = build()
    expect(figure.data).toEqual([])
    expect((figure.layout.annotations as { text: string }[])[0]!.text).toMatch(/^(No |0 of )/)
  })

  it('names the columns there are when one is missing', () => {
    expect(() => barChart([{ user: 'a' }], { label: 'user', value: 'n' })).toThrow('barChart: no column n; there are user')
    expect(() => placeMap([{ lat: 1 }])).toThrow('no column latitude; there are lat')
  })

  it('lets no text of a tweet become mark-up, and cuts it', () => {
    for (const text of HOSTILE) {
      const figures = [
        barChart([{ user: text, n: 1 }], { label: 'user', value: 'n', labelTitle: 'user', valueTitle: 'tweets' }),
        classBars([{ mention: text, negative: 1, neutral: 1, positive: 1 }]),
        placeMap([{ latitude: 1, longitude: 1, location: text }]),
        lineChart([{ x: 1, y: 1, s: text }], { x: 'x', y: 'y', series: 's' }),
        smallMultiples([{ ...tweets[0]!, lang: text }], { by: 'lang' }),
        driftChart(
          driftOf(
            [4, 5].map(day => ({ timestamp: `2026-05-0${day}`, text })),
            { column: 'text', until: '2026-05-05' },
          ),
          { column: text },
        ),
        learningCurveChart([{ ...learning[0]!, model: text }], { series: 'model' }),
        precisionRecallChart([{ name: text, curve: precisionRecallCurve([0.9, 0.1], [true, false]) }]),
      ]
      for (const figure of figures) {
        const strings = JSON.stringify([figure.data, figure.layout.annotations ?? [], figure.layout.title]).replace(/<\/?b>/g, '')
        expect(strings.replaceAll('<br>', '').replaceAll('<extra></extra>', '')).not.toMatch(/[<>\u202e]/)
      }
    }
  })
})

describe('label', () => {
  it('is inert, short and in place for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), text => {
        const shown = label(text)
        expect(shown).not.toMatch(/[<>\u202a-\u202e]/)
        expect([...shown.replace(/&(lt|gt|amp);/g, 'x').replace(/[\u2068\u2069]/g, '')].length).toBeLessThanOrEqual(28)
      }),
    )
    expect(label('مرحبا')).toBe('\u2068مرحبا\u2069')
  })
})

describe('barChart', () => {
  it('sorts, takes the top and counts all', () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ user: `user ${i}`, n: i }))
    const figure = barChart(rows, { label: 'user', value: 'n', valueTitle: 'tweets', top: 3 })
    expect(figure.data[0]).toMatchObject({ x: [29, 28, 27], y: ['user 29', 'user 28', 'user 27'], text: ['29', '28', '27'] })
    expect(title(figure).subtitle.text).toBe('top 3 of 30; together 84 of n = 435 tweets')
  })

  it('does not add up what is no count', () => {
    const bare = barChart(
      [
        { model: 'a', ms: 0.5 },
        { model: 'b', ms: 0.7 },
      ],
      { label: 'model', value: 'ms' },
    )
    expect(title(bare).subtitle.text).toBe('all 2; n = 2 values from 0.5 to 0.7')
  })

  it('keeps apart names that cutting makes equal, and writes 40,000 in full', () => {
    const long = 'x'.repeat(60)
    const figure = barChart(
      [
        { user: `${long}1`, n: 40000 },
        { user: `${long}2`, n: 2 },
      ],
      { label: 'user', value: 'n' },
    )
    expect(new Set(figure.data[0]!.y as string[]).size).toBe(2)
    expect(figure.data[0]!.text).toEqual(['40,000', '2'])
  })
})

describe('classBars', () => {
  it('sorts by the class asked for and leaves out tweets without a mention', () => {
    expect(classBars(application, { sort: 'positive' }).data[0]).toMatchObject({
      name: 'positive',
      y: ['bob', 'anna'],
      x: [7, 2],
    })
    expect(classBars(application, { sort: 'negative' }).data[0]).toMatchObject({
      name: 'negative',
      y: ['anna', 'bob'],
      x: [5, 0],
    })
    expect(classBars(application).data.map(trace => trace.name)).toEqual(['negative', 'neutral', 'positive'])
  })

  it('gives a class the same colour as every other chart', () => {
    for (const figure of [classBars(application, { sort: 'positive' }), sentimentOverTime(tweets)])
      for (const trace of figure.data)
        expect((trace.marker as { color: string }).color).toBe(LABEL_COLOURS[trace.name as 'neutral'])
  })
})

describe('sentimentOverTime', () => {
  it('gives shares that sum to 100 in every bin, and no bin where there are no tweets', () => {
    const figure = sentimentOverTime(tweets, { every: 'hour' })
    const [negative, neutral, positive] = figure.data.map(trace => trace.y as number[])
    expect(figure.data[0]!.x).toEqual(['2026-05-04T10:00:00.000Z', '2026-05-05T23:00:00.000Z'])
    expect([negative, neutral, positive]).toEqual([
      [50, 0],
      [0, 100],
      [50, 0],
    ])
  })

  it('counts weights, and starts weeks on Monday', () => {
    const rows = [
      { timestamp: '2026-05-04T00:00:00Z', predicted_sentiment: 'positive', n: 30n },
      { timestamp: '2026-05-10T23:59:59Z', predicted_sentiment: 'negative', n: 10 },
    ]
    const figure = sentimentOverTime(rows, { every: 'week', weight: 'n' })
    expect(figure.data[0]!.x).toEqual(['2026-05-04T00:00:00.000Z'])
    expect(figure.data.map(trace => (trace.y as number[])[0])).toEqual([25, 0, 75])
    expect(title(figure).subtitle.text).toContain('n = 40 tweets')
  })
})

describe('hourHeatMap', () => {
  it('counts by weekday and UTC hour', () => {
    const cells = hourHeatMap(tweets).data[0]!.z as number[][]
    expect(cells[0]![10]).toBe(2)
    expect(cells[1]![23]).toBe(1)
    expect(cells.flat().reduce((a, b) => a + b)).toBe(3)
  })
})

describe('streams', () => {
  it('share one clock that starts with the first batch of any', () => {
    const [bronze, gold] = streamRowsChart(points).data
    expect(bronze).toMatchObject({ name: 'bronze_stream', x: [0, 1], y: [100, 100] })
    expect(gold).toMatchObject({ name: 'gold_stream', x: [2], y: [90] })
    expect(streamProgressChart(points).data[0]).toMatchObject({
      x: [200, 90],
      text: ['200 rows, 800 files or versions wait', '90 rows, nothing waits'],
    })
  })
})

describe('confusionMatrixChart', () => {
  it('shows full integers, the truth upright and the prediction along the bottom, coloured by row', () => {
    const figure = confusionMatrixChart(matrix)
    const texts = (figure.layout.annotations as { text: string }[]).map(annotation => annotation.text)
    expect(texts[0]).toBe('<b>14,220</b><br>47.0 %')
    expect(texts[5]).toBe('<b>40,377</b><br>60.1 %')
    expect([axisTitle(figure, 'xaxis'), axisTitle(figure, 'yaxis')]).toEqual(['predicted', 'true'])
    const rows = figure.data[0]!.z as number[][]
    for (const row of rows) expect(row.reduce((a, b) => a + b)).toBeCloseTo(100, 9)
    // .5603 is accuracy where a neutral answer counts as an error (acceptance fact A13).
    expect(title(figure).subtitle.text).toContain('54,597 of 97,446 agree (56.0 %)')
  })

  it('refuses counts that do not fit', () => {
    expect(() => confusionMatrixChart({ labels: ['a', 'b'], counts: [[1, 2]] })).toThrow('1 rows of 2 counts for 2 × 2 labels')
    expect(() => confusionMatrixChart({ labels: ['a'], counts: [[0.5]] })).toThrow('0.5 is not a count')
  })
})

describe('rocChart', () => {
  it('calls a training AUC so', () => {
    const curve = { name: 'svm', roc: rocCurve([0.9, 0.8, 0.3, 0.1], [true, true, true, false], { set: 'training' }) }
    expect(rocChart([curve]).data[0]!.name).toBe('svm: training AUC 1.000, n = 4')
    expect(title(rocChart([curve])).subtitle.text).toContain('training data')
  })
})

describe('what the evaluation gives', () => {
  it('is drawn as it is: ROC curves, policies with their intervals', () => {
    const roc = rocCurve([0.9, 0.8, 0.3, 0.1], [true, false, true, false], { set: 'training' })
    const curve = rocChart([{ name: 'ngram', roc }]).data[0]!
    expect(curve.name).toBe('ngram: training AUC 0.750, n = 4')
    expect((curve.x as number[]).at(-1)).toBe(1)
    expect(rocChart([{ name: 'one class', roc: rocCurve([1, 2], [true, true]) }]).data).toEqual([])
    // Acceptance fact A13.
    const policies = policiesOfCounts({ negative: [14220, 9897, 6121], positive: [5802, 21029, 40377] })
    const bars = scoreBars(policies, { label: 'policy', value: 'accuracy' }).data[0]!
    expect((bars.y as number[]).map(value => value.toFixed(4))).toEqual(['0.5603', '0.8208', '0.6618', '0.7761'])
    expect((bars.error_y as { array: number[] }).array[0]).toBeGreaterThan(0.001)
  })
})

describe('precisionRecallChart', () => {
  it('draws precision over recall from the highest score down, and the share of positives as chance', () => {
    const curve = precisionRecallCurve([0.9, 0.8, 0.3, 0.1], [true, false, true, false])
    const figure = precisionRecallChart([{ name: 'ngram', curve }])
    expect(figure.data[0]).toMatchObject({ name: 'ngram: average precision 0.833', x: [0, 0.5, 0.5, 1, 1] })
    expect(figure.data[1]).toMatchObject({ name: 'chance: 0.500', y: [0.5, 0.5] })
    expect(title(figure).subtitle.text).toBe('2 to be found; n = 4 tweets')
  })
})

describe('learningCurveChart', () => {
  it('counts examples in powers and draws the intervals', () => {
    const figure = learningCurveChart(learning, { series: 'model' })
    const { array, arrayminus } = figure.data[0]!.error_y as { array: number[]; arrayminus: number[] }
    expect([...array, ...arrayminus].map(arm => arm.toFixed(2))).toEqual(['0.10', '0.10', '0.05', '0.05'])
    expect(figure.layout.xaxis).toMatchObject({ type: 'log', tickvals: [10, 100] })
    expect(title(figure).subtitle.text).toContain('600 held-out tweets')
  })
})

describe('driftChart', () => {
  it('counts the windows that chance does not explain, and marks them', () => {
    const day = (of: number, kinds: string[]) =>
      kinds.flatMap(kind => Array.from({ length: 100 }, () => ({ timestamp: `2026-05-0${of}T12:00:00Z`, kind })))
    const moved = driftOf([...day(4, ['a', 'b']), ...day(5, ['a', 'b']), ...day(6, ['a', 'a', 'a', 'b'])], {
      column: 'kind',
      until: '2026-05-05',
    })
    const figure = driftChart(moved, { column: 'kind' })
    expect(title(figure).text).toBe('1 of 2 windows differ in kind by more than chance')
    expect(title(figure).subtitle.text).toContain('n = 600 rows against 200')
    expect((figure.data[0]!.marker as { symbol: string[] }).symbol).toEqual(['circle', 'diamond'])
    // Dotted: the reference's share of each value, below the two lines of the divergence.
    expect(figure.data.slice(2, 4).map(trace => trace.y)).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ])
  })
})

describe('smallMultiples', () => {
  const rows = tweets.flatMap((tweet, i) => ['en', 'es', 'en'].slice(i).map(lang => ({ ...tweet, lang })))
  const figure = smallMultiples(rows, { by: 'lang' })

  it('draws each value as its chart alone would, the commonest first, with one key', () => {
    const english = sentimentOverTime(
      rows.filter(({ lang }) => lang === 'en'),
      { every: 'day' },
    )
    expect(figure.data.slice(0, 3).map(trace => trace.y)).toEqual(english.data.map(trace => trace.y))
    expect(figure.data.map(trace => trace.xaxis)).toEqual(['x', 'x', 'x', 'x2', 'x2', 'x2'])
    expect(figure.data.filter(trace => trace.showlegend !== false).map(trace => trace.name)).toEqual([
      'negative',
      'neutral',
      'positive',
    ])
    expect((figure.layout.annotations as { text: string }[]).map(({ text }) => text)).toEqual([
      '<b>en</b>  n = 4',
      '<b>es</b>  n = 2',
    ])
  })

  it('has one scale for all panels, and one colour for the same number', () => {
    expect([figure.layout.xaxis2, figure.layout.yaxis2]).toMatchObject([{ matches: 'x' }, { matches: 'y' }])
    const hours = smallMultiples(rows, { by: 'lang', chart: some => hourHeatMap(some) })
    expect(hours.data.map(trace => trace.zmax)).toEqual([3, 3])
    expect(hours.data.map(trace => trace.showscale)).toEqual([true, false])
    expect(() => smallMultiples(rows, { by: 'no' })).toThrow('smallMultiples: no column no')
  })
})

describe('scoreBars', () => {
  it('draws intervals, from columns or estimates, the n of each bar and the line to beat', () => {
    const rows = [
      { model: 'a', recall: 0.5, recallLow: 0.45, recallHigh: 0.6, n: 800 },
      { model: 'b', recall: { value: 0.7, low: 0.6, high: 0.8 }, n: 900 },
    ]
    const figure = scoreBars(rows, { label: 'model', value: 'recall', baseline: 1 / 3 })
    const { array, arrayminus } = figure.data[0]!.error_y as { array: number[]; arrayminus: number[] }
    expect([...array, ...arrayminus].map(arm => arm.toFixed(2))).toEqual(['0.10', '0.10', '0.05', '0.10'])
    expect(figure.data[0]!.text).toEqual(['0.5000<br>n = 800', '0.7000<br>n = 900'])
    expect(title(figure).subtitle.text).toBe('recall, 95 % intervals; up to n = 900 labelled tweets')
    expect(figure.layout.shapes).toMatchObject([{ y0: 1 / 3, y1: 1 / 3 }])
  })
})

describe('placeMap', () => {
  it('counts tweets within a cell, says how many are located, ignores impossible places', () => {
    const figure = placeMap([...tweets, { ...tweets[0]!, latitude: 900, longitude: 0 }])
    expect((figure.data[1]!.x as number[]).map(x => x.toFixed(2))).toEqual(['13.35'])
    expect((figure.data[1]!.y as number[]).map(y => y.toFixed(2))).toEqual(['52.45'])
    expect(placeMap(tweets, { as: 'heat' }).data[1]).toMatchObject({ x: [12.5], y: [52.5] })
    expect(title(figure).subtitle.text).toMatch(/^2 of 4 located/)
  })
})

describe('sentimentOverTime with a filter', () => {
  const rows = tweets.map((tweet, i) => ({ ...tweet, lang: i ? 'es' : HOSTILE[0] }))
  const menu = (
    sentimentOverTime(rows, { by: 'lang' }).layout.updatemenus as {
      buttons: { label: string; args: [{ y: number[][] }, object] }[]
    }[]
  )[0]!

  it('offers all, then each value, the commonest first, inert', () => {
    expect(menu.buttons.map(button => button.label)).toEqual(['all: lang', 'es', label(HOSTILE[0], 20)])
    expect(JSON.stringify(menu)).not.toContain('<script')
  })

  it('holds for each value what the chart of its rows alone would show', () => {
    const alone = sentimentOverTime(rows.slice(1), { every: 'hour' })
    expect(menu.buttons[1]!.args[0].y).toEqual(alone.data.map(trace => trace.y))
    expect(JSON.stringify(menu.buttons[1]!.args[1])).toContain('n = 2 tweets')
    expect(() => sentimentOverTime(rows, { by: 'no' })).toThrow('no column no')
  })
})
