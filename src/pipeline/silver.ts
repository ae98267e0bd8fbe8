import { duckdb, parseSchema, quoteName, quoteText } from '../delta/index.js'
import { type Batch, batchOfQuery } from '../sources/batch.js'
import type { RuleCount } from '../streams/stream.js'
import { tweetDateSql } from '../text/dates.js'
import { programBeside, SPARE_THREADS, threads } from '../threads.js'
import { LABELS } from '../tweet.js'
import { droppedRows, type Expectation, judgeSql, tally, withFlags } from './expectations.js'
import { BRONZE_RECORD, quarantineSql, TWEET_ID } from './quarantine-rows.js'
import { type Columns, READ_COLUMNS, readTweets } from './tweet-reader.js'

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
  { watermark, rules: more = [], now, signal }: Omit<SilverOptions, 'known'>,
): Promise<ReadBronze> {
  const rules = watermark ? [...SILVER_RULES, lateness(watermark)] : SILVER_RULES
  const rejection = { record: '_record', source: 'bronze', tweetId: 'tweet_id', now } as const
  const stages: Batch[] = []
  const keep = async (batch: Promise<Batch>) => {
    const made = await batch
    stages.push(made)
    return made
  }
  const drop = async () => void (await Promise.all(stages.map(stage => stage.drop())))
  try {
    const judged = await keep(batchOfQuery(judgedRows(from, rules, more.length > 0)))
    const [expectations, range, quarantine, firsts] = await Promise.all([
      tally(judged, rules),
      idRange(judged),
      keep(judged.sql(from => quarantineSql(from, rules, rejection))),
      keep(judged.sql(from => `SELECT min(rowid) AS n FROM ${from} WHERE _broken IS NULL GROUP BY tweet_id`)),
    ])
    const isFirst = `${isAmong('rowid', firsts, judged.count)} = 1`
    const distinct = judged.view(from => `SELECT *, rowid::INTEGER AS n FROM ${from} WHERE ${isFirst}`, firsts.count)
    const threaded = SPARE_THREADS > 0 && firsts.count >= THREADED_ROWS
    const read = async (columns: Columns) => {
      signal?.throwIfAborted()
      return threaded ? readers.ask(columns) : readTweets(columns, signal)
    }
    // Of a large batch the order is given up for speed.
    const parts = { rows: PART_ROWS, ...(threaded && { atOnce: 2 * SPARE_THREADS, key: 'n' }) }
    const tweets = await keep(distinct.extend(['text', 'lang', 'place'], READ_COLUMNS, read, parts))
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
    const more = rules.length ? ', _record' : ''
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

/**
 * Rows of bronze as far as silver needs them, with their time, their tweet's id, and the first rule that they break. Of the record, which is most
 * of a row, stays what says where, and for a row that breaks a rule (`records`: for each) all of it.
 */
function judgedRows(from: string, rules: readonly Expectation[], records: boolean): string {
  const timed = `(SELECT *, ${tweetDateSql('date')} AS timestamp, ${TWEET_ID} AS tweet_id FROM ${from})`
  // JavaScript reads some JSON that DuckDB does not: half of a surrogate pair.
  const list = (paths: readonly string[]) => `TRY(json_extract(record, [${paths.map(quoteText).join(', ')}]))`
  const place = Object.entries(PLACE_PATHS).map(([form, paths]) => `WHEN ${quoteText(form)} THEN ${list(paths)}`)
  const somewhere = `len(list_filter(parts, lambda part: part::VARCHAR NOT IN ('null', '""'))) > 0`
  const broken = (column: string) => `CASE WHEN _broken IS NOT NULL THEN ${column} END AS ${column}`
  return `
    SELECT tweet_id, timestamp, "user", lang, text, sentiment, source_file, processing_time, _broken, form, date, ${broken('id')}, ${broken('rescue')},
      CASE WHEN ${records} OR _broken IS NOT NULL THEN ${BRONZE_RECORD} END AS _record,
      CASE WHEN form = 'bluesky' THEN to_json({facets: parts})::VARCHAR WHEN ${somewhere} THEN to_json(parts)::VARCHAR END AS place
    FROM (SELECT *, CASE form ${place.join(' ')} WHEN 'bluesky' THEN ${list(FACET_PATHS)} END AS parts FROM (${judgeSql(timed, rules)}))`
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

/** Tweets that JavaScript has in memory at a time. */
const PART_ROWS = 2048
/** From this many tweets on a batch is worth other threads: to start one takes as long as to read some thousands. */
const THREADED_ROWS = 10_000
const readers = threads<Columns, Columns>(programBeside(import.meta.url, 'tweet-reader-thread'))

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
