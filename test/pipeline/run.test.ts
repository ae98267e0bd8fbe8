import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTable } from '../../src/delta/index.js'
import { optimizeLake, vacuumLake } from '../../src/pipeline/care.js'
import type { NamedModel } from '../../src/pipeline/gold.js'
import { clearLake, lakeStatus } from '../../src/pipeline/lake.js'
import { replayQuarantine } from '../../src/pipeline/quarantine.js'
import { type RunOptions, runPipeline, startBronze, startSilver } from '../../src/pipeline/run.js'
import { loadTranslator } from '../../src/registry/load-translator.js'
import { monitorStreams } from '../../src/streams/monitor.js'
import { runningStreams, type Stream } from '../../src/streams/stream.js'
import { TEXT_VERSION } from '../../src/text/clean.js'
import { tinyTranslator } from '../models/tiny-translator.js'
import { fakeModel } from './fake-model.js'
import { deltaRsCounts, lakeOf, newFolder, record, rowsOf, writeRecords } from './lake.js'

const run = (source: string, lake: string, more: Partial<RunOptions> = {}) =>
  runPipeline({ source, lake, model: fakeModel(), limits: { maxFiles: 3 }, ...more })

/** A source with everything in it: good records, repeats, nulls, junk, one that cannot be scored. */
async function mixedSource(): Promise<string> {
  const source = await newFolder('source')
  writeRecords(source, 0, 60, 6)
  const odd = [
    record(3),
    record(4),
    { ...record(70), text: null },
    { ...record(71), likes: 3 },
    { ...record(72), date: 'some day' },
    { ...record(73), text: 'unscorable' },
  ]
  writeFileSync(join(source, 'odd.json'), `${odd.map(value => JSON.stringify(value)).join('\n')}\n{"text": "cut`)
  return source
}

describe('runPipeline', () => {
  let source: string
  let linear: string
  beforeAll(async () => {
    source = await mixedSource()
    linear = await newFolder('linear')
    await run(source, linear)
  })

  it('loses nothing: bronze = silver + quarantine + duplicates, silver = gold + failures', async () => {
    const { bronze, silver, gold, quarantine } = await lakeOf(linear)
    expect(bronze).toHaveLength(67)
    expect(quarantine!.map(row => row.rule).sort()).toEqual([
      'date_not_understood',
      'inference_failed',
      'not_json',
      'text_missing',
    ])
    expect(silver).toHaveLength(67 - 3 - 2)
    expect(gold).toHaveLength(silver!.length - 1)
    expect(bronze!.filter(row => row.rescue).map(row => row.rescue)).toEqual(
      expect.arrayContaining(['{"likes":3}', '{"text": "cut']),
    )
  })

  it('goes on after its tables were compacted and vacuumed, exactly as if they had not been', async () => {
    const [growing, lake, calm] = [await newFolder('source'), await newFolder('lake'), await newFolder('calm')]
    writeRecords(growing, 0, 40, 5)
    await run(growing, lake, { until: 'bronze' })
    // Silver and gold have their whole way before them, over files that the newest version does not name.
    expect((await optimizeLake(lake))[0]).toMatchObject({ table: 'bronze', removed: 3, added: 1 })
    await run(growing, lake)
    await optimizeLake(lake)
    await vacuumLake(lake, { retentionHours: 0, force: true })
    writeRecords(growing, 40, 60, 5)
    const before = await lakeStatus(lake)
    await run(growing, lake)
    expect((await lakeStatus(lake)).tables.gold!.rows - before.tables.gold!.rows).toBe(20)
    await run(growing, calm)
    expect(await lakeOf(lake)).toEqual(await lakeOf(calm))
  })

  it('delta-rs counts the same rows in every table', async () => {
    const ours = Object.fromEntries(Object.entries((await lakeStatus(linear)).tables).map(([name, { rows }]) => [name, rows]))
    expect(deltaRsCounts(linear)).toEqual(ours)
  })

  it('gives identical tables one stage after another and all at once', async () => {
    const concurrent = await newFolder('concurrent')
    await run(source, concurrent, { mode: 'concurrent', limits: { maxFiles: 2 } })
    expect(await lakeOf(concurrent)).toEqual(await lakeOf(linear))
  })

  it('adds nothing when run again, and exactly the rows of a new file (A2)', async () => {
    const lake = await newFolder('again')
    const own = await mixedSource()
    await run(own, lake)
    const before = await lakeStatus(lake)
    const again = await run(own, lake)
    expect(again.flatMap(stream => stream.progress())).toEqual([])
    expect(await lakeStatus(lake)).toEqual(before)
    writeRecords(own, 100, 105, 5)
    await run(own, lake)
    const after = await lakeStatus(lake)
    expect(after.tables.bronze!.rows - before.tables.bronze!.rows).toBe(5)
    expect(after.tables.gold!.rows - before.tables.gold!.rows).toBe(5)
    const bronze = await rowsOf(lake, 'bronze')
    expect(bronze.every(row => row.source_file)).toBe(true)
  })

  it('admits a new column only when told to, and keeps it then (A1)', async () => {
    const lake = await newFolder('merge')
    const own = await newFolder('source')
    const put = (name: string, value: object) => writeFileSync(join(own, name), JSON.stringify(value))
    put('1.json', { ...record(1), likes: 1 })
    await run(own, lake, { until: 'bronze' })
    put('2.json', { ...record(2), likes: 2 })
    await run(own, lake, { until: 'bronze', admit: ['likes'] })
    put('3.json', { ...record(3), likes: 3 })
    await run(own, lake, { until: 'bronze' })
    const rows = await rowsOf(lake, 'bronze')
    expect(
      rows.sort((a, b) => String(a.source_file).localeCompare(String(b.source_file))).map(({ likes, rescue }) => [likes, rescue]),
    ).toEqual([
      [null, '{"likes":1}'],
      ['2', null],
      ['3', null],
    ])
  })

  it('puts other languages into English when told to, in a column that only then comes', async () => {
    const [own, lake, folder] = [await newFolder('source'), await newFolder('translated'), await newFolder('translator')]
    for (const [path, content] of Object.entries(tinyTranslator({ schöner: 'beautiful', tag: 'day' }))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    const german = 'das ist heute aber wirklich ein schöner Tag gewesen'
    const put = (i: number) => writeFileSync(join(own, `${i}.json`), JSON.stringify({ ...record(i), text: `${german} ${i}` }))
    writeRecords(own, 0, 4, 4)
    put(10)
    await run(own, lake)
    const translator = await loadTranslator(folder, { workers: 1 })
    put(11)
    await run(own, lake, { translator })
    put(12)
    const model = fakeModel()
    const failing: NamedModel = { ...model, predict: async texts => texts.map(() => ({ error: 'not today' })) }
    await run(own, lake, { model: failing })
    // Scored again, it is translated where that is asked for.
    expect(await replayQuarantine(lake, { model, translator })).toMatchObject({ bronze: 0, gold: 1 })
    await translator.close()
    put(13)
    await run(own, lake)
    const gold = await rowsOf(lake, 'gold')
    const found = Object.fromEntries(gold.map(row => [row.cleaned_text, row.text_en]))
    expect(found).toMatchObject({
      [`${german} 10`]: null,
      [`${german} 11`]: 'beautiful day',
      [`${german} 12`]: 'beautiful day',
      [`${german} 13`]: null,
    })
    // What was scored is the English, of 13 characters.
    expect(gold.find(row => row.text_en)!.predicted_sentiment).toBe('neutral')
    const lineage = (await (await openTable(join(lake, 'gold'))).history()).map(
      ({ operationParameters: said }) => said.translatorHash,
    )
    expect(lineage.filter(Boolean)).toEqual([translator.hash, translator.hash])
  })

  it('has named streams with checkpoints of their own; one or all can be stopped, the lake cleared (A8)', async () => {
    const lake = await newFolder('streams')
    const trigger = { everyMs: 30 }
    const bronze = await startBronze({ lake, source, trigger })
    const silver = await startSilver({ lake, trigger })
    expect(runningStreams().map(stream => stream.name)).toEqual(['bronze_stream', 'silver_stream'])
    await monitorStreams([bronze, silver], { everyMs: 100, onLines: () => {} })
    await bronze.stop()
    expect(runningStreams().map(stream => stream.name)).toEqual(['silver_stream'])
    await silver.stop()
    expect(readdirSync(join(lake, '_checkpoints')).sort()).toEqual(['bronze_stream', 'silver_stream'])
    expect((await lakeStatus(lake)).tables.silver?.rows).toBe(62)
    writeFileSync(join(lake, 'notes.txt'), 'mine')
    expect(await clearLake(lake)).toBeGreaterThan(10)
    await expect(lakeStatus(lake)).rejects.toThrow(/no tables in/)
    expect(readdirSync(lake)).toContain('notes.txt')
  })

  it('bounds what silver remembers: what is older goes to quarantine, nothing is lost, and repeats within it are found', async () => {
    const [own, lake] = [await newFolder('source'), await newFolder('late')]
    const day = (n: number) => `Mon Apr ${String(n).padStart(2, '0')} 12:00:00 PDT 2009`
    const put = (name: string, ...days: number[]) =>
      writeFileSync(join(own, name), days.map(n => JSON.stringify({ ...record(n), date: day(n) })).join('\n'))
    const latenessMs = 3 * 86_400_000
    put('1.json', 10, 11)
    await run(own, lake, { latenessMs })
    put('2.json', 5, 9, 11, 20)
    await run(own, lake, { latenessMs })
    const { bronze, silver, quarantine } = await lakeOf(lake)
    expect(quarantine!.map(row => [row.rule, row.reason])).toEqual([
      ['too_late', expect.stringContaining('before the watermark 2009-04-08')],
    ])
    expect(silver).toHaveLength(4)
    expect(bronze!.length).toBe(silver!.length + quarantine!.length + 1)
  })

  it('stops before the lake takes more than it may, and goes on from there', async () => {
    const lake = await newFolder('small')
    const limits = { maxFiles: 1 }
    await expect(run(source, lake, { limits, disk: { maxBytes: 1000 } })).rejects.toMatchObject({ name: 'DiskBudgetError' })
    await expect(run(source, lake, { limits, disk: { minFreeBytes: 2 ** 60 } })).rejects.toThrow(/free for .*, less than/)
    await run(source, lake, { limits })
    expect(await lakeOf(lake)).toEqual(await lakeOf(linear))
  })

  it('says which folder is not there, and which model is missing', async () => {
    const lake = await newFolder('bad')
    await expect(run('/no/such/folder', lake)).rejects.toThrow('source: no such folder: /no/such/folder')
    await expect(run(source, lake, { model: undefined })).rejects.toThrow('gold needs a model')
  })

  it('refuses a lake written by a newer protocol, by name, and leaves it alone', async () => {
    const lake = await newFolder('newer')
    await run(source, lake, { until: 'bronze' })
    const table = await openTable(join(lake, 'bronze'))
    const { version } = await table.snapshot()
    const log = join(lake, 'bronze', '_delta_log', `${String(version + 1).padStart(20, '0')}.json`)
    writeFileSync(
      log,
      '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timeTravelByMind"],"writerFeatures":["timeTravelByMind"]}}\n',
    )
    await expect(run(source, lake, { until: 'bronze' })).rejects.toThrow(/timeTravelByMind/)
    expect(readdirSync(join(lake, 'bronze', '_delta_log')).filter(file => file.endsWith('.json'))).toHaveLength(version + 2)
  })
})

it('goes on with a lake of the text function before, each commit saying by which one', async () => {
  const source = await newFolder('source')
  const lake = await newFolder('text-1')
  writeRecords(source, 0, 10, 5)
  await run(source, lake, { until: 'silver' })
  const file = join(lake, '_checkpoints', 'silver_stream', 'definition.json')
  const definition = readFileSync(file, 'utf8')
  writeFileSync(file, definition.replace(TEXT_VERSION, 'text-1'))
  writeRecords(source, 10, 15, 5)
  await run(source, lake, { until: 'silver' })
  expect(await rowsOf(lake, 'silver')).toHaveLength(15)
  expect(readFileSync(file, 'utf8')).toBe(definition)
  const [newest] = await (await openTable(join(lake, 'silver'))).history(1)
  expect(newest!.operationParameters).toMatchObject({ text: TEXT_VERSION })
  writeFileSync(file, definition.replace(TEXT_VERSION, 'text-0'))
  await expect(run(source, lake, { until: 'silver' })).rejects.toThrow('text was text-0 and is text-2')
})

describe('a lake whose checkpoints are gone', () => {
  const rowsAdded = (streams: Stream[]) =>
    streams.map(stream => stream.progress().reduce((sum, batch) => sum + (batch.counts.replayed ? 0 : batch.rowsOut), 0))

  it('goes on from what its tables say: no row twice, none lost', async () => {
    const source = await newFolder('source')
    const lake = await newFolder('lost')
    writeRecords(source, 0, 60, 6)
    await run(source, lake)
    const before = await lakeOf(lake)
    rmSync(join(lake, '_checkpoints'), { recursive: true })
    // Other limits: the batches of before could not be guessed.
    expect(rowsAdded(await run(source, lake, { limits: { maxFiles: 100, maxRows: 7 } }))).toEqual([0, 0, 0])
    expect(await lakeOf(lake)).toEqual(before)
    writeRecords(source, 60, 75, 5)
    rmSync(join(lake, '_checkpoints'), { recursive: true })
    expect(rowsAdded(await run(source, lake))).toEqual([15, 15, 15])
    const whole = await newFolder('whole')
    await run(source, whole)
    expect(await lakeOf(lake)).toEqual(await lakeOf(whole))
  })

  it('takes up a batch of which only a part was committed', async () => {
    const source = await newFolder('source')
    const lake = await newFolder('partly')
    writeRecords(source, 0, 30, 5)
    writeFileSync(join(source, 'odd.json'), '{"text": "cut')
    // The quarantine has the batch, silver has not; bronze grows before silver is started again.
    const silver = join(lake, 'silver')
    await run(source, lake, { until: 'silver', limits: { maxFiles: 100 } })
    rmSync(silver, { recursive: true })
    rmSync(join(lake, '_checkpoints', 'silver_stream'), { recursive: true })
    writeRecords(source, 30, 40, 5)
    await run(source, lake)
    const whole = await newFolder('whole')
    await run(source, whole)
    expect(await rowsOf(lake, 'quarantine')).toEqual(await rowsOf(whole, 'quarantine'))
    expect((await rowsOf(lake, 'silver')).length).toBe(40)
  })
})
