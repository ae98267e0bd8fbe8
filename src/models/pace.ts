import { setImmediate as immediate } from 'node:timers/promises'

/**
 * Keeps a long loop from blocking its thread: call it once an item and await what it gives. That is nothing while time is
 * left; after `ms` milliseconds it is a pause in which timers, requests and signals get their turn.
 * @param signal checked at every pause; its reason is thrown
 */
export function pacer(signal?: AbortSignal, ms = 10): () => Promise<void> | undefined {
  signal?.throwIfAborted()
  let since = performance.now()
  return () => {
    if (performance.now() - since < ms) return undefined
    return immediate().then(() => {
      signal?.throwIfAborted()
      since = performance.now()
    })
  }
}
