import { runStudy, type StudyCell, splitExamples } from '../evaluation/study.js'
import { progress } from '../explore/display.js'
import { LEARNERS, type Learner } from '../models/classical.js'
import type { Example } from '../models/model.js'
import { FEATURE_SETS, type FeatureSet } from '../models/text-features.js'
import { type Command, parse, printJson, UsageError } from './command.js'
import { readRows } from './read-rows.js'

const SETS = Object.keys(FEATURE_SETS) as FeatureSet[]

export const command: Command = {
  summary: 'compare classical models on feature sets S1–S5',
  help: `
usage: moodlake study --data FILE [options]

Fits every learner on every feature set and measures each on rows that were held out: accuracy with its 95 % interval, F1, AUC,
seconds to fit, size of the model. Texts with the smallest sha256 are held out: the same ones whatever the order of the rows.
Ctrl-C stops it.

  --data FILE        .ndjson or .csv with the columns text and label (negative, neutral, positive)
  --held-out SHARE   share of the rows to hold out; default 0.2
  --train N          learn from the first N of the other rows only
  --sets S1,S4       feature sets; default ${SETS.join(',')}
  --models lr,nb     learners; default ${LEARNERS.join(',')}
  --seed N           seed of everything random; default 1
  --text COLUMN, --label COLUMN    other names of the columns
  --json             everything, ROC curves too, as one JSON document on stdout`,
  async run(args) {
    const { values } = parse({
      args,
      options: {
        data: { type: 'string' },
        'held-out': { type: 'string', default: '0.2' },
        train: { type: 'string' },
        sets: { type: 'string', default: SETS.join(',') },
        models: { type: 'string', default: LEARNERS.join(',') },
        seed: { type: 'string', default: '1' },
        text: { type: 'string' },
        label: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    if (!values.data) throw new UsageError('study: --data FILE is needed')
    const share = Number(values['held-out'])
    if (!(share > 0 && share < 1)) throw new UsageError(`study: --held-out is no share: ${values['held-out']}`)
    const [seed, most] = [Number(values.seed), Number(values.train ?? Number.MAX_SAFE_INTEGER)]
    if (!Number.isSafeInteger(seed)) throw new UsageError(`study: --seed is no whole number: ${values.seed}`)
    if (!Number.isSafeInteger(most) || most < 1) throw new UsageError(`study: --train is no number of rows: ${values.train}`)
    const sets = choose('--sets', values.sets, SETS)
    const learners = choose<Learner>('--models', values.models, LEARNERS)
    const rows = await readRows(values.data, { text: values.text, label: values.label, labelled: true })
    const { train, test } = splitExamples(
      rows.flatMap(({ text, label }): Example[] => (label ? [{ text, label }] : [])),
      share,
    )
    if (!train.length || !test.length)
      throw new Error(`${values.data}: ${train.length} rows to learn from, ${test.length} held out: both are needed`)
    const stop = new AbortController()
    const end = () => stop.abort(new Error('study: stopped'))
    process.once('SIGINT', end)
    const bar = progress(1000, 'study')
    try {
      const study = await runStudy(train.slice(0, most), test, {
        sets,
        learners,
        seed,
        signal: stop.signal,
        onProgress: (done, note) => bar.update(Math.floor(1000 * done), note),
      })
      bar.done()
      if (values.json) printJson(study)
      else
        process.stdout.write(
          `${study.trainRows} rows to learn from, ${study.testRows} held out; always the most frequent class: ${shown(study.majority)}\n${study.cells.map(lineOf).join('\n')}\n`,
        )
    } finally {
      process.off('SIGINT', end)
    }
    return 0
  },
}

function choose<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  const names = given.split(',').filter(Boolean)
  const bad = names.find(name => !known.includes(name as T))
  if (bad !== undefined || !names.length)
    throw new UsageError(`study: ${option}: ${bad ?? 'nothing'}: needed is ${known.join(', ')}`)
  return names as T[]
}

function shown({ value, low, high }: { value: number | null; low: number | null; high: number | null }): string {
  const number = (x: number | null) => (x === null ? '–' : x.toFixed(4))
  return `${number(value)} [${number(low)}, ${number(high)}]`
}

function lineOf(cell: StudyCell): string {
  const { set, learner, accuracy, f1, auc, trainingAuc, featuresSeconds, fitSeconds, bytes } = cell
  return `${set} ${learner.padEnd(3)} accuracy ${shown(accuracy)}  F1 ${shown(f1)}  AUC ${shown(auc)} (training AUC ${trainingAuc?.toFixed(4) ?? '–'})  features ${featuresSeconds} s, fit ${fitSeconds} s, ${Math.ceil(bytes / 1024)} kB`
}
