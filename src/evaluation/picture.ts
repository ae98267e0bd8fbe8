import { inflateSync } from 'node:zlib'
import type { Alarm } from './guards.js'

/** A picture that a guard can look at: a Plotly figure, an SVG text, PNG bytes, or raw pixels. */
export type Picture =
  | { data: readonly unknown[]; layout?: unknown }
  | string
  | Uint8Array
  | { width: number; height: number /** RGBA, RGB or grey, one byte a channel. */; pixels: Uint8Array }

/**
 * Alarms when a picture shows nothing: a figure without a value other than zero, an SVG without a mark, an image of one
 * colour.
 * @throws when bytes are not a PNG of 8 bits a channel without interlacing
 */
export function guardBlankPicture(picture: Picture, name = 'picture'): Alarm[] {
  const why = blankness(picture)
  return why ? [{ guard: 'blank-picture', message: `${name} is blank: ${why}` }] : []
}

function blankness(picture: Picture): string | undefined {
  if (typeof picture === 'string') return svgHasMark(picture) ? undefined : 'the SVG has no mark'
  if (picture instanceof Uint8Array) return oneColour(decodePng(picture))
  if ('pixels' in picture) return oneColour(picture)
  if (picture.data.length === 0) return 'the figure has no trace'
  return picture.data.some(traceShows) ? undefined : `none of its ${picture.data.length} traces has a value other than zero`
}

/** The fields of a trace that carry what it shows; x and y of a heat map are only its axes. */
function traceShows(trace: unknown): boolean {
  if (typeof trace !== 'object' || trace === null) return false
  const fields = trace as Record<string, unknown>
  const first = ['z', 'values', 'lat', 'locations'].find(name => fields[name] !== undefined)
  if (first) return hasValue(fields[first])
  if (fields.orientation === 'h') return hasValue(fields.x)
  return fields.y !== undefined ? hasValue(fields.y) : hasValue(fields.x)
}

function hasValue(value: unknown): boolean {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
    return Array.from(value as ArrayLike<unknown>).some(hasValue)
  if (typeof value === 'number') return Number.isFinite(value) && value !== 0
  if (value instanceof Date) return true
  return typeof value === 'string' && value.trim() !== '' && Number(value) !== 0
}

function svgHasMark(svg: string): boolean {
  const shown = svg.replaceAll(/<(defs|style|title|desc|metadata)\b[\s\S]*?<\/\1>/g, '')
  const marks = shown.match(/<(path|rect|circle|ellipse|line|polyline|polygon|text|image|use)\b/g) ?? []
  // One rectangle alone is the background.
  return marks.length > 1 || (marks.length === 1 && marks[0] !== '<rect')
}

function oneColour({ width, height, pixels }: { width: number; height: number; pixels: Uint8Array }): string | undefined {
  const count = width * height
  if (count === 0 || pixels.length === 0) return 'it has no pixel'
  const channels = pixels.length / count
  for (let i = channels; i < pixels.length; i++) if (pixels[i] !== pixels[i % channels]) return undefined
  return `all ${count} pixels have one colour`
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Pixels of a PNG (W3C PNG, 8 bits a channel, not interlaced); of a palette image, the palette's numbers. */
function decodePng(bytes: Uint8Array): { width: number; height: number; pixels: Uint8Array } {
  if (PNG_SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new Error('picture: not a PNG')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const channels = CHANNELS[bytes[25]!]
  if (bytes[24] !== 8 || bytes[28] !== 0 || !channels)
    throw new Error(`picture: PNG of ${bytes[24]} bits a channel, interlace ${bytes[28]}: only 8 and 0 are read`)
  const parts: Uint8Array[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === 'IDAT') parts.push(bytes.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  return { width, height, pixels: unfilter(inflateSync(Buffer.concat(parts)), width * channels, height, channels) }
}

function unfilter(data: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const pixels = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]!
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? pixels[y * stride + x - channels]! : 0
      const up = y > 0 ? pixels[(y - 1) * stride + x]! : 0
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels]! : 0
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0
      pixels[y * stride + x] = data[y * (stride + 1) + 1 + x]! + guess
    }
  }
  return pixels
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}
