import { duckdb, parseSchema, type Snapshot } from '../delta/index.js'
import type { Translator } from '../models/translator.js'
import type { Batch } from '../sources/batch.js'
import { tableSource } from '../sources/table-source.js'
import { type BatchResult, type Stream, startStream, type Trigger } from '../streams/stream.js'
import { EARLIER_TEXT_VERSIONS, TEXT_VERSION } from '../text/clean.js'
import { countingOf } from './application.js'
import { append, committed, lastBatch } from './batch-commit.js'
import { BRONZE_SCHEMA, judgeBronze, readRaw } from './bronze.js'
import { careForLake } from './care.js'
import { checkExpectations, droppedRows, type Expectations } from './expectations.js'
import { GOLD_RULES, gold, type NamedModel } from './gold.js'
import { idFilters } from './id-filters.js'
import { type InputOptions, isLive, openInput } from './input.js'
import { lakeTable } from './lake.js'
import { TWEET_ID } from './quarantine-rows.js'
import { type ReadBronze, readBronze, SILVER_RULES, silver } from './silver.js'
import { startSink } from './sink-stream.js'
import { type PipelineStreamOptions, streamOptions } from './stream-options.js'
import { openSuppression } from './suppression.js'

const OWN_COLUMNS = new Set(parseSchema(BRONZE_SCHEMA).fields.map(field => field.name))

/** SQL for whoever wrote a row of bronze, and whose post it copies. */
const AUTHORS = [
  '"user"',
  "regexp_extract(text, '^\\s*RT @([A-Za-z0-9-]+[.]bsky[.]social|\\w+)', 1)",
  "CASE WHEN form = 'twitter-v1' THEN json_extract_string(record, '$.retweeted_status.user.screen_name') END",
]

/** Options of `startBronze`. */
export interface BronzeStreamOptions extends PipelineStreamOptions, InputOptions {
  /** Columns beyond the schema that bronze takes from now on. */
  admit?: readonly string[]
}

/**
 * Starts `bronze_stream`: JSON files of a folder (or `s3://bucket/prefix`), a Kafka topic (`kafka://host:port/topic`), or a live feed
 * (`bluesky:`, `wss://…`, `x:…`), whose events are landed under `landing/` of the lake first → `bronze`.
 */
export async function startBronze(options: BronzeStreamOptions): Promise<Stream> {
  const { lake = './lake', admit = [], rules = [] } = options
  const input = await openInput(options)
  const table = await lakeTable(lake, 'bronze')
  const suppression = openSuppression(lake)
  const quarantine = rules.length ? await lakeTable(lake, 'quarantine') : undefined
  const read = async (from: unknown, to: unknown, signal?: AbortSignal) => {
    const raw = await input.source.read(from, to, signal)
    try {
      const known = (await table.snapshot()).schema.fields.map(field => field.name)
      const admitted = [...new Set([...known, ...admit])].filter(name => !OWN_COLUMNS.has(name))
      const rows = await readRaw(raw, { admitted, now: new Date() })
      return { rows, count: raw.count, drop: rows.drop }
    } finally {
      await raw.drop()
    }
  }
  return startStream({
    ...(await streamOptions('bronze_stream', options)),
    source: { ...input.source, read },
    definition: input.definition,
    recover: () => input.recover(table),
    async work(read, context): Promise<BatchResult> {
      const before = await committed(table, context)
      if (before) return before
      const made = await judgeBronze(read.rows, rules, new Date())
      let rows = made.rows
      try {
        context.signal.throwIfAborted()
        const { quarantine: rejected, expectations } = made
        rows = await suppression.filter(made.rows, AUTHORS, TWEET_ID)
        if (quarantine && rejected?.count) await append(quarantine, rejected.from, context)
        const suppressed = made.rows.count - rows.count
        const counts = { quarantined: rejected?.count ?? 0, dropped: made.dropped, ...(suppressed && { suppressed }) }
        const result = { rows: rows.count, counts, expectations }
        await append(table, rows.from, context, { mergeSchema: admit.length > 0, result })
        return result
      } finally {
        await rows.drop()
        await made.drop()
      }
    },
  })
}

/** How far back silver looks. */
export interface SilverStreamOptions extends PipelineStreamOptions {
  /**
   * Bounds what silver must remember: a tweet that is older than the newest one in silver by more than this goes to quarantine as
   * `too_late`, so only tweets within it are searched for duplicates. Milliseconds; default no bound.
   */
  latenessMs?: number
}

/** Starts `silver_stream`: `bronze` → `silver`, and what breaks a rule → `quarantine`. */
export async function startSilver(options: SilverStreamOptions = {}): Promise<Stream> {
  const { lake = './lake', rules, latenessMs } = options
  const suppression = openSuppression(lake)
  const source = await lakeTable(lake, 'bronze')
  const table = await lakeTable(lake, 'silver')
  const quarantine = await lakeTable(lake, 'quarantine')
  const pick = idFilters()
  return startStream({
    ...(await streamOptions('silver_stream', options)),
    // What silver holds decides which tweets come too late: only then must a batch wait to be read for the one before it.
    source: tableSource<Batch | ReadBronze>('bronze', async () => source, {
      ...(latenessMs === undefined && {
        rows: (select, signal) => readBronze(`(${select})`, { rules, now: new Date(), signal }),
      }),
    }),
    // One is in DuckDB while the other is in JavaScript.
    ahead: 2,
    // What an earlier version has read stays as it is; each commit says by which one.
    definition: { source: 'table bronze', text: [TEXT_VERSION, ...EARLIER_TEXT_VERSIONS] },
    recover: () => lastBatch('silver_stream', [table, quarantine]),
    async work(rows, context): Promise<BatchResult> {
      const before = await committed(table, context)
      if (before) return before
      const snapshot = await table.snapshot()
      const watermark = latenessMs === undefined ? undefined : await watermarkOf(snapshot, latenessMs)
      const standing = watermark && `timestamp >= TIMESTAMPTZ '${watermark.toISOString()}'`
      const known = (where: string) =>
        snapshot.relation({
          columns: ['tweet_id'],
          where: standing ? `${where} AND ${standing}` : where,
          pick: async files => ('tweets' in rows ? pick(snapshot, files, rows.tweets.from) : files),
        })
      const made = await silver(rows, { known, rules, watermark, now: new Date(), signal: context.signal })
      let tweets = made.tweets
      try {
        context.signal.throwIfAborted()
        const { duplicates, dropped, expectations } = made
        tweets = await suppression.filter(made.tweets, ['"user"'], 'tweet_id')
        if (made.quarantine.count) await append(quarantine, made.quarantine.from, context)
        const counts = { quarantined: made.quarantine.count, duplicates, dropped }
        const result = { rows: tweets.count, counts, expectations }
        // A lake of an earlier version gets the column that it lacks; it is null in the rows that are there.
        const mergeSchema = !snapshot.schema.fields.some(field => field.name === 'text_key')
        await append(table, tweets.from, context, { operationParameters: { text: TEXT_VERSION }, result, mergeSchema })
        return result
      } finally {
        await tweets.drop()
        await made.drop()
      }
    },
  })
}

/** The newest moment in silver, less the lateness that is allowed. */
async function watermarkOf(silver: Snapshot, latenessMs: number): Promise<Date | undefined> {
  const from = await silver.relation({ columns: ['timestamp'] })
  const [newest] = await (await duckdb()).rows<{ time: Date | null }>(`SELECT max(timestamp) AS time FROM ${from}`)
  return newest?.time ? new Date(newest.time.getTime() - latenessMs) : undefined
}

/** Rows of gold's first batch. Later ones grow or shrink so that a kill costs seconds, whatever the speed of the model. */
const SCORING_ROWS = 2000
const QUICK_BATCH_MS = 2000
const SLOW_BATCH_MS = 10_000

/** How far the scoring of a batch has come. */
export interface Scoring {
  batch: number
  /** Tweets scored, of how many in the batch. */
  done: number
  of: number
}

/** Starts `gold_stream`: `silver` → `gold` by a model, failures → `quarantine`, and `application` counted on. */
export async function startGold(
  options: PipelineStreamOptions & { model: NamedModel; translator?: Translator; onScored?(scoring: Scoring): void },
): Promise<Stream> {
  const { lake = './lake', model, translator, rules } = options
  let maxRows = SCORING_ROWS
  const suppression = openSuppression(lake)
  const source = await lakeTable(lake, 'silver')
  const table = await lakeTable(lake, 'gold')
  const counts = await lakeTable(lake, 'application')
  const quarantine = await lakeTable(lake, 'quarantine')
  const counting = countingOf(table, counts)
  return startStream({
    ...(await streamOptions('gold_stream', options)),
    source: { ...tableSource('silver', async () => source), close: () => counting.now() },
    definition: { source: 'table silver' },
    recover: () => lastBatch('gold_stream', [table, quarantine]),
    limits: () => ({ maxRows, ...options.limits }),
    onProgress(progress) {
      if (progress.ms > SLOW_BATCH_MS) maxRows = Math.max(250, Math.round(maxRows / 2))
      else if (progress.ms < QUICK_BATCH_MS && progress.rowsIn === maxRows) maxRows = Math.min(50_000, maxRows * 2)
      options.onProgress?.(progress)
    },
    async work(rows, context): Promise<BatchResult> {
      let result = await committed(table, context)
      if (!result) {
        const onScored = (done: number) => options.onScored?.({ batch: context.id, done, of: rows.count })
        const made = await gold(rows, { model, translator, rules, now: new Date(), signal: context.signal, onProgress: onScored })
        let tweets = made.tweets
        try {
          context.signal.throwIfAborted()
          const { expectations } = made
          tweets = await suppression.filter(made.tweets, ['"user"'], 'tweet_id')
          const failed = expectations.find(count => count.rule === GOLD_RULES[0]!.name)?.failed ?? 0
          const counts = { failed, quarantined: made.quarantine.count - failed, dropped: droppedRows(expectations) }
          result = { rows: tweets.count, counts, expectations }
          if (made.quarantine.count) await append(quarantine, made.quarantine.from, context)
          const operationParameters = modelParameters(model, translator)
          await append(table, tweets.from, context, { operationParameters, result, mergeSchema: translator !== undefined })
        } finally {
          await tweets.drop()
          await made.drop()
        }
      }
      counting.soon()
      return result
    },
  })
}

/** What a commit of gold says of the model, and of the translator before it. */
export function modelParameters({ name, version, hash, device }: NamedModel, translator?: Translator): Record<string, string> {
  return {
    ...{ model: name, modelVersion: version, ...(hash && { modelHash: hash }), ...(device && { device }) },
    ...(translator && { translator: translator.name, translatorHash: translator.hash }),
  }
}

/** Options of `runPipeline`. */
export interface RunOptions extends Omit<BronzeStreamOptions, 'rules' | 'upstream'>, Pick<SilverStreamOptions, 'latenessMs'> {
  /** Scores the tweets; not needed with `until: 'bronze' | 'silver'`. */
  model?: NamedModel
  /** Puts tweets of other languages into English before they are scored; see `loadTranslator`. Gold gets the column `text_en`. */
  translator?: Translator
  /** `linear`: one stage after another; `concurrent`: all streams at once, as always with a live feed. The tables are the same. Default `linear`. */
  mode?: 'linear' | 'concurrent'
  /** Last stage to run. Default `gold`. */
  until?: 'bronze' | 'silver' | 'gold'
  /** Default `available-now`; with an interval the streams run at once until `signal` aborts. */
  trigger?: Trigger
  /** What must be true of the rows of a table, beyond its own rules. */
  expectations?: Expectations
  /** Milliseconds for which former versions of the tables stay readable. Default: with an interval or a live feed an hour, else Delta's own. */
  keepMs?: number
  /** Databases that are kept like gold, each by a stream of its own: `postgres://…` or `mongodb://…`. */
  sinks?: readonly string[]
  /** As `retryMs` in `startSink`. */
  sinkRetryMs?: number
  /** Called as tweets are scored, often. */
  onScored?(scoring: Scoring): void
  /** Receives each stream as it starts. */
  onStream?(stream: Stream): void
}

/**
 * Runs the streams of the pipeline to their end: bronze, silver, gold. Running it again takes what is new and nothing else.
 * @throws what the first failing stream threw, when all have ended
 */
export async function runPipeline(options: RunOptions): Promise<Stream[]> {
  const { lake, source, model, translator, mode = 'linear', until = 'gold', trigger, limits, onProgress, onScored } = options
  const { admit, budget, onNotice, expectations = {}, latenessMs, disk, keepMs } = options
  checkExpectations(expectations, { bronze: [], silver: SILVER_RULES, gold: GOLD_RULES })
  const failing = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failing.signal]) : failing.signal
  const endless = isLive(source) || (trigger !== undefined && trigger !== 'available-now')
  const together = mode === 'concurrent' || endless
  const streams: Stream[] = []
  // What follows a live feed ends with it, whatever the feed's own trigger.
  const following = isLive(source) ? { trigger: 'available-now' as const } : {}
  const common = { lake, trigger, limits, disk, signal, onProgress }
  const { bronze, silver, gold } = expectations
  const stages = [
    () => startBronze({ ...common, source, admit, budget, onNotice, rules: bronze }),
    () => startSilver({ ...common, ...following, upstream: streams.at(-1), latenessMs, rules: silver }),
    () =>
      startGold({
        ...common,
        ...following,
        upstream: streams.at(-1),
        model: needModel(model),
        translator,
        onScored,
        rules: gold,
      }),
  ].slice(0, { bronze: 1, silver: 2, gold: 3 }[until])
  if (until === 'gold') needModel(model)
  const sinkStreams: Stream[] = []
  const care = endless || keepMs !== undefined ? await careForLake(lake ?? './lake', { until, keepMs, onNotice }) : undefined
  try {
    for (const start of stages) {
      if (signal.aborted) break
      const stream = await start()
      streams.push(stream)
      options.onStream?.(stream)
      if (!together) await stream.done
    }
    for (const sink of until === 'gold' && !signal.aborted ? (options.sinks ?? []) : []) {
      const stream = await startSink({ ...common, sink, retryMs: options.sinkRetryMs, upstream: streams.at(-1) })
      sinkStreams.push(stream)
      options.onStream?.(stream)
    }
    await Promise.all(streams.map(stream => stream.done))
    // A database that is down stops no other stream; it is told of when they have ended.
    await Promise.all(sinkStreams.map(stream => stream.done))
  } catch (error) {
    failing.abort()
    await Promise.all([...streams, ...sinkStreams].map(stream => stream.settled))
    throw error
  } finally {
    await care?.end()
  }
  return [...streams, ...sinkStreams]
}

function needModel(model: NamedModel | undefined): NamedModel {
  if (!model) throw new Error('pipeline: gold needs a model')
  return model
}
