/** Tweets to look through in the page itself: filters, their mood over time, and the tweets, with no kernel and no network. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { LABELS, type Label } from '../tweet.js'
import { chartRows, toTime } from './cells.js'
import { LABEL_COLOURS } from './colours.js'
import type { MimeBundle } from './display.js'
import type { TableLike } from './frames.js'
import { escapeHtml } from './html.js'
import { formatNumber } from './text-table.js'

/** What the tweets shown have in common; a filter that is left out or empty lets all pass. */
export interface TweetFilters {
  /** Part of the text or the user's name, in any case. */
  keyword?: string
  /** Language, such as `en`. */
  lang?: string
  /** Class. */
  sentiment?: Label
  /** A `#hashtag` or `@mention`, in lower case. */
  topic?: string
  /** Place, as in the column `location`. */
  place?: string
  /** First hour of the day, UTC, 0 to 23. */
  fromHour?: number
  /** Last hour of the day, UTC, 0 to 23. */
  toHour?: number
}

/** Options of `tweetBrowser`. */
export interface TweetBrowserOptions extends TweetFilters {
  /** Says what to see. Default `Look through the tweets`. */
  title?: string
  /** Tweets that go into the page at most, the newest. Default 5,000. */
  maxTweets?: number
}

/** Output that a cell or report shows as it is. */
export interface RichOutput {
  mime: MimeBundle
}

/** A tweet as the page holds it: seconds since 1970, class, language, place, user, text, topics. */
type Packed = [number, number, string, string, string, string, string[]]

function pack(row: Record<string, unknown>): Packed | undefined {
  const time = toTime(row.timestamp)?.getTime()
  const kind = LABELS.indexOf(row.predicted_sentiment as Label)
  if (time === undefined || kind < 0) return undefined
  const words = (column: string, mark: string) =>
    Array.isArray(row[column]) ? (row[column] as unknown[]).map(word => `${mark}${String(word).toLowerCase()}`) : []
  const text = (column: string) => String(row[column] ?? '')
  const topics = [...new Set([...words('hashtags', '#'), ...words('mentions', '@')])]
  return [Math.floor(time / 1000), kind, text('lang'), text('location'), text('user'), text('cleaned_text'), topics]
}

/** True for a tweet that passes all filters. The page gets its source text: it may use nothing but its arguments. */
function passes(tweet: Packed, filters: TweetFilters, labels: readonly string[]): boolean {
  const [time, kind, lang, place, user, text, topics] = tweet
  const hour = Math.floor(time / 3600) % 24
  const { keyword, fromHour = 0, toHour = 23 } = filters
  return (
    (!keyword || `${text}\n${user}`.toLowerCase().includes(keyword.toLowerCase())) &&
    (!filters.lang || filters.lang === lang) &&
    (!filters.sentiment || filters.sentiment === labels[kind]) &&
    (!filters.topic || topics.includes(filters.topic)) &&
    (!filters.place || filters.place === place) &&
    (fromHour <= toHour ? hour >= fromHour && hour <= toHour : hour >= fromHour || hour <= toHour)
  )
}

/** JSON that can stand inside a script element. */
const scriptJson = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c')

/**
 * Filters (keyword, language, class, topic, place, hours), the share of each class over time, and the tweets that pass; all of it in the page, so that it works
 * in JupyterLab and in a report without network. Elsewhere it is a line of counts.
 * @param table rows of `gold`; columns `lang`, `location`, `user`, `hashtags`, `mentions` may be missing
 * @throws Error for a table without time, class or text
 */
export function tweetBrowser(table: TableLike, options: TweetBrowserOptions = {}): RichOutput {
  const { title = 'Look through the tweets', maxTweets = 5000, ...filters } = options
  const all = chartRows(table, 'tweetBrowser', ['timestamp', 'predicted_sentiment', 'cleaned_text'])
    .map(pack)
    .filter(tweet => tweet !== undefined)
  const tweets = all.sort((a, b) => b[0] - a[0]).slice(0, maxTweets)
  const shown = tweets.filter(tweet => passes(tweet, filters, LABELS))
  const share = (kind: number) => ((100 * shown.filter(tweet => tweet[1] === kind).length) / Math.max(1, shown.length)).toFixed(1)
  const left = all.length > tweets.length ? `, the newest of ${formatNumber(all.length)}` : ''
  const given = Object.entries(filters).map(([name, value]) => `${name} ${value}`)
  const summary = `${formatNumber(shown.length)} of ${formatNumber(tweets.length)} tweets${left}${given.length ? ` (${given.join(', ')})` : ''}: ${LABELS.map((label, kind) => `${label} ${share(kind)} %`).join(', ')}`
  const data = scriptJson({ tweets, filters, labels: LABELS, colours: LABELS.map(label => LABEL_COLOURS[label]), left })
  const id = `moodlake-browser-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`
  const script = readFileSync(new URL('../../templates/browser.js', import.meta.url), 'utf8')
  const html = `<div id="${id}" class="moodlake-browser"><p><strong>${escapeHtml(title)}</strong></p><p>${escapeHtml(summary)}</p></div>
<script type="application/json" id="${id}-data">${data}</script>
<script>${script}
moodlakeBrowser(${JSON.stringify(id)}, ${passes})</script>`
  return { mime: { 'text/html': html, 'text/plain': `[tweets] ${title}\n${summary}` } }
}
