import { createHash } from 'node:crypto'
import type { Store } from '../stores/store.js'
import type { FilesOffset } from './json-files.js'
import { type Landing, type Link, landedSource } from './landing.js'
import type { Source } from './source.js'
import { type XClient, type XClientOptions, XError, xClient } from './x-client.js'

/** What is asked of X: a stream that goes on for ever, or a search of the last seven days. */
export interface XAddress {
  kind: 'stream' | 'search'
  path: string
  query: URLSearchParams
}

const PATHS: Record<string, { kind: XAddress['kind']; path: string }> = {
  stream: { kind: 'stream', path: '/2/tweets/search/stream' },
  search: { kind: 'search', path: '/2/tweets/search/recent' },
  'compliance/tweets': { kind: 'stream', path: '/2/tweets/compliance/stream' },
  'compliance/users': { kind: 'stream', path: '/2/users/compliance/stream' },
}
const FORMS = 'x:stream, x:search?query=…, x:compliance/tweets?partition=1 or x:compliance/users?partition=1'
/** What silver reads. */
const FIELDS = {
  'tweet.fields': 'author_id,created_at,entities,geo,lang,referenced_tweets',
  expansions: 'author_id,geo.place_id',
  'user.fields': 'location,username',
  'place.fields': 'country_code,full_name,geo',
}

/** True for what `parseXAddress` is to read. */
export function isXAddress(source: string): boolean {
  return /^x:/i.test(source)
}

/** Reads `x:stream`, `x:search?query=cats%20lang:en`, or a compliance stream; parameters are X's own. Throws on anything else. */
export function parseXAddress(source: string): XAddress {
  const found = /^x:(?:\/\/)?([a-z/]+)(?:\?(.*))?$/i.exec(source)
  const target = found && PATHS[found[1]!.replace(/\/$/, '')]
  if (!target) throw new Error(`x: address not understood: ${source} (${FORMS})`)
  const query = new URLSearchParams(found[2] ?? '')
  if (target.kind === 'search' && !query.get('query')) throw new Error(`x: a search needs a query: ${source} (${FORMS})`)
  if (!target.path.includes('compliance'))
    for (const [name, value] of Object.entries(FIELDS)) if (!query.has(name)) query.set(name, value)
  if (target.kind === 'search' && !query.has('max_results')) query.set('max_results', '100')
  return { ...target, query }
}

/** Options of `xFeed`; how X is reached is in `XClientOptions`. */
export interface XOptions extends Omit<XClientOptions, 'signal'> {
  address: XAddress
  /** Where what comes is landed, and how long it waits for it at most (ms, default 500). */
  landing: { store: Store; path: string; everyMs?: number }
  /** Where the source keeps which files belong to which batch. */
  log: { store: Store; path: string }
  /** US dollars after which a run stops reading. Default: no bound. */
  budget?: number
  /** Milliseconds without a post on an open connection after which there is nothing more for now. Default 5,000. */
  quietMs?: number
}

type Settings = Required<Pick<XOptions, 'address' | 'silenceMs'>> & {
  budget: number
  onNotice(text: string): void
}

/** US dollars of a post read, about. */
const PRICE = 0.005
/** Ids remembered against repeats. */
const REMEMBER = 100_000
/** X's smallest page of a search. */
const FEWEST = 10
const MAX_LINE = 64 * 2 ** 20

/**
 * X's filtered stream, recent search or compliance streams as a replayable source: what comes is landed as files first, each post
 * once. What a run will cost is said before it begins; at its budget it ends.
 * @throws `XError` when X refuses (query, token, plan); a plain error without a token, or when it cannot be reached at first
 */
export function xFeed(options: XOptions): Source<FilesOffset> {
  const { address, landing, log, quietMs } = options
  const onNotice = options.onNotice ?? (text => process.emitWarning(text))
  const settings: Settings = {
    address,
    budget: options.budget ?? Number.POSITIVE_INFINITY,
    silenceMs: options.silenceMs ?? 20_000,
    onNotice,
  }
  return landedSource({
    name: `x ${address.path}`,
    landing: { ...landing, origin: address.path },
    log,
    quietMs,
    async collect(landed, link) {
      const client = xClient({ ...options, onNotice, signal: link.signal })
      const intake = await openIntake(landed, settings)
      try {
        if (address.kind === 'search') await search(client, landed, link, settings, intake, landing)
        else await follow(client, link, settings, intake)
      } catch (error) {
        if (!link.signal.aborted) throw error
      }
    },
  })
}

/** Takes posts, each once, and counts what they cost. */
interface Intake {
  /** Lands one object of X's; false when the budget is spent. */
  take(text: string): boolean
  /** Posts that the budget still allows. */
  left(): number
}

async function openIntake(landing: Landing, { budget, onNotice }: Settings): Promise<Intake> {
  const seen = new Set<string>()
  for await (const { text } of landing.newest()) {
    for (const id of idsOf(parsed(text))) seen.add(id)
    if (seen.size >= REMEMBER) break
  }
  const most = Math.floor(budget / PRICE + 1e-9)
  let posts = 0
  return {
    left: () => most - posts,
    take(text) {
      const value = parsed(text)
      const ids = idsOf(value)
      const known = ids.filter(id => seen.has(id))
      posts += ids.length
      if (!known.length) landing.add(text)
      else if (known.length < ids.length) landing.add(JSON.stringify({ ...value, data: withoutPosts(value!.data, seen) }))
      for (const id of ids) seen.add(id)
      for (const old of seen) {
        if (seen.size <= REMEMBER) break
        seen.delete(old)
      }
      if (posts >= most) onNotice(`x: the budget of $${budget} is spent: ${posts} posts read`)
      return posts < most
    },
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Ids of the posts of an object, each of which X counts as read. */
function idsOf(value: Record<string, unknown> | undefined): string[] {
  const data = [value?.data].flat() as ({ id?: unknown; text?: unknown } | null | undefined)[]
  return data.flatMap(post => (typeof post?.id === 'string' && 'text' in post ? [post.id] : []))
}

function withoutPosts(data: unknown, ids: ReadonlySet<string>): unknown {
  return Array.isArray(data) ? data.filter((post: { id?: string } | null) => !ids.has(post?.id ?? '')) : data
}

const dollars = (amount: number) => `$${amount < 0.1 ? amount.toFixed(3) : amount.toFixed(2)}`

/** Follows a stream until `link.signal` aborts or the budget is spent. */
async function follow(client: XClient, link: Link, settings: Settings, intake: Intake): Promise<void> {
  const { address, budget, onNotice } = settings
  if (address.path === PATHS.stream!.path) {
    const rules = await client.rules()
    const bound = Number.isFinite(budget)
      ? `; it stops at ${dollars(budget)}, ${Math.floor(budget / PRICE)} posts`
      : '; no budget is set'
    const price = `about ${dollars(PRICE)} a post, ${dollars(PRICE * 1000)} a thousand${bound}`
    if (!rules.length) onNotice('x: the stream has no rules, so nothing will come; moodlake rules add VALUE makes one')
    onNotice(`x: filtered stream by ${rules.length} rules: ${price}`)
  }
  if (intake.left() <= 0) return
  const gap = backfill(address, onNotice)
  const read = () =>
    client.stream(address.path, gap.query, async (response, signal, alive) => {
      gap.alive()
      link.alive()
      try {
        for await (const line of linesOf(response, signal, settings.silenceMs)) {
          alive()
          gap.alive()
          if (!line) continue
          link.alive()
          const value = parsed(line)
          if (value && !('data' in value) && Array.isArray(value.errors)) {
            const said = value.errors as { title?: string; detail?: string }[]
            throw new Error(`x: disconnected: ${said.map(error => error.detail ?? error.title ?? '').join('; ')}`)
          }
          if (!intake.take(line)) return true
        }
      } finally {
        link.lost()
      }
      return false
    })
  await read().catch(error => {
    if (!gap.refused(error)) throw error
    return read()
  })
}

/** X gives back so many minutes of a stream at most. */
const MOST_BACKFILL = 5
/** Posts may come so late, ms. */
const LATE_MS = 10_000

/** What is asked of the filtered stream again after its connection broke, unless the address says how much. */
function backfill({ path, query }: XAddress, onNotice: (text: string) => void) {
  let here = path === PATHS.stream!.path && !query.has('backfill_minutes')
  let asked = false
  let last: number | undefined
  return {
    alive() {
      last = Date.now()
    },
    query() {
      asked = here && last !== undefined
      if (!asked) return query
      const minutes = Math.ceil((Date.now() - last! + LATE_MS) / 60_000)
      if (minutes > MOST_BACKFILL) onNotice(`x: no connection for ${minutes} min, of which X gives back ${MOST_BACKFILL} at most`)
      return new URLSearchParams([...query, ['backfill_minutes', String(Math.min(MOST_BACKFILL, minutes))]])
    },
    /** True for the refusal of a plan that has no backfill: from now on nothing is asked again. */
    refused(error: unknown): boolean {
      if (!asked || !(error instanceof XError) || (error.status !== 400 && error.status !== 403)) return false
      here = false
      onNotice(`${error.message}; without backfill, what came while the connection was broken is lost`)
      return true
    },
  }
}

/** The lines of an answer, without their ends; throws when nothing, not even a blank line, comes for `silenceMs`. */
async function* linesOf(response: Response, signal: AbortSignal, silenceMs: number): AsyncIterable<string> {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    signal.throwIfAborted()
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`x: no sign of life for ${silenceMs / 1000} s`)), silenceMs)
    })
    const chunk = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer))
    rest += decoder.decode(chunk.value, { stream: !chunk.done })
    const lines = rest.split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) throw new Error(`x: a line of more than ${MAX_LINE / 2 ** 20} MiB`)
    for (const line of lines) yield line.replace(/\r$/, '')
    if (!chunk.done) continue
    // What has no end of line was cut off.
    return
  }
}

/** How far a search has come; kept beside what it landed. */
interface SearchState {
  /** Newest id of the last search that came to its end. */
  since?: string
  /** Newest id of the search under way, and its next page. */
  newest?: string
  next?: string
}

/** Reads a search from its newest post back to where the last one began, page by page; goes on with a page that was not reached. */
async function search(
  client: XClient,
  landing: Landing,
  link: Link,
  settings: Settings,
  intake: Intake,
  { store, path }: XOptions['landing'],
): Promise<void> {
  const { address } = settings
  const file = `${path}/_search-${createHash('sha256').update(address.query.get('query')!).digest('hex').slice(0, 16)}.json`
  const known = await store.stat(file)
  let state: SearchState = known ? (JSON.parse(new TextDecoder().decode(await store.read(file))) as SearchState) : {}
  await sayCost(client, settings, state)
  while (intake.left() >= FEWEST) {
    const query = new URLSearchParams(address.query)
    query.set('max_results', String(Math.min(Number(query.get('max_results')), intake.left())))
    if (state.since) query.set('since_id', state.since)
    if (state.next) query.set('next_token', state.next)
    let page: Record<string, unknown>
    try {
      page = await client.json(address.path, query)
    } catch (error) {
      // A page's token lasts a while only: the search from its start, of which what was landed is dropped.
      if (!(error instanceof XError) || error.status !== 400 || !state.next) throw error
      state = { since: state.since }
      continue
    }
    link.alive()
    const { newest_id, next_token } = (page.meta ?? {}) as { newest_id?: string; next_token?: string }
    state = { ...state, newest: state.newest ?? newest_id, next: next_token }
    const more = intake.take(JSON.stringify(page))
    await landing.flush()
    if (!next_token) state = { since: state.newest ?? state.since }
    await store.put(file, JSON.stringify(state))
    if (!next_token || !more) return
  }
}

/** Says how many posts a search will read, where X's counts tell, and what they cost. */
async function sayCost(client: XClient, settings: Settings, { since }: SearchState): Promise<void> {
  const { address, budget, onNotice } = settings
  const query = new URLSearchParams({ query: address.query.get('query')! })
  for (const name of ['start_time', 'end_time', 'until_id'])
    if (address.query.has(name)) query.set(name, address.query.get(name)!)
  if (since) query.set('since_id', since)
  const bound = Number.isFinite(budget)
    ? `; it stops at ${dollars(budget)}, ${Math.floor(budget / PRICE)} posts`
    : '; no budget is set'
  let expected = 'an unknown number of posts'
  try {
    const { meta } = await client.json('/2/tweets/counts/recent', query)
    const total = Number((meta as { total_tweet_count?: unknown } | undefined)?.total_tweet_count)
    if (Number.isFinite(total)) expected = `${total} posts, ${dollars(total * PRICE)}`
  } catch (error) {
    // Plans without counts have the search all the same.
    if (!(error instanceof XError) || error.status === 401) throw error
  }
  onNotice(`x: search: ${expected} at about ${dollars(PRICE)} a post${bound}`)
}
