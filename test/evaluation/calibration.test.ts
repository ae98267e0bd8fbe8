import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { calibrationOf } from '../../src/evaluation/calibration.js'
import { precisionRecallCurve } from '../../src/evaluation/roc.js'
import { predictionFrom } from '../../src/models/answer.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS, type Label } from '../../src/tweet.js'

const PYTHON = '.venv/bin/python'
const random = randomFrom(8)
/** Rows whose truth is drawn from the probabilities themselves, sharpened by an exponent afterwards: 1 is calibrated. */
function rows(n: number, sharpness: number) {
  const answers = Array.from({ length: n }, () => {
    const odds = [1, 1, 1].map(() => Math.exp(3 * random()))
    return predictionFrom(odds[0]!, odds[1]!, odds[2]!)
  })
  const truth = answers.map(({ probabilities: [a, b] }): Label => {
    const at = random()
    return LABELS[at < a ? 0 : at < a + b ? 1 : 2]!
  })
  const sharp = answers.map(({ probabilities }) => {
    const odds = probabilities.map(p => p ** sharpness)
    return predictionFrom(odds[0]!, odds[1]!, odds[2]!)
  })
  return { truth, answers: sharp }
}

describe('calibration', () => {
  it('finds calibrated probabilities calibrated', () => {
    const { truth, answers } = rows(8000, 1)
    const { error, temperature, bins } = calibrationOf(truth, answers, { samples: 200 })
    expect(error.value).toBeLessThan(0.02)
    expect(temperature).toBeCloseTo(1, 1)
    expect(bins.reduce((sum, { n }) => sum + n, 0)).toBe(8000)
  })

  it('finds the temperature of probabilities that are too sure, and says how wrong they are', () => {
    const { truth, answers } = rows(8000, 2.5)
    const { error, temperature } = calibrationOf(truth, answers, { samples: 200 })
    expect(temperature).toBeGreaterThan(2.3)
    expect(temperature).toBeLessThan(2.7)
    expect(error.low).toBeGreaterThan(0.1)
    expect(error.low! <= error.value! && error.value! <= error.high!).toBe(true)
  })

  it('has nothing to say without rows', () => {
    expect(calibrationOf([null], [predictionFrom(1, 1, 1)])).toMatchObject({ n: 0, error: { value: null }, temperature: null })
  })

  it.skipIf(!existsSync(PYTHON))('log loss, Brier score and average precision are those of scikit-learn', () => {
    const { truth, answers } = rows(500, 1.3)
    const codes = truth.map(label => LABELS.indexOf(label))
    const probabilities = answers.map(one => one.probabilities)
    const program = `
import json, sys
import numpy as np
from sklearn.metrics import average_precision_score, log_loss
d = json.load(sys.stdin)
y, p = np.array(d['codes']), np.array(d['probabilities'])
print(json.dumps([log_loss(y, p, labels=[0, 1, 2]), float(((p - np.eye(3)[y]) ** 2).sum(1).mean()), average_precision_score(y == 2, np.round(p[:, 2], 2))]))`
    const input = JSON.stringify({ codes, probabilities })
    const [logLoss, brier, precision] = JSON.parse(execFileSync(PYTHON, ['-c', program], { input, encoding: 'utf8' }))
    const own = calibrationOf(truth, answers, { samples: 10 })
    expect(own.logLoss).toBeCloseTo(logLoss, 9)
    expect(own.brier).toBeCloseTo(brier, 9)
    const curve = precisionRecallCurve(
      answers.map(({ probabilities: p }) => Math.round(100 * p[2]) / 100),
      truth.map(label => label === 'positive'),
    )
    expect(curve.averagePrecision).toBeCloseTo(precision, 9)
    expect(curve.points.at(-1)).toMatchObject({ recall: 1 })
  })
})
