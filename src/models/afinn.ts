/** The AFINN word list of npm `sentiment` by hash: a word's value is found without making a string of it. */
import { createRequire } from 'node:module'
import { hashText } from './hash.js'

/** Answer for a word that turns what follows. */
export const NEGATOR = 127

/** Beside those that `sentiment` knows. */
const NEGATORS =
  'no never nothing nobody none nor without cannot aint didnt wasnt couldnt wouldnt shouldnt havent hasnt hadnt arent werent'.split(
    ' ',
  )

const SLOTS = 2 ** 14

/**
 * A function from the hash of a lower-cased word (`hashText`) to its value in AFINN,
 * −5 to 5; 0 for a word without one, `NEGATOR` for a negator.
 */
export function wordValues(seed: number): (hash: number) => number {
  const require = createRequire(import.meta.url)
  const listed = require('sentiment/languages/en/labels.json') as Record<string, number>
  const negators = Object.keys(require('sentiment/languages/en/negators.json') as object)
  const keys = new Int32Array(SLOTS)
  const values = new Int8Array(SLOTS)
  const put = (word: string, value: number) => {
    const hash = hashText(word, seed)
    let slot = hash & (SLOTS - 1)
    while (values[slot] !== 0 && keys[slot] !== hash) slot = (slot + 1) & (SLOTS - 1)
    keys[slot] = hash
    values[slot] = value
  }
  for (const [word, value] of Object.entries(listed)) if (value !== 0) put(word, value)
  for (const word of [...negators, ...NEGATORS]) {
    put(word, NEGATOR)
    if (word.endsWith('nt')) put(word.replace(/nt$/, "n't"), NEGATOR)
  }
  return hash => {
    let slot = hash & (SLOTS - 1)
    while (values[slot] !== 0) {
      if (keys[slot] === hash) return values[slot]!
      slot = (slot + 1) & (SLOTS - 1)
    }
    return 0
  }
}
