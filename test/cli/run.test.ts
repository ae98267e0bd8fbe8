import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTable } from '../../src/delta/index.js'
import { deltaRsCounts, newFolder, record, writeRecords } from '../pipeline/lake.js'

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs one command line of the build. */
function moodlake(args: string[], env: NodeJS.ProcessEnv = {}, uid?: number): Promise<Ended> {
  const child = spawn(process.execPath, ['bin/moodlake.mjs', ...args], {
    env: { ...process.env, ...env },
    uid,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const result: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', data => {
    result.stdout += data
  })
  child.stderr.on('data', data => {
    result.stderr += data
  })
  return new Promise(resolve => child.once('close', code => resolve({ ...result, code })))
}

const json = (ended: Ended) => JSON.parse(ended.stdout) as { rows: Record<string, number>; added: Record<string, number> }
/** The complaint: one line, after what progress was said. */
const complaint = (ended: Ended) => ended.stderr.trim().split('\n').at(-1)

describe('moodlake run', () => {
  it('fills a lake; run again it adds nothing; status, sql, history and stop answer', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 40, 10)
    const args = ['run', '--source', source, '--lake', lake, '--json']
    const first = await moodlake(args)
    expect(first.code).toBe(0)
    expect(json(first).rows).toMatchObject({ bronze: 40, silver: 40, gold: 40, quarantine: 0 })
    expect(deltaRsCounts(lake)).toEqual(json(first).rows)
    const again = await moodlake(args)
    expect(json(again).added).toEqual({ bronze: 0, silver: 0, gold: 0 })

    const counted = await moodlake(['sql', 'select count(*) as n from gold', '--lake', lake, '--json'])
    expect(JSON.parse(counted.stdout)).toMatchObject({ rows: [{ n: 40 }] })
    const before = await moodlake(['sql', 'select count(*) as n from gold@v0', '--lake', lake, '--json'])
    expect(JSON.parse(before.stdout)).toMatchObject({ rows: [{ n: 0 }] })
    const status = await moodlake(['status', '--lake', lake, '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ tables: { gold: { rows: 40 } }, streams: { gold_stream: { batches: 1 } } })
    expect((await moodlake(['history', 'gold', '--lake', lake])).stdout).toMatch(/^1\t.*\n0\t/)
    const optimized = await moodlake(['optimize', '--lake', lake, '--json'])
    expect(JSON.parse(optimized.stdout)).toContainEqual(expect.objectContaining({ table: 'gold', removed: 0 }))
    expect((await moodlake(['vacuum', '--lake', lake, '--dry-run'])).stdout).toContain('gold\t0 files would go, 0 bytes')
    expect((await moodlake(['vacuum', '--lake', lake, '--retention-hours', '1'])).code).toBe(2)
    expect((await moodlake(['stop', '--lake', lake])).code).toBe(0)
    expect(await moodlake(['clear', '--lake', lake])).toMatchObject({ code: 2 })
    expect((await moodlake(['clear', '--lake', lake, '--yes'])).code).toBe(0)
    expect(
      readdirSync(lake)
        .flatMap(folder => readdirSync(join(lake, folder), { recursive: true, withFileTypes: true }))
        .filter(entry => entry.isFile()),
    ).toEqual([])
  })

  it('runs until it is stopped by another process', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 4, 4)
    const running = moodlake(['run', '--source', source, '--lake', lake, '--trigger', '200ms', '--json'])
    for (;;) {
      const counted = await moodlake(['sql', 'select count(*) as n from gold', '--lake', lake, '--json'])
      if (counted.code === 0 && (JSON.parse(counted.stdout) as { rows: { n: number }[] }).rows[0]?.n === 4) break
    }
    await moodlake(['stop', '--lake', lake])
    expect((await running).code).toBe(0)
  })
})

describe('bad input gets one clear sentence', () => {
  const bad = async (args: string[], env?: NodeJS.ProcessEnv, uid?: number) => {
    const ended = await moodlake(args, env, uid)
    expect(ended.stderr).not.toMatch(/\n\s+at /)
    return [ended.code, complaint(ended)]
  }

  it.each([
    [['run', '--source', '/no/such/folder'], 1, 'moodlake: source: no such folder: /no/such/folder'],
    [
      ['run'],
      2,
      'moodlake: run: --source is missing: a folder of JSON files, s3://bucket/prefix, kafka://HOST:PORT/TOPIC, bluesky: or x:stream',
    ],
    [['run', '--source', '.', '--mode', 'fast'], 2, 'moodlake: --mode: fast is none of linear, concurrent'],
    [['run', '--source', '.', '--trigger', 'soon'], 2, 'moodlake: --trigger: not available-now nor an interval such as 5s: soon'],
    [['run', '--source', '.', '--model', 'nonesuch', '--lake', '/tmp/no'], 1, expect.stringContaining('nonesuch')],
    [['frobnicate'], 2, 'moodlake: no such command: frobnicate (moodlake --help lists them)'],
    [['status', '--lake', '/no/such/lake'], 1, 'moodlake: lake: no tables in /no/such/lake'],
    [
      ['stop', 'tin_stream'],
      2,
      'moodlake: stop: no such stream: tin_stream (there are bronze_stream, silver_stream, gold_stream)',
    ],
  ])('%j', async (args, code, said) => {
    expect(await bad(args)).toEqual([code, said])
  })

  it('an empty folder, and one without a single tweet', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    expect(await bad(['run', '--source', source, '--lake', lake])).toEqual([
      1,
      `moodlake: source: no JSON records in ${source} (files end in .json, .jsonl or .ndjson, also with .gz)`,
    ])
    writeFileSync(join(source, 'page.json'), '<html>\n<body>')
    expect(await bad(['run', '--source', source, '--lake', lake])).toEqual([
      1,
      `moodlake: source: none of the 2 records of ${source} is a tweet; see the table quarantine`,
    ])
    const kept = await moodlake(['sql', 'select record from quarantine order by 1', '--lake', lake, '--json'])
    expect(JSON.parse(kept.stdout)).toMatchObject({ rows: [{ record: '<body>' }, { record: '<html>' }] })
  })

  it('a file that may not be read; when it may, nothing is missing', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    // Root may read everything: then the command runs as nobody.
    const uid = process.getuid?.() === 0 ? 65534 : undefined
    for (const folder of [source, lake]) chmodSync(folder, 0o777)
    writeFileSync(join(source, 'a.json'), JSON.stringify(record(1)))
    chmodSync(join(source, 'a.json'), 0)
    const args = ['run', '--source', source, '--lake', lake, '--until', 'silver', '--json']
    expect(await bad(args, {}, uid)).toEqual([1, `moodlake: json-files: no permission to read a.json in file://${source}`])
    chmodSync(join(source, 'a.json'), 0o644)
    expect(json(await moodlake(args, {}, uid)).rows).toMatchObject({ bronze: 1, silver: 1 })
  })

  it('a lake of a newer protocol is refused by the name of the feature, and left alone', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 2, 2)
    await createTable(join(lake, 'bronze'), { schema: 'id string' })
    const log = join(lake, 'bronze', '_delta_log')
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['timeTravelByMind'],
      writerFeatures: ['timeTravelByMind'],
    }
    writeFileSync(join(log, '00000000000000000001.json'), `${JSON.stringify({ protocol })}\n`)
    expect(await bad(['run', '--source', source, '--lake', lake])).toEqual([1, expect.stringContaining('timeTravelByMind')])
    expect(readdirSync(log).sort()).toEqual(['00000000000000000000.json', '00000000000000000001.json'])
  })

  it('an MLflow server that cannot be reached', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise(resolve => server.close(resolve))
    const [source, lake] = [await newFolder('source'), await newFolder('lake')]
    writeRecords(source, 0, 2, 2)
    const [code, said] = await bad(['run', '--source', source, '--lake', lake, '--model', 'models:/sentiment@champion'], {
      MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}`,
    })
    expect(code).toBe(1)
    expect(said).toMatch(/^moodlake: mlflow: .*(not reachable|ECONNREFUSED)/)
  })
})
