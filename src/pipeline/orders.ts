/** Orders to forget: what a platform says must go, found in what it sends. */
import { duckdb, quoteText } from '../delta/duckdb.js'
import { isTable, openTable } from '../delta/index.js'
import { isoMicroseconds, readFrame } from '../sources/jetstream.js'

/** Collection of Bluesky's posts. */
export const BLUESKY_POST = 'app.bsky.feed.post'

/** An order to forget all of a user, or one post. */
export interface ForgetOrder {
  /** Name of the user without `@`, upper and lower case being one, or the platform's own id: as in the column `user` for Bluesky (the DID), a number for X. */
  user?: string
  /** Platform id of the post, as `tweet_id` in the tables. */
  tweetId?: string
  /** What happened: `post deleted`, `account takendown`, `delete`, `user_suspend`, …. */
  reason?: string
  /** When, ISO 8601, where the order says. */
  time?: string
}

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/**
 * The orders to forget in a record: a Bluesky commit that deletes a post, a Bluesky account that is deleted or taken down, X's compliance
 * notices of v1.1 (`{"delete": {"status": …}}`) and v2 (streams, and lines of a batch job, which do not say whether their id is a tweet's or
 * a user's: two orders). Empty for everything else.
 */
export function readOrders(value: unknown): ForgetOrder[] {
  if (!isObject(value)) return []
  return blueskyOrder(value) ?? xOrder(isObject(value.data) ? value.data : value) ?? []
}

function blueskyOrder(value: Json): ForgetOrder[] | undefined {
  const frame = readFrame(value)
  if (!frame || !('event' in frame)) return undefined
  const { kind, did, operation, collection, rkey, active, status, timeUs } = frame.event
  const time = isoMicroseconds(timeUs)
  if (kind === 'commit' && operation === 'delete' && collection === BLUESKY_POST)
    return [{ tweetId: `at://${did}/${collection}/${rkey}`, reason: 'post deleted', time }]
  if (kind === 'account' && !active && (status === 'deleted' || status === 'takendown'))
    return [{ user: did, reason: `account ${status}`, time }]
  return []
}

/** Notices that take a tweet away, and those that take all of a user away. */
const OF_TWEET = ['delete', 'drop', 'withheld', 'status_withheld']
const OF_USER = ['user_delete', 'user_suspend', 'user_protect', 'user_withheld']

function xOrder(notice: Json): ForgetOrder[] | undefined {
  if (notice.action === 'delete' && typeof notice.id === 'string') {
    const said = { reason: string(notice.reason) ?? 'delete', time: string(notice.redacted_at) ?? string(notice.created_at) }
    return [
      { tweetId: notice.id, ...said },
      { user: notice.id, ...said },
    ]
  }
  const reason = [...OF_TWEET, ...OF_USER].find(name => isObject(notice[name]))
  if (!reason) return undefined
  const body = notice[reason] as Json
  const ofUser = OF_USER.includes(reason)
  const target = [body.tweet, body.status, body.user, body].find(isObject)!
  const id = string(target.id_str) ?? string(target.id) ?? (Number.isSafeInteger(target.id) ? String(target.id) : undefined)
  if (!id) return undefined
  const time = string(body.event_at) ?? milliseconds(body.timestamp_ms)
  return [{ ...(ofUser ? { user: id } : { tweetId: id }), reason, time }]
}

function milliseconds(value: unknown): string | undefined {
  const date = new Date(Number(value ?? Number.NaN))
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

/** The names under which a user of X, known by number, is in bronze. */
async function namesOf(bronze: string, user: string): Promise<string[]> {
  const paths = ['$.user.id_str', '$.author_id', '$.author.id'].map(quoteText).join(', ')
  const rows = await (await duckdb()).rows<{ user: string }>(
    `SELECT DISTINCT "user" FROM ${bronze} WHERE "user" IS NOT NULL AND starts_with(form, 'twitter')
      AND list_contains(json_extract_string(record, [${paths}]), ${quoteText(user)})`,
  )
  return rows.map(row => row.user)
}

/**
 * All orders to forget that have come into a lake, in the order of their coming: what is landed as `order` in bronze. An order on a user of X comes once
 * more with each name that the user has in bronze.
 * @param options.after only those of records processed after this time; default all
 */
export async function* forgetOrders(lake: string, options: { after?: Date } = {}): AsyncIterable<ForgetOrder> {
  const location = `${lake.replace(/\/+$/, '')}/bronze`
  if (!(await isTable(location))) return
  const relation = await (await (await openTable(location)).snapshot()).relation({
    columns: ['form', 'user', 'record', 'processing_time'],
  })
  const since = options.after ? `AND processing_time > '${options.after.toISOString()}'::TIMESTAMPTZ` : ''
  const orders = (await duckdb()).stream<{ record: string }>(`SELECT record FROM ${relation} WHERE form = 'order' ${since}`)
  for await (const rows of orders)
    for (const order of rows.flatMap(({ record }) => readOrders(JSON.parse(record)))) {
      yield order
      if (order.user && /^\d+$/.test(order.user)) for (const user of await namesOf(relation, order.user)) yield { ...order, user }
    }
}
