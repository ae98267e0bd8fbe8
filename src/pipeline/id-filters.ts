import { setImmediate as nextTick } from 'node:timers/promises'
import { type AddFile, duckdb, type Snapshot } from '../delta/index.js'

/** Bits of a filter per id, and how many of them an id sets: of ids that are not in a file, one in two million seems to be. */
const BITS = 32
const SET = 14
/** So few files are looked into sooner than filtered. */
const FEW = 4
/** Filters that are made for a batch: a run that is short is not to pay for a long one. */
const MADE = 4

/**
 * Tells which data files can hold a tweet of a batch, where the range of its ids does not: ids that do not grow with time lie anywhere.
 * Keeps a Bloom filter per file, 4 bytes a tweet, made batch by batch and gone with its file.
 * @returns picks of a snapshot's files those that can hold one of the ids in `from`, a SQL table expression with the column `tweet_id`
 */
export function idFilters() {
  const filters = new WeakMap<AddFile, Uint32Array>()
  return async (snapshot: Snapshot, files: readonly AddFile[], from: string): Promise<readonly AddFile[]> => {
    if (files.length <= FEW) return files
    const ids = await hashes(from)
    const found: AddFile[] = []
    let made = 0
    for (const file of files) {
      const filter = filters.get(file) ?? (made++ < MADE ? filterOf(await idsOf(snapshot, file)) : undefined)
      if (filter) filters.set(file, filter)
      if (!filter || mayHold(filter, ids)) found.push(file)
      await nextTick()
    }
    return found
  }
}

const idsOf = async (snapshot: Snapshot, file: AddFile) =>
  hashes(await snapshot.relation({ columns: ['tweet_id'], files: [file] }))

/** Two numbers of 31 bits for each id, one after the other. */
async function hashes(from: string): Promise<readonly number[]> {
  const select = `SELECT (h >> 33)::INTEGER AS a, (h & 2147483647)::INTEGER AS b FROM (SELECT hash(tweet_id) AS h FROM ${from})`
  const found: number[] = []
  for await (const { a, b } of (await duckdb()).parts(select, 1))
    for (let i = 0; i < a!.length; i++) found.push(a![i] as number, b![i] as number)
  return found
}

/** The i-th bit of the id at `at`: in steps that grow, so that two ids hardly share more than one. */
function place(ids: readonly number[], at: number, i: number, bits: number): number {
  return ((ids[at]! + Math.imul(i, ids[at + 1]!) + ((i * i) >> 1)) >>> 0) % bits
}

function filterOf(ids: readonly number[]): Uint32Array {
  const words = new Uint32Array((ids.length / 2) * (BITS / 32) + 1)
  for (let at = 0; at < ids.length; at += 2)
    for (let i = 0; i < SET; i++) {
      const bit = place(ids, at, i, words.length * 32)
      words[bit >>> 5]! |= 1 << (bit & 31)
    }
  return words
}

function mayHold(words: Uint32Array, ids: readonly number[]): boolean {
  for (let at = 0; at < ids.length; at += 2) {
    let i = 0
    for (; i < SET; i++) {
      const bit = place(ids, at, i, words.length * 32)
      if (!(words[bit >>> 5]! & (1 << (bit & 31)))) break
    }
    if (i === SET) return true
  }
  return false
}
