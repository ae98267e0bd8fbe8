/** A small gazetteer of ours: large cities and the countries people write into their profile, with the middle of each. */
import { readFileSync } from 'node:fs'

/** A place: canonical name, the ISO 3166 code of its country, degrees north and east. */
export interface Place {
  name: string
  country: string
  city: boolean
  latitude: number
  longitude: number
}

const [cities = '', countries = ''] = readFileSync(new URL('../../data/reference/places.txt', import.meta.url), 'utf8')
  .split(/^\[\w+\]\n/m)
  .slice(1)

function read(lines: string, city: boolean): { place: Place; names: string[] }[] {
  return lines
    .trim()
    .split('\n')
    .map(line => {
      const [name, country, latitude, longitude, others] = line.split('|')
      const place = { name: name!, country: country!, city, latitude: Number(latitude), longitude: Number(longitude) }
      return { place, names: [name!.toLowerCase(), ...(others ? others.split(',') : [])] }
    })
}

const entries = [...read(cities, true), ...read(countries, false)]

/** All places, cities first. */
export const PLACES: readonly Place[] = entries.map(({ place }) => place)

/** Places by every lower-cased name they go by. */
export const PLACE_BY_NAME: ReadonlyMap<string, Place> = new Map(
  entries.flatMap(({ place, names }) => names.map(name => [name.normalize('NFC'), place] as const)),
)
