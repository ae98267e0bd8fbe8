import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTable, duckdb, openTable, quoteText, type Row, tableHealth } from '../../src/delta/index.js'
import { loadState } from '../../src/delta/replay.js'
import { fileStore } from '../../src/stores/file-store.js'
import { askPython, deltaRs, newFolder, noOracle } from './oracle.js'

const DAY_MS = 86_400_000
const logOf = (folder: string) => readdirSync(join(folder, '_delta_log')).sort()
const version = (n: number) => String(n).padStart(20, '0')

async function idsOf(folder: string, at?: number): Promise<unknown[]> {
  const snapshot = await (await openTable(folder)).snapshot({ version: at })
  return (await (await duckdb()).rows<Row>(`SELECT id FROM ${await snapshot.relation()} ORDER BY id`)).map(row => row.id)
}

/** A table of 25 versions with checkpoints at 10 and 20; those up to `old` were made 40 days ago. */
async function aged(old: number, properties: Record<string, string> = {}): Promise<string> {
  const folder = newFolder()
  const table = await createTable(folder, { schema: 'id int', properties })
  for (let id = 1; id < 25; id++) await table.append([{ id }])
  for (const name of logOf(folder))
    if (/^\d/.test(name) && Number(name.slice(0, 20)) <= old) {
      const then = new Date(Date.now() - 40 * DAY_MS + Number(name.slice(0, 20)) * 1000)
      utimesSync(join(folder, '_delta_log', name), then, then)
    }
  return folder
}

const ids = (to: number) => Array.from({ length: to }, (_, i) => i + 1)

describe('log clean-up', () => {
  it('keeps the checkpoint that the oldest version within the retention needs, and everything after it', async () => {
    const folder = await aged(17)
    await (await openTable(folder)).checkpoint()
    expect(logOf(folder)[0]).toBe(`${version(10)}.checkpoint.parquet`)
    expect(logOf(folder)).toContain(`${version(10)}.json`)
    expect(logOf(folder).filter(name => name.startsWith(version(9)))).toEqual([])
    for (const at of [10, 16, 17, 24]) expect(await idsOf(folder, at)).toEqual(ids(at))
    await expect(idsOf(folder, 9)).rejects.toMatchObject({ name: 'VersionNotFoundError' })
    const commits = async (after: number) => {
      const found: number[] = []
      for await (const { version } of (await openTable(folder)).commits({ after })) found.push(version)
      return found
    }
    expect(await commits(9)).toEqual(Array.from({ length: 15 }, (_, i) => 10 + i))
    await expect(commits(8)).rejects.toMatchObject({
      name: 'VersionNotFoundError',
      message: expect.stringMatching(/version 9 is no longer in the log; the oldest commit is 10$/),
    })
    // A gap is damage, whatever was cleaned away before it.
    renameSync(join(folder, '_delta_log', `${version(22)}.json`), join(folder, 'away'))
    await expect(commits(15)).rejects.toMatchObject({ name: 'CorruptLogError', version: 22 })
    renameSync(join(folder, 'away'), join(folder, '_delta_log', `${version(22)}.json`))
    await (await openTable(folder)).append([{ id: 25 }])
    expect(await idsOf(folder)).toEqual(ids(25))
  })

  it.skipIf(noOracle)('delta-rs reads what is left, and its own clean-up finds nothing more to remove', async () => {
    const folder = await aged(17)
    await (await openTable(folder)).checkpoint()
    const left = logOf(folder)
    expect((await deltaRs(folder, 'id')).map(row => row.id).sort((a, b) => Number(a) - Number(b))).toEqual(ids(24))
    expect(await deltaRs(folder, 'id', 12)).toHaveLength(12)
    await askPython(`DeltaTable(args['path']).cleanup_metadata(); print('1')`, { path: folder })
    expect(logOf(folder)).toEqual(left)
  })

  it.each([
    ['all is younger than the retention', 0, {}],
    ['there is no checkpoint that old', 9, {}],
    ['the table forbids it', 17, { 'delta.enableExpiredLogCleanup': 'false' }],
    ['the retention is longer', 17, { 'delta.logRetentionDuration': 'interval 60 days' }],
    ['the retention is not understood', 17, { 'delta.logRetentionDuration': 'a while' }],
  ])('removes nothing when %s', async (_, old, properties) => {
    const folder = await aged(old, properties)
    await (await openTable(folder)).checkpoint()
    expect(logOf(folder)[0]).toBe(`${version(0)}.json`)
    expect(await idsOf(folder, 3)).toEqual(ids(3))
  })

  it('removes nothing when the checkpoint that would be the oldest is damaged', async () => {
    const folder = await aged(17)
    const path = join(folder, '_delta_log', `${version(10)}.checkpoint.parquet`)
    const then = new Date(Date.now() - 40 * DAY_MS)
    writeFileSync(path, readFileSync(path).subarray(0, 100))
    utimesSync(path, then, then)
    await (await openTable(folder)).checkpoint()
    expect(logOf(folder)[0]).toBe(`${version(0)}.json`)
    expect(await idsOf(folder, 12)).toEqual(ids(12))
  })

  it('removes the sidecars that only removed V2 checkpoints name', async () => {
    const folder = await aged(22)
    const log = join(folder, '_delta_log')
    const actions = readFileSync(join(log, `${version(0)}.json`), 'utf8')
      .split('\n')
      .filter(line => /^{"(protocol|metaData)"/.test(line))
    mkdirSync(join(log, '_sidecars'))
    const then = new Date(Date.now() - 39 * DAY_MS)
    for (const at of [10, 20]) {
      const classic = join(log, `${version(at)}.checkpoint.parquet`)
      const sidecar = join(log, '_sidecars', `of-${at}.parquet`)
      const adds = `SELECT "add" FROM read_parquet(${quoteText(classic)}) WHERE "add" IS NOT NULL`
      await (await duckdb()).run(`COPY (${adds}) TO ${quoteText(sidecar)} (FORMAT parquet)`)
      rmSync(classic)
      const named = { sidecar: { path: `of-${at}.parquet`, sizeInBytes: 1, modificationTime: 1 } }
      const lines = [JSON.stringify({ checkpointMetadata: { version: at } }), ...actions, JSON.stringify(named)]
      const top = join(log, `${version(at)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a1${at / 10}.json`)
      writeFileSync(top, lines.map(line => `${line}\n`).join(''))
      for (const path of [sidecar, top]) utimesSync(path, then, then)
    }
    writeFileSync(join(log, '_sidecars', 'being-written.parquet'), '')
    await (await openTable(folder)).checkpoint()
    expect(readdirSync(join(log, '_sidecars')).sort()).toEqual(['being-written.parquet', 'of-20.parquet'])
    expect(logOf(folder)[0]).toMatch(`${version(20)}.checkpoint`)
    rmSync(join(log, `${version(24)}.checkpoint.parquet`))
    for (const at of [20, 24]) expect(await idsOf(folder, at)).toEqual(ids(at))
  })

  it('runs by itself at a checkpoint that a write makes', async () => {
    const folder = await aged(17)
    const table = await openTable(folder)
    for (let id = 25; id <= 30; id++) await table.append([{ id }])
    expect(logOf(folder)[0]).toBe(`${version(10)}.checkpoint.parquet`)
    expect(await idsOf(folder)).toEqual(ids(30))
  })
})

/** Writes the log compaction file of some versions: their actions, the last one of each thing. */
function compactLog(folder: string, from: number, to: number): void {
  const lines = new Map<string, string>()
  for (let at = from; at <= to; at++)
    for (const line of readFileSync(join(folder, '_delta_log', `${version(at)}.json`), 'utf8')
      .split('\n')
      .filter(Boolean)) {
      const action = JSON.parse(line) as Record<string, { path?: string; appId?: string }>
      const [kind = '', value] = Object.entries(action)[0] ?? []
      if (kind !== 'commitInfo') lines.set(value?.path ?? `${kind} ${value?.appId ?? ''}`, line)
    }
  writeFileSync(
    join(folder, '_delta_log', `${version(from)}.${version(to)}.compacted.json`),
    `${[...lines.values()].join('\n')}\n`,
  )
}

describe('log compaction files', () => {
  async function sample(): Promise<string> {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int', properties: { 'delta.checkpointInterval': '1000' } })
    for (let id = 1; id <= 8; id++) await table.append([{ id }], { txn: { appId: 'a', version: id } })
    await table.delete('id = 2')
    await table.append([{ id: 9 }])
    return folder
  }

  it('are read for the commits they stand for', async () => {
    const folder = await sample()
    const expected = await idsOf(folder)
    compactLog(folder, 2, 9)
    // Only who reads the compaction does not come across this.
    writeFileSync(join(folder, '_delta_log', `${version(5)}.json`), 'not JSON')
    expect(await idsOf(folder)).toEqual(expected)
    expect((await (await openTable(folder)).snapshot()).txn('a')).toBe(8)
    await expect(idsOf(folder, 8)).rejects.toMatchObject({ name: 'CorruptLogError' })
    expect(await idsOf(folder, 4)).toEqual(ids(4))
  })

  it('are passed over when they are damaged; a longer one is taken before a shorter one', async () => {
    const folder = await sample()
    const expected = await idsOf(folder)
    compactLog(folder, 1, 4)
    compactLog(folder, 1, 7)
    writeFileSync(join(folder, '_delta_log', `${version(8)}.${version(10)}.compacted.json`), '{"add":')
    expect(await idsOf(folder)).toEqual(expected)
  })

  it.skipIf(noOracle)('delta-rs sees the same', async () => {
    const folder = await sample()
    compactLog(folder, 2, 9)
    expect((await deltaRs(folder, 'id')).map(row => row.id)).toEqual(await idsOf(folder))
  })
})

describe('automatic compaction', () => {
  const AUTO = { 'delta.autoOptimize.autoCompact': 'true', 'delta.checkpointInterval': '1000' }

  it('is off unless the table asks for it', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    for (let id = 0; id < 51; id++) await table.append([{ id }])
    expect((await table.snapshot()).files).toHaveLength(51)
  })

  it.skipIf(noOracle)('merges small files once there are fifty; no row changes, also for delta-rs', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int', properties: AUTO })
    for (let id = 1; id <= 52; id++) await table.append([{ id }])
    expect((await table.snapshot()).files).toHaveLength(3)
    const [, , optimized] = await table.history(3)
    expect(optimized).toMatchObject({ operation: 'OPTIMIZE', version: 51 })
    expect((await deltaRs(folder, 'id')).map(row => row.id).sort((a, b) => Number(a) - Number(b))).toEqual(ids(52))
    for await (const commit of table.commits({ after: 50, upTo: 51 }))
      expect([...commit.add, ...commit.remove].every(file => !file.dataChange)).toBe(true)
  })

  it('writes a row anew a few times only, however many commits come', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int, text string', properties: AUTO })
    for (let id = 1; id <= 250; id++) await table.append([{ id, text: randomBytes(2000).toString('hex') }])
    let rewritten = 0
    for await (const { commitInfo, add } of table.commits())
      if (commitInfo?.operation === 'OPTIMIZE')
        for (const { stats } of add) rewritten += (JSON.parse(stats as string) as { numRecords: number }).numRecords
    // Everything in each of the five compactions would be 750.
    expect(rewritten).toBeLessThanOrEqual(500)
    expect(rewritten).toBeGreaterThanOrEqual(200)
    expect((await table.snapshot()).files.length).toBeLessThan(60)
    expect(await idsOf(folder)).toEqual(ids(250))
  })
})

describe('removed files', () => {
  const removesIn = async (folder: string, at: number) => {
    const checkpoint = join(folder, '_delta_log', `${version(at)}.checkpoint.parquet`)
    const select = `SELECT "remove".path AS path FROM read_parquet(${quoteText(checkpoint)}) WHERE "remove" IS NOT NULL ORDER BY 1`
    return (await (await duckdb()).rows<{ path: string }>(select)).map(({ path }) => path)
  }

  it.skipIf(noOracle)('are in no state that is read, and in every checkpoint until they expire; delta-rs agrees', async () => {
    const folder = newFolder()
    const properties = { 'delta.checkpointInterval': '4', 'delta.deletedFileRetentionDuration': 'interval 1 hour' }
    const table = await createTable(folder, { schema: 'id int', properties })
    const gone: string[] = []
    for (let id = 1; id <= 16; id++) {
      gone.push(...(await table.snapshot()).files.map(({ path }) => path))
      await table.overwrite([{ id }])
    }
    const store = fileStore(folder)
    expect((await loadState(store)).removes).toBeUndefined()
    expect((await loadState(store, 13)).files.size).toBe(1)
    expect(await removesIn(folder, 16)).toEqual([...gone].sort())
    // What comes back is removed no longer.
    await table.restore({ version: 15 })
    const back = gone.splice(14, 1, (await table.snapshot({ version: 16 })).files[0]!.path)
    await table.checkpoint()
    expect(await removesIn(folder, 17)).toEqual([...gone].sort())
    expect((await table.snapshot()).files.map(({ path }) => path)).toEqual(back)
    expect((await deltaRs(folder, 'id')).map(row => row.id)).toEqual([15])
    // Ours, by hand: removed two hours ago.
    for (const name of logOf(folder)
      .filter(name => name.endsWith('.json'))
      .slice(0, 9)) {
      const path = join(folder, '_delta_log', name)
      const aged = readFileSync(path, 'utf8').replace(
        /"deletionTimestamp":(\d+)/g,
        (_, ms) => `"deletionTimestamp":${Number(ms) - 7_200_000}`,
      )
      writeFileSync(path, aged)
    }
    for (const name of logOf(folder)) if (name.includes('checkpoint')) rmSync(join(folder, '_delta_log', name))
    await (await openTable(folder)).checkpoint()
    expect(await removesIn(folder, 17)).toHaveLength(gone.length - 7)
    expect((await deltaRs(folder, 'id')).map(row => row.id)).toEqual([15])
    // Theirs finds what ours finds: the seven that are past the hour are named by nobody, and old enough once we say so.
    for (const path of gone) utimesSync(join(folder, path), new Date(0), new Date(0))
    const theirs = await askPython<string[]>(
      `print(json.dumps(DeltaTable(args['path']).vacuum(retention_hours=1, enforce_retention_duration=False, dry_run=True, full=True)))`,
      { path: folder },
    )
    const { files } = await (await openTable(folder)).vacuum({ dryRun: true })
    expect([...files].sort()).toEqual([...theirs].sort())
    expect(files).toHaveLength(7)
  })
})

describe('retention', () => {
  it.skipIf(noOracle)('below a day is exact, goes for log and data with a vacuum, and for other engines too', async () => {
    const folder = newFolder()
    const table = await createTable(folder, { schema: 'id int', properties: { 'delta.checkpointInterval': '5' } })
    for (let id = 1; id <= 22; id++) await table.append([{ id }])
    await table.optimize()
    await table.setProperties({
      'delta.logRetentionDuration': 'interval 600 seconds',
      'delta.deletedFileRetentionDuration': 'interval 600 seconds',
    })
    for (const name of logOf(folder)) {
      const at = Number(name.slice(0, 20))
      const then = new Date(Date.now() - (at <= 17 ? 700_000 : 500_000))
      if (at < 23) utimesSync(join(folder, '_delta_log', name), then, then)
    }
    expect((await table.vacuum({ dryRun: true })).logFiles).toBe(17)
    expect((await table.vacuum({ unread: 3 })).logFiles).toBe(0)
    expect(await table.vacuum()).toMatchObject({ files: [], logFiles: 17 })
    expect(logOf(folder)[0]).toBe(`${version(15)}.checkpoint.parquet`)
    for (const at of [15, 19, 22, 24]) expect(await idsOf(folder, at)).toEqual(ids(Math.min(at, 22)))
    expect(await deltaRs(folder, 'id')).toHaveLength(22)
    const config = await askPython(`print(json.dumps(DeltaTable(args['path']).metadata().configuration))`, { path: folder })
    expect(config).toMatchObject({ 'delta.checkpointInterval': '5', 'delta.logRetentionDuration': 'interval 600 seconds' })
    await askPython(`DeltaTable(args['path']).cleanup_metadata(); print('1')`, { path: folder })
    expect(await idsOf(folder)).toEqual(ids(22))
  })

  it('is a property, set in a version of its own; one that needs another protocol is refused', async () => {
    const table = await createTable(newFolder(), { schema: 'id int', properties: { 'a.b': '1' } })
    expect(await table.setProperties({ 'a.b': '1' })).toBe(0)
    expect(await table.setProperties({ 'c.d': '2' })).toBe(1)
    expect((await table.snapshot()).properties).toEqual({ 'a.b': '1', 'c.d': '2' })
    await expect(table.setProperties({ 'delta.enableDeletionVectors': 'true' })).rejects.toMatchObject({
      name: 'UnsupportedFeatureError',
    })
    await table.append([{ id: 1 }])
    expect((await table.snapshot()).version).toBe(2)
  })
})

describe('tableHealth', () => {
  it('finds nothing to say of a table that is well', async () => {
    const table = await createTable(newFolder(), { schema: 'id int' })
    await table.append([{ id: 1 }, { id: 2 }])
    expect(await tableHealth(table)).toMatchObject({
      files: { count: 1, small: 1, withDeletionVectors: 0 },
      log: { commits: 2, checkpoints: 0, oldestVersion: 0, sinceCheckpoint: 2 },
      advice: [],
    })
  })

  it('counts as delta-rs does, and says what to do', async () => {
    const folder = newFolder()
    const properties = { 'delta.enableDeletionVectors': 'true', 'delta.checkpointInterval': '1000' }
    const table = await createTable(folder, { schema: 'id int', properties })
    for (let id = 0; id < 60; id++) await table.append([{ id }, { id: -id - 1 }])
    await table.delete('id = 7')
    const { files, log, advice } = await tableHealth(table)
    expect(files).toMatchObject({ count: 60, small: 60, withDeletionVectors: 1, deletedRows: 1 })
    expect(log.bytes).toBe(logOf(folder).reduce((sum, name) => sum + readFileSync(join(folder, '_delta_log', name)).length, 0))
    expect(
      advice.map(line => /optimize merges|deletion|deleted rows|replays 62 commits|larger than the rows/.test(line)),
    ).not.toContain(false)
    expect(advice.length).toBeGreaterThanOrEqual(3)
    if (!noOracle) {
      const copy = newFolder()
      rmSync(copy, { recursive: true })
      cpSync(folder, copy, { recursive: true })
      const theirs = await askPython<{ files: number; bytes: number }>(
        `a = pa.table(DeltaTable(args['path']).get_add_actions(flatten=True))
print(json.dumps({'files': a.num_rows, 'bytes': sum(a['size_bytes'].to_pylist())}))`,
        { path: copy },
      )
      expect({ files: files.count, bytes: files.bytes }).toEqual(theirs)
    }
    await table.optimize()
    await table.checkpoint()
    expect((await tableHealth(table)).log).toMatchObject({ sinceCheckpoint: 0, checkpoints: 1 })
    expect((await tableHealth(table)).files).toMatchObject({ count: 1, withDeletionVectors: 0 })
  })
})
