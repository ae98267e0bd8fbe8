import { quoteText } from '../delta/duckdb.js'
import { type Expectation, rejectedSql } from './expectations.js'

/** Columns of `quarantine`, in Delta's words: rejected records of any stream, with the rule they broke, and when they were replayed. */
export const QUARANTINE_SCHEMA = `tweet_id string, record string, reason string not null, rule string not null, source string not null,
  source_file string, time timestamp not null, replayed timestamp`

/** How the rows that a step rejects become rows of `quarantine`. */
export interface Rejection {
  /** SQL for the record that can be mended and replayed. */
  record: string
  /** The table (or `input`) that the rows came from. */
  source: 'input' | 'bronze' | 'silver'
  /** SQL for the id of the tweet. */
  tweetId: string
  now: Date
}

/** The rows of a judged batch that rules send to quarantine, as rows of `quarantine`. */
export function quarantineSql(
  judged: string,
  rules: readonly Expectation[],
  { record, source, tweetId, now }: Rejection,
): string {
  return `
    SELECT ${tweetId} AS tweet_id, ${record} AS record, coalesce(reason, rule) AS reason, rule, ${quoteText(source)} AS source, source_file,
      ${quoteText(now.toISOString())}::TIMESTAMPTZ AS time, NULL::TIMESTAMPTZ AS replayed
    FROM (${rejectedSql(judged, rules)})`
}

/** SQL for the record that a row of `bronze` came from, as far as it is kept. */
export const BRONZE_RECORD = `CASE WHEN form = 'unknown' THEN rescue
  ELSE coalesce(record, to_json({date: date, "user": "user", text: text, sentiment: sentiment, rescue: rescue})::VARCHAR) END`

/** SQL for the id of the tweet in a row of `bronze`: the platform's, else a hash of what it says. */
export const TWEET_ID = `coalesce(id, CASE WHEN text IS NOT NULL THEN md5(concat_ws(chr(31), coalesce(date, ''), coalesce("user", ''), text)) END)`
