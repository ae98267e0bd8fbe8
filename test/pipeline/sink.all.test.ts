import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTable } from '../../src/delta/index.js'
import { forget } from '../../src/pipeline/forget.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { openSink } from '../../src/sources/open-sink.js'
import { noMongo, startMongo } from '../sources/mongo-server.js'
import { type DatabaseServer, noPostgres, startPostgres } from '../sources/postgres-server.js'
import { noMoto, startOwnMoto } from '../stores/moto.js'
import { fakeModel } from './fake-model.js'
import { newFolder, rowsOf, writeRecords } from './lake.js'

async function idsOf(uri: string): Promise<string[]> {
  const sink = await openSink(uri)
  const ids: string[] = []
  for await (const some of sink.ids()) ids.push(...some)
  await sink.close()
  return ids.sort()
}

const goldIds = async (lake: string) => (await rowsOf(lake, 'gold')).map(row => row.tweet_id).sort()

/** Runs the pipeline of a lake in a process that is killed after some milliseconds of work, or comes to its end. */
async function runKilled(options: object, afterMs: number): Promise<boolean> {
  const dist = pathToFileURL(join(process.cwd(), 'dist')).href
  const program = join(mkdtempSync(join(tmpdir(), 'moodlake-sink-')), 'run.mjs')
  writeFileSync(
    program,
    `import { runPipeline } from '${dist}/pipeline/run.js'
const model = { name: 'm', version: '1', textVersion: 'text-1', predict: async texts => texts.map(() => ({ label: 'neutral', probabilities: [0.2, 0.6, 0.2] })) }
console.log('started')
await runPipeline({ ...${JSON.stringify(options)}, model })`,
  )
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<boolean>(resolve => child.once('exit', code => resolve(code === 0)))
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), afterMs))
  return ended
}

function sinkSuite(name: string, missing: string | undefined, start: () => Promise<DatabaseServer>): void {
  describe.skipIf(missing)(`gold in ${name}${missing ? ` (skipped: ${missing})` : ''}`, () => {
    let server: DatabaseServer
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.stop())

    it('has every row of gold once; the server killed, the process killed; forgets with gold', async () => {
      const [source, lake] = [await newFolder('source'), await newFolder('sink')]
      const sink = server.uri
      const run = () => runPipeline({ source, lake, model: fakeModel(), sinks: [sink], limits: { maxFiles: 2, maxRows: 40 } })
      writeRecords(source, 0, 200, 20)
      const [, , , first] = await run()
      expect(first!.progress().length).toBeGreaterThan(2)
      expect(await idsOf(sink)).toEqual(await goldIds(lake))
      // The server dies while rows are on their way, and comes back.
      writeRecords(source, 200, 400, 20)
      const going = run()
      await server.kill()
      await server.restart()
      await going
      expect(await idsOf(sink)).toEqual(await goldIds(lake))
      // Our process dies, at several moments.
      for (let i = 0; i < 6; i++) {
        writeRecords(source, 400 + 20 * i, 420 + 20 * i, 10)
        await runKilled({ source, lake, sinks: [sink], limits: { maxFiles: 1, maxRows: 5 } }, 150 + 150 * i)
      }
      await run()
      expect(await goldIds(lake)).toHaveLength(520)
      expect(await idsOf(sink)).toEqual(await goldIds(lake))
      // What gold forgets or loses leaves the database as well.
      process.env.MOODLAKE_CONFIG = await newFolder('config')
      await forget({ user: 'ann2' }, { lake, graceMs: 0 })
      await (await openTable(join(lake, 'gold'))).delete('"user" = \'ann3\'')
      await run()
      const left = await goldIds(lake)
      expect(left).toHaveLength(312)
      expect(await idsOf(sink)).toEqual(left)
    }, 120_000)

    it.skipIf(noMoto)(
      'is exact for a lake on S3 too, our process killed and the server killed',
      async () => {
        const moto = await startOwnMoto()
        process.env.MOODLAKE_CONFIG = await newFolder('config')
        try {
          const [source, lake] = [await newFolder('source'), 's3://lake/sink']
          const sink = `${server.uri}?${name === 'PostgreSQL' ? 'table' : 'collection'}=gold_s3`
          const options = { source, lake, sinks: [sink], limits: { maxFiles: 2, maxRows: 15 } }
          const run = () => runPipeline({ ...options, model: fakeModel() })
          const ends: boolean[] = []
          for (let i = 0; i < 4; i++) {
            writeRecords(source, 30 * i, 30 * i + 30, 10)
            ends.push(await runKilled(options, 1000 + 1200 * i))
          }
          expect(ends).toContain(false)
          writeRecords(source, 120, 160, 20)
          const going = run()
          await server.kill()
          await server.restart()
          await going
          await run()
          expect(await goldIds(lake)).toHaveLength(160)
          expect(await idsOf(sink)).toEqual(await goldIds(lake))
          await forget({ user: 'ann2' }, { lake, graceMs: 0 })
          await run()
          expect(await goldIds(lake)).toHaveLength(128)
          expect(await idsOf(sink)).toEqual(await goldIds(lake))
        } finally {
          await moto.stop()
        }
      },
      300_000,
    )

    it('a database that is down stops no scoring, and is said at the end', async () => {
      const [source, lake] = [await newFolder('source'), await newFolder('down')]
      writeRecords(source, 0, 20, 20)
      const sink = server.uri.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9')
      const said = await runPipeline({ source, lake, model: fakeModel(), sinks: [sink], sinkRetryMs: 300 }).then(String, String)
      expect(said).toMatch(/127\.0\.0\.1:9/)
      expect(said).not.toContain('secret-word')
      expect(await rowsOf(lake, 'gold')).toHaveLength(20)
    }, 60_000)
  })
}

sinkSuite('PostgreSQL', noPostgres, startPostgres)
sinkSuite('a server of the MongoDB protocol', noMongo, startMongo)
