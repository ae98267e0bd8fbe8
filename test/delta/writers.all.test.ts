import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/stores/open-store.js'
import { noMoto, startMoto } from '../stores/moto.js'
import type { S3Server } from '../stores/s3-server.js'
import { startVersitygw } from '../stores/versitygw.js'
import { askPython, newFolder, noOracle } from './oracle.js'
import { rowsOf, wanted, write } from './writers.js'

const WRITERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const COMMITS = 5

const servers: Record<string, S3Server | string> = {
  moto: noMoto ?? (await startMoto()),
  versitygw: await startVersitygw(),
}

/** The numbers that delta-rs was told are committed, one commit each. */
function writeWithDeltaRs(location: string, s3: S3Server | undefined): Promise<number[]> {
  const storage = s3 && {
    AWS_ENDPOINT_URL: s3.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: s3.options.credentials?.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.options.credentials?.secretAccessKey,
    AWS_ALLOW_HTTP: 'true',
    AWS_CONDITIONAL_PUT: 'etag',
  }
  return askPython<number[]>(
    `told = []
for i in range(args['commits']):
    try:
        write_deltalake(args['path'], pa.table({'writer': ['rs'], 'n': pa.array([i], pa.int64())}), mode='append', storage_options=args['storage'])
        told.append(i)
    except Exception as error:
        # It gives up after a number of lost races; then the row must not be there.
        if 'commit' not in str(error).lower(): raise
print(json.dumps(told))`,
    { path: location, storage: storage ?? null, commits: COMMITS },
  )
}

async function race(location: string, s3?: S3Server): Promise<void> {
  const options = s3?.options
  await write(location, 'first', 1, options)
  const [theirs, ...ours] = await Promise.all([
    writeWithDeltaRs(location, s3),
    ...WRITERS.map(writer => write(location, writer, COMMITS, options)),
  ])
  expect(theirs.length).toBeGreaterThan(0)
  const told = ours.flat()
  expect(told).toHaveLength(WRITERS.length * COMMITS)
  const rows = [{ writer: 'first', n: 0 }, ...theirs.map(n => ({ writer: 'rs', n })), ...told]
  expect(await rowsOf(openStore(location, options))).toEqual(wanted(rows))
}

/** A writer that is killed some times while it writes and each time starts over: what it wrote before is skipped. */
async function killedWriter(location: string, writer: string, kills: number, options?: unknown): Promise<Set<number>> {
  const acknowledged = new Set<number>()
  const args = [
    resolve('test/delta/writer.mjs'),
    location,
    writer,
    String(COMMITS),
    ...(options ? [JSON.stringify(options)] : []),
  ]
  for (let life = 0; life <= kills; life++) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise<number | null>(done => child.once('close', done))
    createInterface({ input: child.stdout }).on('line', line => {
      acknowledged.add((JSON.parse(line) as { n: number }).n)
      // Somewhere in the commit after the one that was told of.
      if (life < kills && acknowledged.size > life) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15)
    })
    const code = await ended
    if (life === kills) expect(code).toBe(0)
  }
  return acknowledged
}

async function raceWithKills(location: string, s3?: S3Server): Promise<void> {
  const options = s3?.options
  await write(location, 'first', 1, options)
  const [theirs, ...ours] = await Promise.all([
    writeWithDeltaRs(location, s3),
    ...WRITERS.map((writer, i) => killedWriter(location, writer, i % 3, options)),
  ])
  for (const acknowledged of ours) expect(acknowledged.size).toBe(COMMITS)
  const all = WRITERS.flatMap(writer => Array.from({ length: COMMITS }, (_, n) => ({ writer, n })))
  const rows = [{ writer: 'first', n: 0 }, ...theirs.map(n => ({ writer: 'rs', n })), ...all]
  expect(await rowsOf(openStore(location, options))).toEqual(wanted(rows))
}

describe.skipIf(noOracle)('eight writer processes and delta-rs at once: every acknowledged row once, no other', () => {
  afterAll(async () => {
    for (const server of Object.values(servers)) if (typeof server !== 'string') await server.stop()
  })

  it('on disk', () => race(newFolder()))
  it('on disk, some of them killed and started again', () => raceWithKills(newFolder()))

  for (const [name, server] of Object.entries(servers)) {
    const reason = typeof server === 'string' ? server : undefined
    if (reason) console.warn(`writers on ${name} skipped: ${reason}`)
    it.skipIf(reason)(`on S3 (${name})${reason ? ` (skipped: ${reason})` : ''}`, () =>
      race(`s3://lake/${randomUUID()}`, server as S3Server),
    )
    it.skipIf(reason)(`on S3 (${name}), some of them killed and started again${reason ? ` (skipped: ${reason})` : ''}`, () =>
      raceWithKills(`s3://lake/${randomUUID()}`, server as S3Server),
    )
  }
})
