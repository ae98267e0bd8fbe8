import { setImmediate as nextTick } from 'node:timers/promises'
import { cleanText, hashtagsOf, isRetweet, mentionsOf } from '../text/clean.js'
import { type Marked, readFacets } from '../text/facets.js'
import { primaryLanguage } from '../text/language-tag.js'
import { placeOf, type TweetPlace } from '../text/place.js'

/** Columns of an array each, one entry per row. */
export type Columns = Record<string, unknown[]>

/** What JavaScript reads of a tweet. Handles and tags hold no space, so a list of them crosses as one text. */
export const READ_COLUMNS = {
  cleaned_text: 'VARCHAR',
  handles: 'VARCHAR',
  tags: 'VARCHAR',
  retweet: 'BOOLEAN',
  language: 'VARCHAR',
  location: 'VARCHAR',
  latitude: 'DOUBLE',
  longitude: 'DOUBLE',
}

/** Tweets that are read before other things of this process get their turn. */
const TURN = 256

/**
 * Reads `READ_COLUMNS` out of tweets.
 * @param columns `text`; `lang` as the platform says it, or null; `place`: null, a JSON array of the parts of its record that
 *   say where it comes from, or a JSON object of the `facets` that a Bluesky post has
 */
export async function readTweets(columns: Columns, signal?: AbortSignal): Promise<Columns> {
  const texts = columns.text as string[]
  const langs = columns.lang as (string | null)[]
  const made = Object.fromEntries(Object.keys(READ_COLUMNS).map(name => [name, new Array<unknown>(texts.length)]))
  for (const [i, text] of texts.entries()) {
    const said = columns.place![i] === null ? undefined : (JSON.parse(columns.place![i] as string) as unknown)
    const place = Array.isArray(said) ? placeOfParts(said) : undefined
    const marked = said === undefined || place ? undefined : markedIn(text, said as { facets: unknown[] })
    // One tweet at a time: the parts of its text are looked up by all three.
    made.cleaned_text![i] = cleanText(marked?.text ?? text)
    made.handles![i] = (marked?.mentions.length ? marked.mentions : mentionsOf(text)).join(' ') || null
    made.tags![i] = (marked?.hashtags.length ? marked.hashtags : hashtagsOf(text)).join(' ') || null
    made.retweet![i] = isRetweet(text)
    // The detector is large, and most platforms name the language.
    made.language![i] = primaryLanguage(langs[i]) ?? (await import('../text/language.js')).detectLanguage(text)
    made.location![i] = place?.location ?? null
    made.latitude![i] = place?.latitude ?? null
    made.longitude![i] = place?.longitude ?? null
    if (i % TURN === TURN - 1) {
      await nextTick()
      signal?.throwIfAborted()
    }
  }
  return made
}

/** What a Bluesky post marks in its text; its parts are facets by the two wires, then tags. */
function markedIn(text: string, { facets: [v1, v2, tags1, tags2] }: { facets: unknown[] }): Marked {
  return readFacets(text, v1 ?? v2, tags1 ?? tags2)
}

/** Where a tweet comes from: point, place, profile, by either way to write a record. */
function placeOfParts(parts: unknown[]): TweetPlace {
  const [point, place, profile, flatPoint, flatPlace, flatProfile] = parts.map(part => part ?? undefined)
  return placeOf({ coordinates: point ?? flatPoint, place: place ?? flatPlace, profile: profile ?? flatProfile })
}
