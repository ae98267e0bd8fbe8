import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { duckdb, openTable } from '../delta/index.js'
import { type Evaluation, evaluate, evaluateMentions } from '../evaluation/evaluate.js'
import { NEUTRAL_POLICIES, neutralPolicies } from '../evaluation/neutral-policy.js'
import { guardBlankPicture } from '../evaluation/picture.js'
import type { Prediction } from '../models/model.js'
import { mlflowClient } from '../registry/mlflow.js'
import type { Label } from '../tweet.js'
import { metricValues } from './champion.js'
import { confusionPicture } from './confusion-picture.js'
import type { NamedModel } from './gold.js'
import { tableLocation } from './lake.js'

/** One line of the metrics table: a share in [0, 1] with its 95 % interval, per tweet and per mention. */
export interface MetricRow {
  metric: string
  tweets: number | null
  tweetsLow: number | null
  tweetsHigh: number | null
  mentions: number | null
  mentionsLow: number | null
  mentionsHigh: number | null
}

/** How gold agrees with the labels that came with the tweets. */
export interface LakeEvaluation {
  /** One row a tweet. */
  tweets: Evaluation
  /** One row a mention, as the classroom counts. */
  mentions: Evaluation
  metricsTable: MetricRow[]
  /** Accuracy on the tweets whose label is negative or positive, under each rule for neutral answers. */
  policies: { policy: string; accuracy: number | null; accuracyLow: number | null; accuracyHigh: number | null; n: number }[]
  /** Accuracy of always answering the more frequent of the two classes. */
  policyBaseline: number
  /** Versions of the tables that were compared, newest when it was done. */
  versions: { silver: number; gold: number }
  /** sha256 over ids and labels, in order of id. */
  dataHash: string
}

interface GoldRow {
  tweet_id: string
  sentiment: Label
  predicted_sentiment: Label
  negative: number
  neutral: number
  positive: number
  mentions: string[] | null
}

/**
 * Compares the predictions in gold with the labels that came with the tweets; tweets without a label have no part in it.
 * Wait until the streams are idle: the tables are read once, at their newest versions.
 * @throws when no tweet in gold has a label
 */
export async function evaluateLake(lake: string, options: { seed?: number } = {}): Promise<LakeEvaluation> {
  const { seed = 1 } = options
  const gold = await (await openTable(tableLocation(lake, 'gold'))).snapshot()
  const silver = await (await openTable(tableLocation(lake, 'silver'))).snapshot()
  const rows = await (await duckdb()).rows<GoldRow>(`
    SELECT tweet_id, sentiment, predicted_sentiment, negative, neutral, positive, mentions
    FROM ${await gold.relation()} WHERE sentiment IS NOT NULL ORDER BY tweet_id`)
  if (!rows.length) throw new Error(`evaluation: no tweet in gold of ${lake} has a label`)
  const truth = rows.map(row => row.sentiment)
  const answers = rows.map(
    (row): Prediction => ({ label: row.predicted_sentiment, probabilities: [row.negative, row.neutral, row.positive] }),
  )
  const dataHash = createHash('sha256')
    .update(rows.map(row => `${row.tweet_id} ${row.sentiment}`).join('\n'))
    .digest('hex')
  const shared = { seed, dataHash, truthSource: 'sentiment' }
  const tweets = evaluate(truth, answers, shared)
  const mentions = evaluateMentions(
    truth,
    answers,
    rows.map(row => row.mentions ?? []),
    shared,
  )
  const decided = truth.flatMap((label, i) => (label === 'neutral' ? [] : [i]))
  const policies = neutralPolicies(
    decided.map(i => truth[i]!),
    decided.map(i => answers[i]!),
  )
  return {
    tweets,
    mentions,
    metricsTable: metricsTable(tweets, mentions),
    policies: policies.map(({ policy, accuracy, n }) => ({
      policy,
      accuracy: accuracy.value,
      accuracyLow: accuracy.low,
      accuracyHigh: accuracy.high,
      n,
    })),
    policyBaseline: policies.find(result => result.policy === NEUTRAL_POLICIES[0])?.majorityBaseline ?? 0,
    versions: { silver: silver.version, gold: gold.version },
    dataHash,
  }
}

function metricsTable(tweets: Evaluation, mentions: Evaluation): MetricRow[] {
  const row = (
    metric: string,
    pick: (evaluation: Evaluation) => { value: number | null; low: number | null; high: number | null },
  ): MetricRow => {
    const [t, m] = [pick(tweets), pick(mentions)]
    return {
      metric,
      tweets: t.value,
      tweetsLow: t.low,
      tweetsHigh: t.high,
      mentions: m.value,
      mentionsLow: m.low,
      mentionsHigh: m.high,
    }
  }
  return [
    row('accuracy', e => e.metrics.accuracy),
    row('majority baseline', e => e.metrics.majorityBaseline),
    row('macro precision', e => e.metrics.macroPrecision),
    row('macro recall', e => e.metrics.macroRecall),
    row('macro F1', e => e.metrics.macroF1),
    row('weighted F1', e => e.metrics.weightedF1),
    ...(['negative', 'neutral', 'positive'] as const).flatMap(label => [
      row(`${label} precision`, e => e.byClass[label].precision),
      row(`${label} recall`, e => e.byClass[label].recall),
      row(`${label} F1`, e => e.byClass[label].f1),
    ]),
  ]
}

/** What `logEvaluation` recorded. */
export interface LoggedRun {
  runId: string
  params: { param: string; value: string }[]
  metrics: Record<string, number>
  /** Alarms of the guards, also tags of the run. */
  alarms: string[]
}

/**
 * Records an evaluation as one MLflow run: metrics per tweet and per mention, the confusion matrix as a picture, model name,
 * model version and library version as three params, the versions of the tables at the time, the hash of the data.
 * @throws when the picture is blank
 */
export async function logEvaluation(
  evaluation: LakeEvaluation,
  {
    trackingUri,
    lake,
    model,
    experiment = 'moodlake',
  }: { trackingUri: string; lake: string; model: NamedModel; experiment?: string },
): Promise<LoggedRun> {
  const picture = confusionPicture(evaluation.tweets.confusion, `${model.name} ${model.version}: labels and predictions`)
  const blank = guardBlankPicture(picture, 'confusion matrix')
  if (blank.length) throw new Error(`evaluation: ${blank[0]?.message}`)
  const metrics = { ...metricValues(evaluation.tweets), ...metricValues(evaluation.mentions, 'mention_') }
  const params: Record<string, string | number> = {
    model_name: model.name,
    model_version: model.version,
    library_version: libraryVersion(),
    ...(model.hash && { model_hash: model.hash }),
    silver_version: evaluation.versions.silver,
    gold_version: evaluation.versions.gold,
    data_hash: evaluation.dataHash,
    neutral_policy: 'error',
    seed: evaluation.tweets.seed,
  }
  const alarms = [...evaluation.tweets.alarms, ...evaluation.mentions.alarms].map(alarm => `${alarm.guard}: ${alarm.message}`)
  const client = mlflowClient(trackingUri)
  const run = await client.createRun(await client.experiment(experiment), {
    name: `evaluation of ${lake}`,
    tags: { alarms: alarms.join('; ') || 'none' },
  })
  try {
    await client.logBatch(run.runId, { metrics, params })
    await client.upload(run.artifactUri, 'confusion-matrix.svg', picture)
    const { metricsTable, ...document } = evaluation
    await client.upload(run.artifactUri, 'evaluation.json', JSON.stringify(document, null, 2))
    await client.finishRun(run.runId)
  } catch (error) {
    await client.finishRun(run.runId, 'FAILED').catch(() => {})
    throw error
  }
  return {
    runId: run.runId,
    params: Object.entries(params).map(([param, value]) => ({ param, value: String(value) })),
    metrics,
    alarms,
  }
}

/** Version of this package, with which the tweets were scored. */
function libraryVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return `moodlake ${manifest.version}`
}
