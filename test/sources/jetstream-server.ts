import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

/** An event as the server keeps it; each wire has its own words for it. */
export interface ServedEvent {
  seq: number
  timeUs: number
  did: string
  kind: 'commit' | 'identity' | 'account' | 'sync'
  body: Record<string, unknown>
}

/** What the server is told to do out of order. */
export interface Faults {
  /** Answers upgrades with this instead. */
  refuse?: { status: number; body: string } | undefined
  /** Accepts connections and then is silent, pongs included. */
  deaf?: boolean
  /** Names no sub-protocol in its answer. */
  plain?: boolean
  /** Oldest seq that is served; older cursors are `CursorTooOld`. */
  floor?: number
  /** Knows the path of this wire alone. */
  only?: 'v1' | 'v2'
  /** Sent first on every connection. */
  greeting?: string
  /** What it then says. */
  tooOld?: string
  /** Replays this many events before the cursor too. */
  extra?: number
}

/** A Jetstream that holds its events and speaks both wires. */
export async function jetstreamServer(port = 0) {
  const events: ServedEvent[] = []
  const faults: Faults = {}
  const requests: URL[] = []
  const clients = new Map<WebSocket, { wire: 'v1' | 'v2'; wants: (event: ServedEvent) => boolean }>()
  /** Data frames that clients sent: none may. */
  const received: string[] = []
  let pings = 0
  const sockets = new Set<Duplex>()
  const http = createServer((_request, response) => response.writeHead(426).end())
  const v1 = new WebSocketServer({ noServer: true })
  const v2 = new WebSocketServer({
    noServer: true,
    handleProtocols: names => (!faults.plain && names.has('xrpc.v1.json') ? 'xrpc.v1.json' : false),
  })

  const frame = (wire: 'v1' | 'v2', { seq, timeUs, did, kind, body }: ServedEvent) => {
    if (wire === 'v1') return JSON.stringify({ did, time_us: timeUs, kind, [kind]: body })
    const time = `${new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19)}.${String(timeUs % 1e6).padStart(6, '0')}Z`
    const own = kind === 'commit' ? body : { [kind]: body }
    const payload = { $type: `network.bsky.jetstream.subscribeEvents#${kind}`, seq, did, time, ...own }
    return JSON.stringify({ $type: 'message', payload })
  }

  function refuse(socket: Duplex, status: number, body: string): void {
    socket.end(
      `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url!, 'ws://localhost')
    requests.push(url)
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    if (faults.refuse) {
      refuse(socket, faults.refuse.status, faults.refuse.body)
      return
    }
    const wire = url.pathname === '/subscribe' ? 'v1' : 'v2'
    if (faults.only && faults.only !== wire) {
      refuse(socket, 404, 'Not Found')
      return
    }
    const query = url.searchParams
    const limit = Number(query.get('maxMessageSizeBytes') ?? 0)
    const wrong = wire === 'v2' && [...query.keys()].find(name => /^wanted|^compress$|^requireHello$/.test(name))
    if (wrong) {
      refuse(socket, 400, JSON.stringify({ error: 'InvalidRequest', message: `unknown parameter ${wrong}` }))
      return
    }
    const cursor = query.has('cursor') ? Number(query.get('cursor')) : undefined
    if (wire === 'v2' && cursor !== undefined && cursor < 1e15 && cursor < (faults.floor ?? 0)) {
      refuse(
        socket,
        400,
        JSON.stringify({
          error: 'CursorTooOld',
          message: faults.tooOld ?? `cursor ${cursor} is below the floor ${faults.floor}`,
        }),
      )
      return
    }
    const server = wire === 'v1' ? v1 : v2
    server.handleUpgrade(request, socket, head, client => {
      client.on('error', () => {})
      if (faults.deaf) {
        socket.removeAllListeners('data')
        socket.on('data', () => {})
        return
      }
      let pinged = 0
      client.on('ping', () => {
        pings = Math.max(pings, ++pinged)
      })
      client.on('message', data => {
        received.push(String(data))
        if (wire === 'v2') client.close(1003)
      })
      if (faults.greeting) client.send(faults.greeting)
      const collections = query.getAll(wire === 'v1' ? 'wantedCollections' : 'collections')
      const kinds = wire === 'v2' ? query.getAll('kinds') : []
      const wants = (event: ServedEvent) =>
        !(limit && JSON.stringify(event.body).length > limit) &&
        (!kinds.length || kinds.includes(event.kind)) &&
        (event.kind !== 'commit' || !collections.length || collections.includes(String(event.body.collection)))
      if (cursor !== undefined) {
        const first = events.findIndex(event => (cursor >= 1e15 ? event.timeUs : event.seq) >= cursor)
        const from = first < 0 ? events.length : Math.max(0, first - (faults.extra ?? 0))
        for (const event of events.slice(from)) if (wants(event)) client.send(frame(wire, event))
      }
      clients.set(client, { wire, wants })
      client.on('close', () => clients.delete(client))
    })
  }

  http.on('upgrade', upgrade)
  await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve))
  const address = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  let n = 0

  return {
    address,
    v1: `${address}/subscribe?wantedCollections=app.bsky.feed.post`,
    v2: `${address}/xrpc/network.bsky.jetstream.subscribeEvents?collections=app.bsky.feed.post`,
    port: (http.address() as AddressInfo).port,
    faults,
    requests,
    received,
    events,
    clients: () => clients.size,
    /** Most pings of one connection. */
    pings: () => pings,
    /** Keeps an event and sends it to everyone who wants it. */
    emit(event: Omit<ServedEvent, 'seq' | 'timeUs'> & { timeUs?: number }): ServedEvent {
      n++
      const whole = { timeUs: 1_779_719_009_132_431 + n * 20_000, ...event, seq: 100 + n }
      events.push(whole)
      for (const [client, { wire, wants }] of clients) if (wants(whole)) client.send(frame(wire, whole))
      return whole
    },
    /** Sends a frame as it is. */
    send(data: string | Buffer, options: { binary?: boolean } = {}): void {
      for (const client of clients.keys()) client.send(data, options)
    },
    /** Breaks every connection without a word. */
    drop(): void {
      for (const socket of sockets) socket.destroy()
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => http.close(resolve))
    },
  }
}

/** A post as a commit, different for each `i`. */
export function post(i: number, text = `post number ${i}`, more: Record<string, unknown> = {}) {
  const rkey = `3mm${String(i).padStart(10, '0')}`
  const record = { $type: 'app.bsky.feed.post', createdAt: '1999-01-01T00:00:00.000Z', langs: ['en-GB'], text, ...more }
  const body = {
    rev: `3mr${String(i).padStart(10, '0')}`,
    operation: 'create',
    collection: 'app.bsky.feed.post',
    rkey,
    record,
    cid: 'bafy',
  }
  return { did: `did:plc:user${i % 5}`, kind: 'commit' as const, body }
}
