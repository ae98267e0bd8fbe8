import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import { loadModelFolder } from '../../src/models/load.js'
import { LABELS } from '../../src/tweet.js'
import { syntheticExamples } from '../models/examples.js'

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Synthetic tweets in the layout of the real ones: nothing but this repository and the package registries is needed. */
async function writeData(folder: string): Promise<void> {
  await mkdir(join(folder, 'tweeteval'), { recursive: true })
  await mkdir(join(folder, 'sentiment140'), { recursive: true })
  for (const [i, [name, n]] of Object.entries({ train_rebuilt: 500, val: 120, test: 120 }).entries()) {
    const rows = syntheticExamples(n, 10 + i)
    await writeFile(join(folder, 'tweeteval', `${name}_text.txt`), rows.map(({ text }) => `${text}\n`).join(''))
    await writeFile(
      join(folder, 'tweeteval', `${name}_labels.txt`),
      rows.map(({ label }) => `${LABELS.indexOf(label)}\n`).join(''),
    )
  }
  const weak = syntheticExamples(400, 20).filter(({ label }) => label !== 'neutral')
  const tables = {
    union: ['target,id,date,user,text', ...weak.map(({ text, label }) => `${label === 'positive' ? 4 : 0},,,,"${text}"`)],
    provenance: ['row,kind,first_source', ...weak.map((_, i) => `${i},random,none`)],
  }
  for (const [name, lines] of Object.entries(tables)) {
    const zip = createGzip()
    const file = zip.pipe(createWriteStream(join(folder, 'sentiment140', `${name}.csv.gz`)))
    zip.end(`${lines.join('\n')}\n`)
    await finished(file)
  }
}

describe('training/', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moodlake-training-'))
    await writeData(join(folder, 'data'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('goes from tweets to a compact model and an average that load and have learned', { timeout: 1_800_000 }, async () => {
    const args = ['--data', join(folder, 'data'), '--work', join(folder, 'work'), '--epochs', '3', '--workers', '2', '--test']
    const train = () => run(process.execPath, [join(root, 'training/run.mjs'), ...args], { cwd: root, maxBuffer: 1e8 })
    await train()
    const models = join(folder, 'work', 'models')
    const examples = syntheticExamples(200, 99)
    for (const name of ['compact', 'blend']) {
      const card = JSON.parse(await readFile(join(models, name, 'model.json'), 'utf8'))
      expect(card.metrics).toMatchObject({ validation: { n: 120 }, tweetevalTest: { n: expect.any(Number) } })
      const model = await loadModelFolder(join(models, name), { workers: 1 })
      const answers = await model.predict(examples.map(({ text }) => text))
      const right = answers.filter((answer, i) => !isFailure(answer) && answer.label === examples[i]!.label).length
      expect(right / examples.length, name).toBeGreaterThan(0.6)
      await model.close?.()
    }
    const log = JSON.parse(await readFile(join(models, 'log.json'), 'utf8'))
    const { fp32, int8 } = log.student.validation
    expect(fp32.macroRecall - int8.macroRecall).toBeLessThanOrEqual(0.03)
    expect(log.student.data.textVersion).toBe('text-2')
    // Done again, nothing is trained again.
    const { stdout } = await train()
    expect(stdout).not.toMatch(/step \d+ of/)
  })
})
