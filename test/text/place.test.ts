import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PLACE_BY_NAME, PLACES } from '../../src/text/gazetteer.js'
import { placeOf, profilePlace } from '../../src/text/place.js'

const point = (longitude: number, latitude: number) => ({ type: 'Point', coordinates: [longitude, latitude] })
const box = (west: number, south: number, east: number, north: number) => ({
  type: 'Polygon',
  coordinates: [
    [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
    ],
  ],
})

describe('placeOf', () => {
  it('reads longitude first and names the nearest large city', () => {
    expect(placeOf({ coordinates: point(13.3, 52.5) })).toEqual({
      location: 'Berlin',
      latitude: 52.5,
      longitude: 13.3,
      by: 'coordinates',
    })
    expect(placeOf({ coordinates: point(-40, 30) })).toEqual({ location: null, latitude: 30, longitude: -40, by: 'coordinates' })
  })

  it('reads the v2 form of coordinates', () => {
    expect(placeOf({ coordinates: { coordinates: point(2.3, 48.9) } })).toMatchObject({
      location: 'Paris',
      latitude: 48.9,
      longitude: 2.3,
    })
  })

  it('prefers coordinates, then place, then profile', () => {
    const place = { full_name: 'Camden, London', bounding_box: box(-0.2, 51.5, -0.1, 51.6) }
    expect(placeOf({ coordinates: point(-0.14, 51.54), place, profile: 'Rome' })).toEqual({
      location: 'Camden, London',
      latitude: 51.54,
      longitude: -0.14,
      by: 'coordinates',
    })
    expect(placeOf({ place, profile: 'Rome' })).toEqual({
      location: 'Camden, London',
      latitude: 51.55,
      longitude: -0.15,
      by: 'place',
    })
    expect(placeOf({ profile: 'Roma' })).toEqual({ location: 'Rome', latitude: 41.9, longitude: 12.5, by: 'profile' })
    expect(placeOf({})).toEqual({ location: null, latitude: null, longitude: null, by: null })
  })

  it('reads v2 places and boxes across the date line', () => {
    expect(placeOf({ place: { full_name: 'Lyon', geo: { bbox: [4.8, 45.7, 4.9, 45.8] } } })).toEqual({
      location: 'Lyon',
      latitude: 45.75,
      longitude: 4.85,
      by: 'place',
    })
    expect(placeOf({ place: { full_name: 'Fiji', geo: { bbox: [177, -19, -179, -16] } } })).toMatchObject({
      latitude: -17.5,
      longitude: 179,
    })
    expect(placeOf({ place: { full_name: 'Fiji', bounding_box: box(177, -19, -179, -16) } })).toMatchObject({
      latitude: -17.5,
      longitude: 179,
    })
  })

  it('finds a place without a box by its name', () => {
    expect(placeOf({ place: { full_name: 'Manchester, England' } })).toEqual({
      location: 'Manchester, England',
      latitude: 53.48,
      longitude: -2.24,
      by: 'place',
    })
  })

  it.each([
    [point(0, 0)],
    [point(200, 10)],
    [point(10, 91)],
    [{ coordinates: ['1', '2'] }],
    [{ coordinates: [] }],
    [{ coordinates: null }],
    ['1,2'],
    [null],
    [{ coordinates: [Number.NaN, 1] }],
  ])('takes no coordinates from %j', coordinates => expect(placeOf({ coordinates }).by).toBeNull())

  it('never throws and stays on the globe', () => {
    const shaped = fc.record(
      {
        coordinates: fc.oneof(fc.anything(), fc.record({ coordinates: fc.array(fc.double()) })),
        place: fc.oneof(
          fc.anything(),
          fc.record({
            full_name: fc.anything(),
            geo: fc.record({ bbox: fc.array(fc.double({ min: -181, max: 181 }), { maxLength: 4 }) }),
            bounding_box: fc.record({ coordinates: fc.anything() }),
          }),
        ),
        profile: fc.oneof(fc.string({ unit: 'binary' }), fc.anything()),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(shaped, parts => {
        const { latitude, longitude, location, by } = placeOf(parts)
        if (by === null) expect([latitude, longitude, location]).toEqual([null, null, null])
        else {
          expect(Math.abs(latitude!)).toBeLessThanOrEqual(90)
          expect(Math.abs(longitude!)).toBeLessThanOrEqual(180)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('profilePlace', () => {
  it.each([
    ['London', 'London'],
    ['  LONDON, England ', 'London'],
    ['Brooklyn, NY', 'New York'],
    ['living in München 🇩🇪', 'Munich'],
    ['📍Madrid', 'Madrid'],
    ['somewhere / Lisboa', 'Lisbon'],
    ['Wycombe, UK', 'United Kingdom'],
    ['Paris, Texas', 'United States'],
    ['London, Ontario', 'Canada'],
    ['São Paulo - Brasil', 'São Paulo'],
    ['Sa\u0303o Paulo', 'São Paulo'],
    ['from the Netherlands', 'Netherlands'],
    ['東京', 'Tokyo'],
    ['Pittsburgh, PA', 'United States'],
    ['Paris, TX', 'United States'],
    ['Austin, TX, USA', 'Austin'],
    ['nashville tennessee', 'Nashville'],
    ['London UK', 'London'],
    ['Seattle area', 'Seattle'],
    ['vancouver.', 'Vancouver'],
    ['L.A.', 'Los Angeles'],
    ['good night, ma', undefined],
    ['the moon', undefined],
    ['Parisian dreamer', undefined],
    ['', undefined],
    ['😀'.repeat(50_000), undefined],
    [','.repeat(100_000), undefined],
  ])('%.40s → %s', (profile, expected) => expect(profilePlace(profile)?.name).toBe(expected))
})

describe('the gazetteer', () => {
  it('has every name once, lower-cased, and positions on the globe', () => {
    expect(new Set(PLACES.map(place => place.name)).size).toBe(PLACES.length)
    for (const [name, place] of PLACE_BY_NAME) expect(name, place.name).toBe(name.toLowerCase().trim())
    for (const place of PLACES) {
      expect(PLACE_BY_NAME.get(place.name.toLowerCase())).toBe(place)
      expect(Math.abs(place.latitude)).toBeLessThan(72)
      expect(Math.abs(place.longitude)).toBeLessThan(180)
    }
    expect(PLACES.length).toBeGreaterThan(150)
  })
})
