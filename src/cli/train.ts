import { compareAnswers, type Difference } from '../evaluation/compare.js'
import { splitExamples } from '../evaluation/study.js'
import { adaptedModel } from '../models/adapted.js'
import { bundledModelFolder } from '../models/bundled.js'
import { classicalModel, LEARNERS } from '../models/classical.js'
import { lexiconModel } from '../models/lexicon.js'
import { loadModelFolder } from '../models/load.js'
import { majorityModel } from '../models/majority.js'
import type { Example, TrainableModel } from '../models/model.js'
import { ngramModel } from '../models/ngram.js'
import { LABELS } from '../tweet.js'
import { defineCommand, json, labelledData, needed, printJson, say, text, UsageError } from './command.js'
import { readRows } from './read-rows.js'

interface KindOptions {
  name?: string
  /** Folder of the model that is adapted. */
  base: string
}

const KINDS: Record<string, (options: KindOptions) => TrainableModel> = {
  adapt: adaptedModel,
  majority: majorityModel,
  lexicon: lexiconModel,
  ngram: ngramModel,
  ...Object.fromEntries(LEARNERS.map(learner => [learner, ({ name }: KindOptions) => classicalModel({ name, learner })])),
}

export const command = defineCommand({
  summary: 'train a model on labelled texts',
  usage: 'train KIND --data FILE --output FOLDER [options]',
  about: `Trains a model of a kind (${Object.keys(KINDS).join(', ')}) and writes its folder, which other commands take as --model.`,
  options: {
    ...labelledData,
    output: needed('FOLDER', 'new, empty, or an older model, which is replaced'),
    base: text(
      'MODEL',
      `adapt: the transformer whose embedding is used, a bundled name or a folder (default compact). A fifth of
the rows is held out first to compare the adapted model with its base; then all are learned from`,
      'compact',
    ),
    name: text('NAME', 'name that predictions carry; default the kind'),
    json,
  },
  words: true,
  async run({ data, output, base: address, name, seed, text, label, json }, positionals) {
    const [kind, ...more] = positionals
    const make = kind && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
    if (!make || more.length)
      throw new UsageError(`train: kind of model needed, one of ${Object.keys(KINDS).join(', ')}: ${positionals.join(' ')}`)
    const rows = await readRows(data, { text, label, labelled: true })
    const examples = rows.flatMap(({ text, label }): Example[] => (label ? [{ text, label }] : []))
    if (examples.length === 0) throw new Error(`${data}: no row has a label`)
    if (examples.length < rows.length) say(`${rows.length - examples.length} of ${rows.length} rows have no label: left out`)
    const base = bundledModelFolder(address) ?? address
    const heldOut = kind === 'adapt' ? await compareWithBase(base, examples, seed) : undefined
    const started = performance.now()
    const model = make({ name, base })
    try {
      await model.fit(examples, { seed })
      await model.save(output)
    } finally {
      await model.close?.()
    }
    const seconds = Math.round(performance.now() - started) / 1000
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
      ...(heldOut && { heldOut }),
    }
    if (json) printJson(result)
    else
      say(
        `${model.name}: trained on ${examples.length} rows (${LABELS.map(l => `${byClass[l]} ${l}`).join(', ')}) in ${seconds} s; ${output}, sha256 ${model.hash}`,
      )
    if (heldOut && !json) say(heldOutLine(heldOut))
    return 0
  },
})

interface HeldOut {
  /** Rows learned from, and rows that were held out and measured on. */
  learned: number
  n: number
  /** Of base (first) and adapted model (second). */
  macroRecall: Difference
  accuracy: Difference
}

/** How an adapted model compares with its base on rows that it did not learn from. */
async function compareWithBase(folder: string, examples: readonly Example[], seed: number): Promise<HeldOut> {
  const { train, test } = splitExamples(examples, 0.2)
  if (!train.length || !test.length) throw new Error(`train adapt: ${examples.length} rows are too few to hold some out`)
  const [base, adapted] = [await loadModelFolder(folder), adaptedModel({ base: folder })]
  try {
    await adapted.fit(train, { seed })
    const texts = test.map(({ text }) => text)
    const truth = test.map(({ label }) => label)
    const { differences, n } = compareAnswers(truth, await base.predict(texts), await adapted.predict(texts), { seed })
    return { learned: train.length, n, macroRecall: differences.macroRecall, accuracy: differences.accuracy }
  } finally {
    await Promise.all([base.close?.(), adapted.close?.()])
  }
}

function heldOutLine({ learned, n, macroRecall: { first, second, difference, low, high } }: HeldOut): string {
  const points = (share: number | null) => (share === null ? '–' : (100 * share).toFixed(1))
  return `held out: macro-recall ${points(first)} of the base, ${points(second)} adapted on ${learned} rows: ${points(difference)} points [${points(low)}, ${points(high)}], paired, n = ${n}`
}
