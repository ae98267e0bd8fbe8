/** The invented people who write the tweets, and where they live. */
import { handleOf } from './texts.mjs'

/** Languages and how many of a hundred people speak them. */
export const LANGUAGES = { en: 70, es: 9, de: 6, pt: 6, fr: 5, it: 4 }

/** Where people are: language, name, country code, country, north, east, and what they write into their profile. */
const HOMES = `
en|London|GB|England|51.51|-0.13|London;london, uk;London, England;ldn
en|Manchester|GB|England|53.48|-2.24|Manchester;Manchester, England;mcr
en|Leeds|GB|England|53.80|-1.55|Leeds, UK;leeds
en|Glasgow|GB|Scotland|55.86|-4.25|Glasgow, Scotland
en|Dublin|IE|Ireland|53.35|-6.26|Dublin;Dublin, Ireland
en|New York|US|NY|40.71|-74.01|NYC;Brooklyn, NY;New York
en|Chicago|US|IL|41.88|-87.63|Chicago, IL;chicago
en|Austin|US|TX|30.27|-97.74|Austin, TX;ATX
en|Seattle|US|WA|47.61|-122.33|Seattle, WA
en|Toronto|CA|Ontario|43.65|-79.38|Toronto;Toronto, Ontario
en|Sydney|AU|New South Wales|-33.87|151.21|Sydney, Australia
es|Madrid|ES|España|40.42|-3.70|Madrid;Madrid, España
es|Barcelona|ES|España|41.39|2.17|Barcelona;bcn
es|Bilbao|ES|España|43.26|-2.93|Bilbao
es|Buenos Aires|AR|Argentina|-34.60|-58.38|Buenos Aires, Argentina
es|Mexico City|MX|México|19.43|-99.13|CDMX;Ciudad de México
de|Berlin|DE|Deutschland|52.52|13.40|Berlin;Berlin, Deutschland
de|Hamburg|DE|Deutschland|53.55|9.99|Hamburg
de|Munich|DE|Deutschland|48.14|11.58|München;Minga / München
de|Vienna|AT|Österreich|48.21|16.37|Wien
fr|Paris|FR|France|48.86|2.35|Paris;Paris, France
fr|Lyon|FR|France|45.76|4.84|Lyon
fr|Nantes|FR|France|47.22|-1.55|Nantes
fr|Montreal|CA|Québec|45.50|-73.57|Montréal
pt|São Paulo|BR|Brasil|-23.55|-46.63|São Paulo;São Paulo - Brasil;sampa
pt|Recife|BR|Brasil|-8.05|-34.88|Recife
pt|Lisbon|PT|Portugal|38.72|-9.14|Lisboa
it|Rome|IT|Italia|41.90|12.50|Roma;Roma, Italia
it|Milan|IT|Italia|45.46|9.19|Milano
it|Naples|IT|Italia|40.85|14.27|Napoli`
  .trim()
  .split('\n')
  .map(line => line.split('|'))
  .map(([lang, name, code, country, north, east, profiles]) => ({
    lang,
    name,
    code,
    country,
    north: +north,
    east: +east,
    profiles: profiles.split(';'),
  }))
const ELSEWHERE = ['the moon', 'in my head', 'somewhere over there', 'behind you', 'a train, probably', '📍 everywhere', 'Earth']

/** 600 invented people; the first ones write most. */
export function makeUsers(random) {
  return Array.from({ length: 600 }, (_, i) => {
    const lang = random.weighted(LANGUAGES)
    const home = random.pick(HOMES.filter(place => place.lang === lang))
    const profile = random.chance(0.62) ? random.pick(home.profiles) : random.chance(0.4) ? random.pick(ELSEWHERE) : ''
    return { name: handleOf(i), id: String(7_000_000_000 + i * 7919), lang, home, profile, located: random.chance(0.3) }
  })
}
