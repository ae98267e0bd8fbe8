import { compareAnswers } from '../evaluation/compare.js'
import { evaluate } from '../evaluation/evaluate.js'
import { METRICS } from '../evaluation/metrics.js'
import type { Answer } from '../models/model.js'
import { loadModel } from '../registry/load-model.js'
import { defineCommand, json, labelledData, needed, print, UsageError } from './command.js'
import { hashFile } from './evaluate.js'
import { readRows } from './read-rows.js'

export const command = defineCommand({
  summary: 'compare models on the same texts',
  usage: 'compare --models URI,URI[,URI…] --data FILE [options]',
  about: `
Compares each model with the first on the same rows: the difference of each metric with its 95 % interval by a paired
bootstrap, and McNemar's exact test. Exit code 1 when a guard alarms or a row fails.`,
  options: { models: needed('A,B', 'addresses as in evaluate'), ...labelledData, json },
  async run({ models: list, data, seed, text, label, json }) {
    const addresses = list.split(',').filter(Boolean)
    if (addresses.length < 2) throw new UsageError('compare: --models A,B and --data FILE are needed')
    const rows = await readRows(data, { text, label, labelled: true })
    const truth = rows.map(row => row.label ?? null)
    const texts = rows.map(row => row.text)
    const scored: { address: string; name: string; hash?: string; answers: Answer[] }[] = []
    for (const address of addresses) scored.push(await answersOf(address, texts))
    const dataHash = await hashFile(data)
    const models = scored.map(({ address, name, hash, answers }) => ({
      address,
      evaluation: evaluate(truth, answers, { seed, modelName: name, modelHash: hash, dataHash, truthSource: label }),
    }))
    const [first, ...others] = scored
    const comparisons = others.map(other => ({
      first: first!.address,
      second: other.address,
      ...compareAnswers(truth, first!.answers, other.answers, { seed }),
    }))
    print(comparisons.flatMap(linesOf), { models, comparisons }, json)
    return models.some(({ evaluation }) => evaluation.alarms.length || evaluation.failures.length) ? 1 : 0
  },
})

async function answersOf(address: string, texts: readonly string[]) {
  const model = await loadModel(address)
  try {
    return { address, name: model.name, hash: model.hash, answers: await model.predict(texts) }
  } finally {
    await model.close?.()
  }
}

function linesOf(comparison: { first: string; second: string } & ReturnType<typeof compareAnswers>): string[] {
  const { first, second, n, failed, differences, mcnemar } = comparison
  const number = (value: number | null) => (value === null ? '–' : value.toFixed(4)).padStart(9)
  return [
    `${second} against ${first}: n = ${n}, ${failed} left out`,
    `${''.padEnd(20)}${'first'.padStart(9)}${'second'.padStart(9)}   difference [95 %]`,
    ...METRICS.filter(name => name !== 'majorityBaseline').map(name => {
      const d = differences[name]
      const verdict = d.significant ? '' : '  not told apart'
      return `${name.padEnd(20)}${number(d.first)}${number(d.second)}  ${number(d.difference)} [${number(d.low).trim()}, ${number(d.high).trim()}]${verdict}`
    }),
    `McNemar: only the first right ${mcnemar.onlyFirst}, only the second right ${mcnemar.onlySecond}, p = ${mcnemar.p.toPrecision(3)}`,
    '',
  ]
}
