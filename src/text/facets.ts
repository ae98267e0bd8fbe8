/** What a Bluesky post says of parts of its own text. */

/** Mentions and hashtags that a post marks itself, and its text without the marked mentions. */
export interface Marked {
  /** Lower-cased handles without `@` (the DID where the text shows none), each once, in order of appearance; none where nothing is marked. */
  mentions: string[]
  /** Lower-cased tags without `#`, each once; white space in them is `_`. */
  hashtags: string[]
  /** The text, each marked mention a space. */
  text: string
}

const HANDLE = /^[@＠]([a-z0-9_.-]{1,253})$/i
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Span {
  start: number
  end: number
  features: Record<string, unknown>[]
}

/** Facets that lie within `length` bytes, in order of appearance. */
function spansOf(facets: unknown, length: number): Span[] {
  const spans: Span[] = []
  for (const facet of Array.isArray(facets) ? (facets as unknown[]) : []) {
    const { index, features } = (facet ?? {}) as { index?: { byteStart?: unknown; byteEnd?: unknown }; features?: unknown }
    const [start, end] = [Number(index?.byteStart ?? -1), Number(index?.byteEnd ?? -1)]
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end <= start || end > length) continue
    const known = Array.isArray(features) ? features.filter(one => typeof one === 'object' && one !== null) : []
    spans.push({ start, end, features: known as Record<string, unknown>[] })
  }
  return spans.sort((a, b) => a.start - b.start)
}

/**
 * Reads the facets of a post, whose indexes count UTF-8 bytes, and its outline tags. A facet that does not lie within the text, or cuts a
 * character, counts as none. Never throws, whatever the parts hold.
 * @param facets the record's `facets`
 * @param tags the record's `tags`
 */
export function readFacets(text: string, facets: unknown, tags?: unknown): Marked {
  const bytes = Buffer.from(text)
  const mentions = new Set<string>()
  const hashtags = new Set<string>()
  const addTag = (tag: unknown) => {
    if (typeof tag === 'string' && tag.trim())
      hashtags.add(
        tag
          .trim()
          .replace(/^[#＃]/, '')
          .normalize('NFC')
          .toLowerCase()
          .replace(/\s+/g, '_'),
      )
  }
  const kept: string[] = []
  let at = 0
  for (const { start, end, features } of spansOf(facets, bytes.length)) {
    let shown: string
    try {
      shown = strict.decode(bytes.subarray(start, end))
    } catch {
      continue
    }
    for (const { $type, did, tag } of features) {
      if ($type === 'app.bsky.richtext.facet#tag') addTag(tag)
      if ($type !== 'app.bsky.richtext.facet#mention') continue
      const name = HANDLE.exec(shown)?.[1] ?? (typeof did === 'string' && !/\s/.test(did) ? did : undefined)
      if (name) mentions.add(name.toLowerCase())
      if (start < at) continue
      kept.push(bytes.toString('utf8', at, start), ' ')
      at = end
    }
  }
  if (Array.isArray(tags)) for (const tag of tags) addTag(tag)
  return { mentions: [...mentions], hashtags: [...hashtags], text: kept.join('') + bytes.toString('utf8', at) }
}
