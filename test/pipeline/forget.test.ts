import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { duckdb, openTable } from '../../src/delta/index.js'
import { application } from '../../src/pipeline/application.js'
import { optimizeLake } from '../../src/pipeline/care.js'
import { forget, forgetAll } from '../../src/pipeline/forget.js'
import { type ForgetOrder, forgetOrders } from '../../src/pipeline/orders.js'
import { checkReceipt } from '../../src/pipeline/receipt.js'
import { killedAt } from '../delta/faulty.js'
import { NAME, newLake, run, traces, WORDS, writeFile } from './forgotten.js'
import { lakeOf, newFolder, rowsOf, TABLES } from './lake.js'

/** The same lake, had the user never been: what others' rows must be. */
const withoutTimes = (rows: Record<string, unknown>[]) => rows.map(row => JSON.stringify(row)).sort()

beforeAll(() => {
  process.env.MOODLAKE_CONFIG = mkdtempSync(join(tmpdir(), 'moodlake-config-'))
})

describe('forget', () => {
  it('takes a user out of every table, version and file; others stay; a receipt says so', async () => {
    const { source, lake } = await newLake(2)
    await optimizeLake(lake)
    const before = await lakeOf(lake)
    const versions = (await (await openTable(join(lake, 'silver'))).snapshot()).version
    expect(traces(lake, [NAME])).not.toBe('')
    const receipt = await forget({ user: NAME }, { lake, sources: [source], reason: 'she asked' })
    expect(traces(lake, [NAME, WORDS, '88000000012', '88000000032'])).toBe('')
    expect(traces(source, [NAME, WORDS])).toBe('')
    const after = await lakeOf(lake)
    const others = new Set(['ann0', 'ann1', 'ann2', 'bob', 'carol', 'dave'])
    for (const name of ['bronze', 'silver', 'gold'])
      expect(after[name]).toHaveLength(before[name]!.filter(row => others.has(row.user as string)).length)
    expect(after.quarantine!.map(row => row.rule)).toEqual(Array(2).fill('date_not_understood'))
    expect(after.silver!.filter(row => row.user === 'bob').map(row => row.mentions)).toEqual(Array(2).fill(['ann1']))
    expect(after.silver!.find(row => row.user === 'bob')!.full_text).toContain('what says [forgotten] of it')
    // Every version of silver can still be read, by delta-rs too, and has nothing of her.
    const script = `
import os, sys
from deltalake import DeltaTable
for version in range(int(sys.argv[2]) + 2):
    rows = DeltaTable(sys.argv[1] + "/silver", version=version).to_pyarrow_table().to_pylist()
    print(len(rows), sum("mallory" in str(row).lower() for row in rows))
sys.stdout.flush(); os._exit(0)`
    const seen = execFileSync('.venv/bin/python', ['-c', script, lake, String(versions)], { encoding: 'utf8' })
    expect(seen.trim().split('\n').at(-1)).toBe(`${after.silver!.length} 0`)
    expect(
      seen
        .trim()
        .split('\n')
        .every(line => line.endsWith(' 0')),
    ).toBe(true)
    await expect((await openTable(join(lake, 'application'))).snapshot({ version: 1 })).rejects.toMatchObject({
      name: 'VersionNotFoundError',
    })
    // The receipt holds no trace, is signed, and a change of it shows.
    expect(receipt.tables.bronze!.deleted).toBeGreaterThanOrEqual(12)
    expect(receipt.scan.findings).toBe(0)
    expect(JSON.stringify(receipt).toLowerCase()).not.toContain(NAME)
    expect(checkReceipt(receipt)).toEqual({ valid: true, ownKey: true })
    expect(checkReceipt({ ...receipt, reason: 'she did not' })).toMatchObject({ valid: false })
    expect(statSync(join(process.env.MOODLAKE_CONFIG!, 'receipt-key.pem')).mode & 0o777).toBe(0o600)
    const again = await forget({ user: `@${NAME}` }, { lake })
    expect(Object.values(again.tables).every(({ deleted, changed }) => deleted + changed === 0)).toBe(true)
    expect(again.previous).not.toBeNull()
  })

  it('lets streams go on exactly, from the middle of a version too, and keeps out what is delivered again', async () => {
    const { source, lake } = await newLake(2)
    // Bronze ahead of silver, silver ahead of gold: offsets lie within versions that lose rows.
    for (let i = 2; i < 6; i++) writeFile(source, i)
    await run(source, lake, { until: 'silver', limits: { maxFiles: 100, maxRows: 100 } })
    const stop = new AbortController()
    await run(source, lake, {
      signal: stop.signal,
      limits: { maxRows: 9 },
      onProgress: ({ stream }) => stream === 'gold_stream' && stop.abort(),
    })
    expect((await rowsOf(lake, 'gold')).length).toBeLessThan((await rowsOf(lake, 'silver')).length - 9)
    await forget({ user: NAME }, { lake })
    writeFile(source, 6)
    await run(source, lake, { limits: { maxRows: 9 } })
    // Others may speak of her again; nothing of hers comes back.
    expect(traces(lake, [WORDS])).toBe('')
    const [calmSource, calm] = [await newFolder('source'), await newFolder('calm')]
    for (let i = 0; i < 7; i++) writeFile(calmSource, i, true)
    await run(calmSource, calm)
    const [found, wanted] = [await lakeOf(lake), await lakeOf(calm)]
    const keys = (rows: typeof found.gold) =>
      withoutTimes(
        rows!.map(({ tweet_id, user, timestamp }) => ({ user, tweet_id: /^88/.test(String(tweet_id)) && tweet_id, timestamp })),
      )
    for (const name of ['silver', 'gold']) expect(keys(found[name])).toEqual(keys(wanted[name]))
    expect(found.bronze).toHaveLength(wanted.bronze!.length)
    // Application is counted on: the same as counted anew.
    const mentions = (rows: typeof found.gold) =>
      rows!.filter(({ mention }) => mention !== NAME).map(({ mention, total }) => [mention, total])
    expect(mentions(found.application).sort()).toEqual(mentions(wanted.application).sort())
    const snapshot = await (await openTable(join(lake, 'gold'))).snapshot()
    const recount = await (await duckdb()).rows(application(await snapshot.relation()))
    expect(withoutTimes(found.application!)).toEqual(withoutTimes(recount))
  })

  it('killed at any write, the next call finishes it', async () => {
    const { lake } = await newLake(2)
    const whole = await newLake(2)
    const steps = await killedAt(Number.POSITIVE_INFINITY, () => forget({ user: NAME }, { lake: whole.lake }))
    // Each takes seconds: a few here, more in npm run test:all.
    for (let at = 0; at < steps; at += process.env.MOODLAKE_TEST_ALL === '1' ? 13 : Math.ceil(steps / 3)) {
      const killed = () => forget({ user: NAME }, { lake, graceMs: 0 })
      await killedAt(at, () => killed().catch(error => expect(String(error)).toMatch(/killed|NotForgotten/)))
    }
    await forget({ user: NAME }, { lake, graceMs: 0 })
    expect(traces(lake, [NAME, WORDS])).toBe('')
    const [found, wanted] = [await lakeOf(lake), await lakeOf(whole.lake)]
    for (const name of TABLES) expect(found[name]).toEqual(wanted[name])
  })

  it('carries out orders by post and by user as they come', async () => {
    const { lake } = await newLake(2)
    const before = await rowsOf(lake, 'gold')
    async function* orders(): AsyncIterable<ForgetOrder> {
      yield { tweetId: '88000000014', reason: 'deleted' }
      yield { tweetId: '88000000034', reason: 'deleted' }
      yield { user: 'bob', reason: 'account gone' }
    }
    const receipts = []
    for await (const receipt of forgetAll(orders(), { lake })) receipts.push(receipt)
    expect(receipts.reduce((sum, receipt) => sum + receipt.subject.orders, 0)).toBe(3)
    const gold = await rowsOf(lake, 'gold')
    expect(gold.length).toBe(before.length - 4)
    expect(traces(lake, ['88000000014', '88000000034', 'what says'])).toBe('')
  })

  it('carries out what platforms have told of: Bluesky deletions of a post and of an account, by DID', async () => {
    const [source, lake] = [await newFolder('source'), await newFolder('orders')]
    const did = (n: number) => `did:plc:abcdefghijklmnopqrstuv${n}0`.slice(0, 32)
    const post = (n: number, rkey: string, text: string) => ({
      ...{ did: did(n), time_us: 1_725_911_162_329_308 + n, kind: 'commit' },
      commit: {
        ...{ rev: '3l3qo2vutsw2b', operation: 'create', collection: 'app.bsky.feed.post', rkey, cid: 'bafy' },
        record: { $type: 'app.bsky.feed.post', createdAt: '2024-09-09T19:46:02.102Z', langs: ['en'], text },
      },
    })
    const deletion = {
      did: did(1),
      time_us: 1_725_911_162_329_400,
      kind: 'commit',
      commit: { rev: '3l3qo2vutsw2c', operation: 'delete', collection: 'app.bsky.feed.post', rkey: 'rkeyaaaaaaaa1' },
    }
    const gone = {
      did: did(2),
      time_us: 1_725_911_162_329_500,
      kind: 'account',
      account: { active: false, did: did(2), seq: 5, status: 'deleted', time: '2024-09-09T19:46:03Z' },
    }
    const lines = [
      post(1, 'rkeyaaaaaaaa1', 'a first post that was deleted'),
      post(1, 'rkeyaaaaaaaa2', 'a second post'),
      post(2, 'rkeyaaaaaaaa3', 'a third of the gone'),
      deletion,
      gone,
    ]
    writeFileSync(join(source, 'jetstream.jsonl'), `${lines.map(line => JSON.stringify(line)).join('\n')}\n`)
    await run(source, lake)
    expect(await rowsOf(lake, 'gold')).toHaveLength(3)
    const orders = []
    for await (const order of forgetOrders(lake)) orders.push(order)
    expect(orders).toHaveLength(2)
    await forget(orders, { lake })
    expect((await rowsOf(lake, 'gold')).map(row => row.cleaned_text)).toEqual(['a second post'])
    expect(traces(lake, [did(2), 'rkeyaaaaaaaa1', 'that was deleted', 'of the gone'])).toBe('')
  })

  it('leaves no journal, and names the files where something stays', async () => {
    const { lake } = await newLake(1)
    writeFileSync(join(lake, 'notes.txt'), `seen: @${NAME}`)
    await expect(forget({ user: NAME }, { lake })).rejects.toThrow(/still found in 1 files: notes.txt \(name\)/)
    expect(readdirSync(join(lake, 'bronze'))).not.toContain('journal.json')
    expect(readFileSync(join(lake, 'notes.txt'), 'utf8')).toContain(NAME)
    const files = await (await duckdb()).rows(
      `SELECT count(*) AS n FROM glob(${JSON.stringify(join(lake, '*/_forget/*')).replaceAll('"', "'")})`,
    )
    expect(files).toEqual([{ n: 0 }])
  })
})
