import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLake } from '../../src/explore/lake-sql.js'
import { clearLake, lakeStatus } from '../../src/pipeline/lake.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { openStore } from '../../src/stores/open-store.js'
import { type Moto, noMoto, startMoto } from '../stores/moto.js'
import { fakeModel } from './fake-model.js'
import { newFolder, record, rowsOf, writeRecords } from './lake.js'

describe.skipIf(noMoto)(`a source and a lake on S3 (skipped: ${noMoto})`, () => {
  let moto: Moto
  const before = { ...process.env }
  beforeAll(async () => {
    moto = await startMoto()
    const { accessKeyId, secretAccessKey } = moto.options.credentials as { accessKeyId: string; secretAccessKey: string }
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    })
  })
  afterAll(async () => {
    process.env = before
    await moto?.stop()
  })

  it('give the rows of the same source and lake on disk; a second run adds nothing; SQL reads them', async () => {
    const store = openStore('s3://lake/in')
    for (let i = 0; i < 6; i++)
      await store.put(`part-${i}.json`, `${JSON.stringify(record(2 * i))}\n${JSON.stringify(record(2 * i + 1))}\n`)
    const run = () => runPipeline({ source: 's3://lake/in', lake: 's3://lake/out', model: fakeModel(), limits: { maxFiles: 2 } })
    await run()
    expect((await run()).flatMap(stream => stream.progress())).toEqual([])

    const [folder, disk] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(folder, 0, 12, 2)
    await runPipeline({ source: folder, lake: disk, model: fakeModel() })
    const { sql, tables } = openLake('s3://lake/out')
    expect(await tables()).toEqual(['application', 'bronze', 'expectations', 'gold', 'progress', 'quarantine', 'silver'])
    const gold = await sql<{
      tweet_id: string
      predicted_sentiment: string
    }>`select tweet_id, predicted_sentiment from gold order by tweet_id`
    const want = (await rowsOf(disk, 'gold')).map(({ tweet_id, predicted_sentiment }) => ({ tweet_id, predicted_sentiment }))
    expect(gold.rows).toEqual(want.sort((a, b) => (String(a.tweet_id) < String(b.tweet_id) ? -1 : 1)))
    expect((await sql`select * from silver@v0`).n).toBe(0)
    await expect(sql`select * from tin`).rejects.toThrow(/no table "tin" in s3:\/\/lake\/out: there are application, bronze/)
    await clearLake('s3://lake/out')
    await expect(lakeStatus('s3://lake/out')).rejects.toThrow('no tables in s3://lake/out')
  })

  it('a bucket that is not there is named', async () => {
    await expect(runPipeline({ source: 's3://nowhere/in', lake: 's3://nowhere/out', until: 'bronze' })).rejects.toThrow(
      /^s3:\/\/nowhere\/out.*bucket does not exist/,
    )
  })
})
