import { createHash, randomBytes } from 'node:crypto'
import { quoteText } from '../delta/index.js'
import type { Batch } from '../sources/batch.js'
import { openStore } from '../stores/open-store.js'
import { FileNotFoundError } from '../stores/store.js'

/** Folder of a lake with what `forget` leaves: hashes of whom it forgot, and receipts. */
export const FORGET_FOLDER = '_forget'
const LISTS = `${FORGET_FOLDER}/suppressed/`
const SALT = `${FORGET_FOLDER}/salt`

/** Who was forgotten, as salted hashes: what a source delivers of them again must not come back. */
export interface Suppression {
  /** Adds users (names) and posts (ids); durable when this resolves. */
  add(users: readonly string[], posts: readonly string[]): Promise<void>
  /**
   * The rows that are nobody's who was forgotten; the same batch where all are.
   * @param users SQL for the name of whoever wrote the post, and of whom it copies; `post` for the tweet's id
   */
  filter(batch: Batch, users: readonly string[], post: string): Promise<Batch>
}

/** The list of a lake; made with the first `add`, read again where it has grown. */
export function openSuppression(lake: string): Suppression {
  const store = openStore(lake)
  const hashes = new Set<string>()
  let salt: string | undefined
  let last: string | undefined

  async function readSalt(): Promise<string | undefined> {
    try {
      return Buffer.from(await store.read(SALT)).toString()
    } catch (error) {
      if (error instanceof FileNotFoundError) return undefined
      throw error
    }
  }
  async function refresh(): Promise<void> {
    for await (const { path } of store.list(LISTS, { after: last })) {
      for (const hash of JSON.parse(Buffer.from(await store.read(path)).toString()) as string[]) hashes.add(hash)
      last = path
    }
    if (hashes.size) salt ??= await readSalt()
  }
  const hash = (kind: string, value: string) => createHash('sha256').update(`${salt}${kind}${value}`).digest('hex')

  return {
    async add(users, posts) {
      await store.putIfAbsent(SALT, randomBytes(16).toString('hex'))
      salt = await readSalt()
      await refresh()
      const all = [...users.map(user => hash('user:', user.toLowerCase())), ...posts.map(post => hash('post:', post))]
      const fresh = all.filter(one => !hashes.has(one))
      for (let n = Number(/(\d+)\.json$/.exec(last ?? '')?.[1] ?? 0) + 1; fresh.length; n++)
        if (await store.putIfAbsent(`${LISTS}${String(n).padStart(10, '0')}.json`, JSON.stringify(fresh))) break
      await refresh()
    },
    async filter(batch, users, post) {
      await refresh()
      if (!hashes.size || !batch.count) return batch
      const list = [...hashes].map(quoteText).join(', ')
      const named = (kind: string, value: string) => `sha256(${quoteText(`${salt}${kind}`)} || ${value})`
      const stays = [...users.map(user => named('user:', `lower(${user})`)), named('post:', post)]
      const where = stays.map(one => `coalesce(${one} NOT IN (${list}), true)`).join(' AND ')
      return batch.sql(from => `SELECT * FROM ${from} WHERE ${where}`)
    },
  }
}
