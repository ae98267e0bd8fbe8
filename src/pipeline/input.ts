import { type DeltaTable, duckdb } from '../delta/index.js'
import { blueskyFeed, isBlueskyAddress, parseBlueskyAddress } from '../sources/bluesky.js'
import { jsonFiles, relogFiles } from '../sources/json-files.js'
import { kafkaTopic } from '../sources/kafka.js'
import { parseKafkaAddress } from '../sources/kafka-client.js'
import { openFiles } from '../sources/open-files.js'
import type { Source } from '../sources/source.js'
import { isXAddress, parseXAddress, xFeed } from '../sources/x.js'
import { openStore } from '../stores/open-store.js'
import type { Store } from '../stores/store.js'
import type { BatchRange } from '../streams/checkpoint.js'
import { lastBatch } from './batch-commit.js'
import { FILES_LOG } from './lake.js'
import type { PipelineStreamOptions } from './stream-options.js'

/** Where bronze reads. */
export interface InputOptions extends Pick<PipelineStreamOptions, 'lake' | 'onNotice'> {
  /** Folder of JSON files, one file, `s3://bucket/prefix`, `kafka://host:port/topic`, or a live feed: `bluesky:`, `wss://…`, `x:stream`, `x:search?query=…`. */
  source: string
  /** US dollars after which X is asked no more and the run ends. Default: no bound. */
  budget?: number
}

/** What bronze reads. */
export interface Input {
  source: Source
  definition: { source: string }
  /** Finds the place in the source from what the table says, when the checkpoint is lost. */
  recover(table: DeltaTable): Promise<BatchRange | undefined>
}

/** True for a feed that goes on for ever and cannot be asked again. */
export function isLive(source: string): boolean {
  return isBlueskyAddress(source) || isXAddress(source)
}

/** Opens the input of bronze: a Kafka topic, a live feed, or JSON files. */
export async function openInput(options: InputOptions): Promise<Input> {
  const { source, lake = './lake', onNotice, budget } = options
  if (source.startsWith('kafka:')) {
    const address = parseKafkaAddress(source)
    return {
      source: kafkaTopic(address),
      definition: { source: `kafka ${address.topic}` },
      recover: table => lastBatch('bronze_stream', [table]),
    }
  }
  const log = { store: openStore(lake), path: FILES_LOG }
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
