/** The nouns of the project: what a tweet is called in each tier. Column names are those of the tables on disk. */

/** The three classes, in the order in which every model lists its probabilities. */
export const LABELS = ['negative', 'neutral', 'positive'] as const

/** One of the three sentiment classes. */
export type Label = (typeof LABELS)[number]

/** True when `value` names one of the three classes. */
export function isLabel(value: unknown): value is Label {
  return LABELS.includes(value as Label)
}

/** 0 for negative, 1 for positive, null for neutral: the classroom's number for a class. */
export function labelId(label: Label): 0 | 1 | null {
  return label === 'neutral' ? null : label === 'positive' ? 1 : 0
}

/** A record of the classroom form: one JSON object with four strings. */
export interface RawTweet {
  date: string
  user: string
  text: string
  sentiment: string
}

/** How a record was recognised: the classroom's four strings, the two forms of Twitter's API, a Bluesky post, an order to forget, or nothing known. */
export type RecordForm = 'classroom' | 'twitter-v1' | 'twitter-v2' | 'bluesky' | 'order' | 'unknown'

/** A row of `bronze`: the record as it came, and where from. */
export interface BronzeTweet {
  /** Platform id; null for the classroom form, which has none. */
  id: string | null
  date: string | null
  user: string | null
  text: string | null
  sentiment: string | null
  lang: string | null
  form: RecordForm
  /** Verbatim JSON of a platform record (its place, entities, user are read from it later), and of a classroom record whose columns do not say all. */
  record: string | null
  /** What did not fit: the whole text of a malformed record, or a JSON object of what is in no column and no other row. */
  rescue: string | null
  /** Path of the file under the source's folder, and the line (or array position) in it, from 1; or `kafka:TOPIC/PARTITION` and the offset. */
  source_file: string
  source_line: number
  processing_time: Date
}

/** A row of `silver`: one tweet. */
export interface SilverTweet {
  tweet_id: string
  /** UTC, microseconds in the table. */
  timestamp: Date
  user: string | null
  /** BCP 47 primary tag, `und` when nobody knows. */
  lang: string
  full_text: string
  cleaned_text: string
  /** Lower-cased handles without `@`, each once, in order of appearance. */
  mentions: string[]
  /** Lower-cased tags without `#`, each once, in order of appearance. */
  hashtags: string[]
  retweet: boolean
  location: string | null
  latitude: number | null
  longitude: number | null
  sentiment: Label | null
  source_file: string
  processing_time: Date
  /** The same for near-duplicates: a hash of the cleaned text, lower-cased; null for a short one. */
  text_key: string | null
}

/** A row of `gold`: a tweet and its one prediction. */
export interface GoldTweet {
  tweet_id: string
  timestamp: Date
  user: string | null
  lang: string
  cleaned_text: string
  mentions: string[]
  hashtags: string[]
  location: string | null
  latitude: number | null
  longitude: number | null
  sentiment: Label | null
  sentiment_id: 0 | 1 | null
  predicted_sentiment: Label
  predicted_sentiment_id: 0 | 1 | null
  /** Probability of the predicted class × 100, [0, 100]. */
  predicted_score: number
  negative: number
  neutral: number
  positive: number
  model_name: string
  model_version: string
  scored_at: Date
}
