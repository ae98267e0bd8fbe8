import type { Store } from '../stores/store.js'

/** What a stream remembers between processes, as files under one path. */
export interface Checkpoint {
  /** The batch to begin with: the one that was begun and not finished, else the next. */
  start(): Promise<{ id: number; from: unknown; to?: unknown }>
  /** Writes a batch's range before work on it begins. Throws when another process has begun the same batch. */
  begin(id: number, range: { from: unknown; to: unknown }): Promise<void>
  /** Marks a batch as done, with what is to be remembered of it. */
  finish(id: number, progress: object): Promise<void>
  /** Progress of finished batches, oldest first. */
  history<T>(): AsyncIterable<T>
  /** True when another process has asked the stream to stop since `begin`. */
  stopRequested(): Promise<boolean>
  /** Asks whichever process runs the stream to stop. */
  requestStop(): Promise<void>
  /** Takes back requests to stop. */
  clearStop(): Promise<void>
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

  return {
    async start() {
      const begun = await lastOf('offsets')
      if (begun < 0) return { id: 0, from: undefined }
      const { from, to } = await readJson(`offsets/${file(begun)}`)
      if (begun > (await lastOf('commits'))) return { id: begun, from: from ?? undefined, to }
      return { id: begun + 1, from: to }
    },
    async begin(id, range) {
      if (!(await store.putIfAbsent(`${path}/offsets/${file(id)}`, JSON.stringify(range))))
        throw new Error(`${path}: batch ${id} was begun by another process; is the same stream running twice?`)
    },
    finish: (id, progress) => store.put(`${path}/commits/${file(id)}`, JSON.stringify(progress)),
    async *history<T>() {
      for await (const { path: found } of store.list(`${path}/commits/`))
        yield JSON.parse(new TextDecoder().decode(await store.read(found))) as T
    },
    async stopRequested() {
      return (await store.stat(`${path}/stop`)) !== undefined
    },
    requestStop: () => store.put(`${path}/stop`, new Date().toISOString()),
    clearStop: () => store.delete(`${path}/stop`),
  }
}
