/** Answers of a transformer on disk: a text that was scored once is not scored again by a later process. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashNext, hashStart } from './hash.js'

/** Known logits (negative, neutral, positive) by text. */
export interface ScoreFile {
  /** undefined for a text that is not known. The array is used again: copy what is to stay. */
  get(text: string): Float32Array | undefined
  /** Keeps an answer; on disk after `flush`. */
  set(text: string, logits: readonly number[]): void
  /** Writes what is new. */
  flush(): Promise<void>
  readonly size: number
}

/** A record: 16 bytes of the text's sha256, three float32 logits, a check over both. */
const WORDS = 8
const RECORD = 4 * WORDS
const DEFAULT_MOST = 1_000_000

/**
 * Opens the answers of one model in a folder: `scores-HASH.bin`, appended to. Whatever a crash or another process leaves half
 * written fails its check and is passed over. Bounded: when the file has more than `most` records, its older half is dropped as it is opened.
 * @param hash sha256 of the model's folder
 * @param most records, 32 bytes each; default 1,000,000
 */
export function openScoreFile(folder: string, hash: string, { most = DEFAULT_MOST }: { most?: number } = {}): ScoreFile {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `scores-${hash.slice(0, 32)}.bin`)
  let table = readTable(file)
  let count = table.length / WORDS
  if (count > most) {
    table = table.slice(-WORDS * Math.ceil(most / 2))
    count = table.length / WORDS
    const coming = `${file}.${process.pid}`
    writeFileSync(coming, new Uint8Array(table.buffer))
    renameSync(coming, file)
  }
  let written = count
  // Open addressing: 1 + number of the record.
  let slots = new Int32Array(slotsFor(count))
  const key = new Int32Array(4)
  const logits = new Float32Array(3)
  for (let record = 0; record < count; record++) place(record)

  function place(record: number): void {
    let slot = table[WORDS * record]! & (slots.length - 1)
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
    slots[slot] = record + 1
  }

  /** The record of the text whose hash is in `key`; −1 for none. */
  function find(): number {
    for (let slot = key[0]! & (slots.length - 1); slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      const at = WORDS * (slots[slot]! - 1)
      if (table[at] === key[0] && table[at + 1] === key[1] && table[at + 2] === key[2] && table[at + 3] === key[3])
        return slots[slot]! - 1
    }
    return -1
  }

  function readKey(text: string): void {
    const digest = createHash('sha256').update(text).digest()
    for (let i = 0; i < 4; i++) key[i] = digest.readInt32LE(4 * i)
  }

  return {
    get(text) {
      readKey(text)
      const record = find()
      if (record < 0) return undefined
      new Int32Array(logits.buffer).set(table.subarray(WORDS * record + 4, WORDS * record + 7))
      return logits
    },
    set(text, values) {
      readKey(text)
      if (count >= most || find() >= 0) return
      if (WORDS * (count + 1) > table.length) {
        const larger = new Int32Array(Math.max(1024 * WORDS, 2 * table.length))
        larger.set(table)
        table = larger
      }
      const record = table.subarray(WORDS * count, WORDS * (count + 1))
      record.set(key)
      logits.set(values)
      record.set(new Int32Array(logits.buffer), 4)
      record[7] = checkOf(record)
      count += 1
      if (2 * count > slots.length) {
        slots = new Int32Array(slotsFor(count))
        for (let i = 0; i < count; i++) place(i)
      } else place(count - 1)
    },
    async flush() {
      const fresh = table.slice(WORDS * written, WORDS * count)
      written = count
      if (fresh.length) await appendFile(file, new Uint8Array(fresh.buffer))
    },
    get size() {
      return count
    },
  }
}

function slotsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(4 * count + 1024))
}

/** The sound records of a file, in order; none when there is no file. */
function readTable(file: string): Int32Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Int32Array(0)
    throw error
  }
  const all = new Int32Array(new Uint8Array(bytes).buffer, 0, WORDS * Math.floor(bytes.length / RECORD))
  let kept = 0
  for (let at = 0; at < all.length; at += WORDS) {
    if (all[at + 7] !== checkOf(all.subarray(at, at + WORDS))) continue
    all.copyWithin(WORDS * kept, at, at + WORDS)
    kept += 1
  }
  return all.slice(0, WORDS * kept)
}

function checkOf(record: Int32Array): number {
  let hash = hashStart(9)
  for (let i = 0; i < WORDS - 1; i++) hash = hashNext(hashNext(hash, record[i]! & 0xffff), record[i]! >>> 16)
  return hash
}
