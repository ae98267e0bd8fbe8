import { setTimeout as sleep } from 'node:timers/promises'

/** What X refused, by its own title and detail. */
export class XError extends Error {
  override name = 'XError'
  /** @param retryAt when a limit that was reached is lifted, ms since 1970 */
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAt?: number,
  ) {
    super(`x: ${status} ${title}${detail && detail !== title ? `: ${detail}` : ''}`)
  }
}

/** How X's API is reached. */
export interface XClientOptions {
  /** Bearer token; default `X_BEARER_TOKEN` in the environment. Never printed or stored. */
  token?: string
  /** Default `X_API_URL` in the environment, else `https://api.x.com`. */
  baseUrl?: string
  signal?: AbortSignal
  /** Hears why it waits. */
  onNotice?(text: string): void
  /** Milliseconds for which a server that has never answered is tried. Default 5,000. */
  patienceMs?: number
  /** Milliseconds of silence, keep-alives included, after which a connection is dead. Default 20,000. */
  silenceMs?: number
  /** Waits; rejects when `signal` aborts. Default by the clock. */
  wait?(ms: number, signal?: AbortSignal): Promise<unknown>
  /** Milliseconds since 1970. Default by the clock. */
  now?(): number
}

/** A rule of the filtered stream. */
export interface XRule {
  id: string
  value: string
  tag?: string
}

/** What became of rules that were handed in. */
export interface XRuleChange {
  /** Rules that are there now (add) or were before (nothing on a deletion). */
  rules: XRule[]
  /** X's own counts, such as `{ created: 1, not_created: 0 }`. */
  summary: Record<string, number>
  /** Why some were not taken. */
  problems: string[]
}

/** X's API, as far as this project asks it anything. */
export interface XClient {
  /** A JSON document; waits and asks again as X wants it. Throws `XError` for what waiting does not mend. */
  json(path: string, query?: URLSearchParams, body?: unknown): Promise<Record<string, unknown>>
  /**
   * Calls `lines` with one connection after the other, for ever, until it says so by giving true. A connection that ends or breaks is
   * opened again after the wait that its fault asks for; the waits begin anew when `lines` has called `alive`.
   */
  stream(
    path: string,
    query: () => URLSearchParams,
    lines: (response: Response, signal: AbortSignal, alive: () => void) => Promise<boolean>,
  ): Promise<void>
  rules(): Promise<XRule[]>
  addRules(rules: readonly { value: string; tag?: string }[], options?: { dryRun?: boolean }): Promise<XRuleChange>
  deleteRules(ids: readonly string[], options?: { dryRun?: boolean }): Promise<XRuleChange>
}

const RULES = '/2/tweets/search/stream/rules'
/** Waits in ms after faults, as X asks: linear for the network, exponential for HTTP, and for 429 from a minute on. */
const NETWORK = { first: 250, most: 16_000 }
const HTTP = { first: 5000, most: 320_000 }
const LIMIT_FIRST = 60_000
const LIMIT_MOST = 15 * 60_000
const MOST_RULE = 1024

/** Faults in a row of each kind, and the wait that the newest asks for. */
export function backoff(now: () => number) {
  const faults = { network: 0, http: 0, limit: 0 }
  return {
    reset: () => void Object.assign(faults, { network: 0, http: 0, limit: 0 }),
    /** Milliseconds to wait after a fault; undefined for one that waiting does not mend. */
    after(error: unknown): number | undefined {
      if (!(error instanceof XError)) return Math.min(NETWORK.most, NETWORK.first * ++faults.network)
      const { status, retryAt } = error
      if (status === 429)
        return Math.max(Math.min(LIMIT_MOST, LIMIT_FIRST * 2 ** faults.limit++), retryAt === undefined ? 0 : retryAt - now())
      if (status < 500 && status !== 408) return undefined
      return Math.min(HTTP.most, HTTP.first * 2 ** faults.http++)
    },
  }
}

/** Opens X's API. Throws when there is no token. */
export function xClient(options: XClientOptions = {}): XClient {
  const { signal, onNotice = () => {}, patienceMs = 5000, silenceMs = 20_000, now = Date.now } = options
  const { wait = (ms, signal) => sleep(ms, undefined, { signal }) } = options
  const token = options.token ?? process.env.X_BEARER_TOKEN
  const base = (options.baseUrl ?? process.env.X_API_URL ?? 'https://api.x.com').replace(/\/+$/, '')
  if (!token) throw new Error('x: no token; set X_BEARER_TOKEN in the environment')
  let met = false

  async function ask(path: string, query?: URLSearchParams, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers = {
      authorization: `Bearer ${token}`,
      'user-agent': 'moodlake',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const address = `${base}${path}${query?.size ? `?${query.toString()}` : ''}`
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error(`no answer for ${silenceMs / 1000} s`)), silenceMs)
    const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal
    let response: Response
    try {
      response = await fetch(address, {
        headers,
        signal: either,
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException
      const why =
        cause.code === 'ENOTFOUND' || cause.code === 'EAI_AGAIN'
          ? 'its name is not known here; is there a network?'
          : cause.message || cause.code
      throw new Error(`x: ${new URL(base).host}: cannot be reached: ${why}`, { cause })
    } finally {
      clearTimeout(timer)
    }
    met = true
    if (!response.ok) throw await refusal(response)
    return response
  }

  /** Does work again and again, after the waits that its faults ask for, until it gives something. */
  async function persist<T>(work: (progress: () => void) => Promise<T | undefined>): Promise<T> {
    const faults = backoff(now)
    const began = now()
    for (;;) {
      signal?.throwIfAborted()
      let ended: unknown
      try {
        const result = await work(faults.reset)
        if (result !== undefined) return result
        ended = new Error('x: the connection ended')
      } catch (error) {
        ended = error
      }
      signal?.throwIfAborted()
      const ms = faults.after(ended)
      const unknown = ((ended as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTFOUND'
      if (ms === undefined || (!met && (unknown || now() - began >= patienceMs))) throw ended
      if (met) onNotice(`${(ended as Error).message}; trying again in ${Math.round(ms / 100) / 10} s`)
      await wait(ms, signal)
    }
  }

  async function json(path: string, query?: URLSearchParams, body?: unknown): Promise<Record<string, unknown>> {
    return persist(async () => {
      const response = await ask(path, query, body, signal)
      const value = (await response.json()) as Record<string, unknown>
      // The next request would be refused.
      if (response.headers.get('x-rate-limit-remaining') === '0') {
        const ms = (resetOf(response) ?? 0) - now()
        if (ms > 0) {
          onNotice(`x: the limit of requests is reached; waiting ${Math.ceil(ms / 1000)} s`)
          await wait(ms, signal)
        }
      }
      return value
    })
  }

  const change = async (body: object, { dryRun = false }: { dryRun?: boolean } = {}): Promise<XRuleChange> => {
    const answer = await json(RULES, new URLSearchParams(dryRun ? { dry_run: 'true' } : {}), body)
    const { summary } = (answer.meta ?? {}) as { summary?: Record<string, number> }
    const errors = (answer.errors ?? []) as { title?: string; value?: string; details?: string[] }[]
    const problems = errors.map(({ title, value, details }) => [title, value, ...(details ?? [])].filter(Boolean).join(': '))
    return { rules: (answer.data ?? []) as XRule[], summary: summary ?? {}, problems }
  }

  return {
    json,
    async stream(path, query, lines) {
      await persist(async progress => {
        const broken = new AbortController()
        const either = signal ? AbortSignal.any([signal, broken.signal]) : broken.signal
        try {
          const response = await ask(path, query(), undefined, either)
          return (await lines(response, either, progress)) || undefined
        } finally {
          broken.abort()
        }
      })
    },
    rules: async () => ((await json(RULES)).data ?? []) as XRule[],
    async addRules(rules, options) {
      const long = rules.find(rule => rule.value.length > MOST_RULE)
      if (long)
        throw new Error(
          `x: a rule has at most ${MOST_RULE} characters, this one ${long.value.length}: ${long.value.slice(0, 60)}…`,
        )
      return change({ add: rules }, options)
    },
    deleteRules: (ids, options) => change({ delete: { ids } }, options),
  }
}

function resetOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('x-rate-limit-reset') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}

async function refusal(response: Response): Promise<XError> {
  const text = await response.text().catch(() => '')
  let said: { title?: unknown; detail?: unknown; errors?: { message?: unknown }[] } = {}
  try {
    said = (JSON.parse(text) ?? {}) as typeof said
  } catch {
    said = { detail: text.slice(0, 300).trim() }
  }
  const word = (value: unknown) => (typeof value === 'string' ? value : '')
  const detail = [word(said.detail), ...(Array.isArray(said.errors) ? said.errors.map(error => word(error.message)) : [])]
  const retryAt = response.status === 429 ? resetOf(response) : undefined
  return new XError(response.status, word(said.title) || response.statusText, detail.filter(Boolean).join('; '), retryAt)
}
