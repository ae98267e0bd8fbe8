import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTable, type DeltaTable } from '../../src/delta/index.js'
import { barChart } from '../../src/explore/bar-charts.js'
import { type Figure, figure, figureOrigin } from '../../src/explore/chart.js'
import { openLake } from '../../src/explore/lake-sql.js'
import { originOf } from '../../src/explore/origin.js'
import { reproduce } from '../../src/explore/reproduce.js'

let folder = ''
let table: DeltaTable
const lake = () => join(folder, 'lake')
const hash = 'f'.repeat(64)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'moodlake-reproduce-'))
  mkdirSync(lake())
  table = await createTable(join(lake(), 'gold'), { schema: 'lang string, tweets long, moment timestamp, share double' })
  const rows = ['en', 'de', 'es'].map((lang, i) => ({
    lang,
    tweets: BigInt(i + 1),
    moment: new Date(i * 1e6),
    share: 0.1 * (i + 1),
  }))
  const operationParameters = { model: 'sentiment', modelVersion: '4', modelHash: hash }
  await table.append(rows, { operationParameters })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A notebook with figures as its outputs. */
function notebook(...figures: Figure[]): string {
  const file = join(folder, 'figures.ipynb')
  const outputs = figures.map(one => ({ data: { 'application/vnd.plotly.v1+json': one } }))
  writeFileSync(file, JSON.stringify({ cells: [{ cell_type: 'code', source: [], outputs }] }))
  return file
}

const chartOf = (rows: Parameters<typeof barChart>[0]) => barChart(rows, { label: 'lang', value: 'tweets' })

it('a figure carries its query, the versions it read, and the model; the same digits come again later', async () => {
  const { sql } = openLake(lake())
  const answer = await sql`select * from gold where moment < ${new Date(2e6)} and tweets < ${9n} and share < ${0.9}`
  const file = notebook(chartOf(answer), chartOf(answer.toArquero()))
  // What comes after that version changes nothing.
  await table.append([{ lang: 'fr', tweets: 7n, moment: new Date(0), share: 0.5 }])
  for (const number of [1, 2]) {
    const again = await reproduce(`${file}#${number}`)
    expect(again).toMatchObject({ number, by: 'query', same: true, why: '' })
    expect(again.rows?.n).toBe(2)
    expect(again.origin?.tables).toEqual([{ name: 'gold', version: 1 }])
    expect(again.origin?.models).toEqual([{ name: 'sentiment', version: '4', hash }])
  }
})

it('names the model of an old version, however many came since, and none before the first', async () => {
  for (let version = 5; version < 12; version++)
    await table.append([{ lang: 'en' }], { operationParameters: { model: 'sentiment', modelVersion: String(version) } })
  await table.optimize()
  const { sql } = openLake(lake())
  const modelsAt = async (version: number) => originOf(await sql`select lang from gold@v${version}`)?.models
  expect(await modelsAt(1)).toEqual([{ name: 'sentiment', version: '4', hash }])
  expect(await modelsAt(3)).toEqual([{ name: 'sentiment', version: '6' }])
  expect(await modelsAt(9)).toEqual([{ name: 'sentiment', version: '11' }])
  expect(await modelsAt(0)).toEqual([])
  // Where that commit was cleaned away nobody says who scored.
  await table.dropHistory({ graceMs: 0 })
  expect(await modelsAt(9)).toEqual([])
})

it('says why the digits are not the same', async () => {
  const { sql } = openLake(lake())
  const file = notebook(chartOf(await sql`select lang, tweets from gold`))
  await table.delete("lang = 'de'")
  rmSync(join(lake(), 'gold'), { recursive: true })
  expect(await reproduce(`${file}#1`)).toMatchObject({ same: false, why: expect.stringContaining('no table') })
  const anew = await createTable(join(lake(), 'gold'), { schema: 'lang string, tweets long' })
  expect(await reproduce(`${file}#1`)).toMatchObject({ same: false, why: expect.stringMatching(/version 1/) })
  await anew.append([{ lang: 'en', tweets: 2n }])
  expect((await reproduce(`${file}#1`)).why).toContain('gives 1 rows where there were 3')
  expect((await reproduce(`${file}#1`, { lake: join(folder, 'elsewhere') })).why).toContain('no such folder')
})

it('tells a changed digit from a changed order', async () => {
  const { query } = openLake(lake())
  const of = async (text: string) => originOf(await query(text))!.digest
  expect(await of('select lang, share from gold order by lang')).toBe(await of('select lang, share from gold order by lang desc'))
  expect(await of('select lang, share from gold')).toBe(await of('select lang, share + 1e-15 as share from gold'))
  expect(await of('select lang, share from gold')).not.toBe(await of('select lang, share + 1e-9 as share from gold'))
  expect(await of('select lang, tweets from gold')).not.toBe(await of('select lang, tweets + 1 as tweets from gold'))
})

it('a table that a cell computed has no origin, and addresses are checked', async () => {
  const { rows } = await openLake(lake()).sql`select lang, tweets from gold`
  const computed = chartOf(rows.map(row => ({ ...row })))
  expect(figureOrigin(computed)).toBeUndefined()
  expect(figureOrigin(chartOf(rows))).toBeDefined()
  expect(figureOrigin(figure([], 'no table', ''))).toBeUndefined()
  const file = notebook(computed)
  await expect(reproduce(file)).rejects.toThrow('write FILE#N')
  await expect(reproduce(`${file}#2`)).rejects.toThrow('has 1 figures, no figure 2')
  await expect(reproduce('nowhere#1')).rejects.toThrow('no such notebook or report: nowhere')
})
