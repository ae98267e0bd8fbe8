import { afterEach, describe, expect, it } from 'vitest'
import { type BlueskyOptions, blueskyFeed, JetstreamError, parseBlueskyAddress } from '../../src/sources/bluesky.js'
import type { Source } from '../../src/sources/source.js'
import { memoryStore } from '../../src/stores/memory-store.js'
import type { Store } from '../../src/stores/store.js'
import { jetstreamServer, post } from './jetstream-server.js'

const closing: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(port?: number) {
  const server = await jetstreamServer(port)
  closing.push(() => server.close())
  return server
}

function open(url: string, store: Store = memoryStore(), options: Partial<BlueskyOptions> = {}) {
  const notices: string[] = []
  const feed = blueskyFeed({
    address: parseBlueskyAddress(url),
    landing: { store, path: 'landing/bluesky', everyMs: 10 },
    log: { store, path: 'log' },
    // However long the machine takes, silence ends no test.
    quietMs: 600_000,
    backoffMs: { first: 5, most: 50 },
    onNotice: text => notices.push(text),
    ...options,
  }) as Source
  closing.push(() => feed.close?.())
  return { feed, notices, store }
}

/** Reads on from an offset until so many records are there. */
async function read(feed: Source, from: unknown, enough: number) {
  const records: string[] = []
  while (records.length < enough) {
    const available = await feed.latest(from)
    if (!available) break
    const batch = await feed.read(from, available.to)
    for await (const rows of batch.rows<{ record: string }>(['record'])) records.push(...rows.map(row => row.record))
    await batch.drop()
    from = available.to
  }
  return { records, from }
}

const textOf = (record: string) => {
  const { commit, payload } = JSON.parse(record) as { commit?: object; payload?: object }
  return ((commit ?? payload) as { record?: { text: string } }).record?.text
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `post number ${from + i}`)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

/** What is left by a feed that connected (for the `connections`th time), landed the posts up to `n`, and has gone. */
async function landed(server: Awaited<ReturnType<typeof serve>>, wire: 'v1' | 'v2', n: number, connections = 1) {
  const { feed, store } = open(server[wire])
  const reading = read(feed, undefined, n)
  await until(() => server.requests.length === connections && server.clients() === 1)
  for (let i = 0; i < n; i++) server.emit(post(i))
  const { records, from } = await reading
  expect(records.map(textOf)).toEqual(numbers(0, n))
  await feed.close?.()
  return { store, from }
}

describe.each(['v1', 'v2'] as const)('bluesky %s', wire => {
  it('lands what comes, and goes on where the landed files end, without repeats', async () => {
    const server = await serve()
    const { store, from } = await landed(server, wire, 20)
    for (let i = 20; i < 30; i++) server.emit(post(i))
    // Another process: nothing but the files is left.
    const second = open(server[wire], store)
    expect((await read(second.feed, from, 10)).records.map(textOf)).toEqual(numbers(20, 30))
    const { searchParams } = server.requests.at(-1)!
    expect(Number(searchParams.get('cursor'))).toBe(wire === 'v1' ? server.events[19]!.timeUs - 5e6 : server.events[19]!.seq)
    expect(server.received).toEqual([])
  })

  it('connects again when the connection breaks, and drops what is repeated', async () => {
    const server = await serve()
    server.faults.extra = 7
    const { feed, notices } = open(server[wire])
    const reading = read(feed, undefined, 100)
    for (let i = 0; i < 100; i++) {
      await until(() => server.clients() === 1)
      server.emit(post(i))
      if (i % 10 === 9) {
        const before = server.requests.length
        server.drop()
        await until(() => server.requests.length > before)
      }
    }
    expect((await reading).records.map(textOf)).toEqual(numbers(0, 100))
    expect(notices.length).toBeGreaterThanOrEqual(9)
    expect(notices[0]).toMatch(/connecting again/)
  })

  it('keeps frames that are no events: malformed, binary, huge, with line ends', async () => {
    const server = await serve()
    const { feed } = open(server[wire])
    const reading = read(feed, undefined, 7)
    await until(() => server.clients() === 1)
    server.emit(post(0))
    server.send('{"did": tru')
    server.send(Buffer.from([0xff, 0x00, 0xfe]))
    server.send(Buffer.from([0xff]), { binary: false })
    server.send('{\n "other":\r\n [1]\n}')
    server.emit(post(1, 'x'.repeat(2 ** 21)))
    server.emit(post(2))
    const { records } = await reading
    expect(records.slice(1, 5)).toEqual([
      '{"did": tru',
      '{"frame_not_text":"/wD+"}',
      '{"frame_not_text":"/w=="}',
      '{  "other":  [1] }',
    ])
    expect(textOf(records[5]!)).toHaveLength(2 ** 21)
    expect(textOf(records[6]!)).toBe('post number 2')
    expect(records).toHaveLength(7)
  })

  it('gives up a connection without a sign of life, not one that is only silent', async () => {
    const server = await serve()
    server.faults.deaf = true
    const { feed, notices } = open(server[wire], memoryStore(), { beatMs: 30 })
    const reading = read(feed, undefined, 1)
    await until(() => server.requests.length >= 3)
    server.faults.deaf = false
    await until(() => server.clients() === 1)
    // Silent for many beats; pongs alone keep it, which without them goes at the fourth.
    await until(() => server.pings() > 5)
    server.emit(post(0))
    expect((await reading).records).toHaveLength(1)
    expect(notices[0]).toMatch(/no sign of life/)
  })

  it('says by its name what the server refuses', async () => {
    const server = await serve()
    server.faults.refuse = { status: 400, body: JSON.stringify({ error: 'InvalidRequest', message: 'collections: not an NSID' }) }
    const { feed } = open(server[wire])
    const error = await feed.latest(undefined).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(JetstreamError)
    expect(error).toMatchObject({ error: 'InvalidRequest', serverMessage: 'collections: not an NSID', status: 400 })
  })

  it('waits for a server that is unavailable once it has been met', async () => {
    const server = await serve()
    const { feed } = open(server[wire], memoryStore(), { patienceMs: 0 })
    const first = read(feed, undefined, 1)
    await until(() => server.clients() === 1)
    server.emit(post(0))
    const { from } = await first
    server.faults.refuse = { status: 503, body: JSON.stringify({ error: 'ServiceUnavailable', message: 'bootstrapping' }) }
    server.drop()
    await until(() => server.requests.length > 3)
    server.faults.refuse = undefined
    server.emit(post(1))
    expect((await read(feed, from, 1)).records.map(textOf)).toEqual(['post number 1'])
  })
})

describe('bluesky', () => {
  it('v2: says what is lost when the cursor is too old, and goes on from the floor', async () => {
    const server = await serve()
    const { store, from } = await landed(server, 'v2', 3)
    for (let i = 3; i < 10; i++) server.emit(post(i))
    server.faults.floor = server.events[7]!.seq
    const second = open(server.v2, store)
    expect((await read(second.feed, from, 3)).records.map(textOf)).toEqual(numbers(7, 10))
    const [lost] = second.notices.filter(text => text.includes('lost'))
    expect(lost).toContain(`events ${server.events[3]!.seq} to ${server.events[7]!.seq - 1} are lost`)
  })

  it.each([
    ['cursor 1 is older than 36 hours; the floor seq is 103', 103],
    ['too old: 104 is the oldest of a window of 36 h', 104],
    ['too old', undefined],
  ])('v2: a first cursor that is too old (%s)', async (message, floor) => {
    const server = await serve()
    for (let i = 0; i < 6; i++) server.emit(post(i))
    server.faults.floor = floor ?? 103
    server.faults.tooOld = message
    const { feed } = open(`${server.v2}&cursor=1`)
    const expected = numbers(floor ? floor - 101 : 0, 6)
    expect((await read(feed, undefined, expected.length)).records.map(textOf)).toEqual(expected)
  })

  it('v2: an error frame ends the connection, not the stream; one that comes again and again does', async () => {
    const server = await serve()
    const { feed, notices } = open(server.v2)
    const reading = read(feed, undefined, 2)
    await until(() => server.clients() === 1)
    server.emit(post(0))
    server.send('{"$type":"error","error":"ConsumerTooSlow","message":"too slow"}')
    await until(() => server.requests.length === 2 && server.clients() === 1)
    server.send(
      '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#info","name":"OutdatedCursor","message":"m"}}',
    )
    server.emit(post(1))
    expect((await reading).records.map(textOf)).toEqual(numbers(0, 2))
    expect(notices[0]).toContain('ConsumerTooSlow: too slow')
    expect(notices.some(text => text.includes('OutdatedCursor: m'))).toBe(true)
    server.faults.greeting = '{"$type":"error","error":"InternalError","message":"broken"}'
    const rest = read(feed, 10, 1)
    server.drop()
    await expect(rest).rejects.toMatchObject({ error: 'InternalError' })
  })

  it('v2: a server that names no sub-protocol, and one whose numbers begin anew', async () => {
    const server = await serve()
    server.faults.plain = true
    // The first connection is given up for want of the name.
    const { store, from } = await landed(server, 'v2', 3, 2)
    await server.close()
    const anew = await serve(server.port)
    const second = open(anew.v2, store)
    const rest = read(second.feed, from, 2)
    await until(() => anew.clients() === 1)
    anew.emit(post(50))
    anew.emit(post(51))
    expect((await rest).records.map(textOf)).toEqual(numbers(50, 52))
  })

  it('goes on by time when it changes the server', async () => {
    const [one, two] = [await serve(), await serve()]
    const { store, from } = await landed(one, 'v2', 1)
    two.emit(post(0))
    two.emit(post(1))
    const second = open(two.v2, store)
    expect((await read(second.feed, from, 1)).records.map(textOf)).toEqual(['post number 1'])
    expect(Number(two.requests[0]!.searchParams.get('cursor'))).toBe(one.events[0]!.timeUs - 5e6)
  })

  it('a server that is not there: one sentence', async () => {
    const server = await serve()
    await server.close()
    const { feed } = open(server.v1, memoryStore(), { patienceMs: 20 })
    await expect(feed.latest(undefined)).rejects.toThrow(/^bluesky: 127\.0\.0\.1:\d+: cannot be reached: .*ECONNREFUSED/)
  })

  it('a server of the older wire alone, by the short address', async () => {
    const server = await serve()
    server.faults.only = 'v1'
    const { url, wire, otherwise } = parseBlueskyAddress(`bluesky://127.0.0.1:${server.port}`)
    url.protocol = 'ws:'
    otherwise!.url.protocol = 'ws:'
    const { feed } = open(server.v2, memoryStore(), { address: { url, wire, otherwise } })
    const reading = read(feed, undefined, 1)
    await until(() => server.clients() === 1)
    server.emit(post(0))
    expect(JSON.parse((await reading).records[0]!)).toMatchObject({ kind: 'commit' })
    expect(server.requests.map(request => request.pathname.slice(0, 5))).toEqual(['/xrpc', '/subs'])
  })

  it('an event that is too large is left out, and said', async () => {
    const server = await serve()
    const { feed, notices } = open(server.v1)
    const reading = read(feed, undefined, 2)
    await until(() => server.clients() === 1)
    server.emit(post(0))
    server.emit(post(1, 'x'.repeat(65 * 2 ** 20)))
    server.emit(post(2))
    expect((await reading).records.map(textOf)).toEqual(['post number 0', 'post number 2'])
    expect(notices[0]).toContain('left out')
  })

  it('reads addresses', () => {
    expect(parseBlueskyAddress('bluesky:')).toMatchObject({ wire: 'v2', url: { protocol: 'wss:' } })
    expect(parseBlueskyAddress('bluesky://example.org').url.host).toBe('example.org')
    expect(parseBlueskyAddress('wss://h/subscribe?wantedDids=a').wire).toBe('v1')
    for (const wrong of ['bluesky:x', 'ws://h/', 'ws://h/subscribe?compress=true', 'ws://a:b@h/subscribe', 'wss:'])
      expect(() => parseBlueskyAddress(wrong)).toThrow(/^bluesky: /)
  })
})
