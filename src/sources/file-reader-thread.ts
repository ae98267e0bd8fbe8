/** A thread that reads small files, one behind the other into one block: synchronously, which is the quickest way. */
import { closeSync, openSync, readSync } from 'node:fs'
import { answerQuestions } from '../threads.js'

/** Files of this machine's disk, and how many bytes each had. */
export interface FilesQuestion {
  paths: readonly string[]
  sizes: readonly number[]
}

/** What was read: file after file in `bytes`, each up to its end in `ends`; -1 for one that could not be read or has another size now. */
export interface FilesAnswer {
  bytes: Uint8Array
  ends: Float64Array
}

answerQuestions(
  ({ paths, sizes }: FilesQuestion): FilesAnswer => {
    const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0) + 1)
    const ends = new Float64Array(paths.length)
    let at = 0
    for (const [i, path] of paths.entries()) {
      const size = sizes[i]!
      // A byte more than there should be tells that it has grown.
      const read = readFile(path, bytes, at, size + 1)
      ends[i] = read === size ? at + size : -1
      if (read === size) at += size
    }
    return { bytes, ends }
  },
  ({ bytes, ends }) => [bytes.buffer as ArrayBuffer, ends.buffer as ArrayBuffer],
)

function readFile(path: string, into: Uint8Array, at: number, length: number): number {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return -1
  }
  try {
    return readSync(file, into, at, length, null)
  } catch {
    return -1
  } finally {
    closeSync(file)
  }
}
