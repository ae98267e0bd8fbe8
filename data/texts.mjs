/** Tweet texts out of a phrase bank: the same seed gives the same texts. */

export const LABELS = ['negative', 'neutral', 'positive']

/** Random numbers from a seed (mulberry32): integers and arithmetic only, so the same on every machine. */
export function randomFrom(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = n => Math.floor(next() * n)
  return {
    next,
    below,
    chance: share => next() < share,
    pick: list => list[below(list.length)],
    /** An index of `weights`, as often as the weight there says. */
    index(weights) {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0)
      const at = weights.findIndex(weight => {
        left -= weight
        return left < 0
      })
      return at < 0 ? weights.length - 1 : at
    },
    /** A key of `weights`, as often as its weight says. */
    weighted(weights) {
      return Object.keys(weights)[this.index(Object.values(weights))]
    },
  }
}

/** What stands where a phrase says `~` in other languages, at the beginning of a sentence. */
const THINGS = {
  es: ['este libro', 'el concierto', 'este móvil', 'el restaurante'],
  de: ['dieses Buch', 'das Konzert', 'dieses Handy', 'das Restaurant'],
  fr: ['ce livre', 'le concert', 'ce téléphone', 'le restaurant'],
  pt: ['este livro', 'o show', 'esse celular', 'o restaurante'],
  it: ['questo libro', 'il concerto', 'questo telefono', 'il ristorante'],
}
const OPENERS = {
  en: [
    'ok so',
    'well,',
    'honestly,',
    'right,',
    'update:',
    'so',
    'hey all,',
    'just saying,',
    'psa:',
    'and then',
    'today:',
    'friends,',
    'also,',
    'hm,',
  ],
  es: ['bueno,', 'oye,', 'hoy:', 'pues', 'la verdad,', 'gente,'],
  de: ['also,', 'so,', 'heute:', 'naja,', 'ehrlich,', 'Leute,'],
  fr: ['bon,', 'alors,', "aujourd'hui :", 'franchement,', 'les amis,', 'euh,'],
  pt: ['bom,', 'olha,', 'hoje:', 'gente,', 'sinceramente,', 'então,'],
  it: ['allora,', 'oggi:', 'beh,', 'sinceramente,', 'ragazzi,', 'ecco,'],
}
const CLOSERS = {
  en: [
    'that is all',
    'just saying',
    'who else',
    'tell me yours',
    'anyway',
    'as of now',
    'more later',
    'from my window seat',
    'on a {monday|tuesday|friday}',
    'before {breakfast|nine|work}',
    'after {lunch|work|dark}',
  ],
  es: ['eso es todo', 'en fin', 'ya os cuento', 'desde el tren', 'antes de comer'],
  de: ['so viel dazu', 'naja', 'später mehr', 'aus dem Zug', 'vor dem Essen'],
  fr: ["c'est tout", 'enfin bref', 'la suite plus tard', 'depuis le train', 'avant midi'],
  pt: ['é isso', 'enfim', 'depois conto mais', 'direto do trem', 'antes do almoço'],
  it: ['tutto qui', 'insomma', 'poi vi dico', 'dal treno', 'prima di pranzo'],
}
const BUT = { en: 'but', es: 'pero', de: 'aber', fr: 'mais', pt: 'mas', it: 'ma' }
const TAGS = {
  en: ['monday', 'weekend', 'coffee', 'books', 'commute', 'football', 'food', 'music', 'work', 'weather', 'running', 'news'],
  es: ['lunes', 'café', 'libros', 'fútbol', 'música', 'noticias'],
  de: ['Montag', 'Kaffee', 'Bücher', 'Fußball', 'Musik', 'Bahn'],
  fr: ['lundi', 'café', 'livres', 'foot', 'musique', 'actu'],
  pt: ['segunda', 'café', 'livros', 'futebol', 'música', 'notícias'],
  it: ['lunedì', 'caffè', 'libri', 'calcio', 'musica', 'notizie'],
}
const EMOJI = {
  positive: ['😀', '😍', '🎉', '❤️', '👍🏽', '🥰', '😊', '🙌', '✨', '💙'],
  negative: ['😡', '😞', '💔', '👎', '😭', '😤', '🤬', '😩', '🙄', '😢'],
  neutral: ['📅', '📍', '🗞️', '🚆', '📖', '🧵', '☕', '👉', '🌦️', '🗳️'],
  any: ['😂', '😅', '🙃', '👀', '🤷‍♀️', '☕', '🇪🇺', '🔥'],
}
const HANDLE_HEADS = [
  'brisk',
  'calm',
  'dusty',
  'early',
  'fuzzy',
  'green',
  'humble',
  'inky',
  'jolly',
  'late',
  'misty',
  'nimble',
  'odd',
  'plain',
  'quiet',
  'rusty',
  'sandy',
  'tidy',
  'umber',
  'windy',
]
const HANDLE_TAILS = [
  'otter',
  'fern',
  'kettle',
  'lark',
  'mango',
  'noodle',
  'pixel',
  'quill',
  'reef',
  'sock',
  'tulip',
  'vole',
  'wren',
  'yarn',
  'acorn',
  'bagel',
  'comet',
  'drum',
  'ember',
  'fjord',
]

/** An invented handle of at most 15 characters; the same number gives the same. */
export function handleOf(number) {
  const head = HANDLE_HEADS[number % HANDLE_HEADS.length]
  const tail = HANDLE_TAILS[Math.floor(number / HANDLE_HEADS.length) % HANDLE_TAILS.length]
  const join = ['_', '', '_'][number % 3]
  return `${number % 5 === 0 ? head[0].toUpperCase() + head.slice(1) : head}${join}${tail}${number % 7 ? (number * 37 + Math.floor(number / 400)) % 100 : ''}`.slice(
    0,
    15,
  )
}

function chosen(random, phrase) {
  return phrase.replace(/\{([^}]*)\}/g, (_, choices) => random.pick(choices.split('|')))
}

function subject(random, bank, lang, phrase, product) {
  if (product) return product
  if (lang === 'en') return random.chance(bank.productShare) ? random.pick(bank.products) : random.pick(bank.things)
  return phrase.startsWith('~') && random.chance(0.6) ? random.pick(THINGS[lang]) : random.pick(bank.products)
}

/** One sentence of a class; with a product it is about that product. */
function clause(random, bank, lang, label, { product, lines } = {}) {
  const all = lines ?? bank.phrases[lang][label]
  const fitting = product ? all.filter(line => /[~^]/.test(line)) : all
  const phrase = random.pick(fitting)
  return chosen(random, phrase)
    .replaceAll('~', subject(random, bank, lang, phrase, product))
    .replaceAll('^', product ?? random.pick(bank.products))
}

function upperFirst(text) {
  return text && text[0].toUpperCase() + text.slice(1)
}

/** Two feelings in one tweet: the last one counts. */
function mixed(random, bank, lang, label, options) {
  const other = label === 'positive' ? 'negative' : 'positive'
  return `${clause(random, bank, lang, other, options)}, ${BUT[lang]} ${clause(random, bank, lang, label, { ...options, product: undefined })}`
}

function body(random, bank, lang, label, options) {
  if (bank.irony && lang === 'en' && label === 'negative' && random.chance(options.ironic ? 0.2 : 0.1))
    return clause(random, bank, lang, label, { ...options, lines: options.ironic ?? bank.irony })
  if (bank.mixedShare && label !== 'neutral' && !options.lines && random.chance(bank.mixedShare))
    return mixed(random, bank, lang, label, options)
  const first = withAside(random, bank, lang, label, clause(random, bank, lang, label, options))
  if (!random.chance(0.4)) return first
  const second = clause(random, bank, lang, label, options.lines && random.chance(0.5) ? options : { product: undefined })
  return first === second
    ? first
    : `${first}${random.pick(['. ', ', ', '! ', ' - ', '… '])}${random.chance(0.5) ? upperFirst(second) : second}`
}

/** The body with an aside before or after it, where the bank has asides. */
function withAside(random, bank, lang, label, text) {
  const asides = bank.asides?.[lang][label]
  if (!asides || !random.chance(bank.asideShare)) return text
  const aside = chosen(random, random.pick(asides))
  return random.chance(0.35)
    ? `${aside}${random.pick(['! ', '. ', ', '])}${text}`
    : `${text}${random.pick(['. ', '! ', ', ', ' '])}${aside}`
}

function styled(random, text) {
  let out = random.chance(0.45) ? upperFirst(text) : text
  if (random.chance(0.12)) out = out.toLowerCase()
  if (random.chance(0.05))
    out = out.replace(/\b(so|no|great|really|love|never|why)\b/, word =>
      word.replace(/[aeiouy]/, vowel => vowel.repeat(3 + random.below(4))),
    )
  if (random.chance(0.02)) out = out.toUpperCase()
  return out
}

/**
 * A tweet's text.
 * @param options `product` index of the bank's product it is about, `lines`/`ironic` phrases of an event, `tag` hashtag of an event
 */
export function tweetText(random, bank, lang, label, options = {}) {
  const named =
    options.product === undefined
      ? undefined
      : random.chance(0.35)
        ? `@${bank.handles[options.product]}`
        : bank.products[options.product]
  let text = body(random, bank, lang, label, { ...options, product: named })
  if (random.chance(0.2)) text = `${random.pick(OPENERS[lang])} ${text}`
  text = styled(random, text)
  text += random.pick([
    '',
    '',
    '.',
    '.',
    label === 'neutral' ? '.' : '!',
    label === 'neutral' ? '' : random.pick(['!!', '!!!!', '...']),
  ])
  if (random.chance(0.14)) text += ` ${chosen(random, random.pick(CLOSERS[lang]))}`
  if (random.chance(0.34)) text += ` ${random.pick(random.chance(0.6) ? EMOJI[label] : EMOJI.any)}`
  if (random.chance(0.05)) text += random.pick(['😂😂😂', '👀', '🔥🔥'])
  if (options.tag && random.chance(0.5)) text += ` #${options.tag}`
  else if (bank.tags && options.product !== undefined && random.chance(0.25)) text += ` #${bank.tags[options.product]}`
  if (random.chance(0.14)) text += ` #${random.pick(TAGS[lang])}`
  if (random.chance(0.1))
    text += ` https://t.example/${random
      .below(36 ** 5)
      .toString(36)
      .padStart(5, '0')}`
  if (!text.includes('@') && random.chance(0.24))
    text = `@${handleOf(random.below(600))}${random.chance(0.15) ? ` @${handleOf(random.below(600))}` : ''} ${text}`
  else if (random.chance(0.04)) text += ` cc @${handleOf(random.below(600))}`
  return text
}

/** The label, or now and then another one: people who label make mistakes. */
export function noisy(random, label, share) {
  return random.chance(share) ? random.pick(LABELS.filter(other => other !== label)) : label
}
