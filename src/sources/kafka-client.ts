import { readFileSync } from 'node:fs'
import type { Kafka, KafkaConfig, SASLOptions } from 'kafkajs'

/** A topic and where it is. */
export interface KafkaAddress {
  /** Each `host:port`. */
  brokers: string[]
  topic: string
  /** What happens when records that were not read have gone. Default `fail`. */
  onDataLoss: 'fail' | 'continue'
}

const FORM = 'kafka://HOST:PORT[,HOST:PORT…]/TOPIC[?onDataLoss=continue]'

/** Reads a comma-separated list of brokers. Throws when one is not `host:port`. */
export function parseBrokers(text: string): string[] {
  const brokers = text.split(',').map(broker => broker.trim())
  for (const broker of brokers) {
    const port = Number(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(broker)?.[1])
    if (!(port > 0 && port < 65_536)) throw new Error(`kafka: not a broker's HOST:PORT: ${broker || '(nothing)'}`)
  }
  return brokers
}

/** Throws when a topic has a name that Kafka does not take. */
export function checkTopic(topic: string): string {
  if (!/^[\w.-]{1,249}$/.test(topic) || topic === '.' || topic === '..') throw new Error(`kafka: not a topic's name: ${topic}`)
  return topic
}

/**
 * Reads an address such as `kafka://10.0.0.1:9092,10.0.0.2:9092/tweets?onDataLoss=continue`.
 * @throws when it is none, also when it holds a user or password: these come from the environment
 */
export function parseKafkaAddress(address: string): KafkaAddress {
  const found = /^kafka:\/\/([^/?]*)\/([^/?]*)(?:\?(.*))?$/.exec(address)
  if (address.includes('@'))
    throw new Error('kafka: no user or password in the address; set KAFKA_USERNAME and KAFKA_PASSWORD in the environment')
  if (!found) throw new Error(`kafka: not an address of the form ${FORM}: ${address}`)
  const [, brokers, topic, query] = found
  const options = new URLSearchParams(query)
  const onDataLoss = options.get('onDataLoss') ?? 'fail'
  if ([...options.keys()].some(key => key !== 'onDataLoss') || (onDataLoss !== 'fail' && onDataLoss !== 'continue'))
    throw new Error(`kafka: not an address of the form ${FORM}: ${address}`)
  return { brokers: parseBrokers(brokers!), topic: checkTopic(decodeURIComponent(topic!)), onDataLoss }
}

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/**
 * How to speak to brokers, from the environment: `KAFKA_SECURITY_PROTOCOL` (`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT`, `SASL_SSL`;
 * default `SASL_SSL` with a user name, else `PLAINTEXT`), `KAFKA_USERNAME`, `KAFKA_PASSWORD`, `KAFKA_SASL_MECHANISM`
 * (`plain` by default, `scram-sha-256`, `scram-sha-512`), and PEM files: `KAFKA_SSL_CA`, `KAFKA_SSL_CERT`, `KAFKA_SSL_KEY`.
 */
export function kafkaSecurity(env: NodeJS.ProcessEnv = process.env): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const { KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = env
  const protocol = (env.KAFKA_SECURITY_PROTOCOL ?? (username ? 'SASL_SSL' : 'PLAINTEXT')).toUpperCase()
  if (!PROTOCOLS.includes(protocol)) throw new Error(`KAFKA_SECURITY_PROTOCOL: ${protocol} is none of ${PROTOCOLS.join(', ')}`)
  const security: Pick<KafkaConfig, 'ssl' | 'sasl'> = {}
  if (protocol.endsWith('SSL')) {
    const pem = (path: string | undefined) => (path ? readFileSync(path, 'utf8') : undefined)
    security.ssl = { ca: pem(env.KAFKA_SSL_CA), cert: pem(env.KAFKA_SSL_CERT), key: pem(env.KAFKA_SSL_KEY) }
  }
  if (protocol.startsWith('SASL')) {
    const mechanism = MECHANISMS.find(one => one === (env.KAFKA_SASL_MECHANISM ?? 'plain').toLowerCase())
    if (!mechanism) throw new Error(`KAFKA_SASL_MECHANISM: ${env.KAFKA_SASL_MECHANISM} is none of ${MECHANISMS.join(', ')}`)
    if (!username || !password) throw new Error(`kafka: ${protocol} needs KAFKA_USERNAME and KAFKA_PASSWORD in the environment`)
    security.sasl = { mechanism, username, password } as SASLOptions
  }
  return security
}

/** A Kafka client that writes no log of its own: what goes wrong is thrown. */
export async function kafkaClient(brokers: readonly string[], retry: KafkaConfig['retry']): Promise<Kafka> {
  const { default: kafkajs } = await import('kafkajs')
  return new kafkajs.Kafka({
    clientId: 'moodlake',
    brokers: [...brokers],
    connectionTimeout: 5000,
    retry,
    logLevel: kafkajs.logLevel.NOTHING,
    ...kafkaSecurity(),
  })
}

/** A record as it comes off the wire. */
export interface WireRecord {
  offset: string
  value: Buffer | null
  isControlRecord: boolean
  batchContext: { firstOffset: string; lastOffsetDelta: number; producerId: string; inTransaction: boolean }
}

/** One partition's part of the answer to a fetch. */
export interface FetchedPartition {
  lastStableOffset: string
  abortedTransactions: readonly { producerId: string; firstOffset: string }[] | null
  messages: WireRecord[]
}

interface Broker {
  fetch(request: object): Promise<{ responses: { partitions: FetchedPartition[] }[] }>
}

/** The part of kafkajs beneath its consumer: fetches of chosen offsets, without a group and its rebalancing. */
export interface KafkaCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  findTopicPartitionMetadata(topic: string): { partitionId: number }[]
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
  findBroker(options: { nodeId: string }): Promise<Broker>
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<{ partitions: { partition: number; offset: string }[] }[]>
}

/** Isolation level of everything read here: records of transactions that were not committed stay unseen. */
export const READ_COMMITTED = 1

/**
 * Opens the cluster under a client. kafkajs offers consumers of a group only, which cannot be told to read a range; its
 * cluster can. The version of kafkajs is pinned, and this fails by name should it change.
 */
export function clusterOf(kafka: Kafka): KafkaCluster {
  const key = Object.getOwnPropertySymbols(kafka).find(symbol => symbol.description === 'private:Kafka:createCluster')
  if (!key) throw new Error('kafka: this version of kafkajs has no createCluster; moodlake needs 2.2.4')
  const create = (kafka as unknown as Record<symbol, (options: object) => KafkaCluster>)[key]!
  return create({ allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED, metadataMaxAge: 300_000 })
}
