import { DEVICES } from '../models/device.js'
import { isLive } from '../pipeline/input.js'
import { LAKE_TABLES, type LakeStatus, lakeStatus } from '../pipeline/lake.js'
import { type RunOptions, runPipeline, type Scoring } from '../pipeline/run.js'
import { followModel } from '../registry/follow-model.js'
import { type LoadedTranslator, loadTranslator } from '../registry/load-translator.js'
import { monitorStreams, showLines, streamVerdict, verdictText } from '../streams/monitor.js'
import type { Progress, Stream, Trigger } from '../streams/stream.js'
import {
  defineCommand,
  interruptible,
  json,
  lake,
  oneOf,
  printJson,
  read,
  readCount,
  say,
  text,
  texts,
  UsageError,
  type Values,
} from './command.js'
import { readExpectations } from './read-expectations.js'

/** The tables that a run can end with. */
export const TIERS = ['bronze', 'silver', 'gold'] as const

/** The one-line interval syntax of the command line, in milliseconds. */
function readTrigger(text: string): Trigger {
  if (text === 'available-now') return text
  if (text === 'continuous') return { everyMs: 0 }
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text)
  if (!found) throw new UsageError(`--trigger: not available-now nor an interval such as 5s: ${text}`)
  return { everyMs: Number(found[1]) * { ms: 1, s: 1000, m: 60_000 }[found[2] as 'ms' | 's' | 'm'] }
}

/** A number with its unit, such as `7d` or `20GB`. */
const readAmount = (units: Record<string, number>) => (text: string, name: string) => {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (number === undefined || factor === undefined)
    throw new UsageError(`${name}: not a number with one of ${Object.keys(units).join(', ')}: ${text}`)
  return Number(number) * factor
}

const TIMES = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZES = { MB: 1e6, GB: 1e9, MiB: 2 ** 20, GiB: 2 ** 30 }

function readDollars(value: string): number {
  const dollars = Number(value.replace(/^\$/, ''))
  if (!(dollars > 0)) throw new UsageError(`--budget: not an amount of dollars: ${value}`)
  return dollars
}

const options = {
  source: text(
    'URI',
    `folder of JSON files, one file, s3://bucket/prefix, kafka://HOST:PORT[,…]/TOPIC, bluesky: (posts of a public
server), ws(s)://HOST:PORT/subscribe?… or ws(s)://HOST:PORT/xrpc/network.bsky.jetstream.subscribeEvents?…,
x:stream (by its rules, see moodlake rules) or x:search?query=… (token in X_BEARER_TOKEN)`,
  ),
  lake,
  model: text(
    'URI',
    `blend (default), compact, a folder, file:…, hf:OWNER/NAME, models:/NAME/VERSION or models:/NAME@ALIAS;
an alias of a server (MLFLOW_TRACKING_URI) is followed: a new champion scores the next batch`,
    'blend',
  ),
  device: read(
    'DEVICE',
    'where the transformer runs: cpu (default), cuda, tensorrt, webgpu, coreml, dml; an error where it is not to be had',
    oneOf(DEVICES),
  ),
  translate: text(
    'URI',
    `puts tweets of other languages into English before they are scored, by a translator: hf:OWNER/NAME, a folder or
file:…; gold gets the column text_en (explicit schema merge), null where the original was scored`,
  ),
  mode: read(
    'MODE',
    'linear (default): one stage after another; concurrent: all at once',
    oneOf(['linear', 'concurrent'] as const),
    'linear',
  ),
  trigger: read(
    'WHEN',
    `available-now (default); an interval such as 5s or 500ms, or continuous: runs until stopped; a live
feed has nothing more when it has been silent for 5 seconds`,
    readTrigger,
    'available-now',
  ),
  until: read('TABLE', 'bronze, silver or gold (default)', oneOf(TIERS), 'gold'),
  expect: texts(
    'RULE',
    `TABLE:NAME:ACTION:SQL, such as "silver:short:warn:length(full_text) < 280", or a .json file of them;
actions: warn, drop, quarantine, fail`,
  ),
  lateness: read(
    'TIME',
    'how far back silver looks for duplicates, such as 7d; older tweets go to quarantine (default no bound)',
    readAmount(TIMES),
  ),
  sink: texts(
    'URI',
    `keeps a database like gold, in a stream of its own: postgres://USER:PASSWORD@HOST:PORT/DB[?table=gold] or
mongodb://HOST:PORT/DB[?collection=gold]`,
  ),
  idlePolls: read('N', 'ends an interval run after N idle looks with an empty backlog (default: runs until stopped)', readCount),
  keep: read(
    'TIME',
    'how long former versions of the tables stay readable, such as 2d (default: an hour with an interval or a live feed)',
    readAmount(TIMES),
  ),
  maxDisk: read('SIZE', 'bytes that the lake may take, such as 20GB; the streams end before it takes more', readAmount(SIZES)),
  mergeSchema: text('A,B', 'columns beyond the schema that bronze takes from now on'),
  maxFiles: read('N', 'files in a batch (default 50000)', readCount),
  maxRows: read('N', 'rows in a batch that comes from a Kafka topic (default 100000) or a table', readCount),
  budget: read('DOLLARS', 'ends reading from X when this is spent', readDollars),
  json,
}

/** What a run is given, as the pipeline takes it. */
function runOptions(values: Values<typeof options>): RunOptions & { lake: string } {
  const { source, lake, mode, until, trigger, maxFiles, maxRows, expect, sink, lateness, keep, maxDisk, budget, mergeSchema } =
    values
  if (!source)
    throw new UsageError(
      'run: --source is missing: a folder of JSON files, s3://bucket/prefix, kafka://HOST:PORT/TOPIC, bluesky: or x:stream',
    )
  return {
    ...{ source, lake, mode, until, trigger },
    limits: { ...(maxFiles && { maxFiles }), ...(maxRows && { maxRows }) },
    ...(expect.length && { expectations: readExpectations(expect) }),
    ...(sink.length && { sinks: sink }),
    ...(lateness && { latenessMs: lateness }),
    ...(keep && { keepMs: keep }),
    ...(maxDisk && { disk: { maxBytes: maxDisk } }),
    ...(budget && { budget }),
    ...(mergeSchema && { admit: mergeSchema.split(',').filter(Boolean) }),
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

async function run(values: Values<typeof options>, stop: AbortController): Promise<number> {
  const { model: uri, translate, device, idlePolls, json } = values
  const options = runOptions(values)
  const started = performance.now()
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
    const given = { ...options, ...watch.options, onNotice: say, model, translator, signal: stop.signal }
    const streams = await runPipeline(given).finally(watch.end)
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
  }
}

export const command = defineCommand({
  summary: 'tweets from files or Kafka through bronze, silver and gold',
  usage: 'run --source URI [options]',
  about: `
Takes tweets from JSON files, a Kafka topic or a live feed through bronze, silver and gold. Run it again: what is new is taken, and nothing else.`,
  options,
  run: values => interruptible(stop => run(values, stop)),
})
