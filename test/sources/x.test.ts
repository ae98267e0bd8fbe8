import { afterEach, describe, expect, it } from 'vitest'
import type { Source } from '../../src/sources/source.js'
import { parseXAddress, type XOptions, xFeed } from '../../src/sources/x.js'
import { backoff, XError, xClient } from '../../src/sources/x-client.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { Store } from '../../src/stores/store.js'
import { line, xServer } from './x-server.js'

const TOKEN = 'a-token-nobody-must-see'
const closing: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve() {
  const server = await xServer(TOKEN)
  closing.push(() => server.close())
  return server
}

function open(url: string, address: string, store: Store = memoryStore(), options: Partial<XOptions> = {}) {
  const notices: string[] = []
  const waits: number[] = []
  const feed = xFeed({
    address: parseXAddress(address),
    landing: { store, path: 'landing/x', everyMs: 10 },
    log: { store, path: 'log' },
    baseUrl: url,
    token: TOKEN,
    // However long the machine takes, silence ends no test.
    quietMs: 600_000,
    onNotice: text => notices.push(text),
    wait: async ms => void waits.push(ms),
    ...options,
  }) as Source
  closing.push(() => feed.close?.())
  return { feed, notices, waits, store }
}

/** Ids of posts until `enough` are there (default: until the feed has ended). */
async function read(feed: Source, from?: unknown, enough = Number.POSITIVE_INFINITY) {
  const records: string[] = []
  const ids: string[] = []
  while (ids.length < enough) {
    const available = await feed.latest(from)
    if (!available) break
    const batch = await feed.read(from, available.to)
    for await (const rows of batch.rows<{ record: string }>(['record']))
      for (const { record } of rows) {
        records.push(record)
        const { data } = JSON.parse(record) as { data?: { id?: string } | { id: string }[] }
        ids.push(...[data ?? []].flat().flatMap(post => post.id ?? []))
      }
    await batch.drop()
    from = available.to
  }
  return { records, ids, from }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

describe('the filtered stream', () => {
  it('lands each post once, over broken connections, repeats, cut lines and characters', async () => {
    const server = await serve()
    server.rules.push({ id: '1', value: 'cats' })
    const { feed, notices, waits, store } = open(server.url, 'x:stream')
    const reading = read(feed, undefined, 4)
    await until(() => server.streams() === 1)
    server.write(line(1) + line(2))
    const [cut] = [Buffer.from(line(3, 'Größe 🦋'))]
    server.write(cut!.subarray(0, cut!.indexOf(0xf0) + 2))
    server.write(cut!.subarray(cut!.indexOf(0xf0) + 2))
    server.write('\r\n')
    server.write(`${line(4)}{"data": {"id": "5"`)
    const { ids: whole, records, from: middle } = await reading
    expect(whole).toEqual(ids(1, 5))
    const before = server.requests.length
    server.drop()
    await until(() => server.requests.length > before && server.streams() === 1)
    server.write(line(3) + line(4) + line(5) + line(6))
    const { ids: got, from } = await read(feed, middle, 2)
    expect(got).toEqual(['5', '6'])
    expect(records[2]).toContain('Größe 🦋')
    expect(waits.filter(ms => ms < 5000)).toEqual([250])
    expect(notices.join('\n')).toMatch(/filtered stream by 1 rules: about \$0\.005 a post.*no budget is set/)
    expect(server.requests.at(-1)!.searchParams.get('tweet.fields')).toContain('created_at')
    await feed.close?.()
    await until(() => server.streams() === 0)
    // Another process knows what was landed.
    const second = open(server.url, 'x:stream?backfill_minutes=2', store)
    const rest = read(second.feed, from, 1)
    await until(() => server.streams() === 1)
    server.write(line(6) + line(7))
    expect((await rest).ids).toEqual(['7'])
    expect(server.requests.at(-1)!.searchParams.get('backfill_minutes')).toBe('2')
  })

  it('loses nothing that X gives back when connections break, and has each post once', async () => {
    const server = await serve()
    server.rules.push({ id: '1', value: 'cats' })
    const { feed } = open(server.url, 'x:stream')
    const reading = read(feed, undefined, 200)
    let next = 0
    for (let broken = 0; broken < 10; broken++) {
      await until(() => server.streams() === 1)
      for (let i = 0; i < 15; i++) server.give(line(next++))
      // Some of it is still on its way when the connection goes, and some comes while there is none.
      const before = server.requests.length
      server.drop()
      for (let i = 0; i < 5; i++) server.give(line(next++))
      await until(() => server.requests.length > before)
    }
    expect((await reading).ids).toEqual(ids(0, 200))
    const asked = server.requests
      .filter(url => url.pathname.endsWith('/stream'))
      .map(url => url.searchParams.get('backfill_minutes'))
    expect(asked).toEqual([null, ...Array(10).fill('1')])
  })

  it('goes on, and says so, where the plan has no backfill', async () => {
    const server = await serve()
    server.rules.push({ id: '1', value: 'cats' })
    server.withoutBackfill()
    const { feed, notices } = open(server.url, 'x:stream')
    const first = read(feed, undefined, 1)
    await until(() => server.streams() === 1)
    server.give(line(1))
    const { ids: got, from } = await first
    expect(got).toEqual(['1'])
    const before = server.requests.length
    server.drop()
    server.give(line(2))
    await until(() => server.requests.length > before + 1 && server.streams() === 1)
    server.give(line(3))
    expect((await read(feed, from, 1)).ids).toEqual(['3'])
    expect(notices.at(-1)).toMatch(/400 Invalid Request: backfill_minutes: not in your plan; without backfill, what came while/)
  })

  it('takes silence for a dead connection, keep-alives for a living one', async () => {
    const server = await serve()
    const { feed, notices } = open(server.url, 'x:stream', memoryStore(), { silenceMs: 200 })
    const reading = read(feed, undefined, 1)
    await until(() => server.streams() === 1)
    let [beats, before] = [0, server.requests.length]
    const beat = setInterval(() => {
      beats = server.requests.length === before ? beats + 1 : 0
      before = server.requests.length
      server.write('\r\n')
    }, 20)
    // One connection over twice the silence that it would not bear.
    await until(() => beats === 20)
    clearInterval(beat)
    await until(() => server.requests.length > before)
    // A slow machine may take this connection for dead as well.
    const repeat = setInterval(() => server.write(line(1)), 20)
    expect((await reading).ids).toEqual(['1'])
    clearInterval(repeat)
    expect(notices.join('\n')).toMatch(/no rules, so nothing will come/)
    expect(notices.join('\n')).toMatch(/no sign of life for 0\.2 s/)
  })

  it('waits as X asks: 429 until the reset, HTTP faults ever longer; a notice ends the connection; final faults end it all', async () => {
    const server = await serve()
    const reset = String(Math.floor(Date.now() / 1000) + 600)
    server.faults['/2/tweets/search/stream'] = [
      { status: 503 },
      { status: 500 },
      { status: 429 },
      { status: 429, headers: { 'x-rate-limit-reset': reset }, body: { title: 'Too Many Requests', detail: 'one connection' } },
    ]
    const { feed, waits, notices } = open(server.url, 'x:stream')
    const reading = read(feed, undefined, 1)
    await until(() => server.streams() === 1)
    expect(waits.slice(0, 3)).toEqual([5000, 10_000, 60_000])
    expect(waits[3]).toBeGreaterThan(590_000)
    const before = server.requests.length
    server.write(
      '{"errors":[{"title":"operational-disconnect","detail":"This stream has been disconnected for operational reasons."}]}\r\n',
    )
    await until(() => server.requests.length > before && server.streams() === 1)
    expect(notices.at(-1)).toContain('operational reasons')
    server.write(line(1))
    expect((await reading).ids).toEqual(['1'])
    // Once with the wish for backfill, once without.
    const forbidden = { status: 403, body: { title: 'Client Forbidden', detail: 'plan' } }
    server.faults['/2/tweets/search/stream'] = [forbidden, forbidden]
    server.drop()
    await expect(read(feed, 5)).rejects.toThrow('x: 403 Client Forbidden: plan')
    expect([...notices, ...waits].join('\n')).not.toContain(TOKEN)
  })

  it('stops at its budget', async () => {
    const server = await serve()
    server.rules.push({ id: '1', value: 'cats' })
    const { feed, notices } = open(server.url, 'x:stream', memoryStore(), { budget: 0.05 })
    const reading = read(feed)
    await until(() => server.streams() === 1)
    for (let i = 0; i < 30; i++) server.write(line(i))
    expect((await reading).ids).toEqual(ids(0, 10))
    expect(feed.ended?.()).toBe(true)
    expect(notices[0]).toContain('it stops at $0.050, 10 posts')
    expect(notices.at(-1)).toBe('x: the budget of $0.05 is spent: 10 posts read')
  })
})

describe('recent search', () => {
  const fill = (server: Awaited<ReturnType<typeof serve>>, from: number, to: number) => {
    for (const id of ids(from, to)) server.posts.push({ id, text: `post ${id}` })
  }

  it('reads all pages, says the cost before, and goes on where the last search began', async () => {
    const server = await serve()
    fill(server, 1000, 1250)
    server.count(250)
    const first = open(server.url, 'x:search?query=cats%20lang%3Aen')
    // A page that is the last one allowed for now.
    const headers = { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(Math.floor(Date.now() / 1000) + 900) }
    server.faults['/2/tweets/search/recent'] = [{ status: 200, headers, body: { meta: { next_token: 't0' } } }]
    const { ids: got, from } = await read(first.feed)
    expect(got.sort()).toEqual(ids(1000, 1250))
    expect(first.waits).toHaveLength(1)
    expect(first.waits[0]).toBeGreaterThan(890_000)
    expect(first.notices[0]).toBe('x: search: 250 posts, $1.25 at about $0.005 a post; no budget is set')
    await first.feed.close?.()
    fill(server, 1250, 1260)
    server.count(undefined)
    const second = open(server.url, 'x:search?query=cats%20lang%3Aen', first.store)
    expect((await read(second.feed, from)).ids.sort()).toEqual(ids(1250, 1260))
    expect(second.notices[0]).toContain('an unknown number of posts')
  })

  it('goes on with the page that a budget or a kill kept it from', async () => {
    const server = await serve()
    fill(server, 1000, 1250)
    const first = open(server.url, 'x:search?query=cats', memoryStore(), { budget: 0.5 })
    const { ids: got, from } = await read(first.feed)
    expect(got).toEqual(ids(1150, 1250).reverse())
    await first.feed.close?.()
    fill(server, 1250, 1253)
    const second = open(server.url, 'x:search?query=cats', first.store)
    const rest = await read(second.feed, from)
    // Three came meanwhile, so pages have moved on: what was landed is dropped.
    expect(rest.ids.sort()).toEqual(ids(1000, 1150))
    await second.feed.close?.()
    const third = open(server.url, 'x:search?query=cats', first.store)
    expect((await read(third.feed, rest.from)).ids.sort()).toEqual(ids(1250, 1253))
  })

  it('begins the search again when a page is not known any more', async () => {
    const server = await serve()
    fill(server, 1000, 1030)
    const first = open(server.url, 'x:search?query=cats&max_results=10', memoryStore(), { budget: 0.05 })
    const { from } = await read(first.feed)
    await first.feed.close?.()
    server.faults['/2/tweets/search/recent'] = [{ status: 400, body: { title: 'Invalid Request', detail: 'next_token' } }]
    const second = open(server.url, 'x:search?query=cats&max_results=10', first.store)
    expect((await read(second.feed, from)).ids.sort()).toEqual(ids(1000, 1020))
  })

  it('without a token, with a wrong one, with a query that X refuses, without a network', async () => {
    const server = await serve()
    const fails = (options: Partial<XOptions>, url = server.url) =>
      expect(open(url, 'x:search?query=cats', memoryStore(), options).feed.latest(undefined)).rejects
    await fails({ token: '' }).toThrow('x: no token; set X_BEARER_TOKEN in the environment')
    await fails({ token: 'other' }).toThrow('x: 401 Unauthorized')
    server.faults['/2/tweets/search/recent'] = [
      { status: 400, body: { title: 'Invalid Request', detail: 'd', errors: [{ message: 'query: bad' }] } },
    ]
    await fails({}).toBeInstanceOf(XError)
    server.faults['/2/tweets/search/recent'] = [
      { status: 400, body: { title: 'Invalid Request', errors: [{ message: 'query: bad' }] } },
    ]
    await fails({}).toThrow('x: 400 Invalid Request: query: bad')
    await server.close()
    await fails({ patienceMs: 0 }).toThrow(/^x: 127\.0\.0\.1:\d+: cannot be reached: /)
  })
})

describe('rules', () => {
  it('are added, listed, deleted, and checked without a change', async () => {
    const server = await serve()
    const client = xClient({ baseUrl: server.url, token: TOKEN })
    expect(await client.addRules([{ value: 'cats', tag: 't' }], { dryRun: true })).toMatchObject({ summary: { created: 1 } })
    expect(await client.rules()).toEqual([])
    const { rules } = await client.addRules([{ value: 'cats' }, { value: 'dogs' }])
    expect((await client.rules()).map(rule => rule.value)).toEqual(['cats', 'dogs'])
    expect((await client.addRules([{ value: 'cats' }])).problems).toEqual(['DuplicateRule: cats'])
    expect(await client.deleteRules([rules[0]!.id])).toMatchObject({ summary: { deleted: 1 } })
    expect((await client.rules()).map(rule => rule.value)).toEqual(['dogs'])
    await expect(client.addRules([{ value: 'x'.repeat(1025) }])).rejects.toThrow('at most 1024 characters')
  })
})

it('waits after faults as X asks', () => {
  const { after, reset } = backoff(() => 0)
  const network = Array.from({ length: 70 }, () => after(new Error('gone')))
  expect([network[0], network[1], network[63], network[69]]).toEqual([250, 500, 16_000, 16_000])
  const http = Array.from({ length: 8 }, () => after(new XError(503, '', '')))
  expect(http).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 320_000])
  expect([after(new XError(429, '', '')), after(new XError(429, '', ''))]).toEqual([60_000, 120_000])
  expect(after(new XError(429, '', '', 400_000))).toBe(400_000)
  reset()
  expect([after(new Error('gone')), after(new XError(404, '', ''))]).toEqual([250, undefined])
})

it('reads addresses', () => {
  expect(parseXAddress('x:search?query=a%20b')).toMatchObject({ kind: 'search', path: '/2/tweets/search/recent' })
  expect(parseXAddress('x:compliance/tweets?partition=1').query.toString()).toBe('partition=1')
  for (const wrong of ['x:', 'x:search', 'x:firehose', 'x:search?q=1']) expect(() => parseXAddress(wrong)).toThrow(/^x: /)
})
