import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTable } from '../../src/delta/index.js'
import { type Lake, openLake } from '../../src/explore/lake-sql.js'
import { HOSTILE } from './hostile.js'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'moodlake-lake-'))
let lake: Lake
let between: Date

const tweet = (id: number, lang: string, mentions: string[] | null, text = `tweet ${id}`) => ({
  tweet_id: String(id),
  timestamp: new Date(Date.UTC(2026, 4, 4, id)),
  lang,
  cleaned_text: text,
  mentions,
  predicted_score: id * 10,
})

beforeAll(async () => {
  const schema =
    'tweet_id string, timestamp timestamp, lang string, cleaned_text string, mentions array<string>, predicted_score double'
  const gold = await createTable(join(folder, 'gold'), { schema })
  await gold.append([tweet(1, 'en', ['anna', 'bob']), tweet(2, 'de', [])])
  await new Promise(done => setTimeout(done, 20))
  between = new Date()
  await new Promise(done => setTimeout(done, 20))
  await gold.append([tweet(3, 'en', null), ...HOSTILE.map((text, i) => tweet(4 + i, 'xx', ['anna'], text))])
  const silver = await createTable(join(folder, 'silver'), { schema: 'tweet_id string, `user` string', partitionBy: ['user'] })
  await silver.append([
    { tweet_id: '1', user: '/etc/passwd' },
    { tweet_id: '2', user: "o'neil" },
  ])
  mkdirSync(join(folder, '_checkpoints', 'bronze_stream'), { recursive: true })
  mkdirSync(join(folder, 'notes'))
  writeFileSync(join(folder, 'secret.csv'), 'a,b\n1,2\n')
  lake = openLake(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('sql', () => {
  it('answers with typed rows, columns, and the versions it read', async () => {
    const rows = await lake.sql<{
      lang: string
      n: number
    }>`select lang, count(*) as n from gold where lang = ${'en'} group by all`
    expect(rows.rows).toEqual([{ lang: 'en', n: 2 }])
    expect(rows.columns).toEqual([
      { name: 'lang', type: 'VARCHAR' },
      { name: 'n', type: 'BIGINT' },
    ])
    expect(rows).toMatchObject({
      n: 1,
      tables: [{ name: 'gold', version: 2 }],
      sql: 'select lang, count(*) as n from gold where lang = $1 group by all',
    })
    expect([...rows].map(row => row.n + 1)).toEqual([3])
    expect(rows.toArquero().get('n', 0)).toBe(2)
    expect(rows.toDanfo().shape).toEqual([1, 2])
    expect(inspect(rows)).toMatch(/^lang {2}n\n/)
    expect(JSON.parse(JSON.stringify(rows))).toMatchObject({ rows: [{ lang: 'en', n: 2 }] })
  })

  it('travels in time by version and by moment, written or bound', async () => {
    const count = async (answer: Promise<{ rows: { n: number }[] }>) => (await answer).rows[0]!.n
    const all = 3 + HOSTILE.length
    expect(await count(lake.sql`select count(*) as n from gold@v0`)).toBe(0)
    expect(await count(lake.sql`select count(*) as n from gold@v1`)).toBe(2)
    expect(await count(lake.sql`select count(*) as n from gold@${1}`)).toBe(2)
    expect(await count(lake.sql`select count(*) as n from gold@v${1} where lang <> ${'xx'}`)).toBe(2)
    expect(await count(lake.sql`select count(*) as n from gold@${between}`)).toBe(2)
    expect(await count(lake.sql`select count(*) as n from gold@${between.toISOString()}`)).toBe(2)
    expect(await count(lake.query(`select count(*) as n from gold@'${between.toISOString()}'`))).toBe(2)
    expect(await count(lake.query(`select count(*) as n from gold@${between.toISOString()}`))).toBe(2)
    expect(await count(lake.sql`select count(*) as n from GOLD`)).toBe(all)
    const both = await lake.sql`select count(*) as n from gold g anti join gold@v1 old using (tweet_id)`
    expect(both.rows).toEqual([{ n: all - 2 }])
    expect(both.tables).toEqual([
      { name: 'gold', version: 2 },
      { name: 'gold', version: 1 },
    ])
  })

  it('refuses a version that is not one', async () => {
    await expect(lake.sql`from gold@v99`).rejects.toThrow(/gold.*99/)
    await expect(lake.sql`from gold@'yesterday'`).rejects.toThrow(
      "sql: gold@yesterday not understood: write gold@v3 or gold@'2026-05-01T10:00:00Z' (UTC)",
    )
    await expect(lake.sql`from gold@${-1}`).rejects.toThrow('whole number from 0, not -1')
    await expect(lake.sql`from gold@${"1'; drop table x"}`).rejects.toThrow("a date or an ISO time, not 1'; drop")
    await expect(lake.sql`from gold@v${'1 union select 2'}`).rejects.toThrow('whole number from 0')
  })

  it('has one row per tweet and mention, and one with null for a tweet without', async () => {
    const { rows } = await lake.sql`select tweet_id, mention from gold_mentions@v2 where lang <> 'xx' order by all`
    expect(rows).toEqual([
      { tweet_id: '1', mention: 'anna' },
      { tweet_id: '1', mention: 'bob' },
      { tweet_id: '2', mention: null },
      { tweet_id: '3', mention: null },
    ])
  })

  it('binds hostile text, and gives it back as it is', async () => {
    for (const text of HOSTILE) {
      const { rows } = await lake.sql`select cleaned_text from gold where cleaned_text = ${text}`
      expect(rows).toEqual([{ cleaned_text: text }])
    }
  })

  it('reads reserved names and partitions; a partition value opens no folder', async () => {
    expect((await lake.sql`select "user" from silver order by all`).rows).toEqual([{ user: '/etc/passwd' }, { user: "o'neil" }])
    await expect(lake.sql`from silver, read_text('/etc/passwd')`).rejects.toThrow('read_text is not allowed')
  })

  it('lists the tables there are', async () => {
    expect(await lake.tables()).toEqual(['gold', 'silver'])
    expect((await lake.sql`show tables`).rows).toEqual([{ name: 'gold' }, { name: 'silver' }])
    await expect(lake.sql`from bronze`).rejects.toThrow(
      `sql: no table "bronze" in ${folder}: there are gold, silver, gold_mentions`,
    )
    await expect(lake.query(`from '${folder}/secret.csv'`)).rejects.toThrow('no table')
    await expect(lake.query('from "../gold"')).rejects.toThrow('no table')
    expect((await lake.sql`describe gold`).n).toBe(6)
    expect((await lake.sql`explain select * from gold@v1`).n).toBe(1)
  })

  it('stops at the limits it is given', async () => {
    await expect(lake.query('select * from range(10000)', [], { maxRows: 10 })).rejects.toThrow('more than 10 rows')
    const endless = 'select count(*) from gold, range(1000000000) a, range(100000) b where (a.range * b.range) % 7 = 3'
    await expect(lake.query(endless, [], { timeoutMs: 300 })).rejects.toThrow('took longer than 0.3 s')
  })
})

describe('openLake', () => {
  it('says when there is no such folder', () => {
    expect(() => openLake(join(folder, 'nix'))).toThrow('lake: no such folder')
  })
})

describe('moodlake sql', () => {
  const moodlake = (...args: string[]) =>
    spawnSync(process.execPath, ['bin/moodlake.mjs', ...args], { cwd: root, encoding: 'utf8' })

  it('gives one JSON document', () => {
    const text = execFileSync(
      process.execPath,
      ['bin/moodlake.mjs', 'sql', 'select max(timestamp) as last from gold@v1', '--lake', folder, '--json'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    )
    expect(JSON.parse(text)).toMatchObject({
      columns: [{ name: 'last', type: 'TIMESTAMP WITH TIME ZONE' }],
      rows: [{ last: '2026-05-04T02:00:00.000Z' }],
      n: 1,
      tables: [{ name: 'gold', version: 1 }],
    })
  })

  it('gives an aligned table, with the count on stderr', () => {
    const { stdout, stderr, status } = moodlake(
      'sql',
      'select tweet_id, predicted_score from gold@v1 order by all',
      '--lake',
      folder,
    )
    expect(stdout).toBe(
      'tweet_id  predicted_score\n────────  ───────────────\n1                      10\n2                      20\n',
    )
    expect(stderr).toMatch(/^2 rows from gold@v1 in \d+ ms\n$/)
    expect(status).toBe(0)
  })

  it.each([
    [1, ['sql', 'from nix', '--lake', folder], /^moodlake: sql: no table "nix"/],
    [1, ['sql', "copy (select 1) to '/tmp/x'", '--lake', folder], /^moodlake: sql: only statements that read/],
    [1, ['sql', 'from gold', '--lake', '/no/such/lake'], /^moodlake: lake: no such folder: \/no\/such\/lake/],
    [
      1,
      [
        'sql',
        'select count(*) from range(1000000000) a, range(100000) b where a.range * b.range % 7 = 3',
        '--timeout',
        '0.2',
        '--lake',
        folder,
      ],
      /took longer than 0.2 s/,
    ],
    [2, ['sql'], /write a statement/],
    [2, ['sql', 'select', '1'], /one statement in quotes/],
    [2, ['sql', 'select 1', '--timeout', 'soon'], /--timeout is seconds/],
    [2, ['sql', 'select 1', '--nix'], /nix/],
  ])('exits with %d for %j', (code, args, message) => {
    const { stdout, stderr, status } = moodlake(...args)
    expect(status).toBe(code)
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stdout).toBe('')
  })
})
