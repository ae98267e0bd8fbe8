import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareAnswers } from '../evaluation/compare.js'
import { type Evaluation, evaluate } from '../evaluation/evaluate.js'
import { confusionMatrixChart } from '../explore/evaluation-charts.js'
import { packModel } from '../models/average.js'
import { bundledModelFolder } from '../models/bundled.js'
import { hashFolder } from '../models/folder.js'
import { lexiconModel } from '../models/lexicon.js'
import { loadModelFolder } from '../models/load.js'
import { majorityModel } from '../models/majority.js'
import type { Answer, Example } from '../models/model.js'
import { ngramModel } from '../models/ngram.js'
import { type Promotion, promote } from '../registry/champion.js'
import { isMissing, type MlflowClient, mlflowClient } from '../registry/mlflow.js'
import { HASH_TAG, registerModel } from '../registry/register-model.js'
import { isLabel, LABELS } from '../tweet.js'
import { confusionPicture } from './confusion-picture.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Version tag with the hash of the held-out tweets that a version was judged on. */
const DATA_TAG = 'moodlake.data'

/** Options of `chooseChampion`. */
export interface ChampionOptions {
  /** Address of the MLflow server; it may still be starting while the candidates learn. */
  trackingUri: string | Promise<string>
  /** Registered name. Default `sentiment`. */
  name?: string
  /** Labelled tweets to learn from, as JSON lines `{text, sentiment}`. Default `data/labelled/train.ndjson`. */
  train?: string
  /** Labelled tweets to be judged on. Default `data/labelled/evaluation.ndjson`. */
  heldOut?: string
  /** Folder for the candidates' folders. Default `.moodlake/candidates`. */
  folder?: string
  /** Default 1. */
  seed?: number
  signal?: AbortSignal
  /** Called as the training and the judging of each candidate begins. */
  onProgress?(done: number, total: number, what: string): void
}

/** How one candidate did on the held-out tweets; shares in [0, 1] with 95 % intervals. */
export interface CandidateRow {
  model: string
  version: string
  macroRecall: number | null
  macroRecallLow: number | null
  macroRecallHigh: number | null
  accuracy: number | null
  accuracyLow: number | null
  accuracyHigh: number | null
  n: number
  failures: number
  champion: boolean
}

/** What came of choosing a champion. */
export interface Election {
  /** One row per candidate, best first. */
  table: CandidateRow[]
  champion: CandidateRow & { hash: string }
  promotion: Promotion
  evaluations: Record<string, Evaluation>
}

/** Reads labelled texts from JSON lines `{text, sentiment}`. Throws naming the line that is not such. */
export async function readLabelled(file: string): Promise<Example[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  return lines.flatMap((line, i) => {
    if (!line.trim()) return []
    const { text, sentiment } = JSON.parse(line) as { text?: unknown; sentiment?: unknown }
    if (typeof text !== 'string' || !isLabel(sentiment))
      throw new Error(`${file}: line ${i + 1} has no text or no class: ${line.slice(0, 80)}`)
    return [{ text, label: sentiment }]
  })
}

interface Candidate {
  model: string
  folder: string
  evaluation: Evaluation
  answers: Answer[]
}

/**
 * Trains majority, lexicon and n-gram model on the labelled tweets, judges them and the bundled models on the same
 * held-out ones, registers each with metrics, confusion matrix and hash, and gives one the alias `champion`: `blend`, the
 * package's own, unless the best by macro-recall beats it by more than luck (paired interval above 0). Done again, what is registered already is not registered twice.
 */
export async function chooseChampion(options: ChampionOptions): Promise<Election> {
  const { name = 'sentiment', seed = 1, signal } = options
  const heldOutFile = options.heldOut ?? join(ROOT, 'data/labelled/evaluation.ndjson')
  const train = await readLabelled(options.train ?? join(ROOT, 'data/labelled/train.ndjson'))
  const heldOut = await readLabelled(heldOutFile)
  const dataHash = createHash('sha256')
    .update(await readFile(heldOutFile))
    .digest('hex')
  const candidates = await judge(await folders(train, options), heldOut, { ...options, seed, dataHash })
  const client = mlflowClient(await options.trackingUri)
  const rows: (CandidateRow & { hash: string })[] = []
  for (const candidate of candidates) {
    signal?.throwIfAborted()
    rows.push(await register(client, candidate, { name, dataHash, train: train.length, seed }))
  }
  const ranked = rows.map((row, i) => ({ row, candidate: candidates[i]! })).sort((a, b) => value(b.row) - value(a.row))
  const { chosen, reason } = choose(ranked, heldOut, seed)
  const promotion = await promote(client, { name, version: chosen.row.version, reason })
  chosen.row.champion = true
  const table = rows.sort((a, b) => value(b) - value(a)).map(({ hash, ...row }) => row)
  return {
    table,
    champion: chosen.row,
    promotion,
    evaluations: Object.fromEntries(candidates.map(({ model, evaluation }) => [model, evaluation])),
  }
}

const value = (row: CandidateRow) => row.macroRecall ?? -1

/** Models of the package that are candidates. */
const BUNDLED = ['compact', 'blend']
/** Serves until another is better by more than luck. */
const DEFAULT = 'blend'

/** The folders of the candidates: three trained here, two bundled. */
async function folders(
  train: Example[],
  { folder, seed, signal, onProgress }: ChampionOptions,
): Promise<{ model: string; folder: string }[]> {
  const base = resolve(folder ?? join(ROOT, '.moodlake/candidates'))
  await mkdir(base, { recursive: true })
  const learners = { majority: majorityModel(), lexicon: lexiconModel(), ngram: ngramModel() }
  const made: { model: string; folder: string }[] = []
  for (const [model, learner] of Object.entries(learners)) {
    onProgress?.(made.length, 3 + BUNDLED.length, `train ${model}`)
    await learner.fit(train, { seed, signal })
    await learner.save(join(base, model))
    made.push({ model, folder: join(base, model) })
  }
  for (const model of BUNDLED) {
    const bundled = bundledModelFolder(model)
    if (!bundled) continue
    // Registered whole: a version has to be what it was when the package's models are others.
    await packModel(bundled, join(base, model))
    made.push({ model, folder: join(base, model) })
  }
  return made
}

/** Scores the held-out tweets with every candidate as it will be served: loaded from its folder. */
async function judge(
  made: readonly { model: string; folder: string }[],
  heldOut: readonly Example[],
  { seed, dataHash, signal, onProgress }: ChampionOptions & { seed: number; dataHash: string },
): Promise<Candidate[]> {
  const truth = heldOut.map(example => example.label)
  const texts = heldOut.map(example => example.text)
  const judged: Candidate[] = []
  for (const [i, { model, folder }] of made.entries()) {
    onProgress?.(i, made.length, `judge ${model}`)
    const loaded = await loadModelFolder(folder)
    try {
      const answers = await loaded.predict(texts, { signal })
      judged.push({
        model,
        folder,
        answers,
        evaluation: evaluate(truth, answers, { seed, modelName: model, modelHash: loaded.hash, dataHash }),
      })
    } finally {
      await loaded.close?.()
    }
  }
  return judged
}

async function register(
  client: MlflowClient,
  { model, folder, evaluation }: Candidate,
  { name, dataHash, train, seed }: { name: string; dataHash: string; train: number; seed: number },
): Promise<CandidateRow & { hash: string }> {
  const hash = await hashFolder(folder)
  const known = await client.versions(name).catch(error => {
    if (isMissing(error)) return []
    throw error
  })
  const there = known.find(version => version.tags[HASH_TAG] === hash && version.tags[DATA_TAG] === dataHash)
  const { accuracy, macroRecall } = evaluation.metrics
  const version =
    there?.version ??
    (
      await registerModel(client, {
        name,
        folder,
        runName: model,
        metrics: metricValues(evaluation),
        params: { model, train_rows: train, held_out_rows: evaluation.n, seed, data_hash: dataHash },
        tags: { [DATA_TAG]: dataHash, model },
        confusion: {
          svg: confusionPicture(evaluation.confusion, `${model} on held-out tweets`),
          figure: confusionMatrixChart(evaluation.confusion),
        },
        evaluation,
        description: `${model}: macro-recall ${macroRecall.value?.toFixed(3)}, n = ${evaluation.n}`,
      })
    ).version
  return {
    model,
    version,
    macroRecall: macroRecall.value,
    macroRecallLow: macroRecall.low,
    macroRecallHigh: macroRecall.high,
    accuracy: accuracy.value,
    accuracyLow: accuracy.low,
    accuracyHigh: accuracy.high,
    n: evaluation.n,
    failures: evaluation.failures.length,
    champion: false,
    hash,
  }
}

/** The numbers of an evaluation under MLflow's names; what is not defined is left out. */
export function metricValues(evaluation: Evaluation, prefix = ''): Record<string, number> {
  const values: [string, number | null][] = Object.entries(evaluation.metrics).map(([key, estimate]) => [key, estimate.value])
  for (const label of LABELS) {
    const { precision, recall, f1 } = evaluation.byClass[label]
    values.push([`${label}_precision`, precision.value], [`${label}_recall`, recall.value], [`${label}_f1`, f1.value])
  }
  const defined = values.filter((pair): pair is [string, number] => pair[1] !== null)
  return Object.fromEntries([
    ...defined.map(([key, number]) => [`${prefix}${key}`, number] as const),
    [`${prefix}n`, evaluation.n],
  ])
}

interface Ranked {
  row: CandidateRow & { hash: string }
  candidate: Candidate
}

/** The best, or the default where the best is not better by more than luck; with the figures that speak for it. */
function choose(ranked: readonly Ranked[], heldOut: readonly Example[], seed: number): { chosen: Ranked; reason: string } {
  const [best, second] = ranked as [Ranked, Ranked?]
  const usual = ranked.find(({ row }) => row.model === DEFAULT)
  const other = usual && usual !== best ? usual : second
  if (!other) return { chosen: best, reason: 'the only candidate' }
  const truth = heldOut.map(example => example.label)
  const { differences, n } = compareAnswers(truth, other.candidate.answers, best.candidate.answers, { seed })
  const { difference, low, high } = differences.macroRecall
  const points = (share: number | null) => (share === null ? '?' : (100 * share).toFixed(1))
  const figures = `${best.row.model} over ${other.row.model}: macro-recall ${points(difference)} points [${points(low)}, ${points(high)}], paired, n = ${n}`
  const luck = other === usual && !((low ?? 0) > 0)
  return luck
    ? { chosen: other, reason: `${other.row.model} stays; ${figures}, no more than luck` }
    : { chosen: best, reason: figures }
}
