import type { Row } from '../../src/delta/index.js'

/** A column of every type that this library writes. */
export const EVERY_TYPE =
  'id int not null, s string, l long, sh short, by byte, f float, d double, dec decimal(38,10), small decimal(7,2), b boolean, bin binary, day date, ts timestamp, ntz timestamp_ntz, arr array<string>, st struct<x: int, y: array<double>>, m map<string, long>'

/** A row with a value in each of them. */
export const FULL: Row = {
  id: 1,
  s: 'é\u{1F600} "quoted"\n',
  l: 2n ** 63n - 1n,
  sh: -32768,
  by: 127,
  f: 0.5,
  d: 1e300,
  dec: '1234567890123456789012345678.0123456789',
  small: '-99999.99',
  b: true,
  bin: Buffer.from([0, 255]),
  day: '1969-07-20',
  ts: '2024-03-01T12:34:56.123456+02:00',
  ntz: '2024-03-01T12:34:56.123456',
  arr: ['a', null, ''],
  st: { x: 1, y: [1.5, null] },
  m: { k: 1, z: null },
}
