/** The events of Bluesky's Jetstream, whichever of its two wires they came by. */

/** An event as both wires have it. */
export interface JetstreamEvent {
  kind: 'commit' | 'identity' | 'account' | 'sync'
  did: string
  /** The server's time, µs since 1970. */
  timeUs: number
  /** Number of the event on its server; v2 alone. */
  seq?: number
  /** What tells the event from every other: kind, account and record with its revision. */
  identity: string
  /** Of a commit: what was done to which record. */
  operation?: string
  collection?: string
  rkey?: string
  /** The record, absent of a deletion. */
  record?: Record<string, unknown>
  /** Of an account: whether it is active, and why it is not. */
  active?: boolean
  status?: string
}

/** What a frame is: an event, a notice, the end of the stream, or something else. */
export type JetstreamFrame =
  | { event: JetstreamEvent }
  | { info: { name: string; message: string } }
  | { error: { name: string; message: string } }
  | undefined

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const optional = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const KINDS = ['commit', 'identity', 'account', 'sync'] as const

/** Reads a frame of either wire; undefined when it is none that is known. */
export function readFrame(value: unknown): JetstreamFrame {
  if (!isObject(value)) return undefined
  if (value.$type === 'error') return { error: { name: text(value.error) || text(value.name), message: text(value.message) } }
  if (value.$type === undefined) return eventOf(value, value.kind, isObject(value.commit) ? value.commit : {}, value.time_us)
  if (value.$type !== 'message' || !isObject(value.payload)) return undefined
  const { payload } = value
  const kind = /^network\.bsky\.jetstream\.subscribeEvents#(\w+)$/.exec(text(payload.$type))?.[1]
  if (kind === 'info') return { info: { name: text(payload.name), message: text(payload.message) } }
  return eventOf(payload, kind, payload, microseconds(text(payload.time)))
}

function eventOf(frame: Json, kind: unknown, commit: Json, timeUs: unknown): { event: JetstreamEvent } | undefined {
  const { did, seq } = frame
  const known = KINDS.find(name => name === kind)
  if (!known || typeof did !== 'string' || typeof timeUs !== 'number' || !Number.isFinite(timeUs)) return undefined
  const event: JetstreamEvent = { kind: known, did, timeUs, identity: '', ...(typeof seq === 'number' && { seq }) }
  if (known === 'commit') {
    if (typeof commit.collection !== 'string' || typeof commit.rkey !== 'string') return undefined
    event.operation = optional(commit.operation)
    event.collection = commit.collection
    event.rkey = commit.rkey
    if (isObject(commit.record)) event.record = commit.record
    event.identity = `${did}/${commit.collection}/${commit.rkey}/${text(commit.rev)}`
  } else {
    const own = isObject(frame[known]) ? (frame[known] as Json) : frame
    event.identity = `${did}#${known}/${typeof own.seq === 'number' ? own.seq : (seq ?? timeUs)}`
    if (known === 'account') {
      event.active = own.active !== false
      event.status = optional(own.status)
    }
  }
  return { event }
}

/** RFC 3339 with up to six digits of a second → µs since 1970; undefined when it is none. */
function microseconds(time: string): number | undefined {
  const found = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(time)
  const ms = found ? Date.parse(`${found[1]}${found[3]}`) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number((found![2] ?? '').slice(0, 6).padEnd(6, '0'))
}

/** µs since 1970 → ISO 8601 with six digits, UTC; undefined outside the years that a Date has. */
export function isoMicroseconds(timeUs: number): string | undefined {
  const us = Math.trunc(timeUs)
  const date = new Date(Math.floor(us / 1e6) * 1000)
  if (Number.isNaN(date.getTime())) return undefined
  return `${date.toISOString().slice(0, -5)}.${String(((us % 1e6) + 1e6) % 1e6).padStart(6, '0')}Z`
}
