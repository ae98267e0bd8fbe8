import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import * as delta from '../../src/delta/index.js'
import { createTable, openTable, type Row } from '../../src/delta/index.js'
import { newFolder } from './oracle.js'

const { CorruptLogError, DataFileError, VersionNotFoundError } = delta
const log = (folder: string, name: string) => join(folder, '_delta_log', name)
const commit = (version: number) => `${String(version).padStart(20, '0')}.json`
const checkpoint = (version: number) => `${String(version).padStart(20, '0')}.checkpoint.parquet`

let sound: string

/** A copy of a table with twelve versions, checkpoints at 4, 8 and 12 and rows 1 to 12. */
function copy(): string {
  const folder = newFolder()
  cpSync(sound, folder, { recursive: true })
  return folder
}

async function ids(folder: string, version?: number): Promise<unknown[]> {
  const rows: Row[] = []
  const table = await openTable(folder)
  for await (const chunk of (await table.snapshot(version === undefined ? {} : { version })).rows()) rows.push(...chunk)
  return rows.map(row => row.id).sort((a, b) => Number(a) - Number(b))
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

beforeAll(async () => {
  sound = newFolder()
  const table = await createTable(sound, {
    schema: 'id int, p string',
    partitionBy: ['p'],
    properties: { 'delta.checkpointInterval': '4' },
  })
  for (const id of upTo(12)) await table.append([{ id, p: id % 2 ? 'odd' : null }])
})

describe('a damaged table', () => {
  it('is read in spite of damaged checkpoints and hints', async () => {
    for (const text of ['', '{', 'null', '[]', '{"version":99}', '{"version":-1}', '{"version":"x"}', '\0\0']) {
      const folder = copy()
      writeFileSync(log(folder, '_last_checkpoint'), text)
      expect(await ids(folder), text).toEqual(upTo(12))
    }
    const folder = copy()
    truncateSync(log(folder, checkpoint(12)), 100)
    expect(await ids(folder)).toEqual(upTo(12))
    writeFileSync(log(folder, checkpoint(8)), 'PAR1 nothing PAR1')
    writeFileSync(log(folder, checkpoint(4)), '')
    expect(await ids(folder)).toEqual(upTo(12))
    rmSync(log(folder, commit(0)))
    await expect(openTable(folder)).rejects.toMatchObject({ name: 'CorruptLogError', version: 12 })
  })

  it('is not a table whose checkpoint has parts without rows', async () => {
    const emptied = async (parts: (number: number) => string, wheres: readonly string[]) => {
      const folder = copy()
      const source = `read_parquet(${delta.quoteText(log(folder, checkpoint(12)))})`
      for (const [i, where] of wheres.entries()) {
        const path = log(folder, parts(i + 1))
        mkdirSync(dirname(path), { recursive: true })
        await (await delta.duckdb()).run(
          `COPY (SELECT * FROM ${source} WHERE ${where}) TO ${delta.quoteText(path)} (FORMAT parquet)`,
        )
      }
      for (const version of [0, ...upTo(11)]) rmSync(log(folder, commit(version)))
      for (const version of [4, 8, 12]) rmSync(log(folder, checkpoint(version)))
      return folder
    }
    const part = (of: number) => (number: number) =>
      checkpoint(12).replace('parquet', `${String(number).padStart(10, '0')}.${String(of).padStart(10, '0')}.parquet`)
    expect(await ids(await emptied(part(3), ['"add" IS NOT NULL', 'false', '"add" IS NULL']))).toEqual(upTo(12))

    const sidecar = (number: number) => join('_sidecars', `${number}.parquet`)
    const folder = await emptied(sidecar, ['"add" IS NOT NULL', 'false'])
    const first = readFileSync(join(sound, '_delta_log', commit(0)), 'utf8').split('\n')
    const actions = [
      '{"checkpointMetadata":{"version":12}}',
      ...first.filter(line => /^{"(protocol|metaData)"/.test(line)),
      ...[1, 2].map(i => `{"sidecar":{"path":"${i}.parquet","sizeInBytes":1,"modificationTime":1}}`),
    ]
    const name = `${checkpoint(12).replace('parquet', '80a083e8-7026-4e79-81be-64bd76c43a11')}.json`
    writeFileSync(log(folder, name), actions.join('\n'))
    expect(await ids(folder)).toEqual(upTo(12))

    for (const wheres of [['false'], ['false', 'false']])
      await expect(emptied(part(wheres.length), wheres).then(openTable)).rejects.toMatchObject({
        name: 'CorruptLogError',
        cause: { message: expect.stringContaining('a checkpoint without any action') },
      })
  })

  it('is read from an older checkpoint where the log was cleaned', async () => {
    const folder = copy()
    for (const version of upTo(8)) rmSync(log(folder, commit(version - 1)))
    rmSync(log(folder, checkpoint(4)))
    expect(await ids(folder)).toEqual(upTo(12))
    expect(await ids(folder, 9)).toEqual(upTo(9))
    await expect(ids(folder, 5)).rejects.toBeInstanceOf(VersionNotFoundError)
  })

  it('names the version that is missing', async () => {
    const folder = copy()
    for (const version of [4, 8, 12]) rmSync(log(folder, checkpoint(version)))
    rmSync(log(folder, '_last_checkpoint'))
    rmSync(log(folder, commit(7)))
    await expect(openTable(folder)).rejects.toMatchObject({ name: 'CorruptLogError', version: 7 })
    expect(await ids(folder, 6).catch((error: unknown) => error)).toBeInstanceOf(CorruptLogError)
    renameSync(log(folder, commit(0)), log(folder, '99999999999999999999.json'))
    await expect(openTable(folder)).rejects.toBeInstanceOf(CorruptLogError)
  })

  it.each([
    ['{"add":{"path":"x"', 'line 1 is not JSON'],
    ['{"commitInfo":{}}\n[]', 'line 2: not an action'],
    ['{"add":7}', 'add is not an object'],
    ['{"add":{"path":"","size":1,"partitionValues":{}}}', 'add without a path'],
    ['{"add":{"path":"a","size":-1,"partitionValues":{}}}', 'add without a size'],
    ['{"add":{"path":"a","size":1,"partitionValues":{"p":7}}}', 'not a text'],
    ['{"protocol":{"minReaderVersion":"1","minWriterVersion":2}}', 'two versions'],
    ['{"metaData":{"schemaString":7}}', 'schemaString'],
    ['\uFEFF\xff\0', 'line 1 is not JSON'],
  ])('says what is wrong with the commit %j', async (text, message) => {
    const folder = copy()
    writeFileSync(log(folder, commit(13)), text)
    const error = await openTable(folder).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CorruptLogError)
    expect(error).toMatchObject({ version: 13, file: `_delta_log/${commit(13)}` })
    expect(String(error)).toContain(message)
  })

  it('refuses data files that are missing, cut or no Parquet', async () => {
    const [file] = readdirSync(join(sound, 'p=odd'))
    const path = (folder: string) => join(folder, 'p=odd', file as string)
    const missing = copy()
    rmSync(path(missing))
    await expect(ids(missing)).rejects.toMatchObject({ name: 'DataFileError', file: `p=odd/${file}`, version: 12 })
    const cut = copy()
    truncateSync(path(cut), 40)
    await expect(ids(cut)).rejects.toMatchObject({ name: 'DataFileError', file: `p=odd/${file}` })
    const other = copy()
    writeFileSync(path(other), 'not parquet at all, but long enough to look at')
    await expect(ids(other)).rejects.toBeInstanceOf(DataFileError)
    const output = join(newFolder(), 'out.parquet')
    await expect(delta.exportTable(await (await openTable(cut)).snapshot(), output)).rejects.toBeInstanceOf(DataFileError)
  })

  it.each([
    '../secret.parquet',
    'p=odd/../../secret.parquet',
    '%2e%2e/secret.parquet',
    '..%2Fsecret.parquet',
    '/etc/passwd',
    'file:///etc/passwd',
    'file:/etc/passwd',
    's3://bucket/secret.parquet',
    'a\\..\\..\\secret.parquet',
    'a%00b',
    './x.parquet',
  ])('never reads outside of its folder: %s', async path => {
    const base = newFolder()
    const folder = join(base, 'table')
    mkdirSync(folder)
    await createTable(folder, { schema: 'id int' })
    const source = await openTable(sound)
    const first = (await source.snapshot()).files[0] as delta.AddFile
    copyFileSync(join(sound, decodeURIComponent(first.path)), join(base, 'secret.parquet'))
    const add = { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true }
    writeFileSync(log(folder, commit(1)), JSON.stringify({ add }))
    await expect(ids(folder)).rejects.toMatchObject({ name: 'DataFileError', file: path, version: 1 })
    await expect(ids(folder)).rejects.toThrow('outside of the table')
  })

  it('accepts absolute addresses inside of its folder', async () => {
    const folder = copy()
    const file = log(folder, commit(12))
    const text = readFileSync(file, 'utf8').replace('"path":"p=', `"path":"file://${folder}/p=`)
    writeFileSync(file, text)
    rmSync(log(folder, checkpoint(12)))
    expect(await ids(folder)).toEqual(upTo(12))
  })

  it('gives rows or a typed error for any bytes in its log, never hangs', async () => {
    const names = readdirSync(join(sound, '_delta_log'))
    const typed = Object.values(delta).filter(
      item => typeof item === 'function' && item.prototype instanceof Error,
    ) as (new () => Error)[]
    const folder = copy()
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 6 }),
        fc.constantFrom('{', '"', '}', '\n', '9999', '-1', 'null').map(text => Buffer.from(text)),
      ),
      cut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async list => {
        for (const { name, at, bytes, cut } of list) {
          const content = Buffer.from(readFileSync(log(folder, name)))
          const start = Math.floor(at * content.length)
          writeFileSync(
            log(folder, name),
            cut
              ? content.subarray(0, start)
              : Buffer.concat([content.subarray(0, start), bytes, content.subarray(start + bytes.length)]),
          )
        }
        try {
          await ids(folder)
        } catch (error) {
          expect(
            typed.some(type => error instanceof type),
            `${(error as Error).name}: ${(error as Error).stack}`,
          ).toBe(true)
        } finally {
          for (const { name } of list) copyFileSync(log(sound, name), log(folder, name))
        }
      }),
      { numRuns: 100 },
    )
    expect(await ids(folder)).toEqual(upTo(12))
  })
})
