import { LAKE_TABLES, type LakeStatus, lakeStatus } from '../pipeline/lake.js'
import { type RunOptions, runPipeline, type Scoring } from '../pipeline/run.js'
import { followModel } from '../registry/follow-model.js'
import type { Progress, Stream, Trigger } from '../streams/stream.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake run --source URI [options]

Takes tweets from JSON files or a Kafka topic through bronze, silver and gold. Run it again: what is new is taken, and nothing else.

  --source URI        folder of JSON files, one file, s3://bucket/prefix, or kafka://HOST:PORT[,…]/TOPIC
  --lake DIR          folder or s3://bucket/prefix of the tables (default ./lake)
  --model URI         blend (default), compact, a folder, file:…, hf:OWNER/NAME, models:/NAME/VERSION or models:/NAME@ALIAS;
                      an alias of a server (MLFLOW_TRACKING_URI) is followed: a new champion scores the next batch
  --mode MODE         linear (default): one stage after another; concurrent: all at once
  --trigger WHEN      available-now (default), or an interval such as 5s or 500ms: runs until stopped
  --until TABLE       bronze, silver or gold (default)
  --merge-schema A,B  columns beyond the schema that bronze takes from now on
  --max-files N       files in a batch (default 50000)
  --max-rows N        rows in a batch that comes from a Kafka topic (default 100000) or a table
  --json              one JSON document on stdout when done
`

/** The one-line interval syntax of the command line, in milliseconds. */
export function readTrigger(text: string): Trigger {
  if (text === 'available-now') return text
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text)
  if (!found) throw new UsageError(`--trigger: not available-now nor an interval such as 5s: ${text}`)
  return { everyMs: Number(found[1]) * { ms: 1, s: 1000, m: 60_000 }[found[2] as 'ms' | 's' | 'm'] }
}

function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw new UsageError(`--${option}: ${value} is none of ${choices.join(', ')}`)
  return value as T
}

/** Reads a whole number of at least 1. */
export function readCount(option: string, value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new UsageError(`--${option}: not a whole number of at least 1: ${value}`)
  return number
}

function readOptions(args: string[]): { options: RunOptions & { lake: string }; model: string; json: boolean } {
  const { values } = parse({
    args,
    options: {
      source: { type: 'string' },
      lake: { type: 'string', default: './lake' },
      model: { type: 'string', default: 'blend' },
      mode: { type: 'string', default: 'linear' },
      trigger: { type: 'string', default: 'available-now' },
      until: { type: 'string', default: 'gold' },
      'merge-schema': { type: 'string' },
      'max-files': { type: 'string' },
      'max-rows': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  if (!values.source)
    throw new UsageError('run: --source is missing: a folder of JSON files, s3://bucket/prefix or kafka://HOST:PORT/TOPIC')
  return {
    model: values.model,
    json: values.json,
    options: {
      source: values.source,
      lake: values.lake,
      mode: choice('mode', values.mode, ['linear', 'concurrent'] as const),
      until: choice('until', values.until, ['bronze', 'silver', 'gold'] as const),
      trigger: readTrigger(values.trigger),
      limits: {
        ...(values['max-files'] && { maxFiles: readCount('max-files', values['max-files']) }),
        ...(values['max-rows'] && { maxRows: readCount('max-rows', values['max-rows']) }),
      },
      ...(values['merge-schema'] && { admit: values['merge-schema'].split(',').filter(Boolean) }),
    },
  }
}

/** A line for each finished batch. */
export function progressLine(progress: Progress): string {
  const counts = Object.entries(progress.counts)
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `, ${n.toLocaleString('en')} ${name}`)
    .join('')
  const rows = `${progress.rowsIn.toLocaleString('en')} rows in, ${progress.rowsOut.toLocaleString('en')} out${counts}`
  return `${progress.stream.padEnd(13)} batch ${progress.batch}: ${rows}, ${Math.round(progress.ms).toLocaleString('en')} ms, backlog ${progress.backlog}`
}

/** Says how far a batch is scored, at most every two seconds. */
function scoringLines(): (scoring: Scoring) => void {
  let said = Date.now()
  return ({ batch, done, of }) => {
    if (Date.now() - said < 2000) return
    said = Date.now()
    say(`gold_stream   batch ${batch}: scored ${done.toLocaleString('en')} of ${of.toLocaleString('en')}`)
  }
}

function summary(stream: Stream) {
  const batches = stream.progress()
  const sum = (value: (batch: Progress) => number) => batches.reduce((total, batch) => total + value(batch), 0)
  const counts: Record<string, number> = {}
  for (const batch of batches) for (const [name, n] of Object.entries(batch.counts)) counts[name] = (counts[name] ?? 0) + n
  return {
    name: stream.name,
    status: stream.status(),
    batches: batches.length,
    rowsIn: sum(batch => batch.rowsIn),
    rowsOut: sum(batch => batch.rowsOut),
    ...counts,
    seconds: Math.round(sum(batch => batch.ms)) / 1000,
  }
}

/** Complains about a run that was given nothing it could use: exit code 1 though nothing broke. */
function complaint(source: string, status: LakeStatus): string | undefined {
  const rows = (name: string) => status.tables[name]?.rows ?? 0
  const kafka = source.startsWith('kafka:')
  if (!rows('bronze') && kafka) return `source: no records in ${source}`
  if (!rows('bronze')) return `source: no JSON records in ${source} (files end in .json, .jsonl or .ndjson, also with .gz)`
  if (status.streams.silver_stream && !rows('silver'))
    return `source: none of the ${rows('bronze')} records of ${source} is a tweet; see the table quarantine`
  return undefined
}

async function run(args: string[]): Promise<number> {
  const { options, model: uri, json } = readOptions(args)
  const started = performance.now()
  const stop = new AbortController()
  const interrupt = () => {
    say('stopping …')
    stop.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const model =
    options.until === 'gold'
      ? await followModel(uri, {
          onExchange: (from, to) => say(`gold_stream   ${to.uri} takes the place of ${from.uri}`),
          onTrouble: error => say(`gold_stream   the model stays: ${error.message}`),
        })
      : undefined
  try {
    const streams = await runPipeline({
      ...options,
      model,
      signal: stop.signal,
      onProgress: progress => say(progressLine(progress)),
      onScored: scoringLines(),
    })
    const status = await lakeStatus(options.lake)
    const rows = Object.fromEntries(Object.keys(LAKE_TABLES).map(name => [name, status.tables[name]?.rows ?? 0]))
    const result = {
      lake: options.lake,
      source: options.source,
      mode: options.mode,
      ...(model && { model: { uri, name: model.name, version: model.version, hash: model.hash } }),
      rows,
      added: Object.fromEntries(streams.map(stream => [stream.name.replace('_stream', ''), summary(stream).rowsOut])),
      failed: streams.flatMap(stream => stream.progress()).reduce((sum, batch) => sum + (batch.counts.failed ?? 0), 0),
      versions: Object.fromEntries(Object.entries(status.tables).map(([name, { version }]) => [name, version])),
      streams: streams.map(summary),
      seconds: Math.round(performance.now() - started) / 1000,
    }
    if (json) printJson(result)
    else
      say(
        `${options.lake}: ${Object.entries(rows)
          .map(([name, n]) => `${name} ${n.toLocaleString('en')}`)
          .join(', ')} (${result.seconds} s)`,
      )
    const wrong = complaint(options.source, status)
    if (wrong) say(`moodlake: ${wrong}`)
    return wrong ? 1 : 0
  } finally {
    await model?.close?.()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

export const command: Command = { summary: 'tweets from files or Kafka through bronze, silver and gold', help, run }
