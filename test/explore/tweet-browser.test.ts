import { expect, it } from 'vitest'
import { toBundle } from '../../src/explore/display.js'
import { tweetBrowser } from '../../src/explore/tweet-browser.js'
import { HOSTILE } from './hostile.js'

const tweet = (hour: number, predicted_sentiment: string, text: string, more: object = {}) => ({
  timestamp: new Date(Date.UTC(2026, 8, 7, hour)),
  predicted_sentiment,
  cleaned_text: text,
  user: 'ann',
  ...more,
})
const rows = [
  tweet(1, 'negative', 'the app is slow', { lang: 'en', hashtags: ['Quvra'] }),
  tweet(9, 'positive', 'Lovely day', { lang: 'en', mentions: ['Bob'], location: 'Bergen, Norway' }),
  tweet(23, 'neutral', 'un día', { lang: 'es', user: 'Slowpoke' }),
]
const said = (options: Parameters<typeof tweetBrowser>[1]) => toBundle(tweetBrowser(rows, options))['text/plain']

it('says what passes the filters, all of which hold together', () => {
  expect(said({})).toBe('[tweets] Look through the tweets\n3 of 3 tweets: negative 33.3 %, neutral 33.3 %, positive 33.3 %')
  expect(said({ keyword: 'SLOW' })).toContain('2 of 3 tweets (keyword SLOW)')
  expect(said({ keyword: 'slow', lang: 'en' })).toContain('1 of 3')
  expect(said({ topic: '#quvra' })).toContain('negative 100.0 %')
  expect(said({ topic: '@bob', place: 'Bergen, Norway', sentiment: 'positive' })).toContain('1 of 3')
  expect(said({ fromHour: 9, toHour: 9 })).toContain('1 of 3')
  // Over midnight.
  expect(said({ fromHour: 22, toHour: 2 })).toContain('2 of 3')
  expect(said({ keyword: 'nobody said this' })).toContain('0 of 3')
})

it('takes the newest when there are too many, and says so', () => {
  expect(said({ maxTweets: 2 })).toContain('2 of 2 tweets, the newest of 3: negative 0.0 %')
})

it('holds hostile text as data only', () => {
  const { mime } = tweetBrowser(HOSTILE.map(text => tweet(3, 'neutral', text, { user: text, lang: text, hashtags: [text] })))
  const html = String(mime['text/html'])
  const [, data] = /<script type="application\/json"[^>]*>([\s\S]*?)<\/script>/.exec(html)!
  expect((JSON.parse(data!) as { tweets: unknown[][] }).tweets.map(one => one[5])).toEqual(HOSTILE)
  expect(data).not.toContain('<')
})

it('names the column that is missing; no rows are no error', () => {
  expect(() => tweetBrowser([{ timestamp: new Date() }])).toThrow('tweetBrowser: no column predicted_sentiment')
  expect(tweetBrowser([]).mime['text/plain']).toContain('0 of 0 tweets')
})
