import { DEVICES, type Device } from '../models/device.js'
import { LAKE_TABLES, type LakeStatus, lakeStatus } from '../pipeline/lake.js'
import { isLive, type RunOptions, runPipeline, type Scoring } from '../pipeline/run.js'
import { followModel } from '../registry/follow-model.js'
import { type LoadedTranslator, loadTranslator } from '../registry/load-translator.js'
import { monitorStreams, showLines, streamVerdict, verdictText } from '../streams/monitor.js'
import type { Progress, Stream, Trigger } from '../streams/stream.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { readExpectations } from './read-expectations.js'

const help = `
usage: moodlake run --source URI [options]

Takes tweets from JSON files, a Kafka topic or a live feed through bronze, silver and gold. Run it again: what is new is taken, and nothing else.

  --source URI        folder of JSON files, one file, s3://bucket/prefix, kafka://HOST:PORT[,…]/TOPIC, bluesky: (posts of a public
                      server), ws(s)://HOST:PORT/subscribe?… or ws(s)://HOST:PORT/xrpc/network.bsky.jetstream.subscribeEvents?…,
                      x:stream (by its rules, see moodlake rules) or x:search?query=… (token in X_BEARER_TOKEN)
  --lake DIR          folder or s3://bucket/prefix of the tables (default ./lake)
  --model URI         blend (default), compact, a folder, file:…, hf:OWNER/NAME, models:/NAME/VERSION or models:/NAME@ALIAS;
                      an alias of a server (MLFLOW_TRACKING_URI) is followed: a new champion scores the next batch
  --device DEVICE     where the transformer runs: cpu (default), cuda, tensorrt, webgpu, coreml, dml; an error where it is not to be had
  --translate URI     puts tweets of other languages into English before they are scored, by a translator: hf:OWNER/NAME, a folder or
                      file:…; gold gets the column text_en (explicit schema merge), null where the original was scored
  --mode MODE         linear (default): one stage after another; concurrent: all at once
  --trigger WHEN      available-now (default); an interval such as 5s or 500ms, or continuous: runs until stopped; a live
                      feed has nothing more when it has been silent for 5 seconds
  --until TABLE       bronze, silver or gold (default)
  --expect RULE       TABLE:NAME:ACTION:SQL, such as "silver:short:warn:length(full_text) < 280", or a .json file of them;
                      actions: warn, drop, quarantine, fail; may be given again
  --lateness TIME     how far back silver looks for duplicates, such as 7d; older tweets go to quarantine (default no bound)
  --sink URI          keeps a database like gold, in a stream of its own: postgres://USER:PASSWORD@HOST:PORT/DB[?table=gold] or
                      mongodb://HOST:PORT/DB[?collection=gold]; may be given again
  --idle-polls N      ends an interval run after N idle looks with an empty backlog (default: runs until stopped)
  --keep TIME         how long former versions of the tables stay readable, such as 2d (default: an hour with an interval or a live feed)
  --max-disk SIZE     bytes that the lake may take, such as 20GB; the streams end before it takes more
  --merge-schema A,B  columns beyond the schema that bronze takes from now on
  --max-files N       files in a batch (default 50000)
  --max-rows N        rows in a batch that comes from a Kafka topic (default 100000) or a table
  --budget DOLLARS    ends reading from X when this is spent
  --json              one JSON document on stdout when done
`

/** The one-line interval syntax of the command line, in milliseconds. */
export function readTrigger(text: string): Trigger {
  if (text === 'available-now') return text
  if (text === 'continuous') return { everyMs: 0 }
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

/** A number with its unit, such as `7d` or `20GB`. */
function readAmount(option: string, text: string, units: Record<string, number>): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (number === undefined || factor === undefined)
    throw new UsageError(`--${option}: not a number with one of ${Object.keys(units).join(', ')}: ${text}`)
  return Number(number) * factor
}

const TIMES = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZES = { MB: 1e6, GB: 1e9, MiB: 2 ** 20, GiB: 2 ** 30 }

interface RunArguments {
  translate: string | undefined
  device: Device | undefined
  options: RunOptions & { lake: string }
  model: string
  idlePolls: number | undefined
  json: boolean
}

function readDollars(value: string): number {
  const dollars = Number(value.replace(/^\$/, ''))
  if (!(dollars > 0)) throw new UsageError(`--budget: not an amount of dollars: ${value}`)
  return dollars
}

function readOptions(args: string[]): RunArguments {
  const { values } = parse({
    args,
    options: {
      source: { type: 'string' },
      lake: { type: 'string', default: './lake' },
      model: { type: 'string', default: 'blend' },
      translate: { type: 'string' },
      device: { type: 'string' },
      mode: { type: 'string', default: 'linear' },
      trigger: { type: 'string', default: 'available-now' },
      until: { type: 'string', default: 'gold' },
      'merge-schema': { type: 'string' },
      expect: { type: 'string', multiple: true },
      lateness: { type: 'string' },
      sink: { type: 'string', multiple: true },
      'idle-polls': { type: 'string' },
      keep: { type: 'string' },
      'max-disk': { type: 'string' },
      'max-files': { type: 'string' },
      'max-rows': { type: 'string' },
      budget: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  if (!values.source)
    throw new UsageError(
      'run: --source is missing: a folder of JSON files, s3://bucket/prefix, kafka://HOST:PORT/TOPIC, bluesky: or x:stream',
    )
  return {
    model: values.model,
    translate: values.translate,
    device: values.device === undefined ? undefined : choice('device', values.device, DEVICES),
    json: values.json,
    idlePolls: values['idle-polls'] ? readCount('idle-polls', values['idle-polls']) : undefined,
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
      ...(values.expect && { expectations: readExpectations(values.expect) }),
      ...(values.sink && { sinks: values.sink }),
      ...(values.lateness && { latenessMs: readAmount('lateness', values.lateness, TIMES) }),
      ...(values.keep && { keepMs: readAmount('keep', values.keep, TIMES) }),
      ...(values['max-disk'] && { disk: { maxBytes: readAmount('max-disk', values['max-disk'], SIZES) } }),
      ...(values.budget && { budget: readDollars(values.budget) }),
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
  const { counts, ms, ...sums } = stream.totals()
  return { name: stream.name, status: stream.status(), ...sums, ...counts, seconds: Math.round(ms) / 1000 }
}

/** Complains about a run that was given nothing it could use: exit code 1 though nothing broke. */
function complaint(source: string, status: LakeStatus): string | undefined {
  const rows = (name: string) => status.tables[name]?.rows ?? 0
  if (!rows('bronze') && (source.startsWith('kafka:') || isLive(source))) return `source: no records in ${source}`
  if (!rows('bronze')) return `source: no JSON records in ${source} (files end in .json, .jsonl or .ndjson, also with .gz)`
  if (status.streams.silver_stream && !rows('silver'))
    return `source: none of the ${rows('bronze')} records of ${source} is a tweet; see the table quarantine`
  return undefined
}

/** Shows the streams of a run: a table in place on a terminal, else a line for each batch. Ends an interval run that is idle. */
function watchRun(
  {
    until,
    sinks = [],
    idlePolls,
    triggerMs,
  }: Pick<RunOptions, 'until' | 'sinks'> & { idlePolls: number | undefined; triggerMs: number | undefined },
  idle: () => void,
) {
  const over = new AbortController()
  const streams: Stream[] = []
  const live = process.stderr.isTTY
  if (live || (idlePolls !== undefined && triggerMs !== undefined)) {
    void monitorStreams(streams, {
      expected: { bronze: 1, silver: 2, gold: 3 + sinks.length }[until ?? 'gold'],
      everyMs: Math.max(live && idlePolls === undefined ? 500 : 1000, 1.5 * (triggerMs ?? 0)),
      idlePolls: (triggerMs === undefined ? undefined : idlePolls) ?? Number.POSITIVE_INFINITY,
      signal: over.signal,
      ...(live && { onLines: showLines() }),
    }).then(why => why === 'idle' && idle())
  }
  const lines = { onProgress: (progress: Progress) => say(progressLine(progress)), onScored: scoringLines() }
  return {
    options: { onStream: (stream: Stream) => void streams.push(stream), ...(live ? {} : lines) },
    end: () => over.abort(),
  }
}

async function run(args: string[]): Promise<number> {
  const { options, model: uri, translate, device, idlePolls, json } = readOptions(args)
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
          device,
          onExchange: (from, to) => say(`gold_stream   ${to.uri} takes the place of ${from.uri}`),
          onTrouble: error => say(`gold_stream   the model stays: ${error.message}`),
        })
      : undefined
  let translator: LoadedTranslator | undefined
  try {
    translator = translate !== undefined && model ? await loadTranslator(translate) : undefined
    const triggerMs = typeof options.trigger === 'object' ? options.trigger.everyMs : undefined
    const watch = watchRun({ ...options, idlePolls, triggerMs }, () => stop.abort())
    const streams = await runPipeline({
      ...options,
      ...watch.options,
      onNotice: say,
      model,
      translator,
      signal: stop.signal,
    }).finally(watch.end)
    const verdicts = streams.map(stream => streamVerdict(stream.name, stream.progress(), triggerMs || undefined))
    const status = await lakeStatus(options.lake)
    const rows = Object.fromEntries(Object.keys(LAKE_TABLES).map(name => [name, status.tables[name]?.rows ?? 0]))
    const result = {
      lake: options.lake,
      source: options.source,
      mode: options.mode,
      ...(model && { model: { uri, name: model.name, version: model.version, hash: model.hash, device: model.device } }),
      ...(translator && { translator: { uri: translator.uri, name: translator.name, hash: translator.hash } }),
      rows,
      added: Object.fromEntries(streams.map(stream => [stream.name.replace('_stream', ''), summary(stream).rowsOut])),
      failed: streams.reduce((sum, stream) => sum + (stream.totals().counts.failed ?? 0), 0),
      versions: Object.fromEntries(Object.entries(status.tables).map(([name, { version }]) => [name, version])),
      streams: streams.map(summary),
      verdicts,
      seconds: Math.round(performance.now() - started) / 1000,
    }
    for (const verdict of verdicts) if (verdict.batches) say(verdictText(verdict))
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
    await Promise.all([model?.close?.(), translator?.close()])
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

export const command: Command = { summary: 'tweets from files or Kafka through bronze, silver and gold', help, run }
