/** Where a tweet comes from: measured coordinates, else the place its author tagged, else what the profile says. */
import { PLACE_BY_NAME, PLACES, type Place } from './gazetteer.js'

/** What a record may say of its place. The first two come from outside, so any value is taken; what has not the shape counts as absent. */
export interface PlaceParts {
  /** GeoJSON point, longitude first: v1.1 `coordinates`, v2 `geo.coordinates`. */
  coordinates?: unknown
  /** Place object: v1.1 `place` (`full_name`, `bounding_box`) or v2 `includes.places[]` (`full_name`, `geo.bbox`). */
  place?: unknown
  /** The free text of the author's profile, `user.location`. */
  profile?: unknown
}

/** A place name and position, and which part gave the position. */
export interface TweetPlace {
  location: string | null
  /** Degrees north, [-90, 90]. */
  latitude: number | null
  /** Degrees east, [-180, 180]. */
  longitude: number | null
  by: 'coordinates' | 'place' | 'profile' | null
}

interface Point {
  latitude: number
  longitude: number
}

const NOWHERE: TweetPlace = { location: null, latitude: null, longitude: null, by: null }
/** A city further away than this (km) does not give a point its name. */
const CITY_RADIUS_KM = 40
/** Longer names and profiles are not read. */
const MAX_NAME = 200

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function pointOf(longitude: unknown, latitude: unknown): Point | undefined {
  if (typeof longitude !== 'number' || typeof latitude !== 'number') return undefined
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined
  // 0, 0 lies in the sea and is what broken clients send.
  return latitude === 0 && longitude === 0 ? undefined : { latitude, longitude }
}

function pointIn(geojson: unknown): Point | undefined {
  const pair = field(geojson, 'coordinates')
  // v2 wraps the point: `geo: {coordinates: {type, coordinates}}`.
  if (!Array.isArray(pair)) return pair === undefined ? undefined : pointIn(pair)
  return pair.length >= 2 ? pointOf(pair[0], pair[1]) : undefined
}

/** The middle between west, south, east and north; a box may cross the date line. */
function centre(west: unknown, south: unknown, east: unknown, north: unknown): Point | undefined {
  const from = pointOf(west, south)
  const to = pointOf(east, north)
  if (!from || !to) return undefined
  const width = (to.longitude - from.longitude + 360) % 360
  const longitude = ((from.longitude + width / 2 + 540) % 360) - 180
  return { latitude: round((from.latitude + to.latitude) / 2), longitude: round(longitude) }
}

function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6
}

/** Corners of a v1.1 bounding box in their order: south-west, then around. */
function boxCentre(place: unknown): Point | undefined {
  const bbox = field(field(place, 'geo'), 'bbox')
  if (Array.isArray(bbox)) return centre(bbox[0], bbox[1], bbox[2], bbox[3])
  const ring: unknown = (field(field(place, 'bounding_box'), 'coordinates') as unknown[] | undefined)?.[0]
  if (!Array.isArray(ring) || !ring.length || ring.length > 100) return undefined
  const corners = ring.map(corner => (Array.isArray(corner) ? pointOf(corner[0], corner[1]) : undefined))
  if (!corners.every(corner => corner !== undefined)) return undefined
  const south = Math.min(...corners.map(corner => corner.latitude))
  const north = Math.max(...corners.map(corner => corner.latitude))
  const west = Math.min(...corners.map(corner => corner.longitude))
  const east = Math.max(...corners.map(corner => corner.longitude))
  // No place but one on the date line is wider than half the world.
  return east - west > 180
    ? centre(Math.min(...positive(corners)), south, Math.max(...negative(corners)), north)
    : centre(west, south, east, north)
}

function positive(corners: readonly Point[]): number[] {
  return corners.map(corner => corner.longitude).filter(longitude => longitude >= 0)
}

function negative(corners: readonly Point[]): number[] {
  return corners.map(corner => corner.longitude).filter(longitude => longitude < 0)
}

function nearestCity(point: Point): Place | undefined {
  const kmPerDegree = 111.2
  let best: Place | undefined
  let least = CITY_RADIUS_KM
  for (const place of PLACES) {
    if (!place.city) break
    const north = (place.latitude - point.latitude) * kmPerDegree
    const east =
      (((place.longitude - point.longitude + 540) % 360) - 180) * kmPerDegree * Math.cos((point.latitude * Math.PI) / 180)
    const km = Math.hypot(north, east)
    if (km < least) {
      least = km
      best = place
    }
  }
  return best
}

function nameOf(place: unknown): string | undefined {
  const name = field(place, 'full_name') ?? field(place, 'name')
  const text = typeof name === 'string' ? name.slice(0, MAX_NAME).replace(/\s+/g, ' ').trim() : ''
  return text || undefined
}

/** The states of the USA as an address ends in them: `Pittsburgh, PA`. */
const US_STATE =
  /,\s*(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])\b\.?\s*(?:,|$)/

/** The places a part of a profile names: itself, or a city and its country side by side as in `London UK`. */
function placesNamed(part: string): Place[] {
  const whole = PLACE_BY_NAME.get(part)
  if (whole) return [whole]
  for (let space = part.indexOf(' '); space > 0; space = part.indexOf(' ', space + 1)) {
    const city = PLACE_BY_NAME.get(part.slice(0, space))
    const country = PLACE_BY_NAME.get(part.slice(space + 1))
    if (city && country) return [city, country]
  }
  return []
}

/**
 * The place a profile names, by a gazetteer of about 170 cities and countries: `Brooklyn, NY` → New York, `living in
 * München 🇩🇪` → Munich, `Paris, Texas` → United States. Undefined when it names none of them.
 */
export function profilePlace(profile: string): Place | undefined {
  const text = profile.slice(0, MAX_NAME).normalize('NFC')
  const found = text
    .toLowerCase()
    .split(/[,/|;·•–—()\n]| - |[^\p{L}\p{M}\p{N}\s.'’&-]/u)
    .map(part =>
      part
        .trim()
        .replace(/^(?:i am |i'm )?(?:living |based |born |currently )?(?:in|from|near|around|greater|downtown) (?:the )?/, '')
        .replace(/^the city of |(?<=\p{L}{3})\.$| area$/gu, '')
        .trim(),
    )
    .flatMap(placesNamed)
  if (US_STATE.test(text)) found.push(PLACE_BY_NAME.get('united states')!)
  const [first] = found
  // `Paris, Texas`: a country further on that is not the city's own.
  const country = found.find(place => !place.city)
  return first?.city && country && country.country !== first.country ? country : first
}

/**
 * Where a tweet comes from. The position is that of its coordinates, else the middle of its place's box, else that of the
 * city or country its profile names (`by` tells which); the name is the tagged place's, else the nearest large city's,
 * else the gazetteer's. All null when nothing is known. Never throws, whatever the parts hold.
 * @example placeOf({ profile: 'Brooklyn, NY' }) // { location: 'New York', latitude: 40.71, longitude: -74.01, by: 'profile' }
 */
export function placeOf(parts: PlaceParts): TweetPlace {
  const name = nameOf(parts.place)
  const measured = pointIn(parts.coordinates)
  if (measured) return { location: name ?? nearestCity(measured)?.name ?? null, ...measured, by: 'coordinates' }
  const tagged = boxCentre(parts.place)
  if (tagged) return { location: name ?? nearestCity(tagged)?.name ?? null, ...tagged, by: 'place' }
  const known = name && profilePlace(name)
  if (known) return { location: name, latitude: known.latitude, longitude: known.longitude, by: 'place' }
  const home = typeof parts.profile === 'string' ? profilePlace(parts.profile) : undefined
  return home ? { location: home.name, latitude: home.latitude, longitude: home.longitude, by: 'profile' } : NOWHERE
}
