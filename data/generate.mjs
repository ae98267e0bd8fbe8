/**
 * Writes the sample data: `node data/generate.mjs [--out DIR]` (default: this folder). Seeded, no clock, no locale: the same
 * bytes on every machine. What it makes and why is told in README.md.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { classroom, platformV1, responseV2 } from './forms.mjs'
import { LANGUAGES, makeUsers } from './people.mjs'
import * as evaluationPhrases from './phrases-evaluation.mjs'
import * as trainingPhrases from './phrases-training.mjs'
import { noisy, randomFrom, tweetText } from './texts.mjs'

const SEED = 20260907
const HOUR = 3_600_000
const START = Date.UTC(2026, 8, 7)
const DAYS = 14
/** Tweets by hour of the day, UTC: quiet at night, busiest in the evening. */
const HOUR_WEIGHTS = [2, 1.4, 1, 0.8, 0.7, 0.8, 1.2, 2, 3, 3.6, 3.8, 4, 4.6, 4.4, 4, 4, 4.4, 5.2, 6, 6.6, 6.4, 5.6, 4.4, 3]
const BASE_TWEETS = 4250
const EVENTS = [
  {
    name: 'outage',
    product: 0,
    tag: 'QuvraDown',
    phrases: evaluationPhrases.outage,
    from: START + 3 * 24 * HOUR + 14 * HOUR,
    hours: 4,
    tweets: 520,
    shares: { negative: 80, neutral: 14, positive: 6 },
  },
  {
    name: 'launch',
    product: 1,
    tag: 'NimboloLaunch',
    phrases: evaluationPhrases.launch,
    from: START + 9 * 24 * HOUR + 17 * HOUR,
    hours: 4,
    tweets: 520,
    shares: { negative: 6, neutral: 16, positive: 78 },
  },
]

const training = { ...trainingPhrases, productShare: 0.25 }
const evaluation = { ...evaluationPhrases, productShare: 0.35, mixedShare: 0.07, asideShare: 0.8 }

function baseTime(random) {
  const day = random.index(Array.from({ length: DAYS }, (_, i) => (i % 7 > 4 ? 1.2 : 1)))
  const hour = random.index(HOUR_WEIGHTS)
  return START + (day * 24 + hour) * HOUR + random.below(HOUR / 1000) * 1000
}

/** Like a platform's ids: they grow with time. */
function idOf(when, serial) {
  return String((BigInt(when - 1_288_834_974_657) << 22n) | BigInt(serial % 4_194_304))
}

/** A maker of texts that never gives one twice. */
function distinct(seen) {
  return make => {
    for (let tries = 0; ; tries++) {
      const text = make()
      if (tries > 200) throw new Error(`generate: no new text to be had, last was: ${text}`)
      if (seen.has(text) || [...text].length > 280) continue
      seen.add(text)
      return text
    }
  }
}

function labelled(random, unique, bank, count, noise) {
  return Array.from({ length: count }, () => {
    const lang = random.weighted(LANGUAGES)
    const label = random.weighted({ negative: 34, neutral: 32, positive: 34 })
    const product = bank.irony && random.chance(0.4) ? random.below(3) : undefined
    const text = unique(() => tweetText(random, bank, lang, label, { product }))
    return { text, sentiment: noisy(random, label, noise), lang }
  })
}

/** The stream's tweets in order of time: a base of everyday talk, the two events, and retweets of both. */
function makeTweets(random, unique) {
  const users = makeUsers(random)
  const author = () => users[Math.floor(users.length * random.next() ** 2.2)]
  const tweets = []
  for (let i = 0; i < BASE_TWEETS; i++) {
    const user = author()
    const label = random.weighted({ negative: 33, neutral: 33, positive: 34 })
    const product = random.chance(0.42) ? random.below(3) : undefined
    tweets.push({
      when: baseTime(random),
      user,
      label,
      text: unique(() => tweetText(random, evaluation, user.lang, label, { product })),
    })
  }
  for (const event of EVENTS)
    for (let i = 0; i < event.tweets; i++) {
      const user = author()
      const label = random.weighted(event.shares)
      const lines = user.lang === 'en' && random.chance(0.8) ? event.phrases[label] : undefined
      const options = { product: event.product, lines, ironic: event.phrases.ironic, tag: event.tag }
      const rush = random.next() ** 1.6
      const when = event.from + Math.floor((rush * event.hours * HOUR) / 1000) * 1000
      tweets.push({ when, user, label, text: unique(() => tweetText(random, evaluation, user.lang, label, options)) })
    }
  tweets.sort((a, b) => a.when - b.when)
  tweets.forEach((tweet, i) => {
    tweet.id = idOf(tweet.when, i * 5)
    tweet.sentiment = noisy(random, tweet.label, 0.04)
  })
  return withRetweets(random, tweets, author)
}

function withRetweets(random, tweets, author) {
  const retweets = []
  tweets.forEach((tweet, i) => {
    if (!random.chance(0.05)) return
    const user = author()
    if (user === tweet.user) return
    const when = tweet.when + (30 + random.below(5400)) * 1000
    retweets.push({
      ...tweet,
      when,
      user,
      id: idOf(when, i * 5 + 3),
      text: `RT @${tweet.user.name}: ${tweet.text}`,
      retweetOf: tweet,
    })
  })
  return [...tweets, ...retweets].sort((a, b) => a.when - b.when || (a.id < b.id ? -1 : 1))
}

/** Records that do not fit, each on its own line, put between the good ones. */
const MALFORMED = [
  '{"date": "Tue Sep 08 22:19:45 PDT 2026", "user": "cut_off", "text": "this line ends in the mid',
  'no json at all, just a line',
  '{"date": }',
  '{"text": "two closing braces"}}',
  '["half", "an array"',
  "{'text': 'single quotes'}",
  '{"text": "tab\tinside"}',
  'null,',
]

/** What a careless producer does to good classroom records: the kinds and how many of each. */
const CLASSROOM_FAULTS = {
  'text null': [12, record => ({ ...record, text: null })],
  'text missing': [5, ({ text: _, ...rest }) => rest],
  'text empty': [3, record => ({ ...record, text: '' })],
  'user null': [6, record => ({ ...record, user: null })],
  'date null': [5, record => ({ ...record, date: null })],
  'sentiment missing': [8, ({ sentiment: _, ...rest }) => rest],
  'date impossible': [4, record => ({ ...record, date: record.date.replace(/Sep \d\d/, 'Feb 30') })],
  'zone unknown': [2, record => ({ ...record, date: record.date.replace('PDT', 'XQT') })],
  'extra field': [9, record => ({ ...record, client: 'web' })],
  'text a number': [3, record => ({ ...record, text: 42 })],
  'user an object': [2, record => ({ ...record, user: { name: record.user } })],
  'sentiment a number': [3, record => ({ ...record, sentiment: 4 })],
}
function textFieldOf(record) {
  return 'text' in record ? 'text' : 'full_text'
}
const V1_FAULTS = {
  'text null': [6, record => ({ ...record, [textFieldOf(record)]: null })],
  'user null': [3, record => ({ ...record, user: null })],
  'date missing': [3, ({ created_at: _, ...rest }) => rest],
  'extra field': [5, record => ({ ...record, favorite_count: 3 })],
  'text a number': [2, record => ({ ...record, [textFieldOf(record)]: 7 })],
}

/** Changes some records by `faults`, at places of its own choice; each record is changed at most once. */
function withFaults(random, records, faults, counts) {
  const free = records.map((_, i) => i)
  const out = [...records]
  for (const [kind, [count, change]] of Object.entries(faults)) {
    for (let i = 0; i < count; i++) {
      const [at] = free.splice(random.below(free.length), 1)
      out[at] = change(out[at])
    }
    counts[kind] = (counts[kind] ?? 0) + count
  }
  return out
}

/** Lines with `copies` of them said again some lines later, and `malformed` broken ones between. */
function asLines(random, records, copies, malformed, counts) {
  const lines = records.map(record => JSON.stringify(record))
  for (let i = 0; i < copies; i++) {
    const from = random.below(lines.length - 50)
    lines.splice(from + 1 + random.below(lines.length - from - 1), 0, lines[from])
  }
  for (let i = 0; i < malformed; i++) lines.splice(random.below(lines.length), 0, MALFORMED[i % MALFORMED.length])
  counts.duplicates += copies
  counts.malformed += malformed
  return lines
}

function parts(list, count) {
  const size = Math.ceil(list.length / count)
  return Array.from({ length: count }, (_, i) => list.slice(i * size, (i + 1) * size))
}

function two(n) {
  return String(n).padStart(2, '0')
}

/** The classroom's files: 200 of one record, the others as JSON lines, the last as one array. */
function classroomFiles(random, tweets, counts) {
  const good = tweets.map(tweet => classroom(random, tweet))
  const alone = new Set()
  while (alone.size < 200) alone.add(random.below(good.length))
  const singles = good.filter((_, i) => alone.has(i)).map(record => JSON.stringify(record, null, 1))
  // One file was cut off while it was copied.
  singles[137] = singles[137].slice(0, 60)
  counts.malformed++
  const rest = good.filter((_, i) => !alone.has(i))
  const array = rest.slice(-150)
  const lines = asLines(random, withFaults(random, rest.slice(0, -150), CLASSROOM_FAULTS, counts), 60, 12, counts)
  return {
    ...Object.fromEntries(
      singles.map((text, i) => [`tweets/classroom/single/tweet-${String(i).padStart(4, '0')}.json`, `${text}\n`]),
    ),
    ...Object.fromEntries(parts(lines, 5).map((part, i) => [`tweets/classroom/part-${two(i)}.json`, `${part.join('\n')}\n`])),
    'tweets/classroom/part-05.json': `[\n${array.map(record => JSON.stringify(record)).join(',\n')}\n]\n`,
  }
}

function platformFiles(random, v1, v2, counts) {
  const records = withFaults(
    random,
    v1.map((tweet, i) => platformV1(random, tweet, i < v1.length * 0.75 ? 'full_text' : 'text')),
    V1_FAULTS,
    counts,
  )
  const lines = asLines(random, records, 45, 8, counts)
  // Pages of a search overlap: the last tweets of a page come again on the next.
  const pages = parts(v2, 8).map((page, i, all) => (i ? [...all[i - 1].slice(-3), ...page] : page))
  counts.duplicates += 3 * (pages.length - 1)
  return {
    ...Object.fromEntries(parts(lines, 4).map((part, i) => [`tweets/platform/v1-${two(i)}.ndjson`, `${part.join('\n')}\n`])),
    ...Object.fromEntries(
      pages.map((page, i) => [`tweets/platform/v2-${two(i)}.json`, `${JSON.stringify(responseV2(random, page))}\n`]),
    ),
  }
}

/** All files by path, and what is in them. */
export function makeFiles() {
  const random = randomFrom(SEED)
  const unique = distinct(new Set())
  const ndjson = rows => `${rows.map(row => JSON.stringify(row)).join('\n')}\n`
  const train = labelled(random, unique, training, 3000, 0.02)
  const held = labelled(random, unique, evaluation, 1500, 0.04)
  const tweets = makeTweets(random, unique)
  const forms = { classroom: [], v1: [], v2: [] }
  for (const tweet of tweets) forms[random.weighted({ classroom: 2700, v1: 1750, v2: 820 })].push(tweet)
  const counts = { duplicates: 0, malformed: 0 }
  const files = {
    'labelled/train.ndjson': ndjson(train),
    'labelled/evaluation.ndjson': ndjson(held),
    ...classroomFiles(random, forms.classroom, counts),
    ...platformFiles(random, forms.v1, forms.v2, counts),
  }
  const distinctTweets = Object.fromEntries(Object.entries(forms).map(([form, list]) => [form, list.length]))
  const summary = {
    seed: SEED,
    labelled: { train: train.length, evaluation: held.length },
    tweets: { distinct: tweets.length, ...distinctTweets, retweets: tweets.filter(tweet => tweet.retweetOf).length, ...counts },
    events: Object.fromEntries(
      EVENTS.map(({ name, from, hours, product }) => [
        name,
        { product: evaluation.products[product], from: new Date(from).toISOString(), hours },
      ]),
    ),
  }
  return { ...files, 'summary.json': `${JSON.stringify(summary, null, 2)}\n` }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } })
  const out = values.out ?? dirname(fileURLToPath(import.meta.url))
  for (const folder of ['labelled', 'tweets']) rmSync(join(out, folder), { recursive: true, force: true })
  const files = makeFiles()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(out, path)), { recursive: true })
    writeFileSync(join(out, path), text)
  }
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  console.log(`${Object.keys(files).length} files, ${(bytes / 1e6).toFixed(2)} MB, in ${out}`)
}
