import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTable, openTable } from '../../src/delta/index.js'
import { BRONZE_SCHEMA } from '../../src/pipeline/bronze.js'
import { careForLake, optimizeLake, vacuumLake } from '../../src/pipeline/care.js'
import { type RunOptions, runPipeline } from '../../src/pipeline/run.js'
import { fakeModel } from './fake-model.js'
import { deltaRsCounts, lakeOf, newFolder, writeRecords } from './lake.js'

const run = (source: string, lake: string, more: Partial<RunOptions> = {}) =>
  runPipeline({ source, lake, model: fakeModel(), limits: { maxFiles: 2 }, ...more })

const propertiesOf = async (lake: string, table: string) => (await (await openTable(join(lake, table))).snapshot()).properties

/** Makes everything in a lake look an hour older. */
function age(lake: string): void {
  const then = new Date(Date.now() - 3_600_000)
  for (const entry of readdirSync(lake, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), then, then)
}

describe('the care of a lake', () => {
  it('leaves what a stream has not read yet, however old it is', async () => {
    const [source, lake, calm] = [await newFolder('source'), await newFolder('lake'), await newFolder('calm')]
    writeRecords(source, 0, 20, 5)
    await run(source, lake)
    writeRecords(source, 20, 80, 5)
    await run(source, lake, { until: 'bronze' })
    const bronze = await openTable(join(lake, 'bronze'))
    await bronze.setProperties({ 'delta.logRetentionDuration': 'interval 1 second' })
    await bronze.checkpoint()
    age(lake)
    const compacted = (await optimizeLake(lake)).find(({ table }) => table === 'bronze')!
    expect(compacted).toMatchObject({ table: 'bronze', added: 1 })
    // Silver is behind by the files that the compaction has just replaced.
    const behind = (await vacuumLake(lake, { retentionHours: 0, force: true })).find(({ table }) => table === 'bronze')!
    expect(behind.files.length).toBeLessThan(compacted.removed)
    await run(source, lake)
    await run(source, calm)
    expect(await lakeOf(lake)).toEqual(await lakeOf(calm))
    age(lake)
    const after = (await vacuumLake(lake, { retentionHours: 0, force: true })).find(({ table }) => table === 'bronze')!
    expect(after.files.length + behind.files.length).toBe(compacted.removed)
    expect(after.logFiles).toBeGreaterThan(5)
    writeRecords(source, 80, 90, 5)
    await run(source, lake)
    await run(source, calm)
    expect(await lakeOf(lake)).toEqual(await lakeOf(calm))
    expect(deltaRsCounts(lake).bronze).toBe(90)
  })

  it('gives tables that streams without end write a retention, but not those that have one or of stages that do not run', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    const own = { 'delta.logRetentionDuration': 'interval 9 days' }
    await createTable(join(lake, 'bronze'), {
      schema: BRONZE_SCHEMA,
      properties: own,
    })
    writeRecords(source, 0, 20, 5)
    await run(source, lake, { until: 'silver' })
    expect((await propertiesOf(lake, 'silver'))['delta.logRetentionDuration']).toBeUndefined()
    const stop = new AbortController()
    const ended = run(source, lake, {
      until: 'silver',
      trigger: { everyMs: 10 },
      signal: stop.signal,
      onStream: stream => stream.name === 'silver_stream' && stop.abort(),
    })
    await ended
    expect(await propertiesOf(lake, 'silver')).toMatchObject({
      'delta.logRetentionDuration': 'interval 3600 seconds',
      'delta.deletedFileRetentionDuration': 'interval 3600 seconds',
    })
    expect(await propertiesOf(lake, 'bronze')).toMatchObject({
      ...own,
      'delta.deletedFileRetentionDuration': 'interval 3600 seconds',
    })
    expect(readdirSync(lake)).not.toContain('gold')
    await run(source, lake, { until: 'silver', keepMs: 7_200_000 })
    expect((await propertiesOf(lake, 'bronze'))['delta.logRetentionDuration']).toBe('interval 7200 seconds')
    const version = (await (await openTable(join(lake, 'bronze'))).snapshot()).version
    await (await careForLake(lake, { until: 'silver' })).end()
    expect((await (await openTable(join(lake, 'bronze'))).snapshot()).version).toBe(version)
  })
})
