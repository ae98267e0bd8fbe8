import { compareAnswers } from '../evaluation/compare.js'
import { evaluate } from '../evaluation/evaluate.js'
import { METRICS } from '../evaluation/metrics.js'
import type { Answer } from '../models/model.js'
import { loadModel } from '../registry/load-model.js'
import { type Command, parse, printJson, UsageError } from './command.js'
import { hashFile } from './evaluate.js'
import { readRows } from './read-rows.js'

export const command: Command = {
  summary: 'compare models on the same texts',
  help: `
usage: moodlake compare --models URI,URI[,URI…] --data FILE [options]

Compares each model with the first on the same rows: the difference of each metric with its 95 % interval by a paired
bootstrap, and McNemar's exact test. Exit code 1 when a guard alarms or a row fails.

  --models A,B       addresses as in evaluate
  --data FILE        .ndjson or .csv with the columns text and label
  --seed N           seed of the bootstrap; default 1
  --text COLUMN, --label COLUMN    other names of the columns
  --json             everything as one JSON document on stdout`,
  async run(args) {
    const { values } = parse({
      args,
      options: {
        models: { type: 'string' },
        data: { type: 'string' },
        seed: { type: 'string', default: '1' },
        text: { type: 'string' },
        label: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const addresses = values.models?.split(',').filter(Boolean) ?? []
    const { data } = values
    if (addresses.length < 2 || !data) throw new UsageError('compare: --models A,B and --data FILE are needed')
    const seed = Number(values.seed)
    if (!Number.isSafeInteger(seed)) throw new UsageError(`compare: --seed is no whole number: ${values.seed}`)
    const rows = await readRows(data, { text: values.text, label: values.label, labelled: true })
    const truth = rows.map(row => row.label ?? null)
    const texts = rows.map(row => row.text)
    const scored: { address: string; name: string; hash?: string; answers: Answer[] }[] = []
    for (const address of addresses) scored.push(await answersOf(address, texts))
    const dataHash = await hashFile(data)
    const models = scored.map(({ address, name, hash, answers }) => ({
      address,
      evaluation: evaluate(truth, answers, { seed, modelName: name, modelHash: hash, dataHash, truthSource: values.label }),
    }))
    const [first, ...others] = scored
    const comparisons = others.map(other => ({
      first: first!.address,
      second: other.address,
      ...compareAnswers(truth, first!.answers, other.answers, { seed }),
    }))
    if (values.json) printJson({ models, comparisons })
    else process.stdout.write(`${comparisons.flatMap(linesOf).join('\n')}\n`)
    return models.some(({ evaluation }) => evaluation.alarms.length || evaluation.failures.length) ? 1 : 0
  },
}

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
