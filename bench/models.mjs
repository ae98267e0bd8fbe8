/**
 * `node bench/models.mjs [SETS] [LEARNERS]`: the classical study on the rows and the split of ../shared/tools/mllib-study.py,
 * beside the figures of Spark MLlib there, into bench/results/models.json. Needs `npm run build` and ../shared.
 */
import { cpus, loadavg } from 'node:os'
import { runStudy } from '../dist/evaluation/study.js'
import { writeResult } from './measure.mjs'
import { split } from './sentiment140.mjs'

const [sets = 'S1,S2,S3,S4,S5', learners = 'lr,nb,svm,dt,rf'] = process.argv.slice(2)

/** Spark MLlib 4.2 with its defaults on the same rows, a quiet machine of 4 cores: accuracy, seconds to fit. */
const SPARK = {
  S1: { lr: [0.65, 26.2], nb: [0.68, 1.3], svm: [0.721, 44.7] },
  S2: { lr: [0.722, 12.2], nb: [0.725, 0.5], svm: [0.733, 21.7] },
  S3: { lr: [0.669, 15.7], nb: [70.7 / 100, 0.6], svm: [0.738, 32.8] },
  S4: { lr: [0.745, 9.2], nb: [0.745, 0.5], svm: [0.757, 19.3] },
  S5: { lr: [0.754, 21.1], nb: [0.771, 0.5], svm: [0.759, 48.8] },
}
const SPARK_FEATURES = { S1: 5.8, S2: 1.5, S3: 5.3, S4: 2.5, S5: 19.7 }

const percent = ({ value, low, high }) => `${(100 * value).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`

const { train, test } = split()
const rows = []
const load = [loadavg()[0].toFixed(1)]
const study = await runStudy(train, test, {
  sets: sets.split(','),
  learners: learners.split(','),
  onCell(cell) {
    const { set, learner, accuracy, f1, auc, trainingAuc, fitSeconds, fitCpuSeconds, featuresSeconds, bytes, n } = cell
    const peer = SPARK[set][learner]
    const note = `F1 ${percent(f1)}, AUC ${auc.value.toFixed(3)} (training AUC ${trainingAuc.toFixed(3)}), ${fitCpuSeconds.toFixed(1)} CPU-s, features ${featuresSeconds.toFixed(1)} s, ${(bytes / 1e6).toFixed(1)} MB`
    const ours = `accuracy ${percent(accuracy)} %, fit ${fitSeconds.toFixed(1)} s`
    rows.push({
      work: `${set} ${learner}`,
      ours,
      peer: peer ? `Spark MLlib ${(100 * peer[0]).toFixed(1)} %, fit ${peer[1]} s` : '–',
      ratio: peer ? Number((peer[1] / fitSeconds).toFixed(1)) : null,
      target: peer ? 'equal or better within the interval' : '–',
      n,
      note,
    })
    process.stderr.write(`${set} ${learner}: ${ours}, ${note}\n`)
  },
})
load.push(loadavg()[0].toFixed(1))

const paired = study.cells.filter(({ set, learner }) => SPARK[set][learner])
const sum = (list, pick) => list.reduce((total, item) => total + pick(item), 0)
const ours = sum(paired, cell => cell.fitSeconds)
const spark = sum(paired, ({ set, learner }) => SPARK[set][learner][1])
const cpu = sum(paired, cell => cell.fitCpuSeconds)
const features = set => study.cells.find(cell => cell.set === set).featuresSeconds
const used = [...new Set(paired.map(({ set }) => set))]
for (const [work, mine, theirs] of [
  ['fits in sum', ours, spark],
  ['fits and features in sum', ours + sum(used, features), spark + sum(used, set => SPARK_FEATURES[set])],
])
  rows.push({
    work: `${work}, ${paired.length} cells`,
    ours: `${mine.toFixed(1)} s`,
    peer: `Spark MLlib ${theirs.toFixed(1)} s`,
    ratio: Number((theirs / mine).toFixed(1)),
    target: '≥ 20',
    n: 1,
    note: `ours took ${cpu.toFixed(1)} CPU-s to fit; load ${load.join(' to ')} on ${cpus().length} cores while ours ran; Spark’s figures are of another run, on a quiet machine`,
  })

writeResult('models', {
  title: 'Classical models against Spark MLlib',
  about: `Sentiment140, ${study.trainRows} random rows to learn from, ${study.testRows} dated random rows held out; always the most frequent class: ${percent(study.majority)} %. Settings were chosen on a tenth of the training rows, Spark has its defaults (its logistic regression is unregularised).`,
  command: 'node bench/models.mjs',
  rows,
})
