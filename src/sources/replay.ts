import { setTimeout as sleep } from 'node:timers/promises'
import { memoryStore } from '../stores/memory-store.js'
import { openStore } from '../stores/open-store.js'
import {
  FAULTS,
  type Fault,
  type FaultShares,
  type FaultyRecord,
  injectFaults,
  type LedgerEntry,
  type SourceRecord,
  timeOf,
} from './faults.js'
import { type FilesOffset, jsonFiles } from './json-files.js'
import { parseKafkaAddress } from './kafka-client.js'
import { produceRecords } from './kafka-producer.js'
import { openLanding } from './landing.js'
import { openFiles } from './open-files.js'

/** Options of `replay`. */
export interface ReplayOptions {
  /** Where the records go: a folder or `s3://bucket/prefix` (JSON-lines files, whole when they appear), or `kafka://HOST:PORT/TOPIC`. */
  to: string
  /** Records per second. Default: as fast as they are taken. */
  rate?: number
  /** So many times as fast as the tweets were written, by their dates; not together with `rate`. */
  speed?: number
  /** Shares of the records that meet each fault. Default none. */
  faults?: FaultShares
  /** Decides which. Default 1. */
  seed?: number
  /** Address of the ledger's file. Default `_ledger.jsonl` in the folder; for Kafka none. */
  ledger?: string
  /** Partitions of a topic that has to be made. Default: the broker's own setting. */
  partitions?: number
  /** Stops between two records: what is counted has arrived, and the ledger says so. */
  signal?: AbortSignal
  onProgress?(sent: number): void
}

/** What a replay has done. */
export interface Replayed {
  /** Records read from the files. */
  records: number
  /** Records that have arrived, repeats and bots included. */
  sent: number
  /** How often each fault happened. */
  faults: Record<Fault, number>
  seed: number
  stopped: boolean
  /** Where each fault is written down. */
  ledger?: string
}

/** The records of JSON files in order of path, their bytes as they were. */
async function* recordsOf(files: readonly string[]): AsyncIterable<SourceRecord> {
  for (const file of files) {
    const source = jsonFiles({ ...(await openFiles(file)), log: { store: memoryStore(), path: 'log' }, ordered: true })
    let from: FilesOffset | undefined
    for (;;) {
      const available = await source.latest(from)
      if (!available) break
      const batch = await source.read(from, available.to)
      from = available.to
      try {
        for await (const rows of batch.rows<{ record: string; damage: string | null; source_file: string; line: number }>())
          for (const { record, damage, source_file, line } of rows)
            yield { text: record, file: source_file, line, ...(damage !== null && { bytes: Buffer.from(damage, 'base64') }) }
      } finally {
        await batch.drop()
      }
    }
  }
}

/** Records at their time: undefined before each wait, for what waits to be sent. */
async function* paced(
  records: AsyncIterable<FaultyRecord>,
  { rate, speed, signal }: ReplayOptions,
): AsyncIterable<FaultyRecord | undefined> {
  const t0 = performance.now()
  let first: number | undefined
  let n = 0
  for await (const record of records) {
    let due = rate ? (1000 * n) / rate : 0
    if (speed) {
      const time = timeOf(typeof record.value === 'string' ? record.value : '')
      first ??= time
      due = time === undefined ? 0 : (time - first!) / speed
    }
    const wait = t0 + due - performance.now()
    if (wait > 1) {
      yield undefined
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
    if (signal?.aborted) return
    n++
    yield record
  }
}

/**
 * Sends the records of files to a folder or a topic, at their own pace or another, with faults to order; every fault is counted and
 * written down, so that one can see what a pipeline found of them. The same files and seed give the same records.
 * @param files folders, files or `s3://` addresses of JSON records
 * @throws on a fault or share that is none, and on `rate` together with `speed`
 */
export async function replay(files: string | readonly string[], options: ReplayOptions): Promise<Replayed> {
  const { to, rate, speed, faults = {}, seed = 1, signal } = options
  if (rate && speed) throw new Error('replay: a rate and a speed exclude each other')
  const entries: LedgerEntry[] = []
  const counts = Object.fromEntries(FAULTS.map(fault => [fault, 0])) as Record<Fault, number>
  const result: Replayed = { records: 0, sent: 0, faults: counts, seed, stopped: false }
  async function* counted() {
    for await (const record of recordsOf([files].flat())) {
      result.records++
      yield record
    }
  }
  const faulty = injectFaults(counted(), faults, seed, entry => {
    entries.push(entry)
    counts[entry.fault]++
  })
  const records = paced(faulty, options)
  const kafka = to.startsWith('kafka:') ? parseKafkaAddress(to) : undefined
  result.sent = kafka ? await produceRecords(records, { ...kafka, ...options }) : await intoFolder(records, options)
  result.stopped = signal?.aborted ?? false
  const ledger = options.ledger ?? (kafka ? undefined : `${to.replace(/\/+$/, '')}/_ledger.jsonl`)
  if (ledger === undefined) return result
  const at = ledger.lastIndexOf('/')
  const text = [...entries, { summary: result }].map(entry => JSON.stringify(entry)).join('\n')
  await openStore(at < 0 ? '.' : ledger.slice(0, at) || '/').put(ledger.slice(at + 1), `${text}\n`)
  return { ...result, ledger }
}

/** Bytes that may wait to be written. */
const WAITING_BYTES = 4 * 2 ** 20

async function intoFolder(records: AsyncIterable<FaultyRecord | undefined>, { to, onProgress }: ReplayOptions): Promise<number> {
  const landing = await openLanding({ store: openStore(to), path: 'replay', origin: 'replay' })
  let sent = 0
  for await (const record of records) {
    if (!record) continue
    landing.add(record.value)
    sent++
    if (landing.waiting() >= WAITING_BYTES) {
      await landing.flush()
      onProgress?.(sent)
    }
  }
  await landing.flush()
  onProgress?.(sent)
  return sent
}
