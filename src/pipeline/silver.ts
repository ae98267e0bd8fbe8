import { setImmediate as nextTick } from 'node:timers/promises'
import { duckdb, parseSchema, quoteName, quoteText } from '../delta/index.js'
import { type Batch, batchOfQuery } from '../sources/batch.js'
import type { RuleCount } from '../streams/stream.js'
import { cleanText, hashtagsOf, isRetweet, mentionsOf } from '../text/clean.js'
import { tweetDateSql } from '../text/dates.js'
import { type Marked, readFacets } from '../text/facets.js'
import { primaryLanguage } from '../text/language-tag.js'
import { placeOf, type TweetPlace } from '../text/place.js'
import { LABELS } from '../tweet.js'
import { droppedRows, type Expectation, judgeSql, tally, withFlags } from './expectations.js'
import { BRONZE_RECORD, quarantineSql, TWEET_ID } from './quarantine-rows.js'

/**
 * Columns of `silver`, in Delta's words: one row per tweet. Tweets with one `text_key` are near-duplicates: their texts differ in nothing but
 * links, mentions, a retweet's `RT @name:`, letter case, runs of a character, and white space.
 */
export const SILVER_SCHEMA = `tweet_id string not null, timestamp timestamp not null, user string, lang string not null, full_text string not null,
  cleaned_text string not null, mentions array<string>, hashtags array<string>, retweet boolean not null, location string, latitude double,
  longitude double, sentiment string, source_file string not null, processing_time timestamp not null, text_key string`

/** What a bronze row must be to come into silver, tried in this order. */
export const SILVER_RULES: readonly Expectation[] = [
  ['order_to_forget', "form <> 'order'", '\'order to forget \' || coalesce(id, "user")'],
  [
    'not_utf8',
    `NOT (form = 'unknown' AND starts_with(coalesce(rescue, ''), '{"not_utf8":'))`,
    "'the bytes of the record are not UTF-8'",
  ],
  ['not_json', "form <> 'unknown' OR json_valid(rescue)", "'not JSON: ' || rescue[:80]"],
  ['not_a_tweet', "form <> 'unknown'", "'no tweet in ' || rescue[:80]"],
  ['text_missing', "regexp_matches(text, '[^\\t\\n\\r ]')", "'text is null or empty'"],
  ['date_missing', 'date IS NOT NULL', "'date is null'"],
  ['date_not_understood', 'timestamp IS NOT NULL', "'date not understood: ' || date"],
].map(([name, sql, reason]) => ({ name: name!, sql: sql!, reason: reason!, action: 'quarantine' }))

/** The rule of a watermark: tweets before it come too late to be told from those that are there. */
function lateness(watermark: Date): Expectation {
  const time = watermark.toISOString()
  return {
    ...{ name: 'too_late', action: 'quarantine', sql: `timestamp >= TIMESTAMPTZ ${quoteText(time)}` },
    reason: `'from ' || timestamp || ', before the watermark ${time}'`,
  }
}

/** What JavaScript reads of a tweet. Handles and tags hold no space, so a list of them crosses as one text. */
const READ_COLUMNS = {
  cleaned_text: 'VARCHAR',
  handles: 'VARCHAR',
  tags: 'VARCHAR',
  retweet: 'BOOLEAN',
  language: 'VARCHAR',
  location: 'VARCHAR',
  latitude: 'DOUBLE',
  longitude: 'DOUBLE',
}

/** Where the two forms of Twitter's API say where a tweet comes from: point, place, profile. */
const PLACE_PATHS = {
  'twitter-v1': ['$.coordinates', '$.place', '$.user.location'],
  'twitter-v2': [
    '$.data.geo.coordinates',
    '$.includes.places[0]',
    '$.includes.users[0].location',
    '$.geo.coordinates',
    '$.geo',
    '$.author.location',
  ],
}
/** What a Bluesky post says of its own text: facets and tags, by either wire. */
const FACET_PATHS = ['$.commit.record.facets', '$.payload.record.facets', '$.commit.record.tags', '$.payload.record.tags']

const SILVER_COLUMNS = parseSchema(SILVER_SCHEMA)
  .fields.map(field => quoteName(field.name))
  .join(', ')

/** What the silver step makes of a batch. */
export interface SilverBatch {
  tweets: Batch
  quarantine: Batch
  /** Rows left out because their tweet is there already. */
  duplicates: number
  /** Rows left out by rules whose action is `drop`. */
  dropped: number
  expectations: RuleCount[]
  drop(): Promise<void>
}

/** Options of `silver`. */
export interface SilverOptions {
  /**
   * Gives a SQL table expression with a column `tweet_id`: the tweets that silver has, at least those that meet the
   * predicate, which bounds the ids of the batch: ids that grow with time lie in few files. Default none.
   */
  known?(where: string): Promise<string>
  /** Tweets from before this moment go to quarantine as `too_late`. Default: none do. */
  watermark?: Date | undefined
  /** Rules for the rows of silver, beyond its own. */
  rules?: readonly Expectation[]
  /** Time of processing, for the quarantine. */
  now: Date
  /** Ends the reading of tweets early. */
  signal?: AbortSignal | undefined
}

/** A batch of bronze as silver reads it, whatever silver has: a row per tweet, and what breaks a rule. */
export interface ReadBronze {
  /** Rows of bronze. */
  readonly count: number
  /** The first row of each tweet with what JavaScript reads of it, its place in the batch as `n`. */
  tweets: Batch
  quarantine: Batch
  /** A predicate that bounds the ids. */
  range: string
  expectations: RuleCount[]
  drop(): Promise<void>
}

/**
 * The part of `silver` that needs the batch alone, so that it can be done before its turn: dates as UTC timestamps, text cleaned, mentions
 * and hashtags as lists, language and place; what breaks a rule goes to quarantine, and a tweet comes once.
 * @param from rows of bronze, as a SQL table expression
 */
export async function readBronze(
  from: string,
  { watermark, now, signal }: Pick<SilverOptions, 'watermark' | 'now' | 'signal'>,
): Promise<ReadBronze> {
  const rules = watermark ? [...SILVER_RULES, lateness(watermark)] : SILVER_RULES
  const rejection = { record: BRONZE_RECORD, source: 'bronze', tweetId: 'tweet_id', now } as const
  const stages: Batch[] = []
  const keep = async (batch: Promise<Batch>) => {
    const made = await batch
    stages.push(made)
    return made
  }
  const drop = async () => void (await Promise.all(stages.map(stage => stage.drop())))
  try {
    const judged = await keep(batchOfQuery(judgeSql(prepared(from), rules)))
    const [expectations, range, quarantine, firsts] = await Promise.all([
      tally(judged, rules),
      idRange(judged),
      keep(judged.sql(from => quarantineSql(from, rules, rejection))),
      keep(judged.sql(from => `SELECT min(rowid) AS n FROM ${from} WHERE _broken IS NULL GROUP BY tweet_id`)),
    ])
    const distinct = judged.view(from => distinctTweets(from, firsts, judged.count), firsts.count)
    const tweets = await keep(
      distinct.extend(['text', 'lang', 'place'], READ_COLUMNS, columns => readTweets(columns, signal), PART_ROWS),
    )
    return { count: judged.count, tweets, quarantine, range, expectations, drop }
  } catch (error) {
    await drop()
    throw error
  }
}

/**
 * Rows of `bronze` → one row per tweet; a tweet that is there already is left out. Records without a platform id get a hash of date,
 * user and text for one.
 * @param bronze rows of bronze, or what `readBronze` made of them with the same options
 * @throws ExpectationError
 */
export async function silver(bronze: Batch | ReadBronze, options: SilverOptions): Promise<SilverBatch> {
  const { rules = [], now } = options
  const read = 'tweets' in bronze ? bronze : await readBronze(bronze.from, options)
  const stages = new Set<Batch>()
  const keep = async (batch: Promise<Batch>) => {
    const made = await batch
    stages.add(made)
    return made
  }
  try {
    const known = await options.known?.(read.range)
    const there = await read.tweets.sql(
      from => `SELECT n FROM ${from} t WHERE ${known ? `EXISTS (FROM ${known} k WHERE k.tweet_id = t.tweet_id)` : 'false'}`,
    )
    const isNew = `WHERE ${isAmong('n', there, read.count)} = 0`
    const more = rules.length ? `, ${BRONZE_RECORD} AS _record` : ''
    const tweets = read.tweets.view(from => silverRows(`(FROM ${from} ${isNew})`, more), read.tweets.count - there.count)
    const standing = read.count - read.expectations.reduce((sum, { failed }) => sum + failed, 0)
    const give = (rows: Batch, quarantine: Batch, expectations: RuleCount[]): SilverBatch => ({
      ...{ tweets: rows, quarantine, expectations, duplicates: standing - tweets.count, dropped: droppedRows(expectations) },
      drop: async () => void (await Promise.all([rows, quarantine, read, there].map(batch => batch.drop()))),
    })
    if (!rules.length) return give(tweets, read.quarantine, read.expectations)
    const flagged = await keep(withFlags(tweets, rules))
    const ruled = await keep(flagged.sql(from => judgeSql(from, rules)))
    const expectations = [...read.expectations, ...(await tally(ruled, rules))]
    const broken = quarantineSql(ruled.from, rules, { record: '_record', source: 'bronze', tweetId: 'tweet_id', now })
    const quarantine = await read.quarantine.sql(from => `SELECT * FROM ${from} UNION ALL BY NAME ${broken}`)
    const rows = await ruled.sql(from => `SELECT ${SILVER_COLUMNS} FROM ${from} WHERE _broken IS NULL`)
    return give(rows, quarantine, expectations)
  } catch (error) {
    await read.drop()
    throw error
  } finally {
    await Promise.all([...stages].map(stage => stage.drop()))
  }
}

/** Rows of bronze with their time and their tweet's id. */
function prepared(from: string): string {
  return `(SELECT *, ${tweetDateSql('date')} AS timestamp, ${TWEET_ID} AS tweet_id FROM ${from})`
}

/** The ids of a batch as a predicate. */
async function idRange(judged: Batch): Promise<string> {
  const select = `SELECT coalesce(min(tweet_id), '') AS low, coalesce(max(tweet_id), '') AS high FROM ${judged.from}`
  const [ids] = await (await duckdb()).rows<{ low: string; high: string }>(select)
  return `tweet_id >= ${quoteText(ids!.low)} AND tweet_id <= ${quoteText(ids!.high)}`
}

/** SQL that is 1 for a number below `of` that is in column `n` of a batch, else 0: unlike a join it leaves rows in their order. */
function isAmong(number: string, numbers: Batch, of: number): string {
  const bits = `(SELECT bitstring_agg(n, 0, ${Math.max(0, of - 1)}) FROM ${numbers.from})`
  return `coalesce(get_bit(${bits}, ${number}::INTEGER), 0)`
}

/** The first row of each tweet, with the parts of a platform record that say where. */
function distinctTweets(from: string, firsts: Batch, of: number): string {
  const place = Object.entries(PLACE_PATHS)
    .map(([form, paths]) => `WHEN ${quoteText(form)} THEN json_extract(record, [${paths.map(quoteText).join(', ')}])`)
    .join(' ')
  const somewhere = `len(list_filter(parts, lambda part: part::VARCHAR NOT IN ('null', '""'))) > 0`
  const facets = `json_extract(record, [${FACET_PATHS.map(quoteText).join(', ')}])`
  return `
    SELECT * EXCLUDE (parts), CASE WHEN form = 'bluesky' THEN to_json({facets: parts})::VARCHAR WHEN ${somewhere} THEN to_json(parts)::VARCHAR END AS place FROM (
      SELECT *, rowid AS n, CASE form ${place} WHEN 'bluesky' THEN ${facets} END AS parts
      FROM ${from} WHERE ${isAmong('rowid', firsts, of)} = 1
    )`
}

/** Tweets that are read before other things of this process get their turn. */
const TURN = 256
/** Tweets that JavaScript has in memory at a time. */
const PART_ROWS = 2048

async function readTweets(columns: Record<string, unknown[]>, signal?: AbortSignal): Promise<Record<string, unknown[]>> {
  const texts = columns.text as string[]
  const langs = columns.lang as (string | null)[]
  const made = Object.fromEntries(Object.keys(READ_COLUMNS).map(name => [name, new Array<unknown>(texts.length)]))
  for (const [i, text] of texts.entries()) {
    const said = columns.place![i] === null ? undefined : (JSON.parse(columns.place![i] as string) as unknown)
    const place = Array.isArray(said) ? placeOfParts(said) : undefined
    const marked = said === undefined || place ? undefined : markedIn(text, said as { facets: unknown[] })
    // One tweet at a time: the parts of its text are looked up by all three.
    made.cleaned_text![i] = cleanText(marked?.text ?? text)
    made.handles![i] = (marked?.mentions.length ? marked.mentions : mentionsOf(text)).join(' ') || null
    made.tags![i] = (marked?.hashtags.length ? marked.hashtags : hashtagsOf(text)).join(' ') || null
    made.retweet![i] = isRetweet(text)
    // The detector is large, and most platforms name the language.
    made.language![i] = primaryLanguage(langs[i]) ?? (await import('../text/language.js')).detectLanguage(text)
    made.location![i] = place?.location ?? null
    made.latitude![i] = place?.latitude ?? null
    made.longitude![i] = place?.longitude ?? null
    if (i % TURN === TURN - 1) {
      await nextTick()
      signal?.throwIfAborted()
    }
  }
  return made
}

/** What a Bluesky post marks in its text; its parts are in the order of `FACET_PATHS`. */
function markedIn(text: string, { facets: [v1, v2, tags1, tags2] }: { facets: unknown[] }): Marked {
  return readFacets(text, v1 ?? v2, tags1 ?? tags2)
}

/** Where a tweet comes from, by its record's parts in the order of `PLACE_PATHS`. */
function placeOfParts(parts: unknown[]): TweetPlace {
  const [point, place, profile, flatPoint, flatPlace, flatProfile] = parts.map(part => part ?? undefined)
  return placeOf({ coordinates: point ?? flatPoint, place: place ?? flatPlace, profile: profile ?? flatProfile })
}

/** Shorter texts are too little to call two tweets nearly the same. */
const SHORTEST_KEYED = 12

function silverRows(from: string, more: string): string {
  const labels = LABELS.map(quoteText).join(', ')
  const list = (joined: string) => `coalesce(string_split(${joined}, ' '), [])`
  return `
    SELECT tweet_id, timestamp, "user", language AS lang, text AS full_text, cleaned_text, ${list('handles')} AS mentions, ${list('tags')} AS hashtags,
      retweet, location, latitude, longitude,
      CASE WHEN lower(trim(sentiment)) IN (${labels}) THEN lower(trim(sentiment)) END AS sentiment, source_file, processing_time,
      CASE WHEN length(cleaned_text) >= ${SHORTEST_KEYED} THEN md5(lower(cleaned_text))[:16] END AS text_key${more}
    FROM ${from}`
}
