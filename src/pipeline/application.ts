import { goldMentions } from '../explore/lake-sql.js'

/** Columns of `application`, in Delta's words: how often each mention met each class, and from when to when. */
export const APPLICATION_SCHEMA = `min_timestamp timestamp not null, max_timestamp timestamp not null, mention string not null, negative long not null,
  neutral long not null, positive long not null, total long not null`

/** `application` as a SELECT over gold: counts per mention, most mentioned first. */
export function application(gold: string): string {
  const count = (label: string) => `count(*) FILTER (predicted_sentiment = '${label}')::BIGINT AS ${label}`
  return `
    SELECT min(timestamp) AS min_timestamp, max(timestamp) AS max_timestamp, mention, ${count('negative')}, ${count('neutral')}, ${count('positive')},
      count(*)::BIGINT AS total
    FROM ${goldMentions(gold)} WHERE mention IS NOT NULL GROUP BY mention ORDER BY total DESC, mention`
}
