import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface XPost {
  id: string
  text: string
}

/** One answer out of order: a status, and what goes with it. */
export interface XFault {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

/** A server that speaks as much of X's API v2 as is asked of it. */
export async function xServer(token: string) {
  const rules: { id: string; value: string; tag?: string }[] = []
  const posts: XPost[] = []
  /** Answers for the next requests, by path. */
  const faults: Record<string, XFault[]> = {}
  const requests: URL[] = []
  const streams = new Set<ServerResponse>()
  const sockets = new Set<Socket>()
  let total: number | undefined
  /** What the filtered stream gave, and whether the plan has it given back. */
  const given: { text: string; time: number }[] = []
  let backfill = true
  let n = 0

  const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

  function search(url: URL, response: ServerResponse): void {
    const size = Number(url.searchParams.get('max_results') ?? 10)
    if (size < 10 || size > 100) return void json(response, 400, { title: 'Invalid Request', detail: 'max_results' })
    const since = url.searchParams.get('since_id')
    const newest = posts.filter(post => !since || BigInt(post.id) > BigInt(since)).reverse()
    const token = url.searchParams.get('next_token')
    if (token && !/^t\d+$/.test(token)) return void json(response, 400, { title: 'Invalid Request', detail: 'next_token' })
    const start = Number(token?.slice(1) ?? 0)
    const data = newest.slice(start, start + size)
    const meta = {
      result_count: data.length,
      ...(data.length && { newest_id: data[0]!.id, oldest_id: data.at(-1)!.id }),
      ...(start + size < newest.length && { next_token: `t${start + size}` }),
    }
    json(response, 200, { ...(data.length && { data }), meta })
  }

  async function change(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = JSON.parse(text) as { add?: { value: string; tag?: string }[]; delete?: { ids: string[] } }
    const dry = url.searchParams.get('dry_run') === 'true'
    if (body.add) {
      const fresh = body.add.filter(rule => !rules.some(({ value }) => value === rule.value))
      const made = fresh.map(rule => ({ id: String(++n), ...rule }))
      if (!dry) rules.push(...made)
      const errors = body.add.filter(rule => !fresh.includes(rule)).map(({ value }) => ({ title: 'DuplicateRule', value }))
      const summary = { created: made.length, not_created: errors.length }
      json(response, 201, { data: made, meta: { summary }, ...(errors.length && { errors }) })
    } else {
      const ids = body.delete!.ids
      const found = rules.filter(rule => ids.includes(rule.id))
      if (!dry) for (const rule of found) rules.splice(rules.indexOf(rule), 1)
      json(response, 200, { meta: { summary: { deleted: found.length, not_deleted: ids.length - found.length } } })
    }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://localhost')
    requests.push(url)
    const fault = faults[url.pathname]?.shift()
    if (fault) return void json(response, fault.status, fault.body ?? {}, fault.headers)
    if (request.headers.authorization !== `Bearer ${token}`)
      return void json(response, 401, { title: 'Unauthorized', detail: 'Unauthorized' })
    if (url.pathname === '/2/tweets/search/stream/rules')
      return void (request.method === 'POST' ? change(request, url, response) : json(response, 200, { data: rules }))
    if (url.pathname === '/2/tweets/counts/recent')
      return void (total === undefined
        ? json(response, 403, { title: 'Forbidden' })
        : json(response, 200, { meta: { total_tweet_count: total } }))
    if (url.pathname === '/2/tweets/search/recent') return search(url, response)
    if (!url.pathname.endsWith('/stream')) return void json(response, 404, { title: 'Not Found' })
    const minutes = url.searchParams.get('backfill_minutes')
    if (minutes && !backfill)
      return void json(response, 400, { title: 'Invalid Request', detail: 'backfill_minutes: not in your plan' })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('\r\n')
    for (const { text, time } of given) if (time > Date.now() - 60_000 * Number(minutes)) response.write(text)
    streams.add(response)
    response.on('close', () => streams.delete(response))
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rules,
    posts,
    faults,
    requests,
    streams: () => streams.size,
    count(posts: number | undefined): void {
      total = posts
    },
    /** Writes to every open stream. */
    write(text: string | Buffer): void {
      for (const stream of streams) stream.write(text)
    },
    /** Gives posts to every open stream, and to those that ask for what they missed. */
    give(...texts: string[]): void {
      given.push(...texts.map(text => ({ text, time: Date.now() })))
      this.write(texts.join(''))
    },
    withoutBackfill(): void {
      backfill = false
    },
    /** Ends every stream without a word. */
    drop(): void {
      for (const stream of streams) stream.socket?.destroy()
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** A post as an object of the stream. */
export const line = (id: number, text = `post ${id}`) =>
  `${JSON.stringify({ data: { id: String(id), text, created_at: '2026-01-01T00:00:00.000Z' }, matching_rules: [{ id: '1' }] })}\r\n`
