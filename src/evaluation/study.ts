/** The classical study: every feature set with every learner, on one fixed split. */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFailure } from '../models/answer.js'
import { classicalModel, type Learner, prepareFeatures } from '../models/classical.js'
import type { Answer, Example, Model } from '../models/model.js'
import type { FeatureSet } from '../models/text-features.js'
import { evaluate } from './evaluate.js'
import type { Estimate } from './intervals.js'
import { aucEstimate, type Roc, rocCurve } from './roc.js'

/** One feature set with one learner. */
export interface StudyCell {
  set: FeatureSet
  learner: Learner
  /** Held-out rows. */
  n: number
  accuracy: Estimate
  /** Of the positive class where there are two classes, else macro-F1. */
  f1: Estimate
  /** Area under the ROC curve of the positive class against the rest, on held-out rows. */
  auc: Estimate
  /** The same on the first 10,000 training rows: flattering, and called so. */
  trainingAuc: number | null
  /** The held-out curve behind `auc`. */
  roc: Roc
  /** Seconds to learn the feature set; the same for all learners of a set. */
  featuresSeconds: number
  /** Seconds to fit the learner, and CPU seconds of it. */
  fitSeconds: number
  fitCpuSeconds: number
  /** Bytes of the model's folder. */
  bytes: number
}

/** What a study found. */
export interface Study {
  trainRows: number
  testRows: number
  /** Accuracy of always answering the most frequent class of the held-out rows. */
  majority: Estimate
  cells: StudyCell[]
}

/** What a study is told. */
export interface StudyOptions {
  sets: readonly FeatureSet[]
  learners: readonly Learner[]
  /** Seed of everything random; default 1. */
  seed?: number
  /** Stops between rows; its reason is thrown. */
  signal?: AbortSignal
  /** Told the share done, in [0, 1], and what is being done. */
  onProgress?: (share: number, note: string) => void
  /** Gets each cell as soon as it is measured. */
  onCell?: (cell: StudyCell) => void
}

/**
 * The fixed split of a data set: texts with the smallest sha256 are held out, whatever the order of the rows. Equal texts stay
 * on one side.
 * @param share of the rows to hold out, in (0, 1)
 */
export function splitExamples(examples: readonly Example[], share: number): { train: Example[]; test: Example[] } {
  const limit = share * 2 ** 32
  const held = (text: string) => createHash('sha256').update(text).digest().readUInt32BE() < limit
  const test = examples.filter(({ text }) => held(text))
  return { train: examples.filter(({ text }) => !held(text)), test }
}

/**
 * Fits every learner on every feature set and measures it on held-out rows. Features are made once a set.
 * @param train rows to learn from
 * @param test rows to measure on: used for nothing else
 */
export async function runStudy(train: readonly Example[], test: readonly Example[], options: StudyOptions): Promise<Study> {
  const { sets, learners, seed = 1, signal, onProgress } = options
  const cells: StudyCell[] = []
  const all = sets.length * (learners.length + 1)
  const share = (at: number, note: string) => (part: number) => onProgress?.((at + part) / all, note)
  let majority: Estimate = { value: null, low: null, high: null, method: 'wilson' }
  for (const [i, set] of sets.entries()) {
    const at = i * (learners.length + 1)
    const begun = performance.now()
    const prepared = await prepareFeatures(train, set, { signal, onProgress: share(at, set) })
    const featuresSeconds = since(begun)
    for (const [j, learner] of learners.entries()) {
      const model = classicalModel({ learner, features: set, prepared })
      const started = performance.now()
      const cpu = process.cpuUsage()
      await model.fit(train, { seed, signal, onProgress: share(at + 1 + j, model.name) })
      const fitSeconds = since(started)
      const fitCpuSeconds = Math.round(process.cpuUsage(cpu).user / 1000) / 1000
      const measured = await measure(model, train, test, { seed, signal })
      majority = measured.majority
      const cell = { set, learner, ...measured.cell, featuresSeconds, fitSeconds, fitCpuSeconds, bytes: await sizeOf(model) }
      cells.push(cell)
      options.onCell?.(cell)
    }
  }
  return { trainRows: train.length, testRows: test.length, majority, cells }
}

function since(start: number): number {
  return Math.round(performance.now() - start) / 1000
}

async function measure(
  model: Model,
  train: readonly Example[],
  test: readonly Example[],
  { seed, signal }: { seed: number; signal?: AbortSignal },
) {
  const predict = (rows: readonly Example[]) =>
    model.predict(
      rows.map(({ text }) => text),
      { signal },
    )
  const chances = (answers: readonly Answer[]) => answers.map(answer => (isFailure(answer) ? 0 : answer.probabilities[2]))
  const isPositive = (rows: readonly Example[]) => rows.map(({ label }) => label === 'positive')
  const truth = test.map(({ label }) => label)
  const answers = await predict(test)
  const { n, metrics, byClass } = evaluate(truth, answers, { seed })
  const seen = train.slice(0, 10_000)
  const twoClass = !truth.includes('neutral')
  return {
    majority: metrics.majorityBaseline,
    cell: {
      n,
      accuracy: metrics.accuracy,
      f1: twoClass ? byClass.positive.f1 : metrics.macroF1,
      auc: byClass.positive.auc!,
      trainingAuc: aucEstimate(chances(await predict(seen)), isPositive(seen)).value,
      roc: rocCurve(chances(answers), isPositive(test)),
    },
  }
}

async function sizeOf(model: ReturnType<typeof classicalModel>): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'moodlake-study-'))
  try {
    await model.save(folder)
    const files = await readdir(folder)
    const sizes = await Promise.all(files.map(async file => (await stat(join(folder, file))).size))
    return sizes.reduce((a, b) => a + b, 0)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
