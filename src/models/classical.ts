/** The learners of the classical study behind the contract of every model. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LABELS, type Label } from '../tweet.js'
import { predictionFrom, predictionFromLogits } from './answer.js'
import { bytesOf, type ModelCard, readNumbers } from './folder.js'
import type { Example, Prediction, TrainableModel } from './model.js'
import { fitNaiveBayes } from './naive-bayes.js'
import { fitLines, inPlace, logitsOfMargins } from './optimum.js'
import { randomFrom } from './random.js'
import {
  FEATURE_SETS,
  type FeatureSet,
  fitTerms,
  type SparseRows,
  type TermCounts,
  type TermSettings,
  type TermTable,
  termColumns,
  termReader,
  tokensOf,
} from './text-features.js'
import { answerEach, countLabels, finish, type Loaded, trainableModel, type Work } from './trainable.js'
import { askForest, type Forest, growForest } from './tree.js'

/** Logistic regression, multinomial naive Bayes, linear support vector machine, decision tree, random forest. */
export const LEARNERS = ['lr', 'nb', 'svm', 'dt', 'rf'] as const

/** Name of a learner. */
export type Learner = (typeof LEARNERS)[number]

/** How a classical model is set up. A learner reads what is its own. */
export interface ClassicalSettings {
  /** Feature set; default S4. */
  features: FeatureSet
  learner: Learner
  /** lr, svm: inverse strength of the L2 penalty; see `DEFAULTS`. */
  c: number
  /** nb: what is added to every count. */
  alpha: number
  /** rf: trees. */
  trees: number
  /** dt, rf: most questions from root to leaf. */
  depth: number
  /** dt, rf: fewest rows in a leaf. */
  minLeaf: number
  /** rf: most rows that a tree draws. */
  draws: number
}

/** Chosen on a tenth of the training rows of Sentiment140, no test row seen: see docs/benchmarks.md. */
const DEFAULTS: Record<Learner, Omit<ClassicalSettings, 'features' | 'learner'>> = {
  lr: { c: 1, alpha: 0, trees: 1, depth: 0, minLeaf: 0, draws: 0 },
  svm: { c: 0.1, alpha: 0, trees: 1, depth: 0, minLeaf: 0, draws: 0 },
  nb: { c: 0, alpha: 5, trees: 1, depth: 0, minLeaf: 0, draws: 0 },
  dt: { c: 0, alpha: 0, trees: 1, depth: 60, minLeaf: 5, draws: 0 },
  rf: { c: 0, alpha: 0, trees: 30, depth: 40, minLeaf: 1, draws: 20_000 },
}

/** Training texts turned into a feature set, for several learners to use. */
export interface Prepared {
  features: FeatureSet
  table: TermTable
  rows: SparseRows
  /** The classes that occur, by their place in `LABELS`. */
  present: number[]
  /** Place in `present`, per row. */
  classes: Uint8Array
  byClass: Record<string, number>
}

/** Reads examples into a feature set. */
export async function prepareFeatures(examples: readonly Example[], features: FeatureSet, work: Work = {}): Promise<Prepared> {
  const byClass = countLabels(examples)
  const present = LABELS.flatMap((label, i) => (byClass[label] ? [i] : []))
  const classes = Uint8Array.from(examples, ({ label }) => present.indexOf(LABELS.indexOf(label)))
  const texts = examples.map(({ text }) => text)
  const { table, rows } = await finish(fitTerms(texts, classes, FEATURE_SETS[features]), work)
  return { features, table, rows, present, classes, byClass }
}

/** What a learner learned. */
interface Learned {
  table: TermTable
  present: number[]
  /** lr, svm, nb: `width` weights per column; two classes need only one, the log odds of the second. */
  weights?: Float32Array
  bias?: number[]
  forest?: Forest
}

/**
 * A classical model: one of the feature sets S1–S5 and one learner. Two or three classes, whatever occurs in training. Saved
 * and loaded it answers the same to the bit. With three classes `lr` and `svm` set each against the rest. Probabilities of `svm` are squashed margins, those of `nb` far too sure, those of
 * trees shares of training rows: good for ranking, not calibrated.
 */
export function classicalModel({
  name,
  learner = 'lr',
  features = 'S4',
  settings = {},
  prepared,
}: {
  /** Default `lr-S4` and so on. */
  name?: string
  learner?: Learner
  features?: FeatureSet
  settings?: Partial<Omit<ClassicalSettings, 'learner' | 'features'>>
  /** Features already read: `fit` then trusts that its examples are those. */
  prepared?: Prepared
} = {}): TrainableModel {
  return build(name ?? `${learner}-${features}`, { ...DEFAULTS[learner], ...settings, learner, features }, { prepared })
}

function build(
  name: string,
  settings: ClassicalSettings,
  { prepared, loaded }: { prepared?: Prepared; loaded?: Loaded<Learned> },
): TrainableModel {
  return trainableModel<Learned>(
    {
      kind: 'classical',
      name,
      settings: { ...settings },
      async learn(examples, { seed, signal, onProgress }) {
        const ready =
          prepared ?? (await prepareFeatures(examples, settings.features, { signal, onProgress: s => onProgress?.(s / 2) }))
        const begun = prepared ? 0 : 0.5
        return learn(ready, settings, seed, { signal, onProgress: s => onProgress?.(begun + (1 - begun) * s) })
      },
      scorer: learned => answerEach(textScorer(learned, settings)),
      written: toFiles,
      // Trees are no sums.
      weigh: isTree(settings.learner) ? undefined : (learned, pieces, label) => weighPieces(learned, settings, pieces, label),
    },
    loaded,
  )
}

function isTree(learner: Learner): boolean {
  return learner === 'dt' || learner === 'rf'
}

async function learn(
  { table, rows, present, classes }: Prepared,
  { learner, c, alpha, ...growing }: ClassicalSettings,
  seed: number,
  work: Work,
): Promise<Learned> {
  const size = table.idf.length
  const k = present.length
  if (isTree(learner)) {
    const grow = growForest(rows, classes, size, { k, ...growing }, randomFrom(seed))
    return { table, present, forest: await finish(grow, work) }
  }
  // Rows of length 1: a long tweet pulls no more than a short one, and one setting fits all sets.
  const unit = { ...rows, values: unitLengths(rows) }
  if (learner === 'nb') {
    const { weights, bias } = fitNaiveBayes(unit, classes, size, { k, alpha })
    if (k !== 2) return { table, present, weights: Float32Array.from(weights), bias: [...bias] }
    const odds = Float32Array.from({ length: size }, (_, i) => weights[2 * i + 1]! - weights[2 * i]!)
    return { table, present, weights: odds, bias: [bias[1]! - bias[0]!] }
  }
  const loss = learner === 'lr' ? 'logistic' : 'squared-hinge'
  const { weights, bias } = await fitLines(unit, classes, size, { loss, c, k, ...work })
  return { table, present, weights, bias }
}

function unitLengths({ offsets, values }: SparseRows): Float32Array {
  const unit = new Float32Array(values.length)
  for (let row = 0; row + 1 < offsets.length; row++) {
    const [from, to] = [offsets[row]!, offsets[row + 1]!]
    const length = lengthOf(values, from, to)
    for (let i = from; i < to; i++) unit[i] = values[i]! / length
  }
  return unit
}

function lengthOf(values: TermCounts['counts'], from: number, to: number): number {
  let squares = 0
  for (let i = from; i < to; i++) squares += values[i]! * values[i]!
  return Math.sqrt(squares) || 1
}

/** A function from text to prediction, with scratch memory of its own. */
function textScorer(learned: Learned, { learner, features }: ClassicalSettings): (text: string) => Prediction {
  const { table, present, weights, bias, forest } = learned
  const read = termReader(table, FEATURE_SETS[features])
  const k = present.length
  if (forest)
    return text => {
      const full: [number, number, number] = [0, 0, 0]
      const { buckets, size, counts } = read(text)
      const has = new Set<number>()
      for (let i = 0; i < size; i++) if (counts[i]! > 0) has.add(buckets[i]!)
      const shares = askForest(forest, k, column => has.has(column))
      present.forEach((label, c) => {
        full[label as 0 | 1 | 2] = shares[c]!
      })
      return predictionFrom(...full)
    }
  const width = bias!.length
  return text => {
    const { buckets, counts, size } = read(text)
    const scale = 1 / lengthOf(counts, 0, size)
    const scores = bias!.slice()
    for (let i = 0; i < size; i++)
      for (let out = 0; out < width; out++) scores[out]! += weights![width * buckets[i]! + out]! * counts[i]! * scale
    // Naive Bayes gives each class its logit.
    const logits = learner === 'nb' && k > 2 ? inPlace(scores, present) : logitsOfMargins(scores, present)
    return predictionFromLogits(...logits)
  }
}

/** What each piece adds to a class's score; an n-gram's share is split evenly over its words. */
function weighPieces(learned: Learned, { features }: ClassicalSettings, pieces: readonly string[], label: Label): number[] {
  const { table, present, weights, bias } = learned
  const settings: TermSettings = FEATURE_SETS[features]
  const out = present.indexOf(LABELS.indexOf(label))
  const shares = pieces.map(() => 0)
  if (out < 0) return shares
  const columnOf = termColumns(table, settings)
  const { counts, size } = termReader(table, settings)(pieces.join(''))
  const scale = 1 / lengthOf(counts, 0, size)
  const words = pieces.flatMap((piece, i) => tokensOf(piece).map(token => ({ token, piece: i })))
  const width = bias!.length
  // Two classes share one line: what speaks for the second speaks against the first.
  const [at, sign] = width === 1 ? [0, out === 0 && present.length === 2 ? -1 : 1] : [out, 1]
  for (let i = 0; i < words.length; i++)
    for (let n = 1; n <= settings.longest && i + n <= words.length; n++) {
      const gram = words.slice(i, i + n)
      const column = columnOf(gram.map(({ token }) => token).join(' '))
      if (column < 0) continue
      const share = (sign * weights![width * column + at]! * table.idf[column]! * scale) / n
      for (const { piece } of gram) shares[piece]! += share
    }
  return shares
}

const NUMBERS_FILE = 'weights.bin'
const TERMS_FILE = 'terms.json'

/** The arrays one after another, and how long each is. */
function toFiles({ table, present, weights, bias, forest }: Learned) {
  const arrays = forest ? [table.idf, forest.shares, forest.column, forest.next] : [table.idf, weights!]
  const files: Record<string, Uint8Array> = { [NUMBERS_FILE]: bytesOf(...arrays) }
  if (table.terms) files[TERMS_FILE] = Buffer.from(JSON.stringify(table.terms))
  const parameters = { present, bias, roots: forest?.roots, lengths: arrays.map(array => array.length) }
  return { parameters, files }
}

/**
 * A classical model out of its folder.
 * @throws when a file is not of the size that the card says
 */
export async function loadClassical(folder: string, card: ModelCard, hash: string): Promise<TrainableModel> {
  const settings = card.settings as unknown as ClassicalSettings
  const { present, bias, roots, lengths } = card.parameters as unknown as {
    present: number[]
    bias?: number[]
    roots?: number[]
    lengths: number[]
  }
  const before = (i: number) => lengths.slice(0, i).reduce((a, b) => a + b, 0)
  const buffer = await readNumbers(join(folder, NUMBERS_FILE), before(lengths.length))
  const at = lengths.map((_, i) => 4 * before(i))
  const numbers = (i: number) => new Float32Array(buffer, at[i]!, lengths[i]!)
  const places = (i: number) => new Int32Array(buffer, at[i]!, lengths[i]!)
  const hashed = FEATURE_SETS[settings.features].hashed
  const terms = hashed ? undefined : (JSON.parse(await readFile(join(folder, TERMS_FILE), 'utf8')) as string[])
  const learned: Learned = { table: { terms, idf: numbers(0) }, present, bias }
  if (roots) learned.forest = { roots, shares: numbers(1), column: places(2), next: places(3) }
  else learned.weights = numbers(1)
  return build(card.name, settings, { loaded: { learned, trained: card.trained, hash } })
}
