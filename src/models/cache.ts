import { pacer } from './pace.js'

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

/** How `answerOnce` comes to its answers. */
export interface Questions<T, A> {
  /** What is asked of an item: equal questions get one answer. */
  questionOf(item: T): string
  /** An answer that is known already. */
  recall(question: string): A | undefined
  /** Answers in the order of the questions; told of each by its place as it comes. */
  ask(questions: readonly string[], onAnswer: (place: number) => void): Promise<A[]>
}

/** One answer per item, in order; each question is asked once, and none that is known. Never blocks the thread for long. */
export async function answerOnce<T, A>(
  items: readonly T[],
  { questionOf, recall, ask }: Questions<T, A>,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void },
): Promise<A[]> {
  const answers = new Array<A>(items.length)
  const rowsOf = new Map<string, number[]>()
  let done = 0
  const pace = pacer(signal)
  for (const [row, item] of items.entries()) {
    const question = questionOf(item)
    const rows = rowsOf.get(question)
    const known = rows ? undefined : recall(question)
    if (rows) rows.push(row)
    else if (known) {
      answers[row] = known
      done += 1
    } else rowsOf.set(question, [row])
    const pause = pace()
    if (pause) await pause
  }
  if (done) onProgress?.(done)
  const perQuestion = [...rowsOf.values()]
  const fresh = await ask([...rowsOf.keys()], place => {
    done += perQuestion[place]!.length
    onProgress?.(done)
  })
  perQuestion.forEach((rows, place) => {
    for (const row of rows) answers[row] = fresh[place]!
  })
  return answers
}
