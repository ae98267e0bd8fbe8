/**
 * The text function: what a model sees of a tweet, what people read of it, and the handles and tags in it. Training,
 * serving and streams all call `modelText`; a model's folder records `TEXT_VERSION`.
 */
import { unescapeHtml } from './entities.js'

/** Names the behaviour of `modelText`: changes whenever any text could come out differently. */
export const TEXT_VERSION = 'text-1'

// A handle: Twitter allows 15 characters, tweets of 2009 have longer ones. `RT@name` counts, `x@y.com` does not.
// The look behind stands after the `@`, so that only these are looked at: half the time.
const MENTION = /[@＠](?<=(?:^|[^A-Za-z0-9_])(?:[Rr][Tt])?.)([A-Za-z0-9_]{1,50})(?![A-Za-z0-9_])/g
const URL_START = /https?:\/\/|www\./i
// `awww.` is a sigh, not an address.
const URL = /https?:\/\/\S+|(?<![A-Za-z0-9_])www\.(?!\.)\S+/gi
const RETWEET = /^\s*(?:RT\s*[@＠][A-Za-z0-9_]{1,50}(?![A-Za-z0-9_])\s*:?\s*)+/i
const HASHTAG = /(?<![\p{L}\p{N}\p{M}_&])[#＃]([\p{L}\p{N}\p{M}_]+)/gu

const NOT_ASCII = /[^\x00-\x7f]/
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

/** Literal `\uXXXX` escapes and HTML entities (twice: `&amp;lt;`) read; half surrogate pairs become U+FFFD. */
function decoded(text: string): string {
  let out = text
  if (out.includes('\\u'))
    out = out.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  if (out.includes('&')) out = unescapeHtml(unescapeHtml(out))
  return NOT_ASCII.test(out) ? out.replace(/[\ud800-\udfff]/gu, '\ufffd') : out
}

/** The text that `readable` was asked for last: people's text, handles and tags are read of one tweet after the other. */
let last = { text: '', readable: '' }

/** As `decoded`, without what is invisible, in Unicode's composed form: the ground for people's text, handles and tags. */
function readable(text: string): string {
  if (text === last.text) return last.readable
  const out = decoded(text)
  last = { text, readable: NOT_ASCII.test(out) ? out.replace(INVISIBLE, '').replace(DIRECTIONS, '').normalize('NFC') : out }
  return last.readable
}

function hasMentions(text: string): boolean {
  return text.includes('@') || text.includes('＠')
}

function replaceUrls(text: string, by: string): string {
  return URL_START.test(text) ? text.replace(URL, by) : text
}

function replaceMentions(text: string, by: string): string {
  return hasMentions(text) ? text.replace(MENTION, by) : text
}

/** The last steps of both texts: emoji set apart, runs cut to three, white space folded. */
function tidied(text: string, emoji: RegExp): string {
  const apart = NOT_ASCII.test(text) ? text.replace(INVISIBLE, '').replace(emoji, ' $& ').normalize('NFC') : text
  return folded(hasLongRun(apart) ? apart.replace(LONG_RUN, '$1$1$1') : apart)
}

function folded(text: string): string {
  return (/\s\s|[^\S ]/.test(text) ? text.replace(/\s+/g, ' ') : text).trim()
}

/** True when four equal characters but spaces, which are folded anyway, may follow one another; a loop, as the expression takes most of the time of a tweet. */
function hasLongRun(text: string): boolean {
  let run = 1
  for (let i = 1, last = text.charCodeAt(0); i < text.length; i++) {
    const code = text.charCodeAt(i)
    // A character of two units: equal ones are two apart.
    const equal = code === last || (code >= 0xdc00 && code <= 0xdfff) || (code >= 0xd800 && code <= 0xdbff)
    run = equal && code !== 32 ? run + 1 : 1
    if (run === 4) return true
    last = code
  }
  return false
}

/**
 * The text a model sees, in training and in serving alike. In order: literal `\uXXXX` escapes decoded, HTML entities
 * unescaped twice, `@name` → `@user`, web addresses → `http`, skin tones and joiners dropped, a space around every emoji,
 * runs of four or more equal characters cut to three, white space folded. Well-formed Unicode in composed form (NFC).
 * @example modelText('@ann soooooo good😀 https://t.co/x') // '@user sooo good 😀 http'
 */
export function modelText(text: string): string {
  return tidied(replaceUrls(replaceMentions(decoded(text), '@user'), ' http '), EMOJI)
}

/**
 * The text people read, silver's `cleaned_text`: as `modelText`, but mentions, web addresses and the `RT @name:` of a
 * retweet are dropped. Emoji, hashtags and e-mail addresses stay; control and direction marks go. For every `m` of
 * `mentionsOf(text)`, `@m` does not occur in it, whatever the case.
 * @example cleanText('RT @bob: loving it @ann 😀 #win https://t.co/x') // 'loving it 😀 #win'
 */
export function cleanText(text: string): string {
  const plain = readable(text)
  const written = plain.replace(CONTROLS, ' ')
  const short = replaceMentions(replaceUrls(written.replace(RETWEET, ''), ' '), ' ')
  const out = tidied(short, EMOJI_OR_FLAG)
  return hasMentions(out) ? withoutHandles(out, mentionsIn(plain)) : out
}

/** Takes the lone `@`s out, and every `@` if one still stands before a mentioned handle, as in `@y … x@y.com`. */
function withoutHandles(text: string, mentions: readonly string[]): string {
  const handles = new Set(mentions)
  const named = [...text.toLowerCase().matchAll(/@([a-z0-9_]{1,50})/g)].some(([, run]) => {
    for (let end = 1; end <= run!.length; end++) if (handles.has(run!.slice(0, end))) return true
    return false
  })
  return folded(text.replace(named ? /[@＠]/g : /(?<!\S)[@＠](?!\S)/g, ' '))
}

function unique(text: string, pattern: RegExp): string[] {
  const found = new Set<string>()
  for (const match of text.matchAll(pattern)) found.add(match[1]!.toLowerCase())
  return [...found]
}

function mentionsIn(plain: string): string[] {
  return hasMentions(plain) ? unique(replaceUrls(plain, ' '), MENTION) : []
}

/**
 * The handles a text mentions: lower-cased, without `@`, each once, in order. A handle is 1–50 of `A–Z a–z 0–9 _` after `@`
 * (or `＠`) that no such character precedes, so an e-mail address and a lone `@` are none; addresses of pages are not looked into.
 * @example mentionsOf('@a hi @B, x@y.com @') // ['a', 'b']
 */
export function mentionsOf(text: string): string[] {
  // The entity or escape of an `@` is looked for too.
  return hasMentions(text) || text.includes('&') || text.includes('\\u') ? mentionsIn(readable(text)) : []
}

/**
 * The hashtags of a text: lower-cased, without `#`, each once, in order. Letters, marks, digits and `_` of any script, with
 * at least one that is not a digit; addresses of pages are not looked into.
 * @example hashtagsOf('#Größe #2026 #größe #C3') // ['größe', 'c3']
 */
export function hashtagsOf(text: string): string[] {
  if (!text.includes('#') && !text.includes('＃') && !text.includes('&') && !text.includes('\\u')) return []
  return unique(replaceUrls(readable(text), ' '), HASHTAG).filter(tag => !/^[\p{N}_]+$/u.test(tag))
}

/** True when a text is a retweet written by hand: it begins with `RT @name`. */
export function isRetweet(text: string): boolean {
  return RETWEET.test(text)
}
