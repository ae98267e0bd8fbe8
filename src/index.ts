/** The public surface of `moodlake`: named re-exports only. */

// explore
export {
  type BarOptions,
  barChart,
  type ClassBarOptions,
  classBars,
  type PolicyOptions,
  policyBars,
} from './explore/bar-charts.js'
export {
  type ChartOptions,
  emptyFigure,
  type Figure,
  figure,
  LABEL_COLOURS,
  SERIES_COLOURS,
  type Trace,
} from './explore/chart.js'
export { inKernel, type Progress, type ProgressOptions, progress, prose, show } from './explore/display.js'
export {
  type ConfusionCounts,
  confusionMatrixChart,
  type ReliabilityOptions,
  type RocCurve,
  reliabilityChart,
  rocChart,
} from './explore/evaluation-charts.js'
export { type TableLike, toArquero, toDanfo, toRows } from './explore/frames.js'
export { type Lake, openLake, type Sql, type SqlResult } from './explore/lake-sql.js'
export { type PlaceOptions, placeMap } from './explore/place-charts.js'
export { makeReport, NotebookError, type Report, type ReportOptions } from './explore/report.js'
export type { SandboxLimits, SqlColumn } from './explore/sandbox.js'
export {
  type HourOptions,
  hourHeatMap,
  type LineOptions,
  lineChart,
  type SentimentTimeOptions,
  type StreamPoint,
  sentimentOverTime,
  streamProgressChart,
  streamRowsChart,
  streamTimeChart,
} from './explore/time-charts.js'
export { isLabel, LABELS, type Label, labelId } from './tweet.js'
