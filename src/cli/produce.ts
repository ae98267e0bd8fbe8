import { createHash } from 'node:crypto'
import { readRecord } from '../pipeline/record.js'
import { openFiles } from '../pipeline/run.js'
import { type FilesOffset, jsonFiles } from '../sources/json-files.js'
import { checkTopic, parseBrokers } from '../sources/kafka-client.js'
import { type KeyedRecord, produceRecords } from '../sources/kafka-producer.js'
import { memoryStore } from '../stores/memory-store.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { readCount } from './run.js'

const help = `
usage: moodlake produce --topic TOPIC --brokers HOST:PORT[,…] --source URI [options]

Replays the records of JSON files into a Kafka topic, each once, as they are; the key is the tweet's id, else its user. Ctrl-C ends it.

  --source URI      folder of JSON files, one file, or s3://bucket/prefix
  --rate N/s        most records per second (default: as fast as the brokers take them)
  --partitions N    partitions of the topic if it has to be made (default: the broker's own setting)
  --json            one JSON document on stdout when done

Users, passwords and certificates come from the environment: KAFKA_USERNAME, KAFKA_PASSWORD and others, see docs/sources.md.
`

/** The records of JSON files in order, their bytes as they were. */
async function* recordsOf(source: string): AsyncIterable<KeyedRecord> {
  const files = jsonFiles({ ...(await openFiles(source)), log: { store: memoryStore(), path: 'log' } })
  let from: FilesOffset | undefined
  for (;;) {
    const available = await files.latest(from)
    if (!available) return
    const batch = await files.read(from, available.to)
    from = available.to
    try {
      for await (const rows of batch.rows<{ record: string; damage: string | null }>(['record', 'damage']))
        for (const { record, damage } of rows) {
          const value = damage === null ? record : Buffer.from(damage, 'base64')
          const [tweet] = readRecord(record)
          yield { key: tweet?.id ?? tweet?.user ?? createHash('md5').update(value).digest('hex'), value }
        }
    } finally {
      await batch.drop()
    }
  }
}

async function run(args: string[]): Promise<number> {
  const { values } = parse({
    args,
    options: {
      topic: { type: 'string' },
      brokers: { type: 'string' },
      source: { type: 'string' },
      rate: { type: 'string' },
      partitions: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { topic, brokers, source, rate, partitions } = values
  if (!topic || !brokers || !source) throw new UsageError('produce: --topic, --brokers and --source are needed')
  const options = {
    topic: checkTopic(topic),
    brokers: parseBrokers(brokers),
    ...(rate && { rate: readCount('rate', rate.replace(/\/s$/, '')) }),
    ...(partitions && { partitions: readCount('partitions', partitions) }),
  }
  const stop = new AbortController()
  const interrupt = () => {
    say('stopping …')
    stop.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const t0 = performance.now()
  const seconds = () => Math.max(0.001, Math.round(performance.now() - t0) / 1000)
  let told = t0
  try {
    const sent = await produceRecords(recordsOf(source), {
      ...options,
      signal: stop.signal,
      onProgress(sent) {
        if (performance.now() - told < 1000) return
        told = performance.now()
        say(`${topic}: ${sent.toLocaleString('en')} records sent, ${Math.round(sent / seconds()).toLocaleString('en')}/s`)
      },
    })
    const took = seconds()
    if (values.json)
      printJson({ topic, brokers: options.brokers, source, sent, stopped: stop.signal.aborted, seconds: took, rate: sent / took })
    else
      say(
        `${topic}: ${sent.toLocaleString('en')} records sent in ${took} s${stop.signal.aborted ? ', stopped before the end' : ''}`,
      )
    if (!sent && !stop.signal.aborted) say(`moodlake: source: no JSON records in ${source}`)
    return sent || stop.signal.aborted ? 0 : 1
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

export const command: Command = { summary: 'tweets from JSON files into a Kafka topic', help, run }
