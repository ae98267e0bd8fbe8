import { type Random, randomFrom } from '../../src/models/random.js'

const CLASSROOM = { date: 'Mon Apr 06 22:19:45 PDT 2009', user: 'ann', text: 'hé 🦋 "quoted" \\ @bob', sentiment: 'positive' }
const V1 = {
  id_str: '12',
  id: 12,
  created_at: 'Wed Oct 10 20:19:24 +0000 2018',
  full_text: 'hola',
  user: { screen_name: 'eve' },
  lang: 'es',
}
const V2 = {
  data: [
    { id: '1', text: 'one', author_id: '7', geo: { place_id: 'p' } },
    { id: '2', text: 'two', author_id: '8', big: 1.5 },
  ],
  includes: {
    users: [{ id: '7', username: 'u' }],
    places: [{ id: 'p', full_name: 'X' }],
    media: [{ media_key: 'm' }],
    tweets: [{ id: '9', text: 't' }],
  },
  meta: { result_count: 2 },
  errors: [{ title: 'Not Found' }],
}
const STREAMED = { data: { id: '3', text: 'three' }, matching_rules: [{ id: '4', tag: 'r' }], includes: { users: [{ id: 'x' }] } }
const BLUESKY = {
  did: 'did:plc:a',
  time_us: 1_779_719_009_132_431,
  kind: 'commit',
  commit: { rev: 'r', operation: 'create', collection: 'app.bsky.feed.post', rkey: 'k', record: { text: 'post' } },
}
const ORDER = { delete: { status: { id_str: '5', user_id_str: '6' } } }
const OTHER = [{ likes: 3 }, [1, 2], 'text', 7, null, { text: 5, user: [1], extra: { deep: [true] } }, { text: 'x', date: null }]
const ODD_TEXTS = ['\\ud83d', '\\u0000', '\\u00e9', 'a\\nb']

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

/** One record as text, whole or odd. */
function recordText(random: Random): string {
  const record = pick<unknown>(random, [CLASSROOM, CLASSROOM, V1, V2, STREAMED, BLUESKY, ORDER, pick(random, OTHER)])
  const text = JSON.stringify(record)
  switch (Math.floor(random() * 14)) {
    case 0:
      return text.replace('{', `{"text":"first","text":${Math.floor(random() * 9)},`)
    case 1:
      return text.replace(/"(ann|eve|one|three|post)"/, `"${pick(random, ODD_TEXTS)}"`)
    case 2:
      return text.replace(/"[^"]*"(?=[,}])/, () =>
        pick(random, ['1e400', '12345678901234567890', '-0', '1.0', 'null', '[]', 'true', 'NaN']),
      )
    case 3:
      return `${'['.repeat(3000)}${text}${']'.repeat(random() < 0.5 ? 3000 : 2999)}`
    case 4:
      return `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`
    case 5:
      return JSON.stringify(record, null, random() < 0.5 ? 2 : '\t')
    case 6:
      return text.replaceAll(':', ' :\u0020')
    case 7:
      return JSON.stringify({ ...CLASSROOM, text: 'x'.repeat(50_000) })
    default:
      return text
  }
}

/** Breaks bytes in one way of many. */
function mutate(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * (bytes.length + 1))
  const insert = (...values: number[]) => Buffer.concat([bytes.subarray(0, at), Buffer.from(values), bytes.subarray(at)])
  switch (Math.floor(random() * 12)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return bytes.subarray(at)
    case 2:
      return insert(0xff)
    case 3:
      return insert(0xed, 0xa0, 0xbd)
    case 4:
      return insert(0)
    case 5:
      return insert(0xef, 0xbb, 0xbf)
    case 6:
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])
    case 7:
      return insert(10)
    case 8:
      return insert(13, 10, 0xc2, 0xa0, 10)
    case 9:
      return insert(Math.floor(random() * 256))
    case 10:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + Math.floor(random() * 5)))])
    default:
      return Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ (1 << Math.floor(random() * 8)) : byte)))
  }
}

/** Files of records in every layout, most of them broken; the same ones for the same seed. */
export function fuzzFiles(seed: number, count: number): Record<string, Uint8Array> {
  const random = randomFrom(seed)
  const files: Record<string, Uint8Array> = {}
  for (let i = 0; i < count; i++) {
    const records = Array.from({ length: Math.floor(random() * 6) }, () => recordText(random))
    const end = pick(random, ['\n', '\n', '\r\n', '\n\n  \n'])
    const text = random() < 0.15 ? `[${records.join(', ')}]` : records.join(end) + (random() < 0.7 ? end : '')
    let bytes: Buffer = Buffer.from(text)
    for (let n = Math.floor(random() * 3); n > 0; n--) bytes = mutate(bytes, random)
    files[`f${String(i).padStart(4, '0')}.json`] = bytes
  }
  return files
}
