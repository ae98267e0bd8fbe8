import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { forget } from '../../src/pipeline/forget.js'
import { forgetOrders, readOrders } from '../../src/pipeline/orders.js'
import { readRecord } from '../../src/pipeline/record.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { jetstreamServer, post } from '../sources/jetstream-server.js'
import { fakeModel } from './fake-model.js'
import { newFolder, rowsOf } from './lake.js'

const SHARED = resolve(process.env.MOODLAKE_SHARED ?? '../shared')
const EVENTS = join(SHARED, 'data/bluesky/jetstream-v1.jsonl')
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve() {
  const server = await jetstreamServer()
  closing.push(() => server.close())
  return server
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 10))
}

describe.each(['v1', 'v2'] as const)('Bluesky by %s', wire => {
  it('posts become tweets by the server’s time, facets are bytes, orders to forget and the rest are kept and told apart', async () => {
    const [server, lake] = [await serve(), await newFolder('lake')]
    const text = '🦋 hé @alice.bsky.social, see #Größe and my friend'
    const span = (part: string) => {
      const byteStart = Buffer.from(text.slice(0, text.indexOf(part))).length
      return { byteStart, byteEnd: byteStart + Buffer.from(part).length }
    }
    const feature = (name: string, more: object) => [{ $type: `app.bsky.richtext.facet#${name}`, ...more }]
    const facets = [
      { index: span('my friend'), features: feature('mention', { did: 'did:plc:friend' }) },
      { index: span('@alice.bsky.social'), features: feature('mention', { did: 'did:plc:alice' }) },
      { index: span('#Größe'), features: feature('tag', { tag: 'Größe' }) },
      { index: { byteStart: 1, byteEnd: 3 }, features: feature('tag', { tag: 'cut' }) },
    ]
    const running = runPipeline({ source: server[wire], lake, model: fakeModel(), onNotice: () => {} })
    await until(() => server.clients() === 1)
    const first = server.emit(post(1, text, { facets, tags: ['Outline Tag'] }))
    server.emit(post(2, 'plain @bob and #tag'))
    server.emit(post(3, 'to be deleted'))
    server.emit({ did: 'did:plc:x', kind: 'identity', body: { did: 'did:plc:x', seq: 7 } })
    const { record, cid, ...gone } = post(3).body
    server.emit({ ...post(3), body: { ...gone, rev: 'later', operation: 'delete' } })
    for (const status of ['takendown', 'deleted', 'deactivated'])
      server.emit({
        did: `did:plc:${status}`,
        kind: 'account',
        body: { active: false, did: `did:plc:${status}`, seq: 8, status },
      })
    await running
    const silver = await rowsOf(lake, 'silver')
    const [row] = silver.filter(tweet => tweet.full_text === text)
    expect(row).toMatchObject({
      tweet_id: `at://${first.did}/app.bsky.feed.post/${first.body.rkey}`,
      user: first.did,
      lang: 'en',
      cleaned_text: '🦋 hé , see #Größe and',
      mentions: ['alice.bsky.social', 'did:plc:friend'],
      hashtags: ['größe', 'outline_tag'],
      retweet: false,
    })
    expect(new Date(row!.timestamp as string).getTime()).toBe(Math.floor(first.timeUs / 1000))
    expect(silver.find(tweet => tweet.full_text === 'plain @bob and #tag')).toMatchObject({
      mentions: ['bob'],
      hashtags: ['tag'],
    })
    expect(await rowsOf(lake, 'gold')).toHaveLength(3)
    const rules = (await rowsOf(lake, 'quarantine')).map(rejected => rejected.rule).sort()
    expect(rules).toEqual(['not_a_tweet', 'not_a_tweet', 'order_to_forget', 'order_to_forget', 'order_to_forget'])
    const orders = []
    for await (const order of forgetOrders(lake)) orders.push(order)
    expect(orders.map(({ time, ...order }) => order)).toEqual([
      { tweetId: `at://${post(3).did}/app.bsky.feed.post/${post(3).body.rkey}`, reason: 'post deleted' },
      { user: 'did:plc:takendown', reason: 'account takendown' },
      { user: 'did:plc:deleted', reason: 'account deleted' },
    ])
    expect(orders.every(({ time }) => time?.startsWith('2026-05-25T14:23:2'))).toBe(true)
    const receipt = await forget(orders, { lake, graceMs: 0 })
    expect(receipt.scan).toMatchObject({ findings: 0 })
    const left = (await rowsOf(lake, 'silver')).map(tweet => tweet.full_text)
    expect(left.sort()).toEqual(['plain @bob and #tag', text])
    // The orders themselves named a post and two people.
    const again = []
    for await (const order of forgetOrders(lake)) again.push(order)
    expect(again).toEqual([])
  })
})

describe('orders to forget of X', () => {
  it.each([
    [
      { delete: { status: { id: 1, id_str: '12', user_id_str: '7' }, timestamp_ms: '1400000000000' } },
      [{ tweetId: '12', reason: 'delete', time: '2014-05-13T16:53:20.000Z' }],
    ],
    [
      { data: { delete: { tweet: { id: '12', author_id: '7' }, event_at: 't' } } },
      [{ tweetId: '12', reason: 'delete', time: 't' }],
    ],
    [{ data: { user_delete: { user: { id: '7' }, event_at: 't' } } }, [{ user: '7', reason: 'user_delete', time: 't' }]],
    [{ user_withheld: { id: 7, withheld_in_countries: ['XX'] } }, [{ user: '7', reason: 'user_withheld', time: undefined }]],
    [
      { id: '9', action: 'delete', created_at: 't', reason: 'suspended' },
      [
        { tweetId: '9', reason: 'suspended', time: 't' },
        { user: '9', reason: 'suspended', time: 't' },
      ],
    ],
    [{ data: { user_undelete: { user: { id: '7' } } } }, []],
    [{ data: { id: '1', text: 'x' } }, []],
  ])('%j', (notice, orders) => {
    expect(readOrders(notice)).toEqual(orders)
  })
})

describe.skipIf(!existsSync(EVENTS))(`real Jetstream events (skipped without ${EVENTS})`, () => {
  it('the one post among ten is a tweet', () => {
    const rows = readFileSync(EVENTS, 'utf8')
      .trim()
      .split('\n')
      .flatMap(line => readRecord(line))
    expect(rows.map(row => row.form).sort()).toEqual(['bluesky', ...Array.from({ length: 9 }, () => 'unknown')])
    expect(rows.find(row => row.form === 'bluesky')).toMatchObject({ date: '2026-05-25T14:23:29.157119Z', lang: 'en' })
  })
})
