import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { lexiconModel } from '../../src/models/lexicon.js'
import { SILVER_RULES } from '../../src/pipeline/silver.js'
import { LABELS } from '../../src/tweet.js'
import { newFolder, record, writeRecords } from '../pipeline/lake.js'

interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs one command line of the build. */
const cli = (...args: string[]): Promise<Ended> =>
  new Promise(resolve =>
    execFile(process.execPath, ['bin/moodlake.mjs', ...args], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  )
const json = (ended: Ended): unknown => JSON.parse(ended.stdout)

let model: string
beforeAll(async () => {
  model = await newFolder('model')
  const learner = lexiconModel()
  await learner.fit(['good', 'bad', 'so'].map((text, i) => ({ text, label: LABELS[i]! })))
  await learner.save(model)
  process.env.MOODLAKE_CONFIG = mkdtempSync(join(tmpdir(), 'moodlake-config-'))
})

async function newSource(): Promise<string> {
  const source = await newFolder('source')
  writeRecords(source, 0, 20, 10)
  const odd = [
    { ...record(30), date: 'some day' },
    { ...record(31), user: 'eve_77', text: 'my very own words' },
  ]
  writeFileSync(join(source, 'odd.json'), odd.map(value => JSON.stringify(value)).join('\n'))
  return source
}

describe('rules, quarantine and forgetting on the command line', () => {
  it('run --expect counts and drops; a broken fail rule is exit code 1 with nothing in silver', async () => {
    const [source, lake] = [await newSource(), await newFolder('lake')]
    const rules = join(await newFolder('rules'), 'rules.json')
    writeFileSync(rules, JSON.stringify([{ table: 'silver', name: 'no_ann0', action: 'drop', sql: `"user" <> 'ann0'` }]))
    const run = ['run', '--source', source, '--lake', lake, '--until', 'silver', '--json']
    const failed = await cli(...run, '--expect', 'silver:tiny:fail:length(full_text) < 3')
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('expectation tiny: 21 of 21 rows break it')])
    const done = await cli(...run, '--expect', rules, '--expect', 'silver:long:warn:length(full_text) < 20')
    expect(json(done)).toMatchObject({
      rows: { bronze: 22, silver: 17, quarantine: 1, expectations: SILVER_RULES.length + 2 },
      verdicts: expect.any(Array),
    })
    expect((await cli(...run, '--expect', 'silver:oops')).code).toBe(2)
    expect((await cli('history', 'silver_stream', '--lake', lake)).stdout).toMatch(
      /silver_stream batch 0: .*17 out, 1 quarantined/,
    )
  })

  it('a continuous run ends after idle looks, and says how its streams kept up', async () => {
    const [source, lake] = [await newSource(), await newFolder('lake')]
    const run = [
      'run',
      '--source',
      source,
      '--lake',
      lake,
      '--until',
      'silver',
      '--trigger',
      'continuous',
      '--idle-polls',
      '2',
      '--json',
    ]
    const ended = await cli(...run)
    expect([ended.code, ended.stderr]).toEqual([
      0,
      expect.stringMatching(/silver_stream: .*: busy \d+ %, \d+ batches of \d+ rows in [\d,]+ ms/),
    ])
    expect(json(ended)).toMatchObject({ rows: { silver: 21 }, streams: [{ status: 'stopped' }, { status: 'stopped' }] })
  })

  it('quarantine list, replay with a patch; forget, verify; time travel to what is gone says so', async () => {
    const [source, lake] = [await newSource(), await newFolder('lake')]
    await cli('run', '--source', source, '--lake', lake, '--model', model)
    expect(json(await cli('quarantine', 'list', '--lake', lake, '--json'))).toMatchObject([
      { rule: 'date_not_understood', replayed: null },
    ])
    const patch = JSON.stringify({ date: 'Mon Apr 06 22:19:45 PDT 2009' })
    const replay = ['quarantine', 'replay', '--lake', lake, '--patch', patch, '--model', model, '--json']
    expect(json(await cli(...replay))).toEqual({ bronze: 1, gold: 0, marked: 0 })
    expect(json(await cli(...replay))).toEqual({ bronze: 0, gold: 0, marked: 0 })
    expect(json(await cli('quarantine', 'list', '--lake', lake, '--json'))).toEqual([])
    expect(json(await cli('sql', 'select count(*) as n from gold', '--lake', lake, '--json'))).toMatchObject({
      rows: [{ n: 22 }],
    })
    expect((await cli('forget', 'eve_77', '--lake', lake)).code).toBe(2)
    const forgot = await cli('forget', 'eve_77', '--lake', lake, '--source', source, '--yes', '--json')
    expect(json(forgot)).toMatchObject({ tables: { gold: { deleted: 1 } }, sources: { records: 1 }, scan: { findings: 0 } })
    const receipt = join(lake, '_forget', 'receipts', '0000000000.json')
    expect(json(await cli('forget', '--verify', receipt, '--json'))).toEqual({ valid: true, ownKey: true })
    const forged = join(await newFolder('forged'), 'receipt.json')
    writeFileSync(forged, forgot.stdout.replace('"findings": 0', '"findings": 1'))
    expect((await cli('forget', '--verify', forged)).code).toBe(1)
    const gone = await cli('sql', 'select * from application@v1', '--lake', lake)
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringMatching(/application: .*version 1/)])
    expect(
      json(await cli('sql', 'select count(*) as n from gold@v1 where "user" = \'eve_77\'', '--lake', lake, '--json')),
    ).toMatchObject({ rows: [{ n: 0 }] })
  })
})
