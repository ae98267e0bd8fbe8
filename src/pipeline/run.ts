import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type DeltaTable, parseSchema } from '../delta/index.js'
import { jsonFiles } from '../sources/json-files.js'
import { kafkaTopic } from '../sources/kafka.js'
import { parseKafkaAddress } from '../sources/kafka-client.js'
import type { Limits, Source } from '../sources/source.js'
import { tableSource } from '../sources/table-source.js'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import { type BatchContext, type BatchResult, type Progress, type Stream, startStream, type Trigger } from '../streams/stream.js'
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
}

const OWN_COLUMNS = new Set(parseSchema(BRONZE_SCHEMA).fields.map(field => field.name))

/** True when the batch has been committed to the table by an earlier try. */
async function isCommitted(table: DeltaTable, { txn }: BatchContext): Promise<boolean> {
  return ((await table.snapshot()).txn(txn.appId) ?? -1) >= txn.version
}

/** Starts `bronze_stream`: JSON files of a folder (or `s3://bucket/prefix`), or a Kafka topic (`kafka://host:port/topic`) → `bronze`. */
export async function startBronze(
  options: PipelineStreamOptions & { source: string; admit?: readonly string[] },
): Promise<Stream> {
  const { lake = './lake', source, admit = [] } = options
  const input = await openInput(source, lake)
  const table = await lakeTable(lake, 'bronze')
  return startStream({
    ...streamOptions(options),
    name: 'bronze_stream',
    source: input,
    checkpoint: lakeCheckpoint(lake, 'bronze_stream'),
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
    async work(rows, context): Promise<BatchResult> {
      if (await isCommitted(table, context)) return { rows: 0, counts: { replayed: 1 } }
      const known = await (await table.snapshot()).relation({ columns: ['tweet_id'] })
      const made = await silver(rows, { known, now: new Date() })
      try {
        context.signal.throwIfAborted()
        if (made.quarantine.count) await append(quarantine, made.quarantine.from, context)
        await append(table, made.tweets.from, context)
        return { rows: made.tweets.count, counts: { quarantined: made.quarantine.count, duplicates: made.duplicates } }
      } finally {
        await made.drop()
      }
    },
  })
}

/** Starts `gold_stream`: `silver` → `gold` by a model, failures → `quarantine`, and `application` counted anew. */
export async function startGold(options: PipelineStreamOptions & { model: NamedModel }): Promise<Stream> {
  const { lake = './lake', model } = options
  const source = await lakeTable(lake, 'silver')
  const table = await lakeTable(lake, 'gold')
  const counts = await lakeTable(lake, 'application')
  const quarantine = await lakeTable(lake, 'quarantine')
  return startStream({
    ...streamOptions(options),
    name: 'gold_stream',
    source: tableSource('silver', async () => source),
    checkpoint: lakeCheckpoint(lake, 'gold_stream'),
    async work(rows, context): Promise<BatchResult> {
      let result: BatchResult = { rows: 0, counts: { replayed: 1 } }
      if (!(await isCommitted(table, context))) {
        const made = await gold(rows, { model, now: new Date(), signal: context.signal })
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
      await counts.overwrite({ sql: application(all) }, { txn: context.txn })
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
  { txn }: BatchContext,
  options: { mergeSchema?: boolean; operationParameters?: Record<string, string> } = {},
): Promise<void> {
  await table.append({ sql: `SELECT * FROM ${from} ORDER BY rowid` }, { ...options, txn })
}

/** The input of bronze: a Kafka topic, else JSON files. */
async function openInput(source: string, lake: string): Promise<Source> {
  if (source.startsWith('kafka:')) return kafkaTopic(parseKafkaAddress(source))
  const log = { store: openStore(lake), path: '_checkpoints/bronze_stream/files' }
  return jsonFiles({ ...(await openFiles(source)), log })
}

/** The store and prefix of input files: a folder, one file, or an address. Throws when there is no such folder. */
export async function openFiles(source: string): Promise<{ store: Store; prefix: string }> {
  if (/^[a-z0-9]+:/i.test(source) && !source.startsWith('file:')) return { store: openStore(source), prefix: '' }
  const path = source.startsWith('file:') ? new URL(source).pathname : source
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw new Error(`source: no such folder: ${source}`, { cause: error })
    if (error.code === 'EACCES') throw new Error(`source: no permission to read ${source}`, { cause: error })
    throw error
  })
  return found.isDirectory()
    ? { store: openStore(path), prefix: '' }
    : { store: openStore(dirname(path)), prefix: basename(path) }
}

/** Options of `runPipeline`. */
export interface RunOptions {
  /** Folder of JSON files, one file, `s3://bucket/prefix`, or `kafka://host:port/topic`. */
  source: string
  /** Default `./lake`. */
  lake?: string
  /** Scores the tweets; not needed with `until: 'bronze' | 'silver'`. */
  model?: NamedModel
  /** `linear`: one stage after another; `concurrent`: all streams at once. The tables are the same. Default `linear`. */
  mode?: 'linear' | 'concurrent'
  /** Last stage to run. Default `gold`. */
  until?: 'bronze' | 'silver' | 'gold'
  /** Default `available-now`; with an interval the streams run at once until `signal` aborts. */
  trigger?: Trigger
  limits?: Limits
  /** Columns beyond the schema that bronze takes from now on. */
  admit?: readonly string[]
  signal?: AbortSignal
  onProgress?(progress: Progress): void
  /** Receives each stream as it starts. */
  onStream?(stream: Stream): void
}

/**
 * Runs the streams of the pipeline to their end: bronze, silver, gold. Running it again takes what is new and nothing else.
 * @throws what the first failing stream threw, when all have ended
 */
export async function runPipeline(options: RunOptions): Promise<Stream[]> {
  const { lake, source, model, mode = 'linear', until = 'gold', trigger, limits, admit, onProgress } = options
  const failing = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failing.signal]) : failing.signal
  const together = mode === 'concurrent' || (trigger !== undefined && trigger !== 'available-now')
  const streams: Stream[] = []
  const common = { lake, trigger, limits, signal, onProgress }
  const stages = [
    () => startBronze({ ...common, source, admit }),
    () => startSilver({ ...common, upstream: streams.at(-1) }),
    () => startGold({ ...common, upstream: streams.at(-1), model: needModel(model) }),
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
