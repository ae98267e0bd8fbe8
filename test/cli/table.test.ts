import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../../src/cli/main.js'
import { createTable, duckdb, quoteText } from '../../src/delta/index.js'
import { newFolder } from '../delta/oracle.js'

let out = ''
let err = ''

beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    err += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function sample(): Promise<string> {
  const folder = newFolder()
  const table = await createTable(folder, { schema: 'id int not null, tags array<string>', description: 'a sample' })
  await table.append([{ id: 1, tags: ['x'] }])
  await table.append([{ id: 2 }])
  return folder
}

describe('moodlake table', () => {
  it('describes', async () => {
    const folder = await sample()
    expect(await main(['table', 'describe', folder, '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      version: 2,
      protocol: { minReaderVersion: 1, minWriterVersion: 2 },
      schema: { type: 'struct', fields: [{ name: 'id', type: 'integer', nullable: false }, { name: 'tags' }] },
      files: 2,
      rows: 2,
      description: 'a sample',
      health: { files: { count: 2, small: 2 }, log: { commits: 3, checkpoints: 0 }, advice: [] },
    })
    out = ''
    expect(await main(['table', 'describe', folder, '--version', '1'])).toBe(0)
    expect(out).toContain('id integer not null, tags array<string>')
    expect(out).toContain('version     1,')
  })

  it('lists the history, newest first', async () => {
    const folder = await sample()
    expect(await main(['table', 'history', folder, '--json', '--limit', '2'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject([
      { version: 2, operation: 'WRITE' },
      { version: 1, operation: 'WRITE' },
    ])
  })

  it('exports what a reader sees, at any version', async () => {
    const folder = await sample()
    const output = join(newFolder(), 'deep', 'rows.parquet')
    expect(await main(['table', 'export', folder, '--output', output, '--version', '1'])).toBe(0)
    expect(await (await duckdb()).rows(`SELECT * FROM read_parquet(${quoteText(output)})`)).toEqual([{ id: 1, tags: ['x'] }])
  })

  it('optimizes, vacuums, restores', async () => {
    const folder = await sample()
    expect(await main(['table', 'optimize', folder, '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ version: 3, added: 1, removed: 2 })
    out = ''
    expect(await main(['table', 'restore', folder, '--version', '1', '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ version: 4 })
    out = ''
    expect(await main(['table', 'vacuum', folder, '--retention-hours', '0', '--force', '--dry-run', '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      dryRun: true,
      files: [expect.stringMatching(/parquet$/), expect.stringMatching(/parquet$/)],
    })
    expect(await main(['table', 'vacuum', folder, '--retention-hours', '1'])).toBe(2)
    expect(err).toContain('below a week')
  })

  it.each([
    [['table'], 2, 'say what to do'],
    [['table', 'explode', 'x'], 2, 'no such action: explode'],
    [['table', 'describe'], 2, 'name one table'],
    [['table', 'export', 'x'], 2, '--output'],
    [['table', 'history', 'x', '--limit', 'many'], 2, 'not a whole number'],
    [['table', 'describe', '/none/such'], 1, 'no Delta table here'],
  ])('answers %j by exit code %i and one sentence', async (args, code, text) => {
    if (args.includes('many')) args = ['table', 'history', await sample(), '--limit', 'many']
    expect(await main(args)).toBe(code)
    expect(err).toContain(text)
    expect(err.trim().split('\n')).toHaveLength(1)
  })
})
