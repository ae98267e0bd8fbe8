import { type DeltaTable, duckdb, parseSchema } from '../delta/index.js'
import { blueskyFeed, isBlueskyAddress, parseBlueskyAddress } from '../sources/bluesky.js'
import { jsonFiles, relogFiles } from '../sources/json-files.js'
import { kafkaTopic } from '../sources/kafka.js'
import { parseKafkaAddress } from '../sources/kafka-client.js'
import { openFiles } from '../sources/open-files.js'
import type { Limits, Source } from '../sources/source.js'
import { tableSource } from '../sources/table-source.js'
import { isXAddress, parseXAddress, xFeed } from '../sources/x.js'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import type { BatchRange } from '../streams/checkpoint.js'
import { type BatchContext, type BatchResult, type Progress, type Stream, startStream, type Trigger } from '../streams/stream.js'
import { TEXT_VERSION } from '../text/clean.js'
import { application } from './application.js'
import { BRONZE_SCHEMA, bronze } from './bronze.js'
import { gold, type NamedModel } from './gold.js'
import { lakeCheckpoint, lakeTable } from './lake.js'
import { silver } from './silver.js'

/** Options that every stream of the pipeline takes. */
export interface PipelineStreamOptions {
  /** Folder or address of the lake. Default `./lake`. */
  lake?: string
  /** Default `available-now`. */
  trigger?: Trigger
  limits?: Limits
  /** The stream that feeds this one: with `available-now` this stream ends after it. */
  upstream?: Pick<Stream, 'settled'>
  signal?: AbortSignal
  onProgress?(progress: Progress): void
  /** Hears what a live feed has to say: lost connections, gaps. Default: process warnings. */
  onNotice?(text: string): void
}

const OWN_COLUMNS = new Set(parseSchema(BRONZE_SCHEMA).fields.map(field => field.name))

/** True when the batch has been committed to the table by an earlier try. */
async function isCommitted(table: DeltaTable, { txn }: BatchContext): Promise<boolean> {
  return ((await table.snapshot()).txn(txn.appId) ?? -1) >= txn.version
}

/** What a commit says of its batch; read back by `lastBatch`. */
function batchParameters({ txn, range }: BatchContext): Record<string, string> {
  return { stream: txn.appId, batch: String(txn.version), range: JSON.stringify(range) }
}

/** The newest batch of a stream that any of its tables knows of, with its range: what a lost checkpoint said last. */
async function lastBatch(stream: string, tables: readonly DeltaTable[]): Promise<BatchRange | undefined> {
  const known = await Promise.all(tables.map(async table => ({ table, id: (await table.snapshot()).txn(stream) ?? -1 })))
  const { table, id } = known.reduce((a, b) => (b.id > a.id ? b : a))
  if (id < 0) return undefined
  for (const { operationParameters: said } of await table.history())
    if (said.stream === stream && said.batch === String(id)) return { id, ...(JSON.parse(String(said.range)) as object) }
  throw new Error(`${stream}: its checkpoint is gone, and ${table.store.uri} does not say what batch ${id} read; clear the lake`)
}

/** Options of `startBronze`. */
export interface BronzeStreamOptions extends PipelineStreamOptions {
  /** As in `RunOptions`. */
  source: string
  /** Columns beyond the schema that bronze takes from now on. */
  admit?: readonly string[]
  /** US dollars after which X is asked no more. Default: no bound. */
  budget?: number
}

/**
 * Starts `bronze_stream`: JSON files of a folder (or `s3://bucket/prefix`), a Kafka topic (`kafka://host:port/topic`), or a live feed
 * (`bluesky:`, `wss://…`, `x:…`), whose events are landed under `landing/` of the lake first → `bronze`.
 */
export async function startBronze(options: BronzeStreamOptions): Promise<Stream> {
  const { lake = './lake', admit = [] } = options
  const input = await openInput(options)
  const table = await lakeTable(lake, 'bronze')
  return startStream({
    ...streamOptions(options),
    name: 'bronze_stream',
    source: input.source,
    checkpoint: lakeCheckpoint(lake, 'bronze_stream'),
    definition: input.definition,
    recover: () => input.recover(table),
    async work(raw, context): Promise<BatchResult> {
      if (await isCommitted(table, context)) return { rows: 0, counts: { replayed: 1 } }
      const known = (await table.snapshot()).schema.fields.map(field => field.name)
      const admitted = [...new Set([...known, ...admit])].filter(name => !OWN_COLUMNS.has(name))
      const rows = await bronze(raw, { admitted, now: new Date() })
      try {
        context.signal.throwIfAborted()
        await append(table, rows.from, context, { mergeSchema: admit.length > 0 })
        return { rows: rows.count }
      } finally {
        await rows.drop()
      }
    },
  })
}

/** Starts `silver_stream`: `bronze` → `silver`, and what breaks a rule → `quarantine`. */
export async function startSilver(options: PipelineStreamOptions = {}): Promise<Stream> {
  const { lake = './lake' } = options
  const source = await lakeTable(lake, 'bronze')
  const table = await lakeTable(lake, 'silver')
  const quarantine = await lakeTable(lake, 'quarantine')
  return startStream({
    ...streamOptions(options),
    name: 'silver_stream',
    source: tableSource('bronze', async () => source),
    checkpoint: lakeCheckpoint(lake, 'silver_stream'),
    definition: { source: 'table bronze', text: TEXT_VERSION },
    recover: () => lastBatch('silver_stream', [table, quarantine]),
    async work(rows, context): Promise<BatchResult> {
      if (await isCommitted(table, context)) return { rows: 0, counts: { replayed: 1 } }
      const snapshot = await table.snapshot()
      const known = (where: string) => snapshot.relation({ columns: ['tweet_id'], where })
      const made = await silver(rows, { known, now: new Date() })
      try {
        context.signal.throwIfAborted()
        if (made.quarantine.count) await append(quarantine, made.quarantine.from, context)
        // A lake of an earlier version gets the column that it lacks; it is null in the rows that are there.
        const mergeSchema = !snapshot.schema.fields.some(field => field.name === 'text_key')
        await append(table, made.tweets.from, context, { mergeSchema })
        return { rows: made.tweets.count, counts: { quarantined: made.quarantine.count, duplicates: made.duplicates } }
      } finally {
        await made.drop()
      }
    },
  })
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

/** Starts `gold_stream`: `silver` → `gold` by a model, failures → `quarantine`, and `application` counted anew. */
export async function startGold(
  options: PipelineStreamOptions & { model: NamedModel; onScored?(scoring: Scoring): void },
): Promise<Stream> {
  const { lake = './lake', model } = options
  let maxRows = SCORING_ROWS
  const source = await lakeTable(lake, 'silver')
  const table = await lakeTable(lake, 'gold')
  const counts = await lakeTable(lake, 'application')
  const quarantine = await lakeTable(lake, 'quarantine')
  return startStream({
    ...streamOptions(options),
    name: 'gold_stream',
    source: tableSource('silver', async () => source),
    checkpoint: lakeCheckpoint(lake, 'gold_stream'),
    definition: { source: 'table silver' },
    recover: () => lastBatch('gold_stream', [table, quarantine, counts]),
    limits: () => ({ maxRows, ...options.limits }),
    onProgress(progress) {
      if (progress.ms > SLOW_BATCH_MS) maxRows = Math.max(250, Math.round(maxRows / 2))
      else if (progress.ms < QUICK_BATCH_MS && progress.rowsIn === maxRows) maxRows = Math.min(50_000, maxRows * 2)
      options.onProgress?.(progress)
    },
    async work(rows, context): Promise<BatchResult> {
      let result: BatchResult = { rows: 0, counts: { replayed: 1 } }
      if (!(await isCommitted(table, context))) {
        const made = await gold(rows, {
          model,
          now: new Date(),
          signal: context.signal,
          onProgress: done => options.onScored?.({ batch: context.id, done, of: rows.count }),
        })
        try {
          context.signal.throwIfAborted()
          if (made.failures.count) await append(quarantine, made.failures.from, context)
          const operationParameters = {
            model: model.name,
            modelVersion: model.version,
            ...(model.hash && { modelHash: model.hash }),
          }
          await append(table, made.tweets.from, context, { operationParameters })
          result = { rows: made.tweets.count, counts: { failed: made.failures.count } }
        } finally {
          await made.drop()
        }
      }
      const all = await (await table.snapshot()).relation({ columns: ['timestamp', 'mentions', 'predicted_sentiment'] })
      await counts.overwrite({ sql: application(all) }, { txn: context.txn, operationParameters: batchParameters(context) })
      return result
    },
  })
}

function streamOptions({ trigger, limits, upstream, signal, onProgress }: PipelineStreamOptions) {
  return { trigger, limits, upstream, signal, onProgress }
}

async function append(
  table: DeltaTable,
  from: string,
  context: BatchContext,
  options: { mergeSchema?: boolean; operationParameters?: Record<string, string> } = {},
): Promise<void> {
  const operationParameters = { ...batchParameters(context), ...options.operationParameters }
  await table.append({ sql: `SELECT * FROM ${from}` }, { ...options, txn: context.txn, operationParameters })
}

interface Input {
  source: Source
  definition: { source: string }
  /** Finds the place in the source from what the table says, when the checkpoint is lost. */
  recover(table: DeltaTable): Promise<BatchRange | undefined>
}

/** True for a feed that goes on for ever and cannot be asked again. */
export function isLive(source: string): boolean {
  return isBlueskyAddress(source) || isXAddress(source)
}

/** The input of bronze: a Kafka topic, a live feed, or JSON files. */
async function openInput(options: BronzeStreamOptions): Promise<Input> {
  const { source, lake = './lake', onNotice, budget } = options
  if (source.startsWith('kafka:')) {
    const address = parseKafkaAddress(source)
    return {
      source: kafkaTopic(address),
      definition: { source: `kafka ${address.topic}` },
      recover: table => lastBatch('bronze_stream', [table]),
    }
  }
  const log = { store: openStore(lake), path: '_checkpoints/bronze_stream/files' }
  if (isLive(source)) {
    const platform = isXAddress(source) ? 'x' : 'bluesky'
    const landing = { store: openStore(lake), path: `landing/${platform}` }
    const feed =
      platform === 'x'
        ? xFeed({ address: parseXAddress(source), landing, log, onNotice, budget })
        : blueskyFeed({ address: parseBlueskyAddress(source), landing, log, onNotice })
    return { source: feed, definition: { source: platform }, recover: recoverFiles(landing.store, log) }
  }
  const { store, prefix } = await openFiles(source)
  return { source: jsonFiles({ store, prefix, log }), definition: { source: 'json-files' }, recover: recoverFiles(store, log) }
}

/** Finds which files have been read by the files that the table names. */
function recoverFiles(store: Store, log: { store: Store; path: string }): Input['recover'] {
  return async table => {
    const snapshot = await table.snapshot()
    const id = snapshot.txn('bronze_stream')
    if (id === undefined) return undefined
    const read = `SELECT DISTINCT source_file AS path FROM ${await snapshot.relation({ columns: ['source_file'] })} ORDER BY path`
    const paths = (await (await duckdb()).rows<{ path: string }>(read)).map(file => file.path)
    return { id: id + 1, from: await relogFiles(log, store.uri, paths) }
  }
}

/** Options of `runPipeline`. */
export interface RunOptions {
  /** Folder of JSON files, one file, `s3://bucket/prefix`, `kafka://host:port/topic`, or a live feed: `bluesky:`, `wss://…`, `x:stream`, `x:search?query=…`. */
  source: string
  /** Default `./lake`. */
  lake?: string
  /** Scores the tweets; not needed with `until: 'bronze' | 'silver'`. */
  model?: NamedModel
  /** `linear`: one stage after another; `concurrent`: all streams at once, as always with a live feed. The tables are the same. Default `linear`. */
  mode?: 'linear' | 'concurrent'
  /** Last stage to run. Default `gold`. */
  until?: 'bronze' | 'silver' | 'gold'
  /** Default `available-now`; with an interval the streams run at once until `signal` aborts. */
  trigger?: Trigger
  limits?: Limits
  /** Columns beyond the schema that bronze takes from now on. */
  admit?: readonly string[]
  /** US dollars after which X is asked no more and the run ends. Default: no bound. */
  budget?: number
  signal?: AbortSignal
  onProgress?(progress: Progress): void
  /** Called as tweets are scored, often. */
  onScored?(scoring: Scoring): void
  /** Hears what a live feed has to say: lost connections, gaps. Default: process warnings. */
  onNotice?(text: string): void
  /** Receives each stream as it starts. */
  onStream?(stream: Stream): void
}

/**
 * Runs the streams of the pipeline to their end: bronze, silver, gold. Running it again takes what is new and nothing else.
 * @throws what the first failing stream threw, when all have ended
 */
export async function runPipeline(options: RunOptions): Promise<Stream[]> {
  const { lake, source, model, mode = 'linear', until = 'gold', trigger, limits, onProgress, onScored } = options
  const { admit, budget, onNotice } = options
  const failing = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failing.signal]) : failing.signal
  const together = mode === 'concurrent' || isLive(source) || (trigger !== undefined && trigger !== 'available-now')
  const streams: Stream[] = []
  // What follows a live feed ends with it, whatever the feed's own trigger.
  const following = isLive(source) ? { trigger: 'available-now' as const } : {}
  const common = { lake, trigger, limits, signal, onProgress }
  const stages = [
    () => startBronze({ ...common, source, admit, budget, onNotice }),
    () => startSilver({ ...common, ...following, upstream: streams.at(-1) }),
    () => startGold({ ...common, ...following, upstream: streams.at(-1), model: needModel(model), onScored }),
  ].slice(0, { bronze: 1, silver: 2, gold: 3 }[until])
  if (until === 'gold') needModel(model)
  try {
    for (const start of stages) {
      if (signal.aborted) break
      const stream = await start()
      streams.push(stream)
      options.onStream?.(stream)
      if (!together) await stream.done
    }
    await Promise.all(streams.map(stream => stream.done))
  } catch (error) {
    failing.abort()
    await Promise.all(streams.map(stream => stream.settled))
    throw error
  }
  return streams
}

function needModel(model: NamedModel | undefined): NamedModel {
  if (!model) throw new Error('pipeline: gold needs a model')
  return model
}
