import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../../src/delta/index.js'
import { lakeStatus } from '../../src/pipeline/lake.js'
import { runPipeline, startBronze, startSilver } from '../../src/pipeline/run.js'
import { produceRecords } from '../../src/sources/kafka-producer.js'
import { type KafkaBroker, noKafka, startKafka } from '../sources/kafka-broker.js'
import { newFolder, record, rowsOf, writeRecords } from './lake.js'

let broker: KafkaBroker
const address = (topic: string) => `kafka://${broker.address}/${topic}`

async function* records(from: number, to: number) {
  for (let i = from; i < to; i++) yield { key: `user ${i % 13}`, value: JSON.stringify(record(i)) }
}

const produce = (topic: string, from: number, to: number, more: { partitions?: number; rate?: number } = {}) =>
  produceRecords(records(from, to), { brokers: [broker.address], topic, ...more })

/** What must be the same, whatever way the tweets came: all but where they came from, and the batch they came in. */
const tweets = (rows: Row[]) => rows.map(({ source_file, source_line, ...tweet }) => JSON.stringify(tweet)).sort()

/** The tables of an undisturbed run over the same records as files. */
async function fromFiles(count: number): Promise<{ bronze: string[]; silver: string[] }> {
  const [source, lake] = [await newFolder('files'), await newFolder('lake')]
  writeRecords(source, 0, count, 500)
  await runPipeline({ source, lake, until: 'silver' })
  return { bronze: tweets(await rowsOf(lake, 'bronze')), silver: tweets(await rowsOf(lake, 'silver')) }
}

/** Every offset of every partition is in bronze once: `[partition, count]`, where offsets run from 0 without a gap. */
async function offsetsOf(lake: string): Promise<[string, number][]> {
  const byPartition = new Map<string, number[]>()
  for (const row of await rowsOf(lake, 'bronze')) {
    const file = String(row.source_file)
    byPartition.set(file, [...(byPartition.get(file) ?? []), row.source_line as number])
  }
  for (const [file, lines] of byPartition)
    expect(
      lines.sort((a, b) => a - b),
      file,
    ).toEqual(Array.from(lines, (_, i) => i))
  return [...byPartition].map(([file, lines]) => [file, lines.length] as [string, number]).sort()
}

const cli = (...args: string[]) => {
  const out = execFileSync('node', ['bin/moodlake.mjs', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return JSON.parse(out) as Record<string, unknown> & { rows: Record<string, number>; added: Record<string, number> }
}

describe.skipIf(noKafka)(`Kafka through the pipeline${noKafka ? ` (skipped: ${noKafka})` : ''}`, () => {
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(async () => {
    await broker?.stop()
  })

  it('files → moodlake produce → topic → moodlake run: the tables of the files themselves', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 2000, 100)
    writeFileSync(join(source, 'odd.json'), '{"text": "cut\n\n{"a": 1}\n')
    writeFileSync(join(source, 'bytes.json'), Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))
    const brokers = ['--brokers', broker.address]
    const made = cli('produce', '--topic', 'tweets', ...brokers, '--source', source, '--partitions', '3', '--json')
    expect(made).toMatchObject({ topic: 'tweets', sent: 2003, stopped: false })
    const run = ['run', '--source', address('tweets'), '--lake', lake, '--until', 'silver', '--max-rows', '300', '--json']
    expect(cli(...run)).toMatchObject({ rows: { bronze: 2003, silver: 2000, quarantine: 3 } })
    expect(cli(...run).added).toEqual({ bronze: 0, silver: 0 })

    const other = await newFolder('lake')
    await runPipeline({ source, lake: other, until: 'silver' })
    for (const table of ['bronze', 'silver', 'quarantine'])
      expect(tweets(await rowsOf(lake, table)), table).toEqual(tweets(await rowsOf(other, table)))
    expect((await offsetsOf(lake)).map(([file]) => file)).toEqual([0, 1, 2].map(partition => `kafka:tweets/${partition}`))
  })

  it('moodlake produce ends on Ctrl-C and counts what has arrived', async () => {
    const source = await newFolder('source')
    writeRecords(source, 0, 2000, 100)
    const args = ['produce', '--topic', 'stopped', '--brokers', broker.address, '--source', source, '--rate', '200/s', '--json']
    const child = spawn('node', ['bin/moodlake.mjs', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString()
    })
    await new Promise(done => child.stderr.once('data', done)) // the first line of progress
    child.kill('SIGINT')
    expect(await new Promise(done => child.once('close', done))).toBe(0)
    const { sent, stopped } = JSON.parse(out) as { sent: number; stopped: boolean }
    expect(stopped).toBe(true)
    expect(sent).toBeLessThan(2000)
    const ends = await broker.admin.fetchTopicOffsets('stopped')
    expect(ends.reduce((sum, { high }) => sum + Number(high), 0)).toBe(sent)
  })

  it('stays exact when the broker is killed and started again in mid-run, and a partition is added', async () => {
    const lake = await newFolder('lake')
    const trigger = { everyMs: 50 }
    const limits = { maxRows: 100 }
    await produce('restless', 0, 1000, { partitions: 2 })
    const source = address('restless')
    const streams = [await startBronze({ lake, source, trigger, limits }), await startSilver({ lake, trigger })]
    const until = (rows: number) =>
      expect
        .poll(async () => (await lakeStatus(lake)).tables.silver?.rows, { timeout: 60_000, interval: 200 })
        .toBeGreaterThanOrEqual(rows)
    await until(200)
    await broker.kill()
    await sleep(1000)
    expect(streams.map(stream => stream.status())).toEqual(['running', 'running'])
    await broker.restart()
    await until(1000)
    await broker.admin.createPartitions({ topicPartitions: [{ topic: 'restless', count: 4 }] })
    await produce('restless', 1000, 2000)
    await until(2000)
    await Promise.all(streams.map(stream => stream.stop()))
    const expected = await fromFiles(2000)
    expect(tweets(await rowsOf(lake, 'bronze'))).toEqual(expected.bronze)
    expect(tweets(await rowsOf(lake, 'silver'))).toEqual(expected.silver)
    const offsets = await offsetsOf(lake)
    expect(offsets).toHaveLength(4)
  })

  it('stays exact when the process that reads is killed five times at random', async () => {
    const lake = await newFolder('lake')
    await produce('killed', 0, 3000, { partitions: 3 })
    let child: ChildProcess
    const start = async () => {
      child = spawn('node', ['test/pipeline/run-in-process.mjs', address('killed'), lake], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await new Promise(done => child.stdout!.once('data', done))
      return new Promise<number | null>(done => child.once('exit', done))
    }
    const bronzeRows = async () => (await lakeStatus(lake).catch(() => undefined))?.tables.bronze?.rows ?? 0
    let killed = 0
    while (killed < 5) {
      const ended = start()
      const before = await bronzeRows()
      const more = await produce('killed', 3000 + 200 * killed, 3200 + 200 * killed)
      expect(more).toBe(200)
      // Not before it has done something new, or all kills would hit the start.
      while ((await bronzeRows()) === before) await sleep(10)
      await sleep(Math.random() * 150)
      child!.kill('SIGKILL')
      expect(await ended).toBe(null)
      killed++
    }
    expect(await start()).toBe(0)
    const expected = await fromFiles(4000)
    expect(tweets(await rowsOf(lake, 'bronze'))).toEqual(expected.bronze)
    expect(tweets(await rowsOf(lake, 'silver'))).toEqual(expected.silver)
    expect((await rowsOf(lake, 'gold')).length).toBe(4000)
    await offsetsOf(lake)
  })

  it('finds its place in the table when its checkpoint is lost, and refuses another topic', async () => {
    const lake = await newFolder('lake')
    const run = (topic: string) => runPipeline({ source: address(topic), lake, until: 'bronze', limits: { maxRows: 70 } })
    await produce('lost', 0, 200, { partitions: 2 })
    await run('lost')
    rmSync(join(lake, '_checkpoints'), { recursive: true })
    await produce('lost', 200, 300)
    await run('lost')
    expect((await offsetsOf(lake)).reduce((sum, [, rows]) => sum + rows, 0)).toBe(300)
    await expect(run('other')).rejects.toThrow(/kafka lost.*kafka other/)
  })

  it('says what retention took before it was read', async () => {
    const lake = await newFolder('lake')
    const run = (source: string) => runPipeline({ source, lake, until: 'bronze' })
    await produce('short', 0, 100, { partitions: 1 })
    await run(address('short'))
    await produce('short', 100, 200)
    await broker.admin.fetchTopicOffsets('short')
    await broker.admin.deleteTopicRecords({ topic: 'short', partitions: [{ partition: 0, offset: '150' }] })
    await expect(run(address('short'))).rejects.toThrow(
      /short\/0: asked for offset 100, the log has 150 to 200: records 100 to 149 were deleted before they were read/,
    )
    await run(`${address('short')}?onDataLoss=continue`)
    expect((await lakeStatus(lake)).tables.bronze?.rows).toBe(150)
  })
})
