import { classicalModel, LEARNERS } from '../models/classical.js'
import { lexiconModel } from '../models/lexicon.js'
import { majorityModel } from '../models/majority.js'
import type { Example, TrainableModel } from '../models/model.js'
import { ngramModel } from '../models/ngram.js'
import { LABELS } from '../tweet.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { readRows } from './read-rows.js'

const KINDS: Record<string, (options: { name?: string }) => TrainableModel> = {
  majority: majorityModel,
  lexicon: lexiconModel,
  ngram: ngramModel,
  ...Object.fromEntries(LEARNERS.map(learner => [learner, ({ name }: { name?: string }) => classicalModel({ name, learner })])),
}

export const command: Command = {
  summary: 'train a model on labelled texts',
  help: `
usage: moodlake train KIND --data FILE --output FOLDER [options]

Trains a model of a kind (${Object.keys(KINDS).join(', ')}) and writes its folder, which other commands take as --model.

  --data FILE        .ndjson or .csv with the columns text and label (negative, neutral, positive)
  --output FOLDER    new, empty, or an older model, which is replaced
  --seed N           seed of everything random; default 1
  --name NAME        name that predictions carry; default the kind
  --text COLUMN, --label COLUMN    other names of the columns
  --json             the result as one JSON document on stdout`,
  async run(args) {
    const { values, positionals } = parse({
      args,
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        output: { type: 'string' },
        seed: { type: 'string', default: '1' },
        name: { type: 'string' },
        text: { type: 'string' },
        label: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const [kind, ...more] = positionals
    const make = kind && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
    if (!make || more.length)
      throw new UsageError(`train: kind of model needed, one of ${Object.keys(KINDS).join(', ')}: ${positionals.join(' ')}`)
    const { data, output } = values
    if (!data || !output) throw new UsageError('train: --data FILE and --output FOLDER are needed')
    const seed = Number(values.seed)
    if (!Number.isSafeInteger(seed)) throw new UsageError(`train: --seed is no whole number: ${values.seed}`)
    const rows = await readRows(data, { text: values.text, label: values.label, labelled: true })
    const examples = rows.flatMap(({ text, label }): Example[] => (label ? [{ text, label }] : []))
    if (examples.length === 0) throw new Error(`${data}: no row has a label`)
    if (examples.length < rows.length) say(`${rows.length - examples.length} of ${rows.length} rows have no label: left out`)
    const started = performance.now()
    const model = make({ name: values.name })
    await model.fit(examples, { seed })
    const seconds = Math.round(performance.now() - started) / 1000
    await model.save(output)
    const byClass = Object.fromEntries(LABELS.map(label => [label, examples.filter(example => example.label === label).length]))
    const result = {
      kind,
      name: model.name,
      folder: output,
      hash: model.hash,
      textVersion: model.textVersion,
      rows: examples.length,
      byClass,
      seed,
      seconds,
    }
    if (values.json) printJson(result)
    else
      say(
        `${model.name}: trained on ${examples.length} rows (${LABELS.map(l => `${byClass[l]} ${l}`).join(', ')}) in ${seconds} s; ${output}, sha256 ${model.hash}`,
      )
    return 0
  },
}
