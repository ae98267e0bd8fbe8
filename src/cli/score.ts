import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { isFailure } from '../models/answer.js'
import { DEVICES } from '../models/device.js'
import type { Answer, Model } from '../models/model.js'
import { loadModel } from '../registry/load-model.js'
import { defineCommand, json, labelledData, needed, oneOf, printJson, read, say, text, UsageError } from './command.js'
import { type DataRow, readRows } from './read-rows.js'

/** Rows scored before they are written. */
const PART = 2000

export const command = defineCommand({
  summary: 'score texts with a model',
  usage: 'score --input FILE --model URI --output FILE.ndjson [options]',
  about: `
Writes one JSON line per input row, in order: text, label, probabilities (negative, neutral, positive), score (probability
of the label × 100), truncated where the text was longer than the model reads, model, hash; or, where the model could not score it, error. Exit code 1 when a row failed.`,
  options: {
    input: needed('FILE', '.txt (one text a line), .ndjson, .jsonl or .csv with a column text'),
    model: needed('URI', "models:/NAME@ALIAS, models:/NAME/VERSION, hf:OWNER/NAME, a model's folder, file:…, blend or compact"),
    output: needed('FILE', '- for stdout'),
    device: read(
      'DEVICE',
      'where a transformer runs: cpu (default), cuda, tensorrt, webgpu, coreml, dml; an error where it is not to be had',
      oneOf(DEVICES),
      'cpu',
    ),
    cache: text('DIR', "keep a transformer's answers there and take from there what it holds already"),
    text: labelledData.text,
    json,
  },
  async run({ input, model: address, output, device, cache, text, json }) {
    if (output === '-' && json) throw new UsageError('score: --json and --output - both want stdout')
    const rows = await readRows(input, { text })
    const model = await loadModel(address, { scoreFolder: cache, device })
    const started = performance.now()
    try {
      const failures = await scoreRows(model, rows, output)
      const seconds = Math.round(performance.now() - started) / 1000
      for (const { line, error } of failures.slice(0, 10)) say(`${input}: line ${line}: ${error}`)
      const result = {
        input,
        output,
        rows: rows.length,
        scored: rows.length - failures.length,
        failures,
        seconds,
        model: model.name,
        hash: model.hash,
        ...(model.device && { device: model.device }),
        ...(model.parts && { parts: model.parts }),
      }
      if (json) printJson(result)
      else say(`${result.scored} of ${rows.length} rows scored by ${model.name} in ${seconds} s`)
      return failures.length ? 1 : 0
    } finally {
      await model.close?.()
    }
  },
})

async function scoreRows(model: Model, rows: readonly DataRow[], output: string): Promise<{ line: number; error: string }[]> {
  const sink = output === '-' ? process.stdout : createWriteStream(output)
  const failures: { line: number; error: string }[] = []
  try {
    if (sink !== process.stdout) await once(sink, 'open')
    for (let from = 0; from < rows.length; from += PART) {
      const part = rows.slice(from, from + PART)
      const answers = await model.predict(part.map(row => row.text))
      const lines = part.map((row, i) => `${JSON.stringify(lineOf(row, answers[i]!, model))}\n`)
      part.forEach(({ line }, i) => {
        const answer = answers[i]!
        if (isFailure(answer)) failures.push({ line, error: answer.error })
      })
      if (!sink.write(lines.join(''))) await once(sink, 'drain')
      if (process.stderr.isTTY) process.stderr.write(`\r${Math.min(from + PART, rows.length)} of ${rows.length}`)
    }
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r')
    if (sink !== process.stdout) {
      sink.end()
      await finished(sink)
    }
  }
  return failures
}

function lineOf({ text }: DataRow, answer: Answer, { name, hash }: Model): object {
  if (isFailure(answer)) return { text, error: answer.error, model: name, hash }
  const { label, probabilities, truncated } = answer
  const [negative, neutral, positive] = probabilities
  return {
    text,
    label,
    probabilities: { negative, neutral, positive },
    score: 100 * Math.max(...probabilities),
    ...(truncated && { truncated }),
    model: name,
    hash,
  }
}
