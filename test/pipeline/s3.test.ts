import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { openLake } from '../../src/explore/lake-sql.js'
import { clearLake, lakeStatus } from '../../src/pipeline/lake.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { jsonFiles } from '../../src/sources/json-files.js'
import type { Source } from '../../src/sources/source.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import { openStore } from '../../src/stores/open-store.js'
import { sourceContract } from '../contracts/source.js'
import { noMoto, startOwnMoto, useMoto } from '../stores/moto.js'
import { fakeModel } from './fake-model.js'
import { newFolder, record, rowsOf, writeRecords } from './lake.js'

describe.skipIf(noMoto)(`a source and a lake on S3 (skipped: ${noMoto})`, () => {
  const moto = useMoto(startOwnMoto)

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

  sourceContract('jsonFiles on S3', async () => {
    const store = openStore(`s3://lake/contract-${Math.random()}`)
    const log = { store: memoryStore(), path: 'log' }
    let n = 0
    return {
      open: async () => jsonFiles({ store, log }) as Source,
      add: async values =>
        store.put(`f-${String(n++).padStart(4, '0')}.json`, values.map(value => JSON.stringify(value)).join('\n')),
      values: async batch => {
        const values: string[] = []
        for await (const rows of batch.rows<{ record: string }>(['record']))
          values.push(...rows.map(row => JSON.parse(row.record) as string))
        return values
      },
    }
  })

  it('a public bucket is read without a signature, and with one where there are keys', async () => {
    const admin = new S3Client({ ...moto.options, region: 'us-east-1', forcePathStyle: true })
    const Body = JSON.stringify(record(1))
    await admin.send(new PutObjectCommand({ Bucket: 'lake', Key: 'public/a.json', Body, ACL: 'public-read' }))
    admin.destroy()
    const signed: boolean[] = []
    const proxy = createServer((request, response) => {
      signed.push(request.headers.authorization !== undefined)
      const forward = httpRequest(
        `${moto.endpoint}${request.url}`,
        { method: request.method, headers: request.headers },
        answer => answer.pipe(response.writeHead(answer.statusCode!, answer.headers)),
      )
      request.pipe(forward)
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => proxy.once('listening', resolve))
    const kept = { ...process.env }
    try {
      process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const lake = await newFolder('lake')
      await runPipeline({ source: 's3://lake/public', lake, until: 'bronze' })
      expect(signed).not.toContain(false)
      signed.length = 0
      delete process.env.AWS_ACCESS_KEY_ID
      delete process.env.AWS_SECRET_ACCESS_KEY
      process.env.AWS_S3_ANONYMOUS = '1'
      const other = await newFolder('lake')
      await runPipeline({ source: 's3://lake/public', lake: other, until: 'bronze' })
      expect(signed.length).toBeGreaterThan(0)
      expect(signed).not.toContain(true)
      expect(await rowsOf(other, 'bronze')).toEqual(await rowsOf(lake, 'bronze'))
    } finally {
      process.env = kept
      proxy.closeAllConnections()
      await new Promise(resolve => proxy.close(resolve))
    }
  })

  it('a bucket that is not there is named', async () => {
    await expect(runPipeline({ source: 's3://nowhere/in', lake: 's3://nowhere/out', until: 'bronze' })).rejects.toThrow(
      /^s3:\/\/nowhere\/out.*bucket does not exist/,
    )
  })
})
