import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseCsv, readRows } from '../../src/cli/read-rows.js'
import { syntheticExamples } from '../models/examples.js'

let folder: string
const at = (name: string) => join(folder, name)

function moodlake(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, ['bin/moodlake.mjs', ...args], (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    )
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moodlake-cli-'))
  const line = (example: object) => `${JSON.stringify(example)}\n`
  await writeFile(at('train.ndjson'), syntheticExamples(400).map(line).join(''))
  await writeFile(at('test.ndjson'), syntheticExamples(150, 2).map(line).join(''))
  const cells = syntheticExamples(40, 3).map(({ text, label }) => `"${text.replaceAll('"', '""')}",${label}`)
  await writeFile(at('test.csv'), `full_text,sentiment\r\n${cells.join('\r\n')}\r\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('train, score, evaluate, compare', () => {
  it('train the same model for the same seed, score with it, measure and compare it', async () => {
    const first = await moodlake('train', 'ngram', '--data', at('train.ndjson'), '--output', at('ngram'), '--seed', '3', '--json')
    expect(first, first.err).toMatchObject({ code: 0 })
    const trained = JSON.parse(first.out)
    expect(trained).toMatchObject({
      kind: 'ngram',
      rows: 400,
      seed: 3,
      textVersion: 'text-2',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const again = await moodlake(
      'train',
      'ngram',
      '--data',
      at('train.ndjson'),
      '--output',
      at('ngram2'),
      '--seed',
      '3',
      '--json',
    )
    expect(JSON.parse(again.out).hash).toBe(trained.hash)
    expect(await moodlake('train', 'majority', '--data', at('train.ndjson'), '--output', at('majority'))).toMatchObject({
      code: 0,
    })

    const scored = await moodlake(
      'score',
      '--input',
      at('test.csv'),
      '--model',
      at('ngram'),
      '--output',
      at('scored.ndjson'),
      '--json',
    )
    expect(JSON.parse(scored.out)).toMatchObject({ rows: 40, scored: 40, failures: [], hash: trained.hash })
    const lines = (await readFile(at('scored.ndjson'), 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toHaveLength(40)
    expect(lines.map(line => line.text)).toEqual(syntheticExamples(40, 3).map(example => example.text))
    for (const { label, probabilities, score, model, hash } of lines) {
      expect(score).toBeCloseTo(100 * probabilities[label], 9)
      expect({ model, hash }).toEqual({ model: 'ngram', hash: trained.hash })
    }

    const measured = await moodlake('evaluate', '--model', at('ngram'), '--data', at('test.ndjson'), '--json')
    expect(measured, measured.err).toMatchObject({ code: 0 })
    const { tweets, mentions } = JSON.parse(measured.out)
    expect(tweets).toMatchObject({
      level: 'tweet',
      n: 150,
      modelHash: trained.hash,
      dataHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(mentions).toMatchObject({ level: 'mention' })
    const shown = await moodlake('evaluate', '--model', at('ngram'), '--data', at('test.ndjson'))
    expect(shown.out).toContain(`macroRecall         ${tweets.metrics.macroRecall.value.toFixed(4)} [`)

    // The majority model says one class only: a guard alarms.
    const versus = await moodlake(
      'compare',
      '--models',
      `${at('majority')},${at('ngram')}`,
      '--data',
      at('test.ndjson'),
      '--json',
    )
    expect(versus.code).toBe(1)
    const { comparisons, models } = JSON.parse(versus.out)
    expect(comparisons[0].differences.macroRecall.significant).toBe(true)
    expect(comparisons[0].mcnemar.onlySecond).toBeGreaterThan(comparisons[0].mcnemar.onlyFirst)
    expect(models[0].evaluation.alarms.map((alarm: { guard: string }) => alarm.guard)).toContain('one-class')
  })

  it('score lines of a text file with the bundled model', async () => {
    await writeFile(at('lines.txt'), 'I love this\n\nI hate this')
    const { code, out } = await moodlake('score', '--input', at('lines.txt'), '--model', 'compact', '--output', '-')
    const lines = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(code).toBe(0)
    expect(lines.map(line => line.text)).toEqual(['I love this', '', 'I hate this'])
    expect([lines[0].label, lines[2].label]).toEqual(['positive', 'negative'])
  })

  it('say in one sentence what is wrong, with the exit code', async () => {
    await writeFile(at('bad.ndjson'), '{"text":"a","label":"positive"}\n{"text":"b","label":"great"}\n')
    await writeFile(at('broken.ndjson'), '{"text":"a","label":"positive"}\n{"text":\n')
    await writeFile(at('ragged.csv'), 'text,label\n"a\nb",positive\nc\n')
    await writeFile(at('empty.csv'), '')
    const out = at('nothing')
    const cases: [string[], number, string][] = [
      [['train', 'oracle', '--data', 'x.csv', '--output', out], 2, 'kind of model needed'],
      [['train', 'ngram'], 2, '--data FILE and --output FOLDER are needed'],
      [['train', 'ngram', '--data', at('none.csv'), '--output', out], 1, 'none.csv: no such file'],
      [['train', 'ngram', '--data', at('train.ndjson'), '--output', out, '--seed', 'x'], 2, '--seed is no whole number: x'],
      [
        ['train', 'ngram', '--data', at('train.ndjson'), '--output', out, '--label', 'truth'],
        2,
        'no column truth; it has text, label',
      ],
      [['train', 'ngram', '--data', at('bad.ndjson'), '--output', out], 1, 'line 2: label is no class: "great"'],
      [['train', 'ngram', '--data', at('broken.ndjson'), '--output', out], 1, 'line 2: not a JSON object'],
      [['train', 'ngram', '--data', at('ragged.csv'), '--output', out], 1, 'line 4: 1 cells, the first row has 2'],
      [['train', 'ngram', '--data', at('empty.csv'), '--output', out], 1, 'empty.csv: empty'],
      [['score', '--input', at('lines.pdf'), '--model', 'compact', '--output', out], 2, 'kind of file not known'],
      [['score', '--input', at('test.csv'), '--model', at('nowhere'), '--output', out], 1, 'nowhere: no such model'],
      [['evaluate', '--model', 'compact'], 2, '--model URI and --data FILE are needed'],
      [['compare', '--models', 'compact', '--data', at('test.csv')], 2, '--models A,B and --data FILE are needed'],
      [['evaluate', '--model', 'compact', '--data', at('test.csv'), '--what'], 2, "Unknown option '--what'"],
    ]
    const results = await Promise.all(cases.map(([args]) => moodlake(...args)))
    results.forEach(({ code, err }, i) => {
      const [args, expected, message] = cases[i]!
      expect(err, args.join(' ')).toContain(message)
      expect(err.trim().split('\n'), args.join(' ')).toHaveLength(1)
      expect(code, args.join(' ')).toBe(expected)
    })
  })
})

describe('reading rows', () => {
  it('csv: quotes, commas, line ends, empty lines and cells, with the line of each row', () => {
    const text = 'a,b\r\n"1,\n2","say ""hi"""\n\n,\nlast,row'
    expect(parseCsv('f', text)).toEqual([
      { cells: ['a', 'b'], line: 1 },
      { cells: ['1,\n2', 'say "hi"'], line: 2 },
      { cells: ['', ''], line: 5 },
      { cells: ['last', 'row'], line: 6 },
    ])
    expect(() => parseCsv('f', 'a\n"open')).toThrow('f: line 2: quotes not understood')
    expect(() => parseCsv('f', 'a\nb"c\n')).toThrow('f: line 2: quotes not understood')
  })

  it('ndjson: rows without label are kept as such, mentions are read', async () => {
    await writeFile(
      at('rows.ndjson'),
      '{"full_text":"a","sentiment":null,"mentions":["x"]}\n\n{"full_text":"b","sentiment":"Positive"}\n',
    )
    expect(await readRows(at('rows.ndjson'))).toEqual([
      { text: 'a', label: null, mentions: ['x'], line: 1 },
      { text: 'b', label: 'positive', line: 3 },
    ])
  })
})
