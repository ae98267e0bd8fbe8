import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { duckdb, openTable } from '../../src/delta/index.js'
import type { Expectations } from '../../src/pipeline/expectations.js'
import { lakeStatus, streamHistory } from '../../src/pipeline/lake.js'
import { listQuarantine, replayQuarantine } from '../../src/pipeline/quarantine.js'
import { type RunOptions, runPipeline } from '../../src/pipeline/run.js'
import { fakeModel } from './fake-model.js'
import { lakeOf, newFolder, record, rowsOf, writeRecords } from './lake.js'

const run = (source: string, lake: string, more: Partial<RunOptions> = {}) =>
  runPipeline({ source, lake, model: fakeModel(), limits: { maxFiles: 3 }, ...more })

async function source(records = 40): Promise<string> {
  const folder = await newFolder('source')
  writeRecords(folder, 0, records, 5)
  const odd = [
    { ...record(70), text: null },
    { ...record(72), date: 'some day' },
    { ...record(73), text: 'unscorable' },
    record(3),
  ]
  writeFileSync(join(folder, 'odd.json'), `${odd.map(value => JSON.stringify(value)).join('\n')}\n{"text": "cut`)
  return folder
}

/** Sums of the table `expectations` by rule. */
async function sums(lake: string): Promise<Record<string, [action: string, passed: number, failed: number]>> {
  const from = await (await (await openTable(join(lake, 'expectations'))).snapshot()).relation()
  const rows = await (await duckdb()).rows<{ rule: string; action: string; passed: number; failed: number }>(
    `SELECT rule, action, sum(passed)::BIGINT AS passed, sum(failed)::BIGINT AS failed FROM ${from} GROUP BY ALL ORDER BY rule`,
  )
  return Object.fromEntries(rows.map(({ rule, action, passed, failed }) => [rule, [action, passed, failed]]))
}

const checkLake = join('..', 'shared', 'tools', 'check-lake.py')

describe('expectations', () => {
  it('count the rules of the house per batch, in a table', async () => {
    const lake = await newFolder('rules')
    await run(await source(), lake)
    expect(await sums(lake)).toEqual({
      order_to_forget: ['quarantine', 45, 0],
      not_utf8: ['quarantine', 45, 0],
      not_json: ['quarantine', 44, 1],
      not_a_tweet: ['quarantine', 44, 0],
      text_missing: ['quarantine', 43, 1],
      date_missing: ['quarantine', 43, 0],
      date_not_understood: ['quarantine', 42, 1],
      inference_failed: ['quarantine', 40, 1],
    })
    const batches = (await streamHistory(lake, 'silver_stream')).length
    const from = await (await (await openTable(join(lake, 'expectations'))).snapshot()).relation()
    const [counted] = await (await duckdb()).rows(`SELECT count(DISTINCT batch) AS n FROM ${from} WHERE stream = 'silver_stream'`)
    expect(counted).toEqual({ n: batches })
  })

  it('warn, drop and quarantine by SQL and by function; bronze = silver + quarantine + duplicates + dropped', async () => {
    const lake = await newFolder('own')
    const expectations: Expectations = {
      silver: [
        { name: 'odd_number', action: 'warn', sql: "regexp_extract(full_text, '\\d+')::INTEGER % 2 = 1" },
        { name: 'not_ann1', action: 'drop', sql: `"user" <> 'ann1'` },
        {
          name: 'no_friend',
          action: 'quarantine',
          columns: ['mentions'],
          holds: row => !(row.mentions as string[]).includes('user3'),
        },
      ],
      gold: [{ name: 'not_neutral', action: 'drop', sql: "predicted_sentiment <> 'neutral'" }],
    }
    await run(await source(), lake, { expectations })
    const { bronze, silver, gold, quarantine } = await lakeOf(lake)
    const rules = await sums(lake)
    const failed = (rule: string) => rules[rule]![2]
    expect(failed('not_ann1')).toBeGreaterThan(0)
    expect(failed('no_friend')).toBeGreaterThan(0)
    expect(failed('odd_number')).toBeGreaterThan(0)
    expect(silver!.every(row => row.user !== 'ann1' && !(row.mentions as string[]).includes('user3'))).toBe(true)
    const ofSilver = quarantine!.filter(row => row.source === 'bronze')
    expect(ofSilver.filter(row => row.rule === 'no_friend')).toHaveLength(failed('no_friend'))
    expect(bronze!.length).toBe(silver!.length + ofSilver.length + failed('not_ann1') + 1)
    expect(gold!.length).toBe(silver!.length - failed('inference_failed') - failed('not_neutral'))
    // The counts of a rule are of the rows that those before it left.
    expect(rules.no_friend![1] + failed('no_friend')).toBe(rules.not_ann1![1])
  })

  it('fail stops the stream with nothing committed', async () => {
    const lake = await newFolder('fail')
    const expectations: Expectations = { silver: [{ name: 'short', action: 'fail', sql: 'length(full_text) < 5' }] }
    await expect(run(await source(), lake, { expectations })).rejects.toMatchObject({ name: 'ExpectationError', rule: 'short' })
    expect((await lakeStatus(lake)).tables).toMatchObject({ silver: { rows: 0, version: 0 } })
  })

  it('bronze takes rules too; a rule of an unknown table or twice of one name is refused', async () => {
    const lake = await newFolder('bronze')
    const from = await source()
    const sql = "form = 'classroom'"
    await run(from, lake, { expectations: { bronze: [{ name: 'form', action: 'quarantine', sql }] } })
    expect((await listQuarantine(lake, { rule: 'form' })).map(row => row.source)).toEqual(['input'])
    const twice = { silver: [{ name: 'not_json', action: 'warn' as const, sql }] }
    await expect(run(from, lake, { expectations: twice })).rejects.toThrow('silver has two rules named not_json')
  })
})

describe('replayQuarantine', () => {
  it('sends mended records through all tables, once, and marks them', async () => {
    const lake = await newFolder('replay')
    const from = await source()
    await run(from, lake)
    const before = await lakeOf(lake)
    const patch = { date: 'Mon Apr 06 22:19:45 PDT 2009' }
    expect(await replayQuarantine(lake, { rule: 'date_not_understood', patch })).toEqual({ bronze: 1, gold: 0, marked: 0 })
    expect(await replayQuarantine(lake, { rule: 'date_not_understood', patch })).toEqual({ bronze: 0, gold: 0, marked: 0 })
    await replayQuarantine(lake, {
      rule: 'not_json',
      mend: row => `${row.record} text", "user": "eve", "date": "${patch.date}"}`,
    })
    await run(from, lake)
    const after = await lakeOf(lake)
    for (const name of ['bronze', 'silver', 'gold']) expect(after[name]!.length - before[name]!.length).toBe(2)
    expect(after.quarantine!.filter(row => row.replayed)).toHaveLength(2)
    expect(after.silver!.filter(row => row.user === 'eve')).toMatchObject([{ full_text: 'cut text' }])
    // bronze = silver + quarantine + duplicates
    const silverRejects = after.quarantine!.filter(row => row.source === 'bronze').length
    expect(after.bronze!.length).toBe(after.silver!.length + silverRejects + 1)
    expect((await listQuarantine(lake)).map(row => row.rule).sort()).toEqual(['inference_failed', 'text_missing'])
    if (existsSync(checkLake)) execFileSync('.venv/bin/python', [checkLake, lake, '--failed', '1'], { encoding: 'utf8' })
  })

  it('scores again what a model failed on', async () => {
    const lake = await newFolder('rescore')
    await run(await source(), lake)
    const model = { ...fakeModel(), version: '2' }
    expect(await replayQuarantine(lake, { rule: 'inference_failed', model })).toMatchObject({ gold: 0 })
    const able = {
      ...model,
      predict: async (texts: readonly string[]) => model.predict(texts.map(text => text.replace('un', ''))),
    }
    expect(await replayQuarantine(lake, { model: able, rule: 'inference_failed' })).toMatchObject({ bronze: 0, gold: 1 })
    expect(await replayQuarantine(lake, { model: able })).toMatchObject({ gold: 0 })
    const { silver, gold } = await lakeOf(lake)
    expect(gold).toHaveLength(silver!.length)
    expect(await rowsOf(lake, 'quarantine')).toContainEqual(
      expect.objectContaining({ rule: 'inference_failed', replayed: expect.any(String) }),
    )
  })

  it('killed between sending and marking, marks and sends nothing again', async () => {
    const lake = await newFolder('killed')
    await run(await source(), lake)
    const quarantine = await openTable(join(lake, 'quarantine'))
    const { version } = await quarantine.snapshot()
    await replayQuarantine(lake, { rule: 'text_missing', patch: { text: 'found again' } })
    // As if the kill had come before the mark.
    await quarantine.restore({ version })
    expect(await replayQuarantine(lake, { rule: 'text_missing', patch: { text: 'found again' } })).toEqual({
      bronze: 0,
      gold: 0,
      marked: 1,
    })
    expect((await rowsOf(lake, 'bronze')).filter(row => row.text === 'found again')).toHaveLength(1)
  })
})
