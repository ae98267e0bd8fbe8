import { checkTopic, parseBrokers } from '../sources/kafka-client.js'
import { defineCommand, json, needed, printJson, read, readCount } from './command.js'
import { conclude, readNumber, replayWithProgress } from './replay.js'

export const command = defineCommand({
  summary: 'tweets from JSON files into a Kafka topic',
  usage: 'produce --topic TOPIC --brokers HOST:PORT[,…] --source URI [options]',
  about: `
Replays the records of JSON files into a Kafka topic, each once, as they are; the key is the tweet's id, else its user. Ctrl-C ends it.
With faults or at the tweets' own pace: moodlake replay.`,
  options: {
    topic: needed('TOPIC', 'where the records go'),
    brokers: needed('HOST:PORT[,…]', 'of the cluster'),
    source: needed('URI', 'folder of JSON files, one file, or s3://bucket/prefix'),
    rate: read('N/s', 'most records per second (default: as fast as the brokers take them)', readNumber('/s')),
    partitions: read('N', "partitions of the topic if it has to be made (default: the broker's own setting)", readCount),
    json,
  },
  more: 'Users, passwords and certificates come from the environment: KAFKA_USERNAME, KAFKA_PASSWORD and others, see docs/sources.md.',
  async run({ topic, brokers, source, json, ...options }) {
    const list = parseBrokers(brokers)
    const done = await replayWithProgress([source], { ...options, to: `kafka://${list.join(',')}/${checkTopic(topic)}` })
    const { sent, stopped, seconds } = done
    if (json) printJson({ topic, brokers: list, source, sent, stopped, seconds, rate: sent / seconds })
    return conclude(topic, source, done)
  },
})
