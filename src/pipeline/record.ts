import { isoMicroseconds, type JetstreamEvent, readFrame } from '../sources/jetstream.js'
import type { BronzeTweet } from '../tweet.js'
import { BLUESKY_POST, type ForgetOrder, readOrders } from './orders.js'

/** The columns of `bronze` that come out of a record itself; `extra` are admitted columns beyond the schema. */
export type RecordFields = Omit<BronzeTweet, 'source_file' | 'source_line' | 'processing_time'> & {
  extra: Record<string, string>
}

type Json = Record<string, unknown>

const CLASSROOM = ['date', 'user', 'text', 'sentiment'] as const

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const string = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const blank: RecordFields = {
  id: null,
  date: null,
  user: null,
  text: null,
  sentiment: null,
  lang: null,
  form: 'unknown',
  record: null,
  rescue: null,
  extra: {},
}

/** A record that is nothing we know: kept whole. */
const unknown = (text: string): RecordFields => ({ ...blank, rescue: text })

/**
 * Reads one raw record, whatever its form: classroom, Twitter v1.1, v2 (one tweet, or a response with many, each of
 * which becomes a row with its own user and place), a Bluesky post as Jetstream sends it, or an order to forget. What does not fit
 * is in `rescue`, so that nothing is lost.
 * @param admitted columns beyond the schema that the table takes
 */
export function readRecord(text: string, admitted: readonly string[] = []): RecordFields[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [unknown(text)]
  }
  if (!isObject(value)) return [unknown(text)]
  if (isV1(value)) return [readV1(value, text)]
  const orders = readOrders(value)
  if (orders.length) return [orderRow(orders, text)]
  const frame = readFrame(value)
  if (frame && 'event' in frame) return [readEvent(frame.event, text)]
  if ('data' in value || 'errors' in value) return readResponse(value, text)
  if (isV2(value)) return [readV2({ data: value }, text)]
  if ('text' in value || CLASSROOM.filter(key => key in value).length > 1) return [readClassroom(value, text, admitted)]
  return [unknown(text)]
}

function readClassroom(value: Json, whole: string, admitted: readonly string[]): RecordFields {
  const rescued: Json = {}
  const extra: Record<string, string> = {}
  for (const [key, item] of Object.entries(value)) {
    if ((CLASSROOM as readonly string[]).includes(key)) {
      if (typeof item !== 'string' && item !== null) rescued[key] = item
    } else if (admitted.includes(key) && item !== null) extra[key] = typeof item === 'string' ? item : JSON.stringify(item)
    else if (!admitted.includes(key)) rescued[key] = item
  }
  return {
    ...blank,
    form: 'classroom',
    date: string(value.date),
    user: string(value.user),
    text: string(value.text),
    sentiment: string(value.sentiment),
    record: isExact(value, whole) ? null : whole,
    rescue: Object.keys(rescued).length ? JSON.stringify(rescued) : null,
    extra,
  }
}

/** True when four columns say all that a classroom record says. */
function isExact(value: Json, text: string): boolean {
  const keys = Object.keys(value)
  return keys.length === CLASSROOM.length && CLASSROOM.every(key => typeof value[key] === 'string') && isFaithful(value, text)
}

const MOST_COMPARED = 2 ** 20
const STRING_OR_SPACE = /"(?:[^"\\]|\\.)*"|\s+/g

/** True when a value is all that its text says: no key twice, no number rounded, no half character, which a column cannot hold. */
function isFaithful(value: unknown, text: string): boolean {
  // Too long for the expression below: taken for one that does not, and kept word for word.
  if (text.length > MOST_COMPARED) return false
  const again = JSON.stringify(value)
  if (again === text) return !/\\ud[89a-f]/i.test(text)
  const tight = text.replace(STRING_OR_SPACE, part => (part[0] === '"' ? JSON.stringify(JSON.parse(part)) : ''))
  return tight === again && !/\\ud[89a-f]/.test(again)
}

const isV1 = (value: Json) =>
  typeof value.created_at === 'string' &&
  (typeof value.id_str === 'string' || (typeof value.id === 'number' && isObject(value.user))) &&
  ('text' in value || 'full_text' in value)

function readV1(value: Json, text: string): RecordFields {
  const user = isObject(value.user) ? value.user : {}
  const extended = isObject(value.extended_tweet) ? value.extended_tweet : {}
  return {
    ...blank,
    form: 'twitter-v1',
    id: string(value.id_str) ?? exactId(value.id as number, text),
    date: string(value.created_at),
    user: string(user.screen_name) ?? string(user.id_str),
    text: string(extended.full_text) ?? string(value.full_text ?? value.text),
    lang: string(value.lang),
    record: text,
  }
}

/** A numeric id with all its digits: JSON.parse rounds those past 2^53. */
function exactId(id: number, text: string): string {
  if (Number.isSafeInteger(id)) return String(id)
  for (const [, digits] of text.matchAll(/"id"\s*:\s*(\d+)/g)) if (Number(digits) === id) return digits!
  return String(id)
}

const isV2 = (value: Json) => typeof value.id === 'string' && typeof value.text === 'string'

/**
 * A v2 response: `data` is a tweet or a list of them; what is in `data` and is no tweet, and errors, are kept as unknown. What belongs to
 * no row (media, counts, matching rules, …) is in the rescue of the first.
 */
function readResponse(value: Json, text: string): RecordFields[] {
  const items = Array.isArray(value.data) ? value.data : value.data === undefined ? [] : [value.data]
  const includes = isObject(value.includes) ? value.includes : {}
  const users = new Map(
    list(includes.users)
      .filter(isObject)
      .map(user => [user.id, user]),
  )
  const places = new Map(
    list(includes.places)
      .filter(isObject)
      .map(place => [place.id, place]),
  )
  const used = new Set<unknown>()
  const rows = items.map(item => {
    if (!isObject(item) || !isV2(item)) return unknown(JSON.stringify(item))
    const user = users.get(item.author_id)
    const place = isObject(item.geo) ? places.get(item.geo.place_id) : undefined
    used.add(user).add(place)
    const own = { data: item, includes: { ...(user && { users: [user] }), ...(place && { places: [place] }) } }
    return readV2(own, JSON.stringify(own))
  })
  if (!rows.length) return [unknown(text)]
  const rest = isFaithful(value, text) ? restOf(value, includes, used) : { verbatim: text }
  if (rest) {
    const item = isObject(items[0]) && isV2(items[0]) ? undefined : items[0]
    rows[0]!.rescue = JSON.stringify(item === undefined ? rest : { data: item, ...rest })
  }
  if (list(value.errors).length) rows.push(unknown(JSON.stringify({ errors: value.errors })))
  return rows
}

/** What of a response is neither its data, nor its errors, nor in `used`; undefined when there is nothing. */
function restOf({ data: _, ...others }: Json, includes: Json, used: ReadonlySet<unknown>): Json | undefined {
  if (list(others.errors).length) delete others.errors
  const left = Object.entries(includes).flatMap(([name, items]) => {
    const unused = Array.isArray(items) ? items.filter(item => !used.has(item)) : items
    return Array.isArray(unused) && !unused.length ? [] : [[name, unused] as const]
  })
  if (isObject(others.includes)) {
    delete others.includes
    if (left.length) others.includes = Object.fromEntries(left)
  }
  return Object.keys(others).length ? others : undefined
}

function readV2(response: { data: Json; includes?: { users?: Json[] } }, record: string): RecordFields {
  const { data } = response
  const author = isObject(data.author) ? data.author : response.includes?.users?.[0]
  return {
    ...blank,
    form: 'twitter-v2',
    id: string(data.id),
    date: string(data.created_at),
    user: string(author?.username) ?? string(data.author_id),
    text: string(data.text),
    lang: string(data.lang),
    record,
  }
}

/** Orders to forget that came as one record, which is kept: `forgetOrders` reads it. */
function orderRow(orders: readonly ForgetOrder[], text: string): RecordFields {
  const id = orders.find(order => order.tweetId)?.tweetId ?? null
  const user = orders.find(order => order.user)?.user ?? null
  return { ...blank, form: 'order', id, user, date: orders[0]?.time ?? null, record: text }
}

/** A Bluesky event: a post is a tweet, everything else is kept whole. The time is the server's, since `createdAt` may be anything. */
function readEvent(event: JetstreamEvent, text: string): RecordFields {
  const { did, collection, rkey, record, timeUs } = event
  if (collection !== BLUESKY_POST || !record) return unknown(text)
  return {
    ...blank,
    form: 'bluesky',
    id: `at://${did}/${collection}/${rkey}`,
    date: isoMicroseconds(timeUs) ?? null,
    user: did,
    text: string(record.text),
    lang: string(list(record.langs)[0]),
    record: text,
  }
}
