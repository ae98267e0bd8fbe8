/** Cuts the text of a file into JSON records without judging them: what is broken stays as it is, for `bronze` to keep. */

/** True when `text` is one JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The top-level elements of a JSON array, verbatim; undefined when the brackets do not close where the text ends. */
function arrayElements(text: string): string[] | undefined {
  const elements: string[] = []
  let depth = 0
  let start = -1
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 92) i++
      else if (c === 34) inString = false
      continue
    }
    if (c === 34) inString = true
    else if (c === 91 || c === 123) {
      if (++depth === 1) start = i + 1
    } else if (c === 93 || c === 125) {
      if (--depth === 0) {
        const last = text.slice(start, i).trim()
        if (last) elements.push(last)
        else if (elements.length) return undefined
        return text.slice(i + 1).trim() ? undefined : elements
      }
    } else if (c === 44 && depth === 1) {
      elements.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  return undefined
}

/** One record of a file: its text, and the line (or array position) where it starts, from 1. */
export interface RawRecord {
  text: string
  line: number
}

/**
 * Records of a file in any of the three layouts: JSON lines, one JSON value (pretty-printed or not), or a JSON array of
 * records. Blank lines are skipped; every other character ends up in exactly one record.
 */
export function splitRecords(file: string): RawRecord[] {
  const text = file.charCodeAt(0) === 0xfeff ? file.slice(1) : file
  const trimmed = text.trim()
  if (!trimmed) return []
  if (trimmed.startsWith('[')) {
    const elements = arrayElements(trimmed)
    if (elements && isJson(trimmed)) return elements.map((element, i) => ({ text: element, line: i + 1 }))
  }
  const lines = text.split('\n')
  const records: RawRecord[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim()
    if (line) records.push({ text: line, line: i + 1 })
  }
  // Several lines of which the first is no value of its own: perhaps one record printed over many lines.
  if (records.length > 1 && !isJson(records[0]!.text) && isJson(trimmed)) return [{ text: trimmed, line: records[0]!.line }]
  return records
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of a record's bytes; where they are not UTF-8, the text as far as it can be read, and the bytes (base64) as `damage`. */
export function readText(bytes: Uint8Array): { text: string; damage: string | null } {
  try {
    return { text: strict.decode(bytes), damage: null }
  } catch {
    return { text: lenient.decode(bytes), damage: Buffer.from(bytes).toString('base64') }
  }
}
