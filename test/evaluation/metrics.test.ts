import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { confusionOf, METRICS, metricsOf } from '../../src/evaluation/metrics.js'
import { aucEstimate, rocCurve } from '../../src/evaluation/roc.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS } from '../../src/tweet.js'

const PYTHON = '.venv/bin/python'
const SHARED = process.env.MOODLAKE_SHARED ?? '../shared'
const TWEETEVAL = `${SHARED}/data/tweeteval`

const ORACLE = `
import json, sys
from sklearn import metrics as m
cases = json.load(sys.stdin)
labels = ['negative', 'neutral', 'positive']
out = []
for case in cases:
    t, p, s = case['truth'], case['predicted'], case['scores']
    present = sorted(set(t))
    r = {'accuracy': m.accuracy_score(t, p), 'balanced': m.balanced_accuracy_score(t, p)}
    for name, average in (('macro', 'macro'), ('weighted', 'weighted')):
        pr, rc, f1, _ = m.precision_recall_fscore_support(t, p, labels=present, average=average, zero_division=0)
        r.update({name + 'Precision': pr, name + 'Recall': rc, name + 'F1': f1})
    nan = float('nan')
    pr, rc, f1, n = m.precision_recall_fscore_support(t, p, labels=labels, average=None, zero_division=nan)
    none = lambda v: None if v != v else float(v)
    r['byClass'] = {l: {'precision': none(pr[i]), 'recall': none(rc[i]), 'f1': none(f1[i]), 'support': int(n[i])} for i, l in enumerate(labels)}
    r['confusion'] = m.confusion_matrix(t, p, labels=labels).tolist()
    y = [1 if x == 'positive' else 0 for x in t]
    r['auc'] = m.roc_auc_score(y, s) if 0 < sum(y) < len(y) else None
    out.append(r)
json.dump(out, sys.stdout)
`

describe('metrics', () => {
  it.skipIf(!existsSync(PYTHON))('equal scikit-learn to 1e-9 on random inputs (needs .venv)', () => {
    const random = randomFrom(7)
    const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!
    const cases = Array.from({ length: 60 }, (_, i) => {
      // Some inputs miss a class in the truth, some in the predictions, some are tiny.
      const trueLabels = i % 5 === 1 ? ['negative', 'positive'] : i % 7 === 2 ? ['neutral'] : LABELS
      const answers = i % 3 === 1 ? ['neutral', 'positive'] : LABELS
      const rows = Array.from({ length: i < 10 ? i + 1 : Math.ceil(random() * 400) })
      return {
        truth: rows.map(() => pick(trueLabels)),
        predicted: rows.map(() => pick(answers)),
        scores: rows.map(() => Math.round(random() * 20) / 20),
      }
    })
    const expected = JSON.parse(
      execFileSync(PYTHON, ['-W', 'ignore', '-c', ORACLE], { input: JSON.stringify(cases), encoding: 'utf8' }),
    )
    const close = (ours: number | null, theirs: number | null, what: string) => {
      if (theirs === null || ours === null) expect(ours, what).toBe(theirs)
      else expect(Math.abs(ours - theirs), what).toBeLessThan(1e-9)
    }
    expect(expected).toHaveLength(60)
    cases.forEach(({ truth, predicted, scores }, i) => {
      const oracle = expected[i]
      const confusion = confusionOf(truth, predicted, LABELS)
      const { overall, byClass } = metricsOf(confusion)
      expect(confusion.counts).toEqual(oracle.confusion)
      for (const name of METRICS.filter(name => name !== 'majorityBaseline'))
        close(overall[name], oracle[name], `${name} of case ${i}`)
      close(overall.macroRecall, oracle.balanced, `balanced accuracy of case ${i}`)
      for (const label of LABELS) {
        const { precision, recall, f1, support } = byClass[label]!
        close(precision, oracle.byClass[label].precision, `precision of ${label}, case ${i}`)
        close(recall, oracle.byClass[label].recall, `recall of ${label}, case ${i}`)
        if (f1 !== null) close(f1, oracle.byClass[label].f1 ?? 0, `f1 of ${label}, case ${i}`)
        expect(support).toBe(oracle.byClass[label].support)
      }
      const positive = truth.map(label => label === 'positive')
      close(rocCurve(scores, positive).auc, oracle.auc, `auc of case ${i}`)
      close(aucEstimate(scores, positive).value, oracle.auc, `auc estimate of case ${i}`)
    })
  })

  it('leaves undefined what is undefined', () => {
    const { n, overall, byClass } = metricsOf(confusionOf([], [], LABELS))
    expect(n).toBe(0)
    expect(Object.values(overall)).toEqual(METRICS.map(() => null))
    expect(byClass.neutral).toEqual({ precision: null, recall: null, f1: null, support: 0, predicted: 0 })
    const one = metricsOf(confusionOf(['positive', 'positive'], ['positive', 'neutral'], LABELS))
    expect(one.overall).toMatchObject({ accuracy: 0.5, macroRecall: 0.5, majorityBaseline: 1 })
    expect(one.byClass.negative!.recall).toBeNull()
    expect(one.byClass.neutral).toMatchObject({ precision: 0, recall: null, f1: 0 })
  })

  it('refuses what it cannot count', () => {
    expect(() => confusionOf(['positive'], [], LABELS)).toThrow('1 true labels, 0 predicted')
    expect(() => confusionOf(['positive'], ['POS'], LABELS)).toThrow('row 0: label not known: POS')
  })

  it('calls a training AUC so, and has no AUC without two classes', () => {
    expect(rocCurve([0.1, 0.9], [false, true], { set: 'training' })).toMatchObject({ name: 'training AUC', auc: 1 })
    expect(rocCurve([0.1, 0.9], [false, true]).name).toBe('AUC')
    expect(rocCurve([0.1, 0.9], [true, true])).toMatchObject({ auc: null, points: [] })
    expect(() => rocCurve([Number.NaN], [true])).toThrow('row 0: score is NaN')
    const { points } = rocCurve([0.9, 0.5, 0.5, 0.1], [true, true, false, false])
    expect(points.map(p => [p.falsePositiveRate, p.truePositiveRate])).toEqual([
      [0, 0],
      [0, 0.5],
      [0.5, 1],
      [1, 1],
    ])
  })

  it.skipIf(!existsSync(TWEETEVAL))('give the published RoBERTa predictions macro-recall 72.9 (needs ../shared)', () => {
    const lines = (name: string) =>
      readFileSync(`${TWEETEVAL}/${name}`, 'utf8')
        .trim()
        .split('\n')
        .map(line => LABELS[Number(line)]!)
    const confusion = confusionOf(lines('test_labels.txt'), lines('test_predictions_roberta_retrained.txt'), LABELS)
    const { n, overall } = metricsOf(confusion)
    expect(n).toBe(12284)
    expect((100 * overall.macroRecall!).toFixed(1)).toBe('72.9')
  })
})
