/** The text function for plain tweets: one pass over the codes instead of a dozen expressions. */

const [SPACE, AND, HYPHEN, DOT, SLASH, COLON, AT, BACKSLASH, SMALL_B, SMALL_W] = [32, 38, 45, 46, 47, 58, 64, 92, 98, 119]
const USER = Array.from('@user', character => character.charCodeAt(0))
/** Twitter's longest, by far; as in `modelText`. */
const LONGEST_HANDLE = 50
const LONGEST_RUN = 3

/** A capital's small letter, a space for white space, each other code itself. */
const FOLDED = Uint8Array.from({ length: 128 }, (_, code) =>
  /\s/.test(String.fromCharCode(code)) ? SPACE : String.fromCharCode(code).toLowerCase().charCodeAt(0),
)
const IN_HANDLE = Uint8Array.from({ length: 128 }, (_, code) => Number(/\w/.test(String.fromCharCode(code))))

/**
 * Writes the codes of `modelText(text).toLowerCase()` into `codes` from place 1 on and gives how many; −1 for a text that is not plainly
 * simple: not ASCII, with an entity, an escape, an address, an `@` within a word, or what may be a handle of Bluesky. Then ask `modelText`.
 * @param codes holds at least `text.length` × 5 / 2 + 2
 */
export function plainCodes(text: string, codes: Uint16Array): number {
  const { length } = text
  // A leading space is no word's.
  let [at, last, run] = [1, SPACE, 0]
  for (let i = 0; i < length; i++) {
    const raw = text.charCodeAt(i)
    if (raw > 127 || raw === AND || raw === BACKSLASH) return -1
    const code = FOLDED[raw]!
    if (code === SPACE) {
      if (last !== SPACE) codes[at++] = SPACE
      last = SPACE
      continue
    }
    if (code === SLASH && codes[at - 1] === SLASH && codes[at - 2] === COLON) return -1
    if (code === DOT && codes[at - 1] === SMALL_W && codes[at - 2] === SMALL_W && codes[at - 3] === SMALL_W) return -1
    run = raw === last ? run + 1 : 1
    last = raw
    if (run <= LONGEST_RUN) codes[at++] = code
    if (code !== AT) continue
    let end = i + 1
    while (end < length && IN_HANDLE[text.charCodeAt(end)] === 1) end++
    if (end === i + 1) continue
    if (end - i > LONGEST_HANDLE || (i > 0 && IN_HANDLE[text.charCodeAt(i - 1)] === 1)) return -1
    const next = text.charCodeAt(end)
    if (next === HYPHEN || (next === DOT && (text.charCodeAt(end + 1) | 32) === SMALL_B)) return -1
    for (let k = 1; k < USER.length; k++) codes[at++] = USER[k]!
    last = USER[4]!
    i = end - 1
  }
  return (last === SPACE && at > 1 ? at - 1 : at) - 1
}
