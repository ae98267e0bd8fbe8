import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hashtagsOf, mentionsOf } from '../src/text/clean.js'
import { parseTweetDate } from '../src/text/dates.js'
import { detectLanguage } from '../src/text/language.js'
import { placeOf } from '../src/text/place.js'
import { LABELS } from '../src/tweet.js'

type Json = Record<string, unknown>
interface Bank {
  products: string[]
  handles: string[]
  phrases: Record<string, Record<string, string[]>>
}
interface Labelled {
  text: string
  sentiment: string
  lang: string
}

const DATA = 'data'
const PRODUCTS = /quvra|nimbolo|tazzel/i
const summary = JSON.parse(read('summary.json')) as {
  labelled: Record<string, number>
  tweets: Record<string, number>
  events: Record<string, { product: string; from: string; hours: number }>
}

function read(path: string): string {
  return readFileSync(join(DATA, path), 'utf8')
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

function parsed(line: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function linesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(DATA, folder))
    .filter(name => pattern.test(name))
    .sort()
    .flatMap(name => read(`${folder}/${name}`).trimEnd().split('\n'))
}

const labelled = (name: string) => linesOf('labelled', new RegExp(`^${name}`)).map(line => JSON.parse(line) as Labelled)
const train = labelled('train')
const evaluation = labelled('evaluation')
const classroomLines = linesOf('tweets/classroom', /^part-0[0-4]/)
const array = JSON.parse(read('tweets/classroom/part-05.json')) as Json[]
const singles = readdirSync(join(DATA, 'tweets/classroom/single')).map(name => parsed(read(`tweets/classroom/single/${name}`)))
const v1Lines = linesOf('tweets/platform', /^v1/)
const v2 = readdirSync(join(DATA, 'tweets/platform'))
  .filter(name => name.startsWith('v2'))
  .map(name => JSON.parse(read(`tweets/platform/${name}`)) as { data: Json[]; includes: { users: Json[]; places: Json[] } })
const present = <T>(value: T | undefined): value is T => value !== undefined
const classroom = [...singles, ...classroomLines.map(parsed), ...array].filter(present)
const v1 = v1Lines.map(parsed).filter(present)
const v2Tweets = v2.flatMap(page => page.data)

/** Every readable tweet once, in one form. */
const tweets = [
  ...new Map(
    [
      ...classroom.map(r => ({ key: JSON.stringify(r), date: r.date, text: r.text, sentiment: r.sentiment, lang: undefined })),
      ...v1.map(r => ({ key: r.id_str, date: r.created_at, text: r.full_text ?? r.text, sentiment: undefined, lang: r.lang })),
      ...v2Tweets.map(r => ({ key: r.id, date: r.created_at, text: r.text, sentiment: undefined, lang: r.lang })),
    ].map(tweet => [tweet.key, tweet]),
  ).values(),
].flatMap(({ date, text, sentiment, lang }) => {
  const when = typeof date === 'string' ? parseTweetDate(date) : undefined
  return when && typeof text === 'string' && text ? [{ when, text, sentiment, lang }] : []
})

function shareOf<T>(list: readonly T[], test: (item: T) => boolean): number {
  return list.filter(test).length / list.length
}

describe('the sample data', () => {
  it('comes out of its generator byte by byte', () => {
    const out = mkdtempSync(join(tmpdir(), 'moodlake-data-'))
    try {
      execFileSync(process.execPath, [join(DATA, 'generate.mjs'), '--out', out])
      const made = filesUnder(out)
      const committed = filesUnder(DATA).filter(path => !/^[^/\\]*\.(mjs|md)$/.test(path) && !path.startsWith('reference'))
      expect(made).toEqual(committed)
      for (const path of made) expect(readFileSync(join(out, path)).equals(readFileSync(join(DATA, path))), path).toBe(true)
    } finally {
      rmSync(out, { recursive: true })
    }
  })

  it('is at most 4 MB', () => {
    expect(filesUnder(DATA).reduce((sum, path) => sum + readFileSync(join(DATA, path)).length, 0)).toBeLessThan(4e6)
  })

  it('has the rows its summary tells', () => {
    expect([train.length, evaluation.length]).toEqual([summary.labelled.train, summary.labelled.evaluation])
    expect(singles.length).toBe(200)
    expect(tweets.length).toBeGreaterThanOrEqual(5400)
    const malformed =
      [...classroomLines, ...v1Lines].filter(line => !parsed(line)).length + singles.filter(record => !record).length
    expect(malformed).toBe(summary.tweets.malformed)
    const extra = [...classroom, ...v1].filter(record => 'client' in record || 'favorite_count' in record)
    // A line with an extra field may be one of those that come twice.
    expect(extra.length).toBeGreaterThanOrEqual(summary.tweets['extra field']!)
  })

  it('is described with the right numbers', () => {
    const readme = read('README.md')
    const figures = [
      summary.tweets.distinct!.toLocaleString('en-US'),
      summary.tweets.duplicates,
      `${summary.tweets.malformed} malformed`,
    ]
    for (const figure of figures) expect(readme).toContain(String(figure))
    for (const { product } of Object.values(summary.events)) expect(readme).toContain(product)
  })

  it('has duplicates in every form', () => {
    const twice = (keys: readonly unknown[]) => keys.length - new Set(keys).size
    const classroomTwice = twice(classroomLines.filter(line => parsed(line)))
    const v1Twice = twice(v1.map(record => record.id_str))
    const v2Twice = twice(v2Tweets.map(record => record.id))
    expect(classroomTwice).toBe(60)
    expect(v1Twice).toBe(45)
    expect(v2Twice).toBe(21)
    expect(classroomTwice + v1Twice + v2Twice).toBe(summary.tweets.duplicates)
  })

  it('has records that do not fit', () => {
    const has = (test: (record: Json) => boolean) => classroom.filter(test).length
    expect(has(record => record.text === null)).toBeGreaterThanOrEqual(12)
    expect(has(record => !('text' in record))).toBeGreaterThanOrEqual(5)
    expect(has(record => record.user === null)).toBeGreaterThanOrEqual(6)
    expect(has(record => typeof record.text === 'number')).toBeGreaterThanOrEqual(3)
    expect(has(record => typeof record.sentiment === 'number')).toBeGreaterThanOrEqual(3)
    expect(has(record => typeof record.date === 'string' && !parseTweetDate(record.date))).toBeGreaterThanOrEqual(6)
    expect(v1.filter(record => record.user === null).length).toBeGreaterThanOrEqual(3)
  })

  it('has three classes, none of them rare', () => {
    for (const rows of [train, evaluation, classroom.filter(record => LABELS.includes(record.sentiment as never))])
      for (const label of LABELS) {
        expect(shareOf(rows as Json[], row => row.sentiment === label)).toBeGreaterThan(0.25)
        expect(shareOf(rows as Json[], row => row.sentiment === label)).toBeLessThan(0.42)
      }
  })

  it('has six languages, mostly English, which the detector finds', () => {
    const tagged = tweets.filter(tweet => typeof tweet.lang === 'string' && !['und', 'qme'].includes(tweet.lang))
    for (const rows of [tagged, train, evaluation] as { lang: unknown }[][]) {
      expect(shareOf(rows, row => row.lang === 'en')).toBeGreaterThan(0.62)
      expect(shareOf(rows, row => row.lang === 'en')).toBeLessThan(0.78)
      for (const lang of ['es', 'de', 'fr', 'pt', 'it'])
        expect(
          shareOf(rows, row => row.lang === lang),
          lang,
        ).toBeGreaterThan(0.025)
    }
    const answered = evaluation.map(row => [row.lang, detectLanguage(row.text)]).filter(([, found]) => found !== 'und')
    expect(answered.length / evaluation.length).toBeGreaterThan(0.8)
    expect(shareOf(answered, ([lang, found]) => lang === found)).toBeGreaterThan(0.9)
  })

  it('has hashtags, mentions, emoji, addresses and retweets', () => {
    const texts = tweets.map(tweet => tweet.text)
    expect(shareOf(texts, text => hashtagsOf(text).length > 0)).toBeGreaterThan(0.2)
    expect(shareOf(texts, text => mentionsOf(text).length > 0)).toBeGreaterThan(0.35)
    expect(shareOf(texts, text => mentionsOf(text).length === 0)).toBeGreaterThan(0.35)
    expect(shareOf(texts, text => mentionsOf(text).length > 1)).toBeGreaterThan(0.03)
    expect(shareOf(texts, text => /\p{Extended_Pictographic}/u.test(text))).toBeGreaterThan(0.25)
    expect(shareOf(texts, text => text.includes('https://'))).toBeGreaterThan(0.05)
    expect(shareOf(texts, text => text.startsWith('RT @'))).toBeGreaterThan(0.03)
    expect(texts.filter(text => text.includes('&amp;')).length).toBeGreaterThan(10)
  })

  it('has places of all three kinds', () => {
    const by = { coordinates: 0, place: 0, profile: 0, none: 0 }
    for (const record of v1) {
      const { coordinates, place, user } = record
      by[placeOf({ coordinates, place, profile: (user as Json | null)?.location }).by ?? 'none']++
    }
    for (const kind of ['coordinates', 'place', 'profile', 'none'] as const) expect(by[kind], kind).toBeGreaterThan(100)
    expect(v2Tweets.filter(record => 'geo' in record).length).toBeGreaterThan(100)
    expect(v2.flatMap(page => page.includes.places).length).toBeGreaterThan(20)
  })

  it('spans fourteen days with quiet nights', () => {
    expect(new Set(tweets.map(({ when }) => when.toISOString().slice(0, 10))).size).toBeGreaterThanOrEqual(14)
    const eventDays = Object.values(summary.events).map(({ from }) => from.slice(0, 10))
    const quiet = tweets.filter(({ when }) => !eventDays.includes(when.toISOString().slice(0, 10)))
    const between = (from: number, to: number) =>
      quiet.filter(({ when }) => when.getUTCHours() >= from && when.getUTCHours() < to).length
    expect(between(17, 21)).toBeGreaterThan(4 * between(2, 6))
  })

  it.each([
    ['outage', 'negative'],
    ['launch', 'positive'],
  ])('shows the %s as a %s peak', (name, label) => {
    const { product, from, hours } = summary.events[name]!
    const start = new Date(from).getTime()
    const about = tweets.filter(({ text }) => new RegExp(product.split(' ')[0]!, 'i').test(text))
    const inside = about.filter(({ when }) => when.getTime() >= start && when.getTime() < start + hours * 3_600_000)
    const perHour = inside.length / hours
    const usual = (about.length - inside.length) / (14 * 24 - hours)
    expect(perHour / usual).toBeGreaterThan(20)
    const given = inside.filter(({ sentiment }) => sentiment !== undefined)
    expect(shareOf(given, ({ sentiment }) => sentiment === label)).toBeGreaterThan(0.65)
    const before = about.filter(({ when, sentiment }) => when.getTime() < start && sentiment !== undefined)
    expect(shareOf(before, ({ sentiment }) => sentiment === label)).toBeLessThan(0.5)
  })
})

describe('training and evaluation', () => {
  const bank = (name: string) => import(pathToFileURL(join(process.cwd(), DATA, `phrases-${name}.mjs`)).href) as Promise<Bank>

  it('share no product, no phrase and no text', async () => {
    const [a, b] = await Promise.all([bank('training'), bank('evaluation')])
    const all = ({ phrases }: Bank) => Object.values(phrases).flatMap(classes => Object.values(classes).flat())
    const trained = new Set(all(a).map(phrase => phrase.toLowerCase()))
    expect(all(b).filter(phrase => trained.has(phrase.toLowerCase()))).toEqual([])
    expect(train.filter(({ text }) => PRODUCTS.test(text))).toEqual([])
    for (const product of a.products) expect(tweets.filter(({ text }) => text.includes(product))).toEqual([])
    const texts = new Set(train.map(({ text }) => text))
    expect([...evaluation, ...tweets].filter(({ text }) => texts.has(text))).toEqual([])
    expect(new Set([...train, ...evaluation].map(({ text }) => text)).size).toBe(train.length + evaluation.length)
  })

  it('are made of many phrases', async () => {
    for (const { phrases } of await Promise.all([bank('training'), bank('evaluation')]))
      for (const [lang, classes] of Object.entries(phrases))
        for (const [label, phrases] of Object.entries(classes)) {
          expect(new Set(phrases).size, `${lang} ${label}`).toBe(phrases.length)
          expect(phrases.length, `${lang} ${label}`).toBeGreaterThanOrEqual(lang === 'en' ? 150 : 24)
        }
  })

  it.skipIf(!existsSync('.venv/bin/python'))('are of use to a bag of words, and too much for it (needs .venv)', () => {
    const script = `
import json
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
train, test = ([json.loads(l) for l in open('data/labelled/%s.ndjson' % n, encoding='utf8')] for n in ('train', 'evaluation'))
v = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
m = LogisticRegression(C=4, max_iter=500).fit(v.fit_transform(r['text'] for r in train), [r['sentiment'] for r in train])
print(m.score(v.transform(r['text'] for r in test), [r['sentiment'] for r in test]))`
    // Several BLAS threads wait for one another on a busy machine.
    const oneThread = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
    const accuracy = Number(
      execFileSync('.venv/bin/python', ['-c', script], { encoding: 'utf8', env: { ...process.env, ...oneThread } }),
    )
    expect(accuracy).toBeGreaterThan(0.6)
    expect(accuracy).toBeLessThan(0.88)
  })
})
