import { setTimeout as sleep } from 'node:timers/promises'
import type { RawData } from 'ws'
import type { Store } from '../stores/store.js'
import { type JetstreamEvent, readFrame } from './jetstream.js'
import type { FilesOffset } from './json-files.js'
import { type Landing, type Link, landedSource } from './landing.js'
import { readText } from './records.js'
import type { Source } from './source.js'

/** The two wires of Jetstream. */
export type JetstreamWire = 'v1' | 'v2'

/** Where a Jetstream is, and which wire is spoken there. */
export interface BlueskyAddress {
  url: URL
  wire: JetstreamWire
  /** Where to go when a server knows no such path. */
  otherwise?: BlueskyAddress
}

/** What a Jetstream server refused, before or during the stream, by the server's own name and message. */
export class JetstreamError extends Error {
  override name = 'JetstreamError'
  /**
   * @param error the server's name of it, such as `InvalidRequest`, or `HTTP 400` where it gave none
   * @param status HTTP status, undefined within a stream
   */
  constructor(
    readonly host: string,
    readonly error: string,
    readonly serverMessage: string,
    readonly status?: number,
  ) {
    super(`bluesky: ${host}: ${error}${serverMessage ? `: ${serverMessage}` : ''}`)
  }
}

const V1_PATH = '/subscribe'
const V2_PATH = '/xrpc/network.bsky.jetstream.subscribeEvents'
const DEFAULT_HOST = 'jetstream2.us-east.bsky.network'
const FORMS = `bluesky:, bluesky://HOST, ws(s)://HOST:PORT${V1_PATH}?… or ws(s)://HOST:PORT${V2_PATH}?…`
const SUBPROTOCOL = 'xrpc.v1.json'
const POSTS = 'app.bsky.feed.post'

/** True for what `parseBlueskyAddress` is to read. */
export function isBlueskyAddress(source: string): boolean {
  return /^(bluesky|wss?):/i.test(source)
}

/**
 * Reads `bluesky:` (posts and deleted accounts of a public server), `bluesky://HOST`, or the whole URL of a stream.
 * @throws on another path, on what needs a codec that Node 20 has not (`compress`, `zstdDictionary`), and on `requireHello`, since
 * nothing is ever sent
 */
export function parseBlueskyAddress(source: string): BlueskyAddress {
  const short = /^bluesky:(?:\/\/([^/?#]*)\/?)?$/i.exec(source)
  if (short) {
    const at = `wss://${short[1] || DEFAULT_HOST}`
    const otherwise = parseBlueskyAddress(`${at}${V1_PATH}?wantedCollections=${POSTS}`)
    return { ...parseBlueskyAddress(`${at}${V2_PATH}?collections=${POSTS}&kinds=commit&kinds=account`), otherwise }
  }
  const url = URL.canParse(source) ? new URL(source) : undefined
  if (!url || !/^wss?:$/.test(url.protocol)) throw new Error(`bluesky: address not understood: ${source} (${FORMS})`)
  if (url.username || url.password) throw new Error('bluesky: no user or password in the address; the feed is public')
  const path = url.pathname.replace(/\/$/, '')
  const wire = path.endsWith(V2_PATH) ? 'v2' : path.endsWith(V1_PATH) ? 'v1' : undefined
  if (!wire) throw new Error(`bluesky: path not understood: ${url.pathname} (${FORMS})`)
  for (const name of ['compress', 'zstdDictionary', 'requireHello'])
    if ((url.searchParams.get(name) ?? 'false') !== 'false') throw new Error(`bluesky: ${name} is not supported: ${source}`)
  return { url, wire }
}

/** Options of `blueskyFeed`. */
export interface BlueskyOptions {
  address: BlueskyAddress
  /** Where the events are landed, and how long one waits for it at most (ms, default 500). */
  landing: { store: Store; path: string; everyMs?: number }
  /** Where the source keeps which files belong to which batch. */
  log: { store: Store; path: string }
  /** Hears of lost connections, gaps, and what else a person should know. */
  onNotice?(text: string): void
  /** Milliseconds of silence on an open connection after which there is nothing more for now. Default 5,000. */
  quietMs?: number
  /** Milliseconds between two looks at a silent connection; it is dead when three in a row brought nothing, not even a pong. Default 5,000. */
  beatMs?: number
  /** Bounds in milliseconds of the wait before connecting again. Default 250 and 30,000. */
  backoffMs?: { first: number; most: number }
  /** Milliseconds for which a server that has never answered is tried. Default 5,000. */
  patienceMs?: number
}

interface Settings extends Required<Omit<BlueskyOptions, 'landing' | 'log'>> {
  host: string
  /** Whether the sub-protocol is asked for; a server that names none speaks it all the same. */
  offer: boolean
}

/** How far a collection has come. */
interface Position {
  /** Newest server time, µs since 1970. */
  timeUs?: number
  /** v2: newest number of the server now connected to. */
  seq?: number
  /** Events seen within the last minute, by what identifies them, with their time. */
  seen: Map<string, number>
}

/** Cursors from here on are times, µs since 1970. */
const TIME_CURSOR = 1e15
/** Back by this much on the wire whose cursor is a time. */
const REWIND_US = 5_000_000
/** Identities older than this are forgotten when there are many. */
const REMEMBER_US = 60_000_000
const REMEMBER = 100_000
const MAX_FRAME_BYTES = 64 * 2 ** 20
const MAX_BODY = 64 * 1024
const HIGH_WATER_BYTES = 16 * 2 ** 20
/** Connections in a row that end in an error of the protocol and bring nothing. */
const MOST_FRUITLESS = 5

/**
 * Bluesky's Jetstream, either wire, as a replayable source: events are landed as files as they come, and the newest landed
 * one decides where a connection goes on, in this process or another. Rows are those of `jsonFiles`, one frame each.
 * @throws `JetstreamError` when the server refuses the parameters; a plain error when it cannot be reached at first
 */
export function blueskyFeed(options: BlueskyOptions): Source<FilesOffset> {
  const { address, landing, log } = options
  const settings: Settings = {
    quietMs: 5000,
    beatMs: 5000,
    backoffMs: { first: 250, most: 30_000 },
    patienceMs: 5000,
    onNotice: text => process.emitWarning(text),
    ...options,
    host: address.url.host,
    offer: address.wire === 'v2',
  }
  return landedSource({
    name: `bluesky ${address.url.host}`,
    landing: { ...landing, origin: `${address.wire} ${address.url.host}` },
    log,
    quietMs: settings.quietMs,
    collect: (landing, link) => collect(landing, link, settings),
  })
}

async function collect(landing: Landing, link: Link, settings: Settings): Promise<void> {
  const { backoffMs, patienceMs, onNotice } = settings
  const position = await resume(landing, settings.address.wire)
  const began = Date.now()
  let met = false
  let fruitless = 0
  let cursor: string | undefined
  while (!link.signal.aborted) {
    let events = 0
    let ended: Error
    try {
      await session(streamUrl(settings.address, position, cursor), landing, link, settings, {
        open: () => {
          met = true
        },
        event: event => {
          cursor = undefined
          const fresh = isNew(event, position)
          if (fresh) events++
          return fresh
        },
        restarted: () => {
          position.seq = undefined
        },
      })
      ended = new Error(`bluesky: ${settings.host}: the server closed the connection`)
    } catch (error) {
      ended = error as Error
    }
    link.lost()
    if (link.signal.aborted) return
    if (adapted(ended, settings)) continue
    fruitless = events ? 0 : fruitless + 1
    if (ended instanceof JetstreamError && ended.error === 'CursorTooOld') {
      const from = afterLoss(ended, position, Number(cursor ?? settings.address.url.searchParams.get('cursor') ?? 0))
      if (from) {
        cursor = from.cursor
        onNotice(from.said)
        continue
      }
    }
    if (isFinal(ended, { met, fruitless, waited: Date.now() - began > patienceMs })) throw ended
    const wait = Math.min(backoffMs.most, backoffMs.first * 2 ** Math.min(fruitless, 20)) * (0.5 + Math.random() / 2)
    if (met) onNotice(`${ended.message}; connecting again in ${(wait / 1000).toFixed(1)} s`)
    await sleep(wait, undefined, { signal: link.signal }).catch(() => {})
  }
}

/** Takes a server as it is: without a sub-protocol, with the older wire alone, with an event that is too large. */
function adapted(error: Error, settings: Settings): boolean {
  const { address, host, onNotice } = settings
  if (settings.offer && error.message.endsWith('Server sent no subprotocol')) settings.offer = false
  else if (address.otherwise && error instanceof JetstreamError && error.status === 404) {
    settings.address = address.otherwise
    settings.offer = false
  } else if (error.message.endsWith('Max payload size exceeded') && !address.url.searchParams.has('maxMessageSizeBytes')) {
    address.url.searchParams.set('maxMessageSizeBytes', String(MAX_FRAME_BYTES))
    onNotice(`bluesky: ${host}: an event of more than ${MAX_FRAME_BYTES / 2 ** 20} MiB is left out; going on without such`)
  } else return false
  return true
}

/** What trying again does not mend. */
function isFinal(error: Error, { met, fruitless, waited }: { met: boolean; fruitless: number; waited: boolean }): boolean {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (!(error instanceof JetstreamError)) return !met && (waited || code === 'ENOTFOUND')
  const { status } = error
  if (status === undefined) return error.error !== 'ConsumerTooSlow' && fruitless >= MOST_FRUITLESS
  if (status === 429 || status >= 500) return !met && waited
  return true
}

/** Where to go on when the server has no longer what comes next: at its oldest event, which its answer names; undefined when all was tried. */
function afterLoss(
  { host, message, serverMessage }: JetstreamError,
  { seq = 0, timeUs = TIME_CURSOR }: Position,
  tried: number,
): { cursor: string; said: string } | undefined {
  if (tried >= TIME_CURSOR) return undefined
  const asked = Math.max(seq, tried)
  const named = [...serverMessage.matchAll(/floor\D{0,20}(\d+)/gi), ...serverMessage.matchAll(/(\d+)/g)].map(match =>
    Number(match[1]),
  )
  const floor = named.find(number => number > asked && number < TIME_CURSOR)
  // A time that is too old is taken for the oldest there is.
  const cursor = String(floor ?? timeUs)
  const lost = floor === undefined ? `events from ${asked} on` : `events ${seq ? seq + 1 : asked} to ${floor - 1}`
  return { cursor, said: `bluesky: ${host}: ${lost} are lost: the server has them no more (${message}); going on from ${cursor}` }
}

function streamUrl({ url, wire }: BlueskyAddress, { seq, timeUs }: Position, cursor: string | undefined): URL {
  const target = new URL(url)
  const from = cursor ?? (wire === 'v2' && seq !== undefined ? seq : timeUs !== undefined ? timeUs - REWIND_US : undefined)
  if (from !== undefined) target.searchParams.set('cursor', String(from))
  return target
}

interface Hooks {
  open(): void
  /** Takes note of an event; false when it has been landed before. */
  event(event: JetstreamEvent): boolean
  /** The server's numbers have begun anew. */
  restarted(): void
}

/** One connection; resolves when the server closes it or `link.signal` aborts, rejects when it breaks or is refused. */
async function session(url: URL, landing: Landing, link: Link, settings: Settings, hooks: Hooks): Promise<void> {
  const { WebSocket } = await import('ws')
  const { host, beatMs, onNotice, offer } = settings
  const wire = settings.address.wire
  const socket = new WebSocket(url, offer ? [SUBPROTOCOL] : [], {
    maxPayload: MAX_FRAME_BYTES,
    // What is no UTF-8 is landed as bytes; broken off, it would come again and again.
    skipUTF8Validation: true,
    handshakeTimeout: 3 * beatMs,
    headers: { 'user-agent': 'moodlake' },
  })
  return new Promise((resolve, reject) => {
    let silentBeats = 0
    let opened = false
    let failure: Error | undefined
    const fail = (error: Error) => {
      failure ??= error
      socket.terminate()
    }
    const stop = () => socket.terminate()
    const beat = setInterval(() => {
      // Counted, not timed: a process that was busy has heard nothing either.
      silentBeats++
      if (silentBeats > 3) fail(new Error(`bluesky: ${host}: no sign of life for ${(3 * beatMs) / 1000} s`))
      else if (silentBeats > 1 && socket.readyState === WebSocket.OPEN) socket.ping()
    }, beatMs)
    const hear = () => {
      silentBeats = 0
    }
    link.signal.addEventListener('abort', stop, { once: true })
    socket.on('open', () => {
      opened = true
      hear()
      link.alive()
      hooks.open()
    })
    socket.on('ping', hear).on('pong', hear)
    socket.on('unexpected-response', (_request, response) => {
      readBody(response).then(body => fail(refusal(host, response.statusCode ?? 0, body)), fail)
    })
    socket.on('message', (data, isBinary) => {
      hear()
      link.alive()
      try {
        takeFrame(data, isBinary, landing, hooks, { host, wire, onNotice })
      } catch (error) {
        fail(error as Error)
      }
      if (landing.waiting() < HIGH_WATER_BYTES) return
      socket.pause()
      landing.flush().then(() => socket.resume(), fail)
    })
    socket.on('error', error => {
      const { code } = error as NodeJS.ErrnoException
      const why =
        code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'its name is not known here; is there a network?' : error.message || code
      const what = opened ? 'the connection broke' : 'cannot be reached'
      failure ??= new Error(`bluesky: ${host}: ${what}: ${why}`, { cause: error })
    })
    socket.on('close', (code, reason) => {
      clearInterval(beat)
      link.signal.removeEventListener('abort', stop)
      if (link.signal.aborted) resolve()
      else if (failure) reject(failure)
      else reject(new Error(`bluesky: ${host}: connection closed (${code}${reason.length ? ` ${reason.toString()}` : ''})`))
    })
  })
}

function takeFrame(
  data: RawData,
  isBinary: boolean,
  landing: Landing,
  hooks: Hooks,
  { host, wire, onNotice }: { host: string; wire: JetstreamWire; onNotice(text: string): void },
): void {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)
  const { text, damage } = readText(bytes)
  const value = damage === null ? parsed(text) : undefined
  // Not a frame of this protocol: kept, so that bronze has it and quarantine says so.
  if (value === undefined) {
    if (damage !== null || isBinary) landing.add(JSON.stringify({ frame_not_text: bytes.toString('base64') }))
    else if (text.trim()) landing.add(text)
    return
  }
  const frame = readFrame(value)
  if (frame && 'error' in frame) throw new JetstreamError(host, frame.error.name, frame.error.message)
  if (frame && 'info' in frame) {
    // The numbers of another archive: what comes now counts from its own beginning.
    if (frame.info.name === 'FutureCursor') hooks.restarted()
    onNotice(`bluesky: ${host}: ${frame.info.name}: ${frame.info.message}`)
    return
  }
  const event = frame?.event
  if (event && wire === 'v1') delete event.seq
  if (!event || hooks.event(event)) landing.add(text)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Takes note of an event; false when it was seen before. */
function isNew({ identity, timeUs, seq }: JetstreamEvent, position: Position): boolean {
  position.timeUs = Math.max(position.timeUs ?? timeUs, timeUs)
  if (seq !== undefined) position.seq = seq
  if (position.seen.has(identity)) return false
  position.seen.set(identity, timeUs)
  if (position.seen.size > REMEMBER)
    for (const [key, time] of position.seen) {
      if (position.seen.size <= REMEMBER || time > position.timeUs - REMEMBER_US) break
      position.seen.delete(key)
    }
  return true
}

/** Where the landed files end. */
async function resume(landing: Landing, wire: JetstreamWire): Promise<Position> {
  const events: JetstreamEvent[] = []
  const position: Position = { seen: new Map() }
  for await (const { text, same } of landing.newest()) {
    const frame = readFrame(parsed(text))
    if (!frame || !('event' in frame)) continue
    const { event } = frame
    position.timeUs = Math.max(position.timeUs ?? event.timeUs, event.timeUs)
    if (wire === 'v2' && same) position.seq ??= event.seq
    if (event.timeUs < position.timeUs - 2 * REWIND_US || events.length >= REMEMBER) break
    events.push(event)
  }
  for (const { identity, timeUs } of events.reverse()) position.seen.set(identity, timeUs)
  return position
}

/** What an HTTP answer before the stream says. */
function refusal(host: string, status: number, body: string): JetstreamError {
  const value = parsed(body)
  const json = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const name = typeof json.error === 'string' ? json.error : `HTTP ${status}`
  const { error: _, message, ...more } = json
  const said = typeof message === 'string' ? message : body.trim().slice(0, 500)
  return new JetstreamError(host, name, Object.keys(more).length ? `${said} ${JSON.stringify(more)}` : said, status)
}

async function readBody(response: AsyncIterable<Buffer>): Promise<string> {
  let body = ''
  for await (const chunk of response) {
    body += chunk.toString()
    if (body.length > MAX_BODY) break
  }
  return body
}
