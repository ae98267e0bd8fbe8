import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { fitNaiveBayes } from '../../src/models/naive-bayes.js'
import { gramLogits, learnGrams, NGRAM_DEFAULTS } from '../../src/models/ngram.js'
import { fitOptimum } from '../../src/models/optimum.js'
import { randomFrom } from '../../src/models/random.js'
import { chiSquare, fitTerms, type SparseRows, termReader, tokensOf } from '../../src/models/text-features.js'
import { askForest, growForest } from '../../src/models/tree.js'
import { syntheticExamples } from './examples.js'

const PYTHON = '.venv/bin/python'
const [N, SIZE] = [300, 40]

function last<T>(steps: Generator<number, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** A dense table as compressed rows. */
function sparse(table: readonly (readonly number[])[]): SparseRows {
  const offsets = [0]
  const [buckets, values]: [number[], number[]] = [[], []]
  for (const row of table) {
    row.forEach((value, column) => {
      if (value === 0) return
      buckets.push(column)
      values.push(value)
    })
    offsets.push(buckets.length)
  }
  const ends = Uint32Array.from(offsets)
  return { offsets: ends, buckets: Int32Array.from(buckets), values: Float32Array.from(values) }
}

const random = randomFrom(3)
/** Values that a float32 holds exactly; the class leans on the first columns. */
const table = Array.from({ length: N }, () =>
  Array.from({ length: SIZE }, () => (random() < 0.2 ? Math.ceil(random() * 16) / 4 : 0)),
)
const classes = table.map(row => {
  const lean = row[0]! + row[1]! - row[2]! + 4 * (random() - 0.5)
  return lean > 0.7 ? 2 : lean > -0.3 ? 1 : 0
})
const rows = sparse(table)
const truth = Uint8Array.from(classes)

const ORACLE = `
import json, sys
import numpy as np
from sklearn.feature_selection import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.naive_bayes import MultinomialNB
from sklearn.tree import DecisionTreeClassifier
d = json.load(sys.stdin)
X, y = np.array(d['table']), np.array(d['classes'])
b = (y > 0).astype(int)
s = 2 * b - 1
def value(w, c, loss):
    m = s * (X @ w[:-1] + w[-1])
    return .5 * w[:-1] @ w[:-1] + c * (np.log1p(np.exp(-m)) if loss == 'lr' else np.maximum(0, 1 - m) ** 2).sum()
lr = LogisticRegression(C=.5, tol=1e-10, max_iter=10000).fit(X, b)
svm = LinearSVC(C=.5, tol=1e-10, max_iter=1000000, intercept_scaling=1000).fit(X, b)
nb = MultinomialNB(alpha=.7).fit(X, y)
tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=3, random_state=0).fit(X > 0, y)
print(json.dumps(dict(chi2=chi2(X, y)[0].tolist(), nb=nb.predict_joint_log_proba(X).tolist(), tree=tree.predict_proba(X > 0).tolist(),
  lr=value(np.append(lr.coef_[0], lr.intercept_), .5, 'lr'), lrw=np.append(lr.coef_[0], lr.intercept_).tolist(),
  svm=value(np.append(svm.coef_[0], svm.intercept_), .5, 'svm'))))
`

describe.skipIf(!existsSync(PYTHON))('as scikit-learn has it', () => {
  let oracle: { chi2: number[]; nb: number[][]; tree: number[][]; lr: number; lrw: number[]; svm: number }
  beforeAll(() => {
    oracle = JSON.parse(execFileSync(PYTHON, ['-c', ORACLE], { input: JSON.stringify({ table, classes }), encoding: 'utf8' }))
  })

  it('chi-square', () => {
    for (const [column, score] of chiSquare(rows, truth, SIZE).entries()) expect(score).toBeCloseTo(oracle.chi2[column]!, 9)
  })

  it('multinomial naive Bayes, to 1e-9', () => {
    const { weights, bias } = fitNaiveBayes(rows, truth, SIZE, { k: 3, alpha: 0.7 })
    table.forEach((row, i) => {
      const joint = [0, 1, 2].map(c => row.reduce((sum, x, column) => sum + x * weights[3 * column + c]!, bias[c]!))
      for (const [c, value] of joint.entries()) expect(Math.abs(value - oracle.nb[i]![c]!)).toBeLessThan(1e-9)
    })
  })

  it.each(['logistic', 'squared-hinge'] as const)('the optimum of %s, no worse than to 1e-6', loss => {
    const targets = Int8Array.from(classes, c => (c > 0 ? 1 : -1))
    const peer = loss === 'logistic' ? oracle.lr : oracle.svm
    const exact = last(fitOptimum(rows, targets, SIZE, { loss, c: 0.5, tolerance: 1e-8 }))
    expect(exact.objective / peer).toBeLessThan(1 + 1e-6)
    if (loss === 'logistic') for (const [i, w] of exact.weights.entries()) expect(w).toBeCloseTo(oracle.lrw[i]!, 3)
    const usual = last(fitOptimum(rows, targets, SIZE, { loss, c: 0.5 }))
    expect(usual.objective / peer).toBeLessThan(1 + 1e-3)
  })

  it('a decision tree on what occurs', () => {
    const settings = { k: 3, trees: 1, depth: 4, minLeaf: 3, draws: 0 }
    const tree = last(growForest(rows, truth, SIZE, settings, randomFrom(1)))
    const shares = table.map(row => [...askForest(tree, 3, column => row[column]! > 0)])
    const same = shares.filter((share, i) => share.every((p, c) => Math.abs(p - oracle.tree[i]![c]!) < 1e-6)).length
    // Splits of equal impurity may be chosen otherwise.
    expect(same / N).toBeGreaterThan(0.95)
  })
})

describe('trees', () => {
  it('split where it can be seen by hand', () => {
    // Column 1 decides but for the last row; column 0 tells nothing.
    const small = sparse([
      [1, 2, 0],
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 0],
      [1, 3, 1],
    ])
    const tree = last(
      growForest(small, Uint8Array.of(1, 1, 0, 0, 0), 3, { k: 2, trees: 1, depth: 5, minLeaf: 1, draws: 0 }, randomFrom(1)),
    )
    expect([...tree.column]).toEqual([1, -1, 2, -1, -1])
    expect([...tree.next]).toEqual([1, -1, 3, -1, -1])
    expect(tree.shares.slice(2)).toEqual(Float32Array.of(1, 0, 1 / 3, 2 / 3, 0, 1, 1, 0))
    expect([...askForest(tree, 2, column => column === 1)]).toEqual([0, 1])
  })

  it('make a forest of different trees, the same for the same seed', () => {
    const grow = (seed: number) =>
      last(growForest(rows, truth, SIZE, { k: 3, trees: 8, depth: 6, minLeaf: 2, draws: 300 }, randomFrom(seed)))
    const forest = grow(5)
    expect(forest.roots).toHaveLength(8)
    expect(new Set(forest.roots.map(root => forest.column[root])).size).toBeGreaterThan(1)
    expect(grow(5)).toEqual(forest)
    expect(grow(6)).not.toEqual(forest)
    for (const row of table) {
      const shares = askForest(forest, 3, column => row[column]! > 0)
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6)
    }
  })
})

describe('n-grams on top of another model', () => {
  const examples = syntheticExamples(300)
  const fillers = 'the phone again today with friends'
  /** What n-grams add for the true class of a word over the other one, after another model has given the true class so many logits more. */
  const added = async (lead: number) => {
    const said = Float32Array.from(
      examples.flatMap(({ label }) => ['negative', 'neutral', 'positive'].map(one => (one === label ? lead : 0))),
    )
    const logits = gramLogits(NGRAM_DEFAULTS, await learnGrams(examples, NGRAM_DEFAULTS, { seed: 1, said }))
    const [negative, , positive] = logits(`wonderful ${fillers}`)
    return positive - negative
  }

  it('learn what it does not know, and little where it knows all', async () => {
    const [alone, doubled, idle] = [await added(0), await added(2), await added(12)]
    expect(alone).toBeGreaterThan(2)
    expect(doubled).toBeLessThan(alone)
    expect(Math.abs(idle)).toBeLessThan(0.05)
  })
})

describe('feature sets', () => {
  const texts = ['Good good day', 'bad  DAY', 'a good\tday today', 'day']
  const labels = Uint8Array.of(1, 0, 1, 0)
  const plain = { hashed: false, bits: 10, longest: 1, minDocuments: 0 }

  it('tokens are lower-cased and split on white space', () => {
    expect(tokensOf(' Good\t:) @Ann\nIT’S ')).toEqual(['good', ':)', '@ann', 'it’s'])
  })

  it('weigh counts by Spark’s IDF, ln((n + 1) / (df + 1))', () => {
    const { table: learned, rows: made } = last(fitTerms(texts, labels, plain))
    // "day" is everywhere: its weight is 0, so it has no column.
    expect(learned.terms).toEqual(['good', 'bad', 'a', 'today'])
    expect([...learned.idf].map(x => x.toFixed(6))).toEqual([5 / 3, 5 / 2, 5 / 2, 5 / 2].map(x => Math.log(x).toFixed(6)))
    expect([...made.offsets]).toEqual([0, 1, 2, 5, 5])
    expect(made.values[0]).toBeCloseTo(2 * Math.log(5 / 3), 6)
    const { buckets, counts, size } = termReader(learned, plain)('good new GOOD bad')
    expect([...buckets.slice(0, size)]).toEqual([0, 1])
    expect(counts[0]).toBeCloseTo(2 * Math.log(5 / 3), 6)
  })

  it('leave out rare terms, keep the most frequent and, of those, what chi-square picks', () => {
    expect(last(fitTerms(texts, labels, { ...plain, minDocuments: 2 })).table.terms).toEqual(['good'])
    expect(last(fitTerms(texts, labels, { ...plain, bits: 1 })).table.terms).toEqual(['good'])
    const { table: grams } = last(fitTerms(texts, labels, { ...plain, longest: 2, keep: 2 }))
    expect(grams.terms).toHaveLength(2)
    expect(grams.terms).toContain('good day')
  })

  it('hash what a vocabulary would count, but for terms that meet', () => {
    const hashed = last(fitTerms(texts, labels, { ...plain, hashed: true, bits: 16 }))
    const counted = last(fitTerms(texts, labels, plain))
    expect(hashed.table.idf).toHaveLength(2 ** 16)
    expect([...hashed.rows.values].sort()).toEqual([...counted.rows.values].sort())
  })
})
