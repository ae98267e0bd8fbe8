/** A map that forgets what was not asked for the longest when it is full. */
export interface Cache<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  readonly size: number
}

/**
 * A least-recently-used cache.
 * @param capacity most entries kept; 0 keeps none
 */
export function lruCache<V>(capacity: number): Cache<V> {
  // A Map remembers the order of insertion: the first key is the oldest.
  const entries = new Map<string, V>()
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > capacity) entries.delete(entries.keys().next().value!)
    },
    get size() {
      return entries.size
    },
  }
}
