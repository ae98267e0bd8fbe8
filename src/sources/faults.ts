/** Faults to order: what goes wrong with tweets on their way, done on purpose, by seed, and written down. */
import { createHash } from 'node:crypto'
import { type Random, randomFrom } from '../models/random.js'
import { parseTweetDate } from '../text/dates.js'

/** The faults there are. Each has a share of the records, [0, 1]. */
export const FAULTS = ['late', 'duplicate', 'malformed', 'skew', 'drift', 'bots', 'timezones'] as const

/** Name of a fault. */
export type Fault = (typeof FAULTS)[number]

/**
 * Shares of the records that meet each fault: `late` – comes 50 to 500 records after its turn; `duplicate` – comes again 1 to 200 records
 * later; `malformed` – is cut off, loses a quote, or holds a byte that is not UTF-8, so that it cannot be read; `skew` – is written by one and
 * the same user; `drift` – from the 1,000th record on, talks of something new; `bots` – a record of a bot is put before it, in waves of fifty
 * with nearly one text; `timezones` – has its date in the words of another zone, the moment being the same.
 */
export type FaultShares = Partial<Record<Fault, number>>

/** A record of a file. */
export interface SourceRecord {
  text: string
  /** Its bytes where they are not UTF-8. */
  bytes?: Uint8Array
  file: string
  line: number
}

/** A record to send: what it is now, and the fault in it. */
export interface FaultyRecord {
  value: string | Uint8Array
  /** The tweet's id, else its user, else a hash: so that versions of one keep their order. */
  key: string
}

/** An entry of the ledger: which record met which fault. */
export interface LedgerEntry {
  fault: Fault
  file: string
  line: number
  key: string
  /** What exactly: `by 312 records`, `cut`, `2009-04-07T05:19:45+05:30`, …. */
  what: string
}

const DRIFT_FROM = 1000
const WAVE = 50
const NEWS = ['the comet', 'the new tram', 'the blackout', 'the heat record', 'the strike']
const ZONES = [330, -420, 120, 0, 540, -180]

type Json = Record<string, unknown>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where a record keeps what faults touch, whatever its form. */
interface Parts {
  whole: Json
  id: { holder: Json; name: string } | undefined
  user: { holder: Json; name: string } | undefined
  text: { holder: Json; name: string } | undefined
  date: { holder: Json; name: string } | undefined
}

function partsOf(text: string): Parts | undefined {
  let whole: unknown
  try {
    whole = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(whole)) return undefined
  const holder = [whole.data].flat().find(isObject) ?? whole
  const pick = (from: Json, ...names: string[]) => {
    const name = names.find(one => typeof from[one] === 'string')
    return name === undefined ? undefined : { holder: from, name }
  }
  const user = isObject(holder.user) ? pick(holder.user, 'screen_name', 'id_str') : pick(holder, 'user', 'author_id')
  return {
    whole,
    id: pick(holder, 'id_str', 'id'),
    user,
    text: pick(holder, 'full_text', 'text'),
    date: pick(holder, 'created_at', 'date'),
  }
}

/** The key of a record: its tweet's id, else its user, else a hash of it. */
export function keyOf(value: string | Uint8Array, parts = typeof value === 'string' ? partsOf(value) : undefined): string {
  const read = (part: { holder: Json; name: string } | undefined) => part && (part.holder[part.name] as string)
  return read(parts?.id) ?? read(parts?.user) ?? createHash('md5').update(value).digest('hex')
}

/** When a record was written, ms since 1970; undefined when it does not say. */
export function timeOf(text: string): number | undefined {
  const date = partsOf(text)?.date
  return date && parseTweetDate(date.holder[date.name] as string)?.getTime()
}

/**
 * Lets faults happen to records on their way, the same ones for the same seed and records. `onFault` hears of each.
 * @throws on a share that is not in [0, 1]
 */
export async function* injectFaults(
  records: AsyncIterable<SourceRecord>,
  shares: FaultShares,
  seed: number,
  onFault: (entry: LedgerEntry) => void,
): AsyncIterable<FaultyRecord> {
  for (const [fault, share] of Object.entries(shares))
    if (!(FAULTS as readonly string[]).includes(fault) || !(share >= 0 && share <= 1))
      throw new Error(`replay: not a fault with a share from 0 to 1: ${fault}=${share} (${FAULTS.join(', ')})`)
  const random = randomFrom(seed)
  const happens = (fault: Fault) => shares[fault] !== undefined && random() < shares[fault]
  /** What is sent at a later turn, soonest first. */
  const held: { turn: number; record: FaultyRecord }[] = []
  const hold = (turn: number, record: FaultyRecord) => {
    let at = held.length
    while (at > 0 && held[at - 1]!.turn > turn) at--
    held.splice(at, 0, { turn, record })
  }
  const hot = {}
  let turn = 0
  let bots = 0
  for await (const source of records) {
    turn++
    while (held.length && held[0]!.turn <= turn) yield held.shift()!.record
    const { file, line } = source
    const noted = (fault: Fault, key: string, what: string) => onFault({ fault, file, line, key, what })
    const parts = source.bytes ? undefined : partsOf(source.text)
    const key = keyOf(source.bytes ?? source.text, parts)
    if (parts && shares.bots && random() < shares.bots / WAVE)
      for (let i = 0; i < WAVE; i++) {
        const bot = botRecord(parts, ++bots, random)
        noted('bots', bot.key, `wave ${Math.ceil(bots / WAVE)}`)
        yield bot
      }
    const changes = parts ? changed(parts, turn, happens, random, hot) : []
    for (const { fault, what } of changes) noted(fault, key, what)
    let value: string | Uint8Array = source.bytes ?? (changes.length ? JSON.stringify(parts!.whole) : source.text)
    const broken = parts && happens('malformed') ? breakRecord(value as string, random) : undefined
    if (broken) {
      value = broken.value
      noted('malformed', key, broken.what)
    }
    const record = { value, key }
    // What cannot be read is no duplicate to anyone.
    if (!broken && happens('duplicate')) {
      const by = 1 + Math.floor(random() * 200)
      hold(turn + by, record)
      noted('duplicate', key, `${by} records later`)
    }
    if (happens('late')) {
      const by = 50 + Math.floor(random() * 450)
      hold(turn + by, record)
      noted('late', key, `by ${by} records`)
    } else yield record
  }
  for (const { record } of held) yield record
}

/** Changes a record's user, text and date in place, by those faults that happen to it. */
function changed(
  { user, text, date }: Parts,
  turn: number,
  happens: (fault: Fault) => boolean,
  random: Random,
  hot: { user?: string },
): { fault: Fault; what: string }[] {
  const changes: { fault: Fault; what: string }[] = []
  if (user && happens('skew')) {
    hot.user ??= user.holder[user.name] as string
    user.holder[user.name] = hot.user
    changes.push({ fault: 'skew', what: hot.user })
  }
  if (text && turn > DRIFT_FROM && happens('drift')) {
    const news = NEWS[Math.floor(random() * NEWS.length)]!
    text.holder[text.name] = `${text.holder[text.name] as string} ${news}`
    changes.push({ fault: 'drift', what: news })
  }
  const moment = date && parseTweetDate(date.holder[date.name] as string)
  if (moment && happens('timezones')) {
    const written = inZone(moment, ZONES[Math.floor(random() * ZONES.length)]!)
    date.holder[date.name] = written
    changes.push({ fault: 'timezones', what: written })
  }
  return changes
}

/** A moment as ISO 8601 in a zone so many minutes east of UTC. */
function inZone(moment: Date, minutes: number): string {
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, -1)
  const two = (n: number) => String(n).padStart(2, '0')
  const east = Math.abs(minutes)
  return `${local}${minutes < 0 ? '-' : '+'}${two(Math.floor(east / 60))}:${two(east % 60)}`
}

function botRecord({ whole, id, user, text }: Parts, n: number, random: Random): FaultyRecord {
  const told = { id: id?.holder[id.name], user: user?.holder[user.name], text: text?.holder[text.name] }
  // Snowflakes far above those of people, so that none is taken for another.
  if (id) id.holder[id.name] = `9${String(n).padStart(17, '0')}`
  if (user) user.holder[user.name] = `bot_${Math.ceil(n / WAVE)}_${Math.floor(random() * 10)}`
  if (text) text.holder[text.name] = `Buy the best coins now, ${n} people did! http://example.com/${n}`
  const value = JSON.stringify(whole)
  const key = keyOf(value)
  if (id) id.holder[id.name] = told.id
  if (user) user.holder[user.name] = told.user
  if (text) text.holder[text.name] = told.text
  return { value, key }
}

/** Breaks a record so that no reader takes it for JSON. */
function breakRecord(text: string, random: Random): { value: string | Uint8Array; what: string } {
  const kind = Math.floor(random() * 3)
  const quote = text.indexOf('"')
  if (kind === 0 && quote >= 0) return { value: text.slice(0, quote) + text.slice(quote + 1), what: 'a quote is missing' }
  const bytes = Buffer.from(text)
  const at = 1 + Math.floor(random() * Math.max(1, bytes.length - 1))
  if (kind === 1)
    return { value: Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at)]), what: 'a byte is not UTF-8' }
  // Whole characters, but never the whole record.
  const cut = text.slice(0, Math.max(1, Math.min(text.length - 1, at))).replace(/[\ud800-\udbff]$/, '')
  return { value: cut, what: `cut after ${cut.length} characters` }
}
