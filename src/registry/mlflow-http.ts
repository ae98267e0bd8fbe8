/** Requests to an MLflow server: time limits, retries where they cannot do harm, errors that say what was asked. */
import { setTimeout as sleep } from 'node:timers/promises'

const TIMEOUT_MS = 60_000
const ATTEMPTS = 4
const FIRST_WAIT_MS = 200
/** The server did not begin the work: worth another try whatever the request was. */
const NOT_BEGUN = new Set([429, 503])
const BROKEN = new Set([500, 502, 504])

/** An answer of MLflow that is not a success, or none at all. */
export class MlflowError extends Error {
  override name = 'MlflowError'
  constructor(
    message: string,
    /** MLflow's own code, such as `RESOURCE_DOES_NOT_EXIST`; `UNREACHABLE` when no answer came. */
    readonly code: string,
    readonly url: string,
    /** HTTP status; undefined when no answer came. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Settings of every request of a client. */
export interface MlflowHttpOptions {
  /** Milliseconds for one attempt; default 60,000. */
  timeoutMs?: number
  /** Attempts in all; default 4, with waits of 0.2, 0.4, 0.8 s between them. */
  attempts?: number
  signal?: AbortSignal
}

/** One request. */
export interface MlflowRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path below the server's address, beginning with `/`. */
  path: string
  query?: Record<string, string | number | undefined>
  /** JSON, or bytes sent as they are. */
  body?: object | Uint8Array
  /** True for what must not be done twice (creating a run): then only retried when the server cannot have begun. */
  once?: boolean
}

/** Sends a request and gives the answer, whose status is a success. Throws `MlflowError`. */
export type MlflowSend = (request: MlflowRequest) => Promise<Response>

function authorization(): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = process.env
  if (token) return `Bearer ${token}`
  return user ? `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` : undefined
}

async function refusal(response: Response, method: string, url: string): Promise<MlflowError> {
  const text = await response.text().catch(() => '')
  let code = `HTTP_${response.status}`
  let message = text.slice(0, 300) || response.statusText
  try {
    const answer = JSON.parse(text) as { error_code?: string; message?: string; detail?: string }
    code = answer.error_code ?? code
    message = answer.message ?? answer.detail ?? message
  } catch {
    // Not JSON: a proxy's page, or the artifact store's plain text.
  }
  return new MlflowError(`mlflow: ${method} ${url}: ${code}: ${message}`, code, url, response.status)
}

function unreachable(error: unknown, method: string, url: string): MlflowError {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  const why = cause?.code ?? cause?.message ?? (error as Error).message
  return new MlflowError(`mlflow: ${method} ${url}: not reachable (${why})`, 'UNREACHABLE', url, undefined, { cause: error })
}

/** A sender for the server at `uri`; `MLFLOW_TRACKING_TOKEN` or `…_USERNAME` and `…_PASSWORD` are sent when set. */
export function mlflowSender(uri: string, options: MlflowHttpOptions = {}): MlflowSend {
  const auth = authorization()
  const attempts = options.attempts ?? ATTEMPTS

  async function attempt({ method, path, query, body }: MlflowRequest): Promise<Response> {
    const url = new URL(uri + path)
    for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(key, String(value))
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
    const bytes = body instanceof Uint8Array
    const headers: Record<string, string> = { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }
    if (auth) headers.authorization = auth
    let response: Response
    try {
      response = await fetch(url, {
        method,
        headers,
        body: bytes ? Buffer.from(body) : body && JSON.stringify(body),
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
      })
    } catch (error) {
      options.signal?.throwIfAborted()
      throw unreachable(error, method, url.href)
    }
    if (!response.ok) throw await refusal(response, method, url.href)
    return response
  }

  function worthRetrying(error: MlflowError, once: boolean): boolean {
    if (error.status === undefined) {
      const refused = ((error.cause as Error | undefined)?.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED'
      return refused || !once
    }
    return NOT_BEGUN.has(error.status) || (!once && BROKEN.has(error.status))
  }

  return async request => {
    for (let tried = 1; ; tried++) {
      try {
        return await attempt(request)
      } catch (error) {
        const again = error instanceof MlflowError && tried < attempts && worthRetrying(error, request.once ?? false)
        if (!again) throw error
        await sleep(FIRST_WAIT_MS * 2 ** (tried - 1), undefined, { signal: options.signal }).catch(() => {})
        options.signal?.throwIfAborted()
      }
    }
  }
}
