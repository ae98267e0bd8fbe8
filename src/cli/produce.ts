import { checkTopic, parseBrokers } from '../sources/kafka-client.js'
import { type Command, parse, printJson, UsageError } from './command.js'
import { conclude, readNumber, replayWithProgress } from './replay.js'
import { readCount } from './run.js'

const help = `
usage: moodlake produce --topic TOPIC --brokers HOST:PORT[,…] --source URI [options]

Replays the records of JSON files into a Kafka topic, each once, as they are; the key is the tweet's id, else its user. Ctrl-C ends it.
With faults or at the tweets' own pace: moodlake replay.

  --source URI      folder of JSON files, one file, or s3://bucket/prefix
  --rate N/s        most records per second (default: as fast as the brokers take them)
  --partitions N    partitions of the topic if it has to be made (default: the broker's own setting)
  --json            one JSON document on stdout when done

Users, passwords and certificates come from the environment: KAFKA_USERNAME, KAFKA_PASSWORD and others, see docs/sources.md.
`

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
  const list = parseBrokers(brokers)
  const done = await replayWithProgress([source], {
    to: `kafka://${list.join(',')}/${checkTopic(topic)}`,
    ...(rate && { rate: readNumber('rate', rate, '/s') }),
    ...(partitions && { partitions: readCount('partitions', partitions) }),
  })
  const { sent, stopped, seconds } = done
  if (values.json) printJson({ topic, brokers: list, source, sent, stopped, seconds, rate: sent / seconds })
  return conclude(topic, source, done)
}

export const command: Command = { summary: 'tweets from JSON files into a Kafka topic', help, run }
