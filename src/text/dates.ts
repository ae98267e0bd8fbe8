/** When a tweet was written: the forms tweets carry their time in, read the same way in JavaScript and inside DuckDB. */

/** Zone abbreviations and their offset. Where one is used twice, the reading is American (`CST`, `AST`), British (`BST`), Indian (`IST`). */
const ZONES: Record<string, string> = {
  UTC: '+00:00',
  GMT: '+00:00',
  UT: '+00:00',
  Z: '+00:00',
  WET: '+00:00',
  WEST: '+01:00',
  BST: '+01:00',
  CET: '+01:00',
  MET: '+01:00',
  CEST: '+02:00',
  MEST: '+02:00',
  EET: '+02:00',
  SAST: '+02:00',
  EEST: '+03:00',
  MSK: '+03:00',
  IST: '+05:30',
  WIB: '+07:00',
  HKT: '+08:00',
  SGT: '+08:00',
  AWST: '+08:00',
  JST: '+09:00',
  KST: '+09:00',
  ACST: '+09:30',
  AEST: '+10:00',
  ACDT: '+10:30',
  AEDT: '+11:00',
  NZST: '+12:00',
  NZDT: '+13:00',
  BRT: '-03:00',
  ART: '-03:00',
  ADT: '-03:00',
  NDT: '-02:30',
  NST: '-03:30',
  AST: '-04:00',
  EDT: '-04:00',
  EST: '-05:00',
  CDT: '-05:00',
  CST: '-06:00',
  MDT: '-06:00',
  MST: '-07:00',
  PDT: '-07:00',
  PST: '-08:00',
  AKDT: '-08:00',
  AKST: '-09:00',
  HST: '-10:00',
}
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

// Both engines run these patterns: nothing but what RE2 and JavaScript read alike (no look-around, no \s).
const DAY_NAME = '(?:sun|mon|tue|wed|thu|fri|sat)'
const MONTH = `(${MONTHS.join('|')})`
const YEAR = '([1-9][0-9]{3})'
const HOUR_MINUTE = '(?:[01][0-9]|2[0-3]):[0-5][0-9]'
const OFFSET = '[+-](?:0[0-9]|1[0-4]):?[0-5][0-9]'
const ZONE = `([a-z]{1,4}|${OFFSET})`

type Field = 'year' | 'month' | 'day' | 'time' | 'seconds' | 'fraction' | 'zone'

/** A form of date: a pattern without regard to case, and what its groups are. `time` may hold the seconds, else `:ss` is in `seconds`. */
interface Form {
  pattern: string
  fields: readonly Field[]
}

/** `Mon Apr 06 22:19:45 PDT 2009` */
const TWITTER: Form = {
  pattern: `^ *${DAY_NAME} +${MONTH} +([0-9]{1,2}) +(${HOUR_MINUTE}:[0-5][0-9]) +${ZONE} +${YEAR} *$`,
  fields: ['month', 'day', 'time', 'zone', 'year'],
}
/** `Tue, 07 Apr 2009 05:19:45 +0000`: mail, and the search API of 2009. */
const MAIL: Form = {
  pattern: `^ *${DAY_NAME}, +([0-9]{1,2}) +${MONTH} +${YEAR} +(${HOUR_MINUTE}:[0-5][0-9]) +${ZONE} *$`,
  fields: ['day', 'month', 'year', 'time', 'zone'],
}
/** ISO 8601, the time, its seconds and the offset optional. */
const ISO: Form = {
  pattern: `^ *${YEAR}-(0[1-9]|1[0-2])-([0-9]{2})(?:[t ](${HOUR_MINUTE})(?:(:[0-5][0-9])(?:[.,]([0-9]{1,9}))?)? ?(z|${OFFSET}|[+-](?:0[0-9]|1[0-4]))?)? *$`,
  fields: ['year', 'month', 'day', 'time', 'seconds', 'fraction', 'zone'],
}
/** ISO 8601 as platforms write it. */
const PLAIN_ISO = `${YEAR}-(?:0[1-9]|1[0-2])-[0-9]{2}T${HOUR_MINUTE}:[0-5][0-9](?:[.][0-9]{1,6})?Z`
const FORMS = [ISO, TWITTER, MAIL].map(form => ({ ...form, regex: new RegExp(form.pattern, 'i') }))

function partsOf(text: string): Partial<Record<Field, string>> | undefined {
  for (const { regex, fields } of FORMS) {
    const match = regex.exec(text)
    if (match) return Object.fromEntries(fields.map((field, i) => [field, match[i + 1]]))
  }
  return undefined
}

/** Minutes east of UTC, undefined for a zone nobody knows. */
function offsetMinutes(zone: string): number | undefined {
  const offset = /^[+-]/.test(zone) ? zone : ZONES[zone.toUpperCase()]
  if (!offset) return undefined
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return offset.startsWith('-') ? -minutes : minutes
}

/**
 * Reads when a tweet was written: `Mon Apr 06 22:19:45 PDT 2009` (classroom), `Wed Oct 10 20:19:24 +0000 2018` (Twitter
 * v1.1), `Tue, 07 Apr 2009 05:19:45 GMT`, and ISO 8601 (v2, Bluesky; UTC where no offset is given). Undefined when it is
 * none of these, when the day does not exist, or when the zone is not known; the name of the weekday is not held against
 * it. Years 1000–9999; milliseconds, what is finer is cut off.
 * @example parseTweetDate('Mon Apr 06 22:19:45 PDT 2009')?.toISOString() // '2009-04-07T05:19:45.000Z'
 */
export function parseTweetDate(text: string): Date | undefined {
  const parts = partsOf(text)
  const offset = parts && offsetMinutes(parts.zone ?? 'Z')
  if (!parts || offset === undefined) return undefined
  const named = MONTHS.indexOf(parts.month!.toLowerCase())
  const month = named < 0 ? Number(parts.month) - 1 : named
  const day = Number(parts.day)
  const [hour = 0, minute = 0, second = 0] = `${parts.time ?? '0:0'}${parts.seconds ?? ''}`.split(':').map(Number)
  const date = new Date(Date.UTC(Number(parts.year), month, day, hour, minute, second))
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
  const milliseconds = Number((parts.fraction ?? '').slice(0, 3).padEnd(3, '0'))
  return new Date(date.getTime() + milliseconds - offset * 60_000)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function mapSql(entries: readonly (readonly [string, string])[]): string {
  return `MAP {${entries.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(', ')}}`
}

/** SQL struct of a form's fields; all empty strings where the pattern does not match. */
function fieldsSql({ pattern, fields }: Form, column: string): string {
  return `regexp_extract(${column}, ${quoted(pattern)}, [${fields.map(quoted).join(', ')}], 'i')`
}

/**
 * The rule of `parseTweetDate` as a DuckDB expression of type TIMESTAMPTZ: NULL where that gives undefined, and
 * microseconds kept. `column` is an SQL expression of type VARCHAR; the session's time zone does not matter.
 * @example `SELECT ${tweetDateSql('"date"')} AS timestamp FROM bronze`
 */
export function tweetDateSql(column: string): string {
  const months = mapSql(MONTHS.map((name, i) => [name, String(i + 1).padStart(2, '0')]))
  const zones = mapSql(Object.entries(ZONES))
  // Empty fields make a text that is no timestamp, and that casts to NULL.
  const named = (form: Form) => {
    const f = fieldsSql(form, column)
    const zone = `CASE WHEN ${f}.zone[1] IN ('+', '-') THEN ${f}.zone ELSE ${zones}[upper(${f}.zone)] END`
    return `TRY_CAST(${f}.year || '-' || ${months}[lower(${f}.month)] || '-' || ${f}.day || ' ' || ${f}.time || ${zone} AS TIMESTAMPTZ)`
  }
  const f = fieldsSql(ISO, column)
  const or = (field: Field, otherwise: string) => `coalesce(nullif(${f}.${field}, ''), ${quoted(otherwise)})`
  const day = `${f}.year || '-' || ${f}.month || '-' || ${f}.day`
  const time = `${or('time', '00:00')} || ${or('seconds', ':00')} || '.' || rpad(${f}.fraction[1:6], 6, '0') || upper(${or('zone', 'Z')})`
  // What a cast reads by itself costs a quarter, and is what the platforms send.
  const plain = `regexp_full_match(${column}, ${quoted(PLAIN_ISO)})`
  return `CASE WHEN ${plain} THEN TRY_CAST(${column} AS TIMESTAMPTZ) ELSE coalesce(TRY_CAST(${day} || ' ' || ${time} AS TIMESTAMPTZ), ${named(TWITTER)}, ${named(MAIL)}) END`
}
