import type { Store } from '../stores/store.js'

/** What a stream remembers between processes, as files under one path. */
export interface Checkpoint {
  /** The batch to begin with: the one that was begun and not finished, else the next; undefined when there was none yet. */
  start(): Promise<BatchRange | undefined>
  /**
   * Holds a stream's definition against that of its last start, and keeps it.
   * @throws when they differ, naming what does: batches of two definitions would make one table
   */
  define(definition: StreamDefinition): Promise<void>
  /** Writes a batch's range before work on it begins. Throws when another process has begun the same batch. */
  begin(id: number, range: { from: unknown; to: unknown }): Promise<void>
  /** Marks a batch as done, with what is to be remembered of it. */
  finish(id: number, progress: object): Promise<void>
  /** Progress of the finished batches that are kept here, oldest first; with `after`, of those after that number. */
  history<T>(after?: number): AsyncIterable<T>
  /** Removes finished batches up to this number; the newest one always stays. */
  prune(upTo: number): Promise<void>
  /** True when another process has asked the stream to stop since `begin`. */
  stopRequested(): Promise<boolean>
  /** Asks whichever process runs the stream to stop. */
  requestStop(): Promise<void>
  /** Takes back requests to stop. */
  clearStop(): Promise<void>
}

/** What makes a stream what it is. Of a list the first counts; a stream that was begun with one of the others goes on with the first. */
export type StreamDefinition = Readonly<Record<string, string | readonly string[]>>

/** A batch and the range of its source. */
export interface BatchRange {
  id: number
  from?: unknown
  /** Where it ends, once that is written. */
  to?: unknown
}

const file = (id: number) => `${String(id).padStart(10, '0')}.json`

/** The checkpoint of one stream: `offsets/N.json` is written before batch N, `commits/N.json` after it. */
export function openCheckpoint(store: Store, path: string): Checkpoint {
  const readJson = async (name: string) =>
    JSON.parse(new TextDecoder().decode(await store.read(`${path}/${name}`))) as Record<string, unknown>

  async function lastOf(folder: string): Promise<number> {
    let last = -1
    for await (const { path: found } of store.list(`${path}/${folder}/`)) {
      const number = /(\d{10})\.json$/.exec(found)
      if (number) last = Math.max(last, Number(number[1]))
    }
    return last
  }

  let pruned: number | undefined

  return {
    async start() {
      const begun = await lastOf('offsets')
      if (begun < 0) return undefined
      const { from, to } = await readJson(`offsets/${file(begun)}`)
      if (begun > (await lastOf('commits'))) return { id: begun, from: from ?? undefined, to }
      return { id: begun + 1, from: to }
    },
    async define(definition) {
      const now = Object.fromEntries(Object.entries(definition).map(([key, value]) => [key, [value].flat()[0]]))
      if (await store.putIfAbsent(`${path}/definition.json`, JSON.stringify(now))) return
      const kept = await readJson('definition.json')
      const changed = [...new Set([...Object.keys(kept), ...Object.keys(now)])].filter(key => kept[key] !== now[key])
      const differences = changed
        .filter(key => ![definition[key]].flat().includes(String(kept[key])))
        .map(key => `${key} was ${kept[key] ?? 'not set'} and is ${now[key] ?? 'not set'}`)
      if (differences.length)
        throw new Error(
          `${path}: the stream has changed since it began: ${differences.join('; ')}; clear the lake or use another`,
        )
      if (changed.length) await store.put(`${path}/definition.json`, JSON.stringify(now))
    },
    async begin(id, range) {
      if (!(await store.putIfAbsent(`${path}/offsets/${file(id)}`, JSON.stringify(range))))
        throw new Error(`${path}: batch ${id} was begun by another process; is the same stream running twice?`)
    },
    finish: (id, progress) => store.put(`${path}/commits/${file(id)}`, JSON.stringify(progress)),
    async *history<T>(after = -1) {
      const options = after < 0 ? {} : { after: `${path}/commits/${file(after)}` }
      for await (const { path: found } of store.list(`${path}/commits/`, options))
        yield JSON.parse(new TextDecoder().decode(await store.read(found))) as T
    },
    async prune(upTo) {
      if (pruned === undefined) {
        pruned = upTo + 1
        for await (const { path: found } of store.list(`${path}/offsets/`)) {
          pruned = Math.min(pruned, Number(/(\d{10})\.json$/.exec(found)?.[1] ?? pruned))
          break
        }
      }
      // The range goes last: by it the next prune finds what a kill left here.
      for (; pruned <= upTo; pruned++)
        for (const folder of ['commits', 'offsets']) await store.delete(`${path}/${folder}/${file(pruned)}`)
    },
    async stopRequested() {
      return (await store.stat(`${path}/stop`)) !== undefined
    },
    requestStop: () => store.put(`${path}/stop`, new Date().toISOString()),
    clearStop: () => store.delete(`${path}/stop`),
  }
}
