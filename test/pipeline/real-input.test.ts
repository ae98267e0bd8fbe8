import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lakeStatus } from '../../src/pipeline/lake.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { fakeModel } from './fake-model.js'
import { deltaRsCounts, newFolder, rowsOf } from './lake.js'

const SHARED = resolve(process.env.MOODLAKE_SHARED ?? '../shared')

describe.skipIf(!existsSync(SHARED))(`real input (skipped without ${SHARED})`, () => {
  it('20,000 one-record classroom files: every record in bronze, every tweet in gold once, by delta-rs too', async () => {
    const [source, lake] = [await newFolder('classroom'), await newFolder('lake')]
    execFileSync(process.execPath, [join(SHARED, 'tools/classroom-files.mjs'), source, '20000'])
    await runPipeline({ source, lake, model: fakeModel() })
    const { tables } = await lakeStatus(lake)
    expect(tables.bronze?.rows).toBe(20_000)
    expect(tables.gold?.rows).toBe(tables.silver?.rows)
    // Two of these records are the same tweet, to the letter, as another.
    expect(tables.silver?.rows).toBe(19_998)
    expect(deltaRsCounts(lake)).toEqual(Object.fromEntries(Object.entries(tables).map(([name, { rows }]) => [name, rows])))
    // The acceptance facts, held against the lake through delta-rs alone.
    const facts = execFileSync('.venv/bin/python', [join(SHARED, 'tools/check-lake.py'), lake], { encoding: 'utf8' })
    expect(facts).not.toContain('WRONG')
    const again = await runPipeline({ source, lake, model: fakeModel() })
    expect(again.flatMap(stream => stream.progress())).toEqual([])
  })

  it("Twitter's own v1.1 and v2 objects: tweets in silver, everything else in quarantine, counted", async () => {
    const lake = await newFolder('lake')
    await runPipeline({ source: join(SHARED, 'data/tweets-json'), lake, until: 'silver' })
    const bronze = await rowsOf(lake, 'bronze')
    const count = (file: string, form: string) => bronze.filter(row => row.source_file === file && row.form === form).length
    expect(count('v1.1-english.ndjson.gz', 'twitter-v1')).toBe(5594)
    expect(count('v1.1-dutch.json.gz', 'twitter-v1')).toBe(1000)
    // 892 distinct ids among the tweets in `data` of the v2 files, as counted by plain JSON reading of the same files.
    const silver = await rowsOf(lake, 'silver')
    expect(silver).toHaveLength(5594 + 1000 + 892)
    const quarantine = await rowsOf(lake, 'quarantine')
    const broken = (rule: string) => quarantine.filter(row => row.rule === rule).length
    expect([quarantine.length, broken('not_a_tweet'), broken('order_to_forget'), broken('not_json')]).toEqual([281, 276, 4, 1])
    // Numbers, lists, users and compliance records are kept whole.
    expect(
      quarantine.filter(row => row.source_file === 'v2/users_compliance.jsonl').map(row => JSON.parse(String(row.record)).action),
    ).toEqual(['delete', 'delete'])
    expect(silver.filter(row => row.latitude !== null).length).toBeGreaterThan(100)
  })
})
