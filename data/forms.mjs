/** The forms that tweets come in. */

const HOUR = 3_600_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** `Tue Sep 08 22:19:45 PDT 2026`, or with `+0000` as zone. */
function tweetDate(when, zone = '+0000') {
  const date = new Date(when - (zone === 'PDT' ? 7 * HOUR : 0))
  const two = n => String(n).padStart(2, '0')
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':')
  return `${WEEKDAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${clock} ${zone} ${date.getUTCFullYear()}`
}

/** Platforms hand texts out with `&`, `<` and `>` escaped. */
function escaped(random, text) {
  const withSigns = random.chance(0.06) ? text.replace(' and ', ' & ') : random.chance(0.02) ? `${text} <3` : text
  return withSigns.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The classroom's record: four strings. */
export function classroom(random, tweet) {
  return {
    date: tweetDate(tweet.when, 'PDT'),
    user: tweet.user.name,
    text: escaped(random, tweet.text),
    sentiment: tweet.sentiment,
  }
}

function round(degrees) {
  return Math.round(degrees * 1e4) / 1e4
}

function pointNear(random, { north, east }) {
  return { type: 'Point', coordinates: [round(east + (random.next() - 0.5) * 0.2), round(north + (random.next() - 0.5) * 0.15)] }
}

function box({ north, east }) {
  return [round(east - 0.2), round(north - 0.15), round(east + 0.2), round(north + 0.15)]
}

/** A tweet of Twitter's API v1.1. `textField`: extended tweets have `full_text`, the older form `text`. */
export function platformV1(random, tweet, textField) {
  const { user } = tweet
  const exact = user.located && random.chance(0.4)
  const [west, south, east, north] = box(user.home)
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ]
  const place = {
    full_name: `${user.home.name}, ${user.home.country}`,
    country_code: user.home.code,
    bounding_box: { type: 'Polygon', coordinates: [ring] },
  }
  return {
    created_at: tweetDate(tweet.when),
    id_str: tweet.id,
    [textField]: escaped(random, tweet.text),
    lang: random.chance(0.05) ? 'und' : user.lang,
    user: { id_str: user.id, screen_name: user.name, location: user.profile },
    coordinates: exact ? pointNear(random, user.home) : null,
    place: exact || (user.located && random.chance(0.5)) ? place : null,
    ...(tweet.retweetOf && {
      retweeted_status: { id_str: tweet.retweetOf.id, user: { screen_name: tweet.retweetOf.user.name } },
    }),
  }
}

function placeId({ name }) {
  return [...name]
    .reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)) >>> 0, 7)
    .toString(16)
    .padStart(8, '0')
}

function platformV2(random, tweet) {
  const { user } = tweet
  const exact = user.located && random.chance(0.3)
  const geo = user.located && { place_id: placeId(user.home), ...(exact && { coordinates: pointNear(random, user.home) }) }
  return {
    id: tweet.id,
    text: escaped(random, tweet.text),
    created_at: new Date(tweet.when).toISOString(),
    author_id: user.id,
    lang: random.chance(0.04) ? 'qme' : user.lang,
    ...(geo && { geo }),
    ...(tweet.retweetOf && { referenced_tweets: [{ type: 'retweeted', id: tweet.retweetOf.id }] }),
  }
}

/** A page of Twitter's API v2: tweets, their authors and their places. */
export function responseV2(random, tweets) {
  const users = new Map(
    tweets.map(({ user }) => [user.id, { id: user.id, username: user.name, ...(user.profile && { location: user.profile }) }]),
  )
  const homes = new Map(tweets.filter(({ user }) => user.located).map(({ user }) => [placeId(user.home), user.home]))
  const places = [...homes].map(([id, home]) => ({
    id,
    full_name: `${home.name}, ${home.country}`,
    country_code: home.code,
    geo: { type: 'Feature', bbox: box(home) },
  }))
  const data = tweets.map(tweet => platformV2(random, tweet))
  return {
    data,
    includes: { users: [...users.values()], places },
    meta: { newest_id: data.at(-1).id, oldest_id: data[0].id, result_count: data.length },
  }
}
