import { setTimeout as sleep } from 'node:timers/promises'

/** For how long something that is out of reach is tried again. */
export interface RetryOptions {
  /** Milliseconds after which its error is thrown. Default 60,000. */
  retryMs?: number
  signal?: AbortSignal | undefined
}

const FIRST_MS = 100
const MOST_MS = 5000

/**
 * Does something again while it fails in a way that may pass, waiting longer each time, by chance between half and all of it so that many
 * do not come back at once. Throws what it failed of at last.
 */
export async function retrying<T>(
  work: () => Promise<T>,
  mayPass: (error: unknown) => boolean,
  { retryMs = 60_000, signal }: RetryOptions,
): Promise<T> {
  const end = performance.now() + retryMs
  for (let wait = FIRST_MS; ; wait = Math.min(MOST_MS, 2 * wait)) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!mayPass(error) || performance.now() + wait > end) throw error
      await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal })
    }
  }
}
