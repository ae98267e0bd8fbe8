/**
 * The text function: what a model sees of a tweet, what people read of it, and the handles and tags in it. Training,
 * serving and streams all call `modelText`; a model's folder records `TEXT_VERSION`.
 */
import { unescapeHtml } from './entities.js'

/** Names the behaviour of `modelText`: changes whenever any text could come out differently. */
export const TEXT_VERSION = 'text-2'

/**
 * Versions that may be taken for this one, in a model's folder and in a lake that goes on. `text-1` knew no Bluesky handles, so
 * `@ann.bsky.social` came out as `@user.bsky.social`; every other text came out as it does now.
 */
export const EARLIER_TEXT_VERSIONS: readonly string[] = ['text-1']

// A handle: Twitter allows 15 characters, tweets of 2009 have longer ones; Bluesky's have dots, and only those of its own domain can be
// told from a sentence that goes on without a space. `RT@name` counts, `x@y.com` does not.
const HANDLE = '[a-z0-9][a-z0-9-]{0,62}\\.bsky\\.social(?![a-z0-9_])|[a-z0-9_]{1,50}(?![a-z0-9_])'
// The look behind stands after the `@`, so that only these are looked at: half the time.
const MENTION = new RegExp(`[@＠](?<=(?:^|[^a-z0-9_])(?:rt)?.)(${HANDLE})`, 'gi')
// `awww.` is a sigh, not an address.
const URL = /https?:\/\/\S+|(?<![A-Za-z0-9_])www\.(?!\.)\S+/gi
const RETWEET = new RegExp(`^\\s*(?:RT\\s*[@＠](?:${HANDLE})\\s*:?\\s*)+`, 'i')
const HASHTAG = /(?<![\p{L}\p{N}\p{M}_&])[#＃]([\p{L}\p{N}\p{M}_]+)/gu

/** Skin tones, the emoji variation selector and the joiner. */
const INVISIBLE = /[\u{1f3fb}-\u{1f3ff}\ufe0f\u200d]/gu
/** Emoji and the pictures people used before them (arrows, stars, suits, notes, ticks); not © ® ™. */
const EMOJI = /(?![©®™‼⁉])[\p{Extended_Pictographic}\p{Regional_Indicator}\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff]/gu
/** The same with the two letters of a flag together, for people. */
const EMOJI_OR_FLAG = new RegExp(`\\p{Regional_Indicator}{2}|${EMOJI.source}`, 'gu')
const LONG_RUN = /(.)\1{3,}/gsu
const CONTROLS = /[\x00-\x08\x0e-\x1f\x7f-\x9f]/g
/** Marks that turn the direction of what follows, also outside of the tweet; the byte order mark. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069\ufeff]/g

/** What `traitsOf` finds in a text: only then the expression that deals with it is tried, which takes most of the time of a tweet. */
const AT = 1
const HASH = 2
const AMPERSAND = 4
const BACKSLASH = 8
const ADDRESS = 16
const CONTROL = 32
/** White space that is not a single space between two words. */
const SPACE = 64
/** Four equal characters in a row, but spaces. */
const RUN = 128
/** Half of a surrogate pair. */
const HALF = 256
const PICTURE = 512
/** A character of which nothing is known: it may be or do anything but those that have a trait of their own. */
const OTHER = 1024
/** What a decoded text has no more. */
const ENCODED = AMPERSAND | BACKSLASH | HALF

const ASCII_TRAITS = new Uint16Array(128)
for (let code = 0; code < 128; code++)
  if (code < 9 || (code > 13 && code < 32) || code === 127) ASCII_TRAITS[code] = CONTROL
  else if (code < 32) ASCII_TRAITS[code] = SPACE
for (const [sign, trait] of Object.entries({ '@': AT, '#': HASH, '&': AMPERSAND, '\\': BACKSLASH }))
  ASCII_TRAITS[sign.charCodeAt(0)] = trait

/** Traits of a character beyond ASCII that is no surrogate. Letters up to U+02FF, dashes and quotes have none: they are composed, and no pictures. */
function wideTraits(code: number): number {
  if (code < 0x300) return code < 0xa0 ? CONTROL : code === 0xa0 ? SPACE : 0
  return code > 0x200f && code < 0x2028 ? 0 : OTHER
}

/** Traits of a pair of surrogates, by its halves: the pictures of U+1F000 to U+1FBFF but the skin tones, or anything. */
const pairTraits = (high: number, low: number) =>
  high < 0xd83c || high > 0xd83e || (high === 0xd83c && low >= 0xdffb) ? OTHER : PICTURE

function traitsOf(text: string): number {
  let traits = 0
  let last = 32
  let run = 1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    let equal = code === last
    if (code < 128) {
      traits |= ASCII_TRAITS[code]!
      if (code === 46 && (last | 32) === 119) traits |= ADDRESS
    } else if (code < 0xd800 || code > 0xdfff) traits |= wideTraits(code)
    else {
      const low = text.charCodeAt(i + 1)
      if (code > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) traits |= HALF
      else {
        traits |= pairTraits(code, low)
        equal = i > 1 && code === text.charCodeAt(i - 2) && low === text.charCodeAt(i - 1)
        i++
      }
    }
    last = code
    if (!equal) run = 1
    else if (code === 32) traits |= SPACE
    else if (code === 47) traits |= ADDRESS | (++run === 4 ? RUN : 0)
    else if (++run === 4) traits |= RUN
  }
  return last === 32 ? traits | SPACE : traits
}

/** Literal `\uXXXX` escapes and HTML entities (twice: `&amp;lt;`) read; half surrogate pairs become U+FFFD. */
function decoded(text: string, traits: number): string {
  let out = text
  if (traits & BACKSLASH)
    out = out.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  if (traits & AMPERSAND) out = unescapeHtml(unescapeHtml(out))
  return out.replace(/[\ud800-\udfff]/gu, '\ufffd')
}

/** A text as its parts are looked for. */
interface Readable {
  text: string
  /** As `decoded`, without what is invisible, in Unicode's composed form. */
  plain: string
  /** Of `plain`. */
  traits: number
}

/** The text that `readable` was asked for last: people's text, handles and tags are read of one tweet after the other. */
let last: Readable = { text: '', plain: '', traits: 0 }

/** The ground for people's text, handles and tags. */
function readable(text: string): Readable {
  if (text === last.text) return last
  let plain = text
  let traits = traitsOf(text)
  if (traits & (ENCODED | OTHER)) {
    plain = decoded(text, traits).replace(INVISIBLE, '').replace(DIRECTIONS, '').normalize('NFC')
    traits = traitsOf(plain)
  }
  last = { text, plain, traits }
  return last
}

function replaceUrls(text: string, traits: number, by: string): string {
  return traits & ADDRESS ? text.replace(URL, by) : text
}

function replaceMentions(text: string, traits: number, by: string): string {
  return traits & (AT | OTHER) ? text.replace(MENTION, by) : text
}

/** The last steps of both texts: emoji set apart, runs cut to three, white space folded. */
function tidied(text: string, traits: number, emoji: RegExp): string {
  let out = text
  if (traits & OTHER) out = out.replace(INVISIBLE, '')
  if (traits & (PICTURE | OTHER)) out = out.replace(emoji, ' $& ')
  if (traits & OTHER) out = out.normalize('NFC')
  // Of two texts that are joined where something invisible was, the run is not known.
  return folded(traits & (RUN | OTHER) ? out.replace(LONG_RUN, '$1$1$1') : out, traits)
}

function folded(text: string, traits: number): string {
  return text.replace(traits & (SPACE | OTHER) ? /\s{2,}|[^\S ]/g : / {2,}/g, ' ').trim()
}

/**
 * The text a model sees, in training and in serving alike. In order: literal `\uXXXX` escapes decoded, HTML entities
 * unescaped twice, `@name` → `@user`, web addresses → `http`, skin tones and joiners dropped, a space around every emoji,
 * runs of four or more equal characters cut to three, white space folded. Well-formed Unicode in composed form (NFC).
 * @example modelText('@ann soooooo good😀 https://t.co/x') // '@user sooo good 😀 http'
 */
export function modelText(text: string): string {
  let out = text
  let traits = traitsOf(text)
  if (traits & ENCODED) {
    out = decoded(text, traits)
    traits = traitsOf(out)
  }
  return tidied(replaceUrls(replaceMentions(out, traits, '@user'), traits, ' http '), traits, EMOJI)
}

/**
 * The text people read, silver's `cleaned_text`: as `modelText`, but mentions, web addresses and the `RT @name:` of a
 * retweet are dropped. Emoji, hashtags and e-mail addresses stay; control and direction marks go. For every `m` of
 * `mentionsOf(text)`, `@m` does not occur in it, whatever the case.
 * @example cleanText('RT @bob: loving it @ann 😀 #win https://t.co/x') // 'loving it 😀 #win'
 */
export function cleanText(text: string): string {
  const { plain, traits } = readable(text)
  const written = traits & CONTROL ? plain.replace(CONTROLS, ' ') : plain
  if (!(traits & (AT | ADDRESS | CONTROL | SPACE | RUN | PICTURE | OTHER))) return written
  const own = traits & (AT | OTHER) ? written.replace(RETWEET, '') : written
  const out = tidied(replaceMentions(replaceUrls(own, traits, ' '), traits, ' '), traits, EMOJI_OR_FLAG)
  return traits & (AT | OTHER) && /[@＠]/.test(out) ? withoutHandles(out, traits, mentionsOf(text)) : out
}

/** Takes the lone `@`s out, and every `@` if one still stands before a mentioned handle, as in `@y … x@y.com`. */
function withoutHandles(text: string, traits: number, mentions: readonly string[]): string {
  const handles = new Set(mentions)
  const named = [...text.toLowerCase().matchAll(/@([a-z0-9_.-]{1,75})/g)].some(([, run]) => {
    for (let end = 1; end <= run!.length; end++) if (handles.has(run!.slice(0, end))) return true
    return false
  })
  return folded(text.replace(named ? /[@＠]/g : /(?<!\S)[@＠](?!\S)/g, ' '), traits)
}

function unique(text: string, pattern: RegExp): string[] {
  const found = new Set<string>()
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) found.add(match[1]!.toLowerCase())
  return [...found]
}

/**
 * The handles a text mentions: lower-cased, without `@`, each once, in order. A handle is 1–50 of `A–Z a–z 0–9 _`, or a name of
 * Bluesky that ends in `.bsky.social`, after `@` (or `＠`) that no such character precedes, so an e-mail address and a lone `@` are none; addresses of pages are not looked into.
 * @example mentionsOf('@a hi @B, x@y.com @') // ['a', 'b']
 */
export function mentionsOf(text: string): string[] {
  const { plain, traits } = readable(text)
  return traits & (AT | OTHER) ? unique(replaceUrls(plain, traits, ' '), MENTION) : []
}

/**
 * The hashtags of a text: lower-cased, without `#`, each once, in order. Letters, marks, digits and `_` of any script, with
 * at least one that is not a digit; addresses of pages are not looked into.
 * @example hashtagsOf('#Größe #2026 #größe #C3') // ['größe', 'c3']
 */
export function hashtagsOf(text: string): string[] {
  const { plain, traits } = readable(text)
  return traits & (HASH | OTHER) ? unique(replaceUrls(plain, traits, ' '), HASHTAG).filter(tag => !/^[\p{N}_]+$/u.test(tag)) : []
}

/** True when a text is a retweet written by hand: it begins with `RT @name`. */
export function isRetweet(text: string): boolean {
  return RETWEET.test(text)
}
