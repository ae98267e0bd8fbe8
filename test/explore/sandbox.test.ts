import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb, quoteText } from '../../src/delta/duckdb.js'
import { runShut } from '../../src/explore/sandbox.js'

const folder = mkdtempSync(join(tmpdir(), 'moodlake-sandbox-'))
const file = join(folder, 'gold', 'part.parquet')
const views = { views: new Map([['gold', `read_parquet([${quoteText(file)}])`]]), folders: [join(folder, 'gold')] }

beforeAll(async () => {
  const db = await openDuckdb()
  mkdirSync(join(folder, 'gold'))
  await db.run(
    `COPY (SELECT range AS id, 'tweet ' || range AS text, TIMESTAMPTZ '2026-05-01 10:00:00Z' + to_hours(range::INT) AS at,
      [text, 'b'] AS tags, range / 2 AS half FROM range(10)) TO ${quoteText(file)} (FORMAT parquet)`,
  )
  db.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('runShut', () => {
  it('gives plain rows and typed columns, also of no rows', async () => {
    const { rows, columns } = await runShut('SELECT * FROM gold WHERE id = $1', [3], views)
    expect(rows).toEqual([{ id: 3, text: 'tweet 3', at: new Date('2026-05-01T13:00:00Z'), tags: ['tweet 3', 'b'], half: 1.5 }])
    expect(columns.map(column => column.type)).toEqual(['BIGINT', 'VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'VARCHAR[]', 'DOUBLE'])
    const none = await runShut('SELECT id FROM gold WHERE false', [], views)
    expect(none).toEqual({ rows: [], columns: [{ name: 'id', type: 'BIGINT' }] })
  })

  it('binds values of every kind, hostile text too', async () => {
    const hostile = "x'; DROP VIEW gold; --"
    const at = new Date('2026-05-01T12:30:00.123Z')
    const sql =
      'SELECT $1 AS text, $2 AS n, $3 AS yes, $4 AS at, $5 AS nothing, $6 AS big, (SELECT count(*) FROM gold WHERE id IN $7) AS found'
    const { rows } = await runShut(sql, [hostile, 1.5, true, at, null, 9007199254740993n, [1, 2, 99]], views)
    expect(rows).toEqual([{ text: hostile, n: 1.5, yes: true, at, nothing: null, big: 9007199254740993n, found: 2 }])
    await expect(runShut('SELECT $1', [undefined], views)).rejects.toThrow('parameter 1 is undefined')
    await expect(runShut('SELECT $1', [{ a: 1 }], views)).rejects.toThrow('parameter 1 is a object')
    await expect(runShut('SELECT $1', [new Date('x')], views)).rejects.toThrow('invalid date')
  })

  // The statements here were let through on purpose: the instance holds even where the guard would not.
  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.com/x.csv'",
    "COPY (SELECT 1) TO '/tmp/moodlake-hostile.csv'",
    "ATTACH '/tmp/moodlake-hostile.db'",
    'INSTALL httpfs',
    'LOAD httpfs',
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    "SET memory_limit = '100GB'",
    'RESET lock_configuration',
    "SELECT getenv('HOME')",
  ])('withstands %s', async sql => {
    await expect(runShut(sql, [], views)).rejects.toThrow(/^sql: /)
    expect(readdirSync(tmpdir()).filter(name => name.startsWith('moodlake-hostile'))).toEqual([])
  })

  it('stops what takes too long, and what its caller gives up', async () => {
    const endless = 'SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3'
    await expect(runShut(endless, [], views, { timeoutMs: 200 })).rejects.toThrow('sql: took longer than 0.2 s and was stopped')
    const controller = new AbortController()
    // At once, while the instance still opens; and later, while the query runs.
    const early = runShut(endless, [], views, { signal: controller.signal })
    controller.abort()
    await expect(early).rejects.toThrow('sql: stopped')
    const late = new AbortController()
    setTimeout(() => late.abort(), 100)
    await expect(runShut(endless, [], views, { signal: late.signal })).rejects.toThrow('sql: stopped')
    // The Stop button of the notebook kernel, as the kernel offers it.
    const stop = new AbortController()
    const key = Symbol.for('moodlake.interrupt')
    Reflect.set(globalThis, key, () => stop.signal)
    setTimeout(() => stop.abort(), 100)
    const stopped = runShut(endless, [], views)
    Reflect.deleteProperty(globalThis, key)
    await expect(stopped).rejects.toThrow('sql: stopped')
  })

  it('fails in a sentence past its memory or its rows', async () => {
    await expect(
      runShut("SELECT list(repeat('x', 1000) || range) FROM range(1000000)", [], views, { memory: '100MB' }),
    ).rejects.toThrow(/^sql: .*(memory|allocate)/)
    await expect(runShut('SELECT * FROM range(5000)', [], views, { maxRows: 1000 })).rejects.toThrow('sql: more than 1,000 rows')
  })

  it('names the fault of a query without its engine', async () => {
    await expect(runShut('SELECT nix FROM gold', [], views)).rejects.toThrow(
      /^sql: Referenced column "nix" not found in FROM clause/,
    )
  })
})
