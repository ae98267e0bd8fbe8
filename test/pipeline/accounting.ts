import { expect } from 'vitest'
import { bronze } from '../../src/pipeline/bronze.js'
import type { Batch } from '../../src/sources/batch.js'
import { jsonFiles } from '../../src/sources/json-files.js'
import { memoryStore } from '../../src/stores/memory-store.js'

interface SourceRow {
  record: string
  source_file: string
  line: number
  damage: string | null
}
type BronzeRow = Record<'date' | 'user' | 'text' | 'sentiment' | 'record' | 'rescue', string | null> & {
  form: string
  source_file: string
  source_line: number
}

async function rowsOf<T>(batch: Batch): Promise<T[]> {
  const all: T[] = []
  for await (const part of batch.rows<T>()) all.push(...part)
  return all
}

/**
 * Reads files as bronze does and holds what it keeps against their bytes. The rule: (1) the bytes of the records, in their order, with
 * nothing but white space and the punctuation of an array between them, are the bytes of the file; (2) each record is held by bronze
 * rows of its line: word for word in `record` or `rescue` (bytes that are no UTF-8 in base64), or, where neither has it, by the four columns of
 * the classroom form, or by the parts of a v2 response, none of which is missing.
 */
export async function checkAccounting(files: Record<string, Uint8Array>): Promise<{ rows: number }> {
  const store = memoryStore()
  for (const [path, bytes] of Object.entries(files)) await store.put(path, bytes)
  const source = jsonFiles({ store, log: { store: memoryStore(), path: 'log' } })
  const { to } = (await source.latest(undefined, { maxBytes: Number.MAX_SAFE_INTEGER }))!
  const raw = await source.read(undefined, to)
  const made = await bronze(raw, { now: new Date() })
  const records = await rowsOf<SourceRow>(raw)
  const rows = await rowsOf<BronzeRow>(made.rows)
  await Promise.all([raw.drop(), made.drop()])
  const kept = new Map<string, BronzeRow[]>()
  for (const row of rows) {
    const place = `${row.source_file}:${row.source_line}`
    kept.set(place, [...(kept.get(place) ?? []), row])
  }
  for (const [path, bytes] of Object.entries(files)) {
    const own = records.filter(record => record.source_file === path)
    checkBytes(path, bytes, own)
    for (const record of own) checkKept(record, kept.get(`${path}:${record.line}`) ?? [])
  }
  expect(kept.size).toBe(records.length)
  return { rows: rows.length }
}

function checkBytes(path: string, bytes: Uint8Array, records: SourceRow[]): void {
  const file = Buffer.from(bytes)
  let at = 0
  const between = (upTo: number) => file.subarray(at, upTo).toString('utf8')
  const isGap = (upTo: number) => /^[\s[\],]*$/.test(between(upTo))
  const gap = (upTo: number) => {
    if (!isGap(upTo))
      throw new Error(`${path}: bytes ${at} to ${upTo} are in no record: ${JSON.stringify(between(upTo).slice(0, 80))}`)
  }
  for (const { record, damage } of records) {
    const held = damage === null ? Buffer.from(record) : Buffer.from(damage, 'base64')
    let found = file.indexOf(held, at)
    // Half a character of white space may look like the record.
    while (found >= 0 && found < at + 8 && !isGap(found)) found = file.indexOf(held, found + 1)
    if (found < 0) throw new Error(`${path}: a record is not in the file after byte ${at}: ${record.slice(0, 80)}`)
    gap(found)
    at = found + held.length
  }
  gap(file.length)
}

function checkKept({ record, damage, source_file, line }: SourceRow, rows: BronzeRow[]): void {
  const place = `${source_file}:${line}`
  if (!rows.length) throw new Error(`${place}: no row of bronze`)
  if (damage !== null) {
    expect(JSON.parse(rows[0]!.rescue!)).toMatchObject({ base64: damage })
    return
  }
  if (rows.some(row => row.record === record || row.rescue === record)) return
  if (rows.some(row => row.rescue !== null && isVerbatim(row.rescue, record))) return
  const [first] = rows
  if (!isPlain(record))
    throw new Error(`${place}: not word for word, though a key comes twice or a number is rounded: ${record.slice(0, 200)}`)
  const value = JSON.parse(record) as Record<string, unknown>
  if (first!.form === 'classroom') {
    const { date, user, text, sentiment } = first!
    // DuckDB's client leaves out a byte order mark at the start of a value that it reads; the table has it.
    const read = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, String(item).replace(/^\ufeff/, '')]))
    expect({ date, user, text, sentiment }, place).toEqual(read)
    return
  }
  // A v2 response: the union of its rows.
  const parts = rows.flatMap(row =>
    [row.record, row.rescue].filter(part => part !== null).map(part => JSON.parse(part) as unknown),
  )
  const leaves = new Set(parts.flatMap(part => leavesOf(part)))
  for (const leaf of leavesOf(value))
    if (!leaves.has(leaf)) throw new Error(`${place}: ${leaf} of a response is in no row: ${record.slice(0, 200)}`)
}

function isVerbatim(rescue: string, record: string): boolean {
  try {
    return (JSON.parse(rescue) as { verbatim?: unknown } | null)?.verbatim === record
  } catch {
    return false
  }
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[^\s,\]}]*|true|false|null|[[\]{}:,]/g

/** True when reading the text as JSON loses nothing: as many parts are left, every number is spelt as it is read, every character whole. */
function isPlain(text: string): boolean {
  const tokens = text.match(TOKEN) ?? []
  const left = JSON.stringify(JSON.parse(text)).match(TOKEN) ?? []
  const exact = (token: string) => !/^-?\d/.test(token) || JSON.stringify(Number(token)) === token
  return tokens.length === left.length && tokens.every(exact) && !tokens.some(token => /\\ud8/.test(token))
}

/** Names and plain values, each with the name over it. */
function leavesOf(value: unknown, name = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${name}=${JSON.stringify(value)}`]
  return Object.entries(value).flatMap(([key, item]) => leavesOf(item, Array.isArray(value) ? name : key))
}
