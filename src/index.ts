/** The public surface of `moodlake`: named re-exports only. */

export { type Calibration, calibrationOf } from './evaluation/calibration.js'
export { type Comparison, compareAnswers } from './evaluation/compare.js'
export { type Evaluation, evaluate, evaluateMentions } from './evaluation/evaluate.js'
export {
  type Alarm,
  guardDerivedTruth,
  guardLabelSets,
  guardOneClass,
  guardPerfectAgreement,
  guardPrinted,
} from './evaluation/guards.js'
export { type Estimate, wilson } from './evaluation/intervals.js'
export { type LearningPoint, learningCurve } from './evaluation/learning-curve.js'
export { confusionOf, metricsOf } from './evaluation/metrics.js'
export { NEUTRAL_POLICIES, neutralPolicies, type PolicyResult, policiesOfCounts } from './evaluation/neutral-policy.js'
export { guardBlankPicture } from './evaluation/picture.js'
export { precisionRecallCurve, type Roc, rocCurve } from './evaluation/roc.js'
export { confidentMistakes, evaluateSlices, type Mistake, type Slice } from './evaluation/slices.js'
export { runStudy, type Study, type StudyCell, type StudyOptions, splitExamples } from './evaluation/study.js'
export {
  type BarOptions,
  barChart,
  type ClassBarOptions,
  classBars,
  type ScoreOptions,
  scoreBars,
} from './explore/bar-charts.js'
export { type ChartOptions, emptyFigure, type Figure, figure, type Trace } from './explore/chart.js'
export { LABEL_COLOURS, SERIES_COLOURS } from './explore/colours.js'
export { inKernel, type Progress, type ProgressOptions, progress, prose, show } from './explore/display.js'
export { driftChart } from './explore/drift-chart.js'
export {
  type ConfusionCounts,
  confusionMatrixChart,
  type LearningCurveOptions,
  learningCurveChart,
  type NamedPrecisionRecall,
  type NamedRoc,
  precisionRecallChart,
  type ReliabilityOptions,
  reliabilityChart,
  rocChart,
} from './explore/evaluation-charts.js'
export { type Exercise, type ExerciseOptions, exercise } from './explore/exercise.js'
export { type TableLike, toArquero, toDanfo, toRows } from './explore/frames.js'
export { type Control, type Interaction, interact, type Range } from './explore/interact.js'
export { type Lake, openLake, type Sql, type SqlResult } from './explore/lake-sql.js'
export { NotebookError } from './explore/notebook.js'
export { type Origin, originOf } from './explore/origin.js'
export { type MultiplesOptions, smallMultiples } from './explore/panels.js'
export { parameter } from './explore/parameter.js'
export { type PlaceOptions, placeMap } from './explore/place-charts.js'
export { type ColumnProfile, type Profile, type ProfileOptions, profile } from './explore/profile.js'
export { makeReport, type Report, type ReportOptions } from './explore/report.js'
export { type Reproduction, reproduce } from './explore/reproduce.js'
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
export {
  type Burst,
  type BurstOptions,
  findBursts,
  type SimilarOptions,
  type SimilarText,
  similarTexts,
} from './explore/topics.js'
export { type RichOutput, type TweetBrowserOptions, type TweetFilters, tweetBrowser } from './explore/tweet-browser.js'
export { adaptedModel } from './models/adapted.js'
export { packModel, saveAverage } from './models/average.js'
export { classicalModel, LEARNERS, type Learner } from './models/classical.js'
export { type Device, DeviceError } from './models/device.js'
export { type Explanation, explain } from './models/explain.js'
export { lexiconModel } from './models/lexicon.js'
export { majorityModel } from './models/majority.js'
export type { Answer, Example, Failure, Model, Prediction, TrainableModel } from './models/model.js'
export { ngramModel } from './models/ngram.js'
export { FEATURE_SETS, type FeatureSet } from './models/text-features.js'
export { type DriftOptions, type DriftRow, driftOf, jensenShannon } from './monitoring/drift.js'
export { fiveS, type Tuning } from './monitoring/five-s.js'
export { type AttachOptions, attach } from './pipeline/attach.js'
export { optimizeLake, vacuumLake } from './pipeline/care.js'
export { type CandidateRow, type ChampionOptions, chooseChampion, type Election, readLabelled } from './pipeline/champion.js'
export { confusionPicture } from './pipeline/confusion-picture.js'
export { type CrashReport, crashTest } from './pipeline/crash-test.js'
export type { DiskBudget } from './pipeline/disk-budget.js'
export { evaluateLake, type LakeEvaluation, type LoggedRun, logEvaluation } from './pipeline/evaluation.js'
export { type Expectation, ExpectationError, type Expectations } from './pipeline/expectations.js'
export { type ForgetOptions, type ForgetReceipt, type Forgotten, forget, forgetAll } from './pipeline/forget.js'
export { clearLake, type LakeStatus, lakeStatus, streamHistory } from './pipeline/lake.js'
export { type ForgetOrder, forgetOrders, readOrders } from './pipeline/orders.js'
export {
  listQuarantine,
  type Mended,
  type MendOptions,
  type QuarantineRow,
  type QuarantineSelection,
  replayQuarantine,
} from './pipeline/quarantine.js'
export { checkReceipt, type ReceiptCheck, type Signed } from './pipeline/receipt.js'
export { type RecordFields, readRecord } from './pipeline/record.js'
export { type RunOptions, runPipeline, type SilverStreamOptions, startBronze, startGold, startSilver } from './pipeline/run.js'
export { type SinkStreamOptions, startSink } from './pipeline/sink-stream.js'
export type { PipelineStreamOptions } from './pipeline/stream-options.js'
export { measureTuning } from './pipeline/tuning.js'
export { engineSettings, openWorkbench, type Workbench, type WorkbenchOptions } from './pipeline/workbench.js'
export { ModelAddressError } from './registry/address-error.js'
export { promote, promotions, rollback } from './registry/champion.js'
export { followModel } from './registry/follow-model.js'
export { type LoadedModel, loadModel } from './registry/load-model.js'
export { type LoadedTranslator, loadTranslator } from './registry/load-translator.js'
export { type MlflowClient, mlflowClient } from './registry/mlflow.js'
export { type MlflowServer, startMlflow } from './registry/mlflow-server.js'
export { registerModel } from './registry/register-model.js'
export { type BlueskyAddress, type BlueskyOptions, blueskyFeed, JetstreamError, parseBlueskyAddress } from './sources/bluesky.js'
export { FAULTS, type Fault, type FaultShares } from './sources/faults.js'
export { inspectSource, type SourceListing } from './sources/inspect.js'
export { kafkaTopic } from './sources/kafka.js'
export { type Replayed, type ReplayOptions, replay } from './sources/replay.js'
export { parseXAddress, type XAddress, type XOptions, xFeed } from './sources/x.js'
export { type XClient, type XClientOptions, XError, type XRule, xClient } from './sources/x-client.js'
export { openStore } from './stores/open-store.js'
export type { Store, StoredFile } from './stores/store.js'
export {
  type MonitorLine,
  monitorLineText,
  monitorStreams,
  showLines,
  streamPoints,
  streamVerdict,
  type Verdict,
  verdictText,
} from './streams/monitor.js'
export { type Progress as BatchProgress, runningStreams, type Stream, stopStreams, type Trigger } from './streams/stream.js'
export { cleanText, EARLIER_TEXT_VERSIONS, hashtagsOf, isRetweet, mentionsOf, modelText, TEXT_VERSION } from './text/clean.js'
export { parseTweetDate } from './text/dates.js'
export { detectLanguage } from './text/language.js'
export { placeOf } from './text/place.js'
export {
  type BronzeTweet,
  type GoldTweet,
  isLabel,
  LABELS,
  type Label,
  labelId,
  type RawTweet,
  type SilverTweet,
} from './tweet.js'
