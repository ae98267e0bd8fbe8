import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Evaluation, evaluate as evaluateAnswers, evaluateMentions } from '../evaluation/evaluate.js'
import type { Estimate } from '../evaluation/intervals.js'
import { confidentMistakes, evaluateSlices, type Mistake, type Slice } from '../evaluation/slices.js'
import { textTable } from '../explore/text-table.js'
import { loadModel } from '../registry/load-model.js'
import { mentionsOf } from '../text/clean.js'
import { LABELS } from '../tweet.js'
import { defineCommand, flag, json, labelledData, needed, print, say } from './command.js'
import { readRows } from './read-rows.js'

export const command = defineCommand({
  summary: 'measure a model on labelled texts',
  usage: 'evaluate --model URI --data FILE [options]',
  about: `
Measures a model per tweet and per mention: metrics with 95 % intervals, confusion matrix, the neutral policies where the
truth has two classes, failures, and alarms on results that are too good to be true. Exit code 1 when a guard alarms or a
row fails.`,
  options: {
    model: needed('URI', "models:/NAME@ALIAS, models:/NAME/VERSION, hf:OWNER/NAME, a model's folder, file:…, blend or compact"),
    ...labelledData,
    slices: flag('also by emoji, negation, length, language, topic and hour, and the 20 most confident mistakes'),
    training: flag('the model has learned from these rows: figures are named so'),
    json,
  },
  async run({ model: address, data, seed, text, label, slices, training, json }) {
    const rows = await readRows(data, { text, label, labelled: true })
    const model = await loadModel(address)
    try {
      const answers = await model.predict(rows.map(row => row.text))
      const truth = rows.map(row => row.label ?? null)
      const options = {
        seed,
        modelName: model.name,
        modelHash: model.hash,
        dataHash: await hashFile(data),
        truthSource: label,
        set: training ? ('training' as const) : ('held-out' as const),
      }
      const tweets = evaluateAnswers(truth, answers, options)
      const mentions = evaluateMentions(
        truth,
        answers,
        rows.map(row => row.mentions ?? mentionsOf(row.text)),
        options,
      )
      const texts = rows.map(row => row.text)
      const more = slices
        ? { slices: evaluateSlices(rows, truth, answers, { seed }), mistakes: confidentMistakes(texts, truth, answers) }
        : undefined
      print([...reportOf(tweets, mentions), ...(more ? sliceLines(more) : [])], { tweets, mentions, ...more }, json)
      for (const { message } of tweets.alarms) say(`alarm: ${message}`)
      return tweets.alarms.length || tweets.failures.length ? 1 : 0
    } finally {
      await model.close?.()
    }
  },
})

/** sha256 (hex) of a file. */
export async function hashFile(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}

function reportOf(tweets: Evaluation, mentions: Evaluation): string[] {
  const { confusion, byClass } = tweets
  const width = Math.max(...confusion.counts.flat().map(count => String(count).length), 8) + 2
  return [
    `model ${tweets.modelName} (${tweets.modelHash?.slice(0, 12) ?? 'not saved'}), data ${tweets.dataHash?.slice(0, 12)}, ${tweets.set} rows`,
    `tweets: n = ${tweets.n}, ${tweets.failures.length} failed, ${tweets.unlabelled} without label; mentions: n = ${mentions.n} of ${mentions.tweets} tweets`,
    '',
    `${''.padEnd(20)}${'tweets'.padEnd(26)}mentions`,
    ...(['accuracy', 'majorityBaseline', 'macroRecall', 'macroF1', 'weightedF1'] as const).map(
      name => `${name.padEnd(20)}${shown(tweets.metrics[name]).padEnd(26)}${shown(mentions.metrics[name])}`,
    ),
    '',
    `${'class'.padEnd(12)}${['precision', 'recall', 'f1', tweets.aucName].map(name => name.padEnd(26)).join('')}support`,
    ...LABELS.map(label => {
      const { precision, recall, f1, auc, support } = byClass[label]
      return `${label.padEnd(12)}${[precision, recall, f1, auc!].map(value => shown(value).padEnd(26)).join('')}${support}`
    }),
    '',
    `${'true \\ said'.padEnd(12)}${confusion.labels.map(label => label.padStart(width)).join('')}`,
    ...confusion.labels.map(
      (label, i) => `${label.padEnd(12)}${confusion.counts[i]!.map(count => String(count).padStart(width)).join('')}`,
    ),
    ...(tweets.calibration
      ? ['', `calibration error ${shown(tweets.calibration.error)}, log loss ${tweets.calibration.logLoss?.toFixed(4) ?? '–'}`]
      : []),
    ...(tweets.neutralPolicies ?? []).flatMap((policy, i) => [
      ...(i === 0 ? ['', `neutral read as     accuracy                  baseline  n`] : []),
      `${policy.policy.padEnd(20)}${shown(policy.accuracy).padEnd(26)}${policy.majorityBaseline?.toFixed(4)}    ${policy.n}`,
    ]),
  ]
}

function sliceLines({ slices, mistakes }: { slices: Slice[]; mistakes: Mistake[] }): string[] {
  const cut = slices.map(({ by, value, n, macroRecall, difference }) => ({
    slice: `${by}: ${value}`,
    ...{ 'macro-recall': shown(macroRecall), 'minus the others': shown(difference), n },
  }))
  const sure = mistakes.map(({ text, truth, label, probability }) => ({ probability, said: label, truth, text }))
  return ['', textTable(cut, { maxRows: cut.length }), '', 'wrong and sure of it', textTable(sure, { maxWidth: 120 })]
}

function shown({ value, low, high }: Estimate): string {
  if (value === null) return '–'
  return low === null || high === null ? value.toFixed(4) : `${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
}
