import { gunzipSync, gzipSync } from 'node:zlib'
import { isInput } from '../sources/json-files.js'
import { splitRecords } from '../sources/records.js'
import type { Store } from '../stores/store.js'
import { namePatterns, REDACTED, type Terms } from './forget-terms.js'
import { readRecord } from './record.js'

/** What became of files of raw records. */
export interface FilesForgotten {
  files: number
  records: number
}

type Json = Record<string, unknown>

/** True for a record that is a post of somebody to be forgotten, or a copy of one. */
function isOwn(text: string, { users, ids }: Terms, named: RegExp | undefined, retweet: RegExp | undefined): boolean {
  return readRecord(text).some(({ id, user, text: said, form, record }) => {
    if (form === 'unknown') return named?.test(text) ?? false
    const copied = record === null ? undefined : ((JSON.parse(record) as Json).retweeted_status as Json | undefined)
    const author = (copied?.user as Json | undefined)?.screen_name
    return (
      (user !== null && users.includes(user.toLowerCase())) ||
      (id !== null && ids.has(id)) ||
      (typeof author === 'string' && users.includes(author.toLowerCase())) ||
      (said !== null && (retweet?.test(said) ?? false))
    )
  })
}

/** A response with many tweets, without those of the users; undefined where none is left. */
function withoutOwn(value: Json, { users, ids }: Terms): Json | undefined {
  const includes = (value.includes ?? {}) as { users?: Json[]; tweets?: Json[] }
  const gone = new Set(
    (includes.users ?? []).filter(user => users.includes(String(user.username).toLowerCase())).map(user => user.id),
  )
  const stays = (tweet: Json) => !gone.has(tweet.author_id) && !ids.has(String(tweet.id))
  const data = (value.data as Json[]).filter(stays)
  if (!data.length) return undefined
  const kept = { users: includes.users?.filter(user => !gone.has(user.id)), tweets: includes.tweets?.filter(stays) }
  return { ...value, data, ...(value.includes ? { includes: { ...includes, ...kept } } : {}) }
}

/**
 * Takes the posts of forgotten users out of files of raw records, and their names out of other people's. A file keeps its name,
 * whatever is left in it, so that a stream that knows it does not read it again.
 */
export async function forgetFiles(store: Store, prefix: string, terms: Terms): Promise<FilesForgotten> {
  const names = namePatterns(terms.users)
  const named = names && new RegExp(`${names.mention}|${names.quoted}|${names.address}`, 'i')
  const retweet = names && new RegExp(`^\\s*RT ${names.mention}`, 'i')
  const redact = (text: string) =>
    names
      ? text
          .replace(new RegExp(names.mention, 'gi'), REDACTED)
          .replace(new RegExp(names.quoted, 'gi'), `"${REDACTED}"`)
          .replace(new RegExp(names.address, 'gi'), `$1${REDACTED}`)
      : text
  const done = { files: 0, records: 0 }
  for await (const { path } of store.list(prefix)) {
    if (!isInput(path)) continue
    const zipped = path.toLowerCase().endsWith('.gz')
    const bytes = await store.read(path)
    const text = Buffer.from(zipped ? gunzipSync(bytes) : bytes).toString()
    let gone = 0
    let changed = false
    const kept = splitRecords(text).flatMap(({ text: record }) => {
      if (!isOwn(record, terms, named, retweet)) {
        const clean = redact(record)
        changed ||= clean !== record
        return [clean]
      }
      gone++
      const value = readRecord(record).length > 1 ? (JSON.parse(record) as Json) : undefined
      const rest = value && Array.isArray(value.data) ? withoutOwn(value, terms) : undefined
      return rest ? [redact(JSON.stringify(rest))] : []
    })
    if (!gone && !changed) continue
    const left = Buffer.from(kept.map(record => `${record}\n`).join(''))
    await store.put(path, zipped ? gzipSync(left) : left)
    done.files++
    done.records += gone
  }
  return done
}
