/** How good a model is, in pictures. */
import { toNumber } from './cells.js'
import { axis, type ChartOptions, count, emptyFigure, type Figure, figure, label } from './chart.js'
import { HEAT, SERIES_COLOURS } from './colours.js'
import { type TableLike, toRows } from './frames.js'
import { formatNumber } from './text-table.js'
import { lineChart } from './time-charts.js'

/** A confusion matrix: `counts[i][j]` answers were `predicted[j]` where the truth is `labels[i]`. */
export interface ConfusionCounts {
  /** Names of the true classes, one per row. */
  labels: readonly string[]
  /** Names of the predicted classes, one per column. Default: `labels`. */
  predicted?: readonly string[]
  counts: readonly (readonly number[])[]
}

/**
 * A confusion matrix with full integers; colour is the share of the true class, so that rare classes can be read as well.
 * @throws Error when the counts do not fit the labels or are not whole numbers
 */
export function confusionMatrixChart(matrix: ConfusionCounts, options: ChartOptions = {}): Figure {
  const { labels, counts, predicted = labels } = matrix
  const title = options.title ?? 'Which classes the model mixes up'
  if (counts.length !== labels.length || counts.some(row => row.length !== predicted.length))
    throw new Error(
      `confusion matrix: ${counts.length} rows of ${counts[0]?.length ?? 0} counts for ${labels.length} × ${predicted.length} labels`,
    )
  const bad = counts.flat().find(value => !Number.isSafeInteger(value) || value < 0)
  if (bad !== undefined) throw new Error(`confusion matrix: ${bad} is not a count`)
  const totals = counts.map(row => row.reduce((a, b) => a + b, 0))
  const n = totals.reduce((a, b) => a + b, 0)
  if (!n) return emptyFigure(title, 'No labelled tweets: every count is 0.')
  const shares = counts.map((row, i) => row.map(value => (totals[i] ? value / totals[i]! : 0)))
  const right = labels.reduce((sum, name, i) => sum + (counts[i]![predicted.indexOf(name)] ?? 0), 0)
  const trace = {
    type: 'heatmap',
    x: predicted.map(name => label(name)),
    y: labels.map(name => label(name)),
    z: shares.map(row => row.map(share => 100 * share)),
    customdata: counts,
    zmin: 0,
    zmax: 100,
    colorscale: HEAT,
    xgap: 2,
    ygap: 2,
    colorbar: { title: { text: '% of true<br>class' }, thickness: 14, outlinewidth: 0 },
    hovertemplate: 'true %{y}, predicted %{x}<br>%{customdata:,} tweets, %{z:.1f} % of the true class<extra></extra>',
  }
  const annotations = counts.flatMap((row, i) =>
    row.map((value, j) => ({
      x: j,
      y: i,
      text: `<b>${formatNumber(value)}</b><br>${(100 * shares[i]![j]!).toFixed(1)} %`,
      showarrow: false,
      font: { color: shares[i]![j]! > 0.68 ? '#ffffff' : '#1c2b36', size: 13 },
    })),
  )
  const agree = `${formatNumber(right)} of ${formatNumber(n)} agree (${((100 * right) / n).toFixed(1)} %)`
  return figure([trace], title, `${agree}; colour: share of the true class; ${count(n, 'tweets')}`, {
    xaxis: axis('predicted', { type: 'category', showgrid: false }),
    yaxis: axis('true', { type: 'category', autorange: 'reversed', showgrid: false }),
    annotations,
    height: options.height ?? 200 + 80 * labels.length,
  })
}

/** A curve as `rocCurve` of the evaluation gives it, with a name. */
export interface NamedRoc {
  /** Name of the model or class. */
  name: string
  roc: {
    /** `AUC` or `training AUC`. */
    name: string
    auc: number | null
    points: readonly { falsePositiveRate: number; truePositiveRate: number }[]
    positives: number
    negatives: number
  }
}

/** The points of a curve that a step of 1/300 of the square tells from the one before, and its last. */
function visible(x: readonly number[], y: readonly number[]): { x: number[]; y: number[] } {
  let last = 0
  const kept = x.flatMap((_, i) => {
    const far = Math.max(Math.abs(x[i]! - x[last]!), Math.abs(y[i]! - y[last]!)) >= 1 / 300
    if (!far && i && i < x.length - 1) return []
    last = i
    return [i]
  })
  return { x: kept.map(i => x[i]!), y: kept.map(i => y[i]!) }
}

/** Lines of curves in the square of shares, with a key below it. */
function squareOfCurves(
  lines: readonly { name: string; x: readonly number[]; y: readonly number[]; colour: string; dash?: string }[],
  titles: { x: string; y: string; title: string; subtitle: string },
  height = 500,
): Figure {
  const data = lines.map(({ name, x, y, colour, dash = 'solid' }) => ({
    ...{ type: 'scatter', mode: 'lines', name, ...visible(x, y) },
    line: { color: colour, dash, width: 2 },
    hovertemplate: `%{fullData.name}<br>${titles.x} %{x:.3f}, ${titles.y} %{y:.3f}<extra></extra>`,
  }))
  return figure(data, titles.title, titles.subtitle, {
    xaxis: axis(titles.x, { range: [0, 1], constrain: 'domain', constraintoward: 'left' }),
    yaxis: axis(titles.y, { range: [0, 1.01], scaleanchor: 'x' }),
    legend: { orientation: 'h', x: 0, xanchor: 'left', y: -0.16, yanchor: 'top' },
    height,
  })
}

const colourOf = (i: number) => SERIES_COLOURS[i % SERIES_COLOURS.length]!

/** ROC curves against chance; a training curve is called one. */
export function rocChart(curves: readonly NamedRoc[], options: ChartOptions = {}): Figure {
  const title = options.title ?? 'What each true positive costs in false ones (ROC)'
  const drawn = curves.filter(({ roc }) => roc.auc !== null && roc.points.length > 0)
  if (!drawn.length) return emptyFigure(title, 'No curves: nothing was evaluated.')
  const training = drawn.map(({ roc }) => roc.name.startsWith('training'))
  const lines = drawn.map(({ name, roc: { name: auc, auc: area, points, positives, negatives } }, i) => ({
    name: `${label(name)}: ${auc} ${area!.toFixed(3)}, n = ${formatNumber(positives + negatives)}`,
    x: points.map(point => point.falsePositiveRate),
    y: points.map(point => point.truePositiveRate),
    ...{ colour: colourOf(i), dash: training[i] ? 'dot' : 'solid' },
  }))
  const chance = { name: 'chance: AUC 0.5', x: [0, 1], y: [0, 1], colour: '#9a9a9a', dash: 'dash' }
  const some = training.every(Boolean) ? 'training data' : 'held-out data, training where said'
  const most = Math.max(...drawn.map(({ roc }) => roc.positives + roc.negatives))
  const subtitle = `measured on ${training.some(Boolean) ? some : 'held-out data'}; ${count(most, 'tweets')}`
  return squareOfCurves(
    [...lines, chance],
    { x: 'false-positive rate', y: 'true-positive rate', title, subtitle },
    options.height,
  )
}

/** A curve as `precisionRecallCurve` of the evaluation gives it, with a name. */
export interface NamedPrecisionRecall {
  /** Name of the model or class. */
  name: string
  curve: {
    averagePrecision: number | null
    points: readonly { precision: number; recall: number }[]
    positives: number
    negatives: number
  }
}

/** How many of its alarms are right, for each share of the class that a model finds; dashed what chance would give. */
export function precisionRecallChart(curves: readonly NamedPrecisionRecall[], options: ChartOptions = {}): Figure {
  const title = options.title ?? 'How many finds are right, the more are found'
  const drawn = curves.filter(({ curve }) => curve.points.length > 0)
  if (!drawn.length) return emptyFigure(title, 'No curves: no tweet is of this class.')
  const lines = drawn.map(({ name, curve: { averagePrecision, points } }, i) => ({
    name: `${label(name)}: average precision ${averagePrecision?.toFixed(3)}`,
    x: [0, ...points.map(({ recall }) => recall)],
    y: [points[0]!.precision, ...points.map(({ precision }) => precision)],
    colour: colourOf(i),
  }))
  const { positives, negatives } = drawn[0]!.curve
  const share = positives / (positives + negatives)
  const chance = { name: `chance: ${share.toFixed(3)}`, x: [0, 1], y: [share, share], colour: '#9a9a9a', dash: 'dash' }
  const subtitle = `${formatNumber(positives)} to be found; ${count(positives + negatives, 'tweets')}`
  const [x, y] = ['recall: share found', 'precision: share of the finds that are right']
  return squareOfCurves([...lines, chance], { x, y, title, subtitle }, options.height)
}

/** Options of `learningCurveChart`. */
export interface LearningCurveOptions extends ChartOptions {
  /** Column with the score and its interval. Default `macroRecall`. */
  metric?: string
  /** Column that tells the models apart; one curve without it. */
  series?: string
}

/**
 * How good a model is after so many examples, with 95 % intervals: whether more labels would help.
 * @param table points of `learningCurve`, where there are several models each with its name in the column `series`
 */
export function learningCurveChart(table: TableLike, { metric = 'macroRecall', ...options }: LearningCurveOptions = {}): Figure {
  const score = metric.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const n = Math.max(0, ...toRows(table).map(row => toNumber(row.n) ?? 0))
  const figure = lineChart(table, {
    title: 'What more labels bring',
    ...options,
    ...{ x: 'examples', y: metric, log: true, xTitle: 'examples learned from', yTitle: `${score} (share, 0 to 1)` },
    unit: `measurements on ${formatNumber(n)} held-out tweets, 95 % intervals`,
  })
  if (figure.data.length) Object.assign(figure.layout.yaxis as object, { rangemode: 'normal', tickformat: '.2f' })
  return figure
}

/** Options of `reliabilityChart`. */
export interface ReliabilityOptions extends ChartOptions {
  /** Expected calibration error, [0, 1], for the subtitle. */
  ece?: number
}

/**
 * How often the model is right when it says it is sure: points on the diagonal are honest, below it too sure.
 * @param table bins `{ confidence, accuracy, n }`: mean confidence and share right, both in [0, 1], and tweets
 */
export function reliabilityChart(table: TableLike, options: ReliabilityOptions = {}): Figure {
  const title = options.title ?? 'Is the model as sure as it is right?'
  const bins = toRows(table).flatMap(row => {
    const [confidence, accuracy, n] = [toNumber(row.confidence), toNumber(row.accuracy), toNumber(row.n)]
    return confidence === undefined || accuracy === undefined || !n ? [] : [{ confidence, accuracy, n }]
  })
  if (!bins.length) return emptyFigure(title, 'No rows: no bin holds a tweet.')
  const n = bins.reduce((sum, bin) => sum + bin.n, 0)
  const most = Math.max(...bins.map(bin => bin.n))
  const points = {
    type: 'scatter',
    mode: 'lines+markers',
    x: bins.map(bin => bin.confidence),
    y: bins.map(bin => bin.accuracy),
    customdata: bins.map(bin => bin.n),
    marker: { size: bins.map(bin => 8 + 22 * Math.sqrt(bin.n / most)), color: SERIES_COLOURS[0], opacity: 0.85 },
    line: { color: SERIES_COLOURS[0], width: 1.5 },
    hovertemplate: 'sure %{x:.2f}, right %{y:.2f}<br>%{customdata:,} tweets<extra></extra>',
  }
  const diagonal = {
    type: 'scatter',
    mode: 'lines',
    x: [0, 1],
    y: [0, 1],
    line: { color: '#9a9a9a', dash: 'dash' },
    hoverinfo: 'skip',
  }
  const ece = options.ece === undefined ? '' : `expected calibration error ${options.ece.toFixed(3)}; `
  return figure([diagonal, points], title, `${ece}dot size: tweets; ${count(n, 'tweets')}`, {
    of: table,
    xaxis: axis('mean confidence', { range: [0, 1.02], dtick: 0.2, constrain: 'domain', constraintoward: 'left' }),
    yaxis: axis('share right', { range: [0, 1.02], dtick: 0.2, scaleanchor: 'x' }),
    showlegend: false,
    height: options.height ?? 440,
  })
}
