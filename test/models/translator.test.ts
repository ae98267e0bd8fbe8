import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadTranslatorFolder, type Translator, type TranslatorOptions } from '../../src/models/translator.js'
import { tinyTranslator } from './tiny-translator.js'

const DICTIONARY = { ich: 'i', liebe: 'love', das: 'this', hasse: 'hate', amo: 'love', esto: 'this' }
const LANGUAGES = ['eng_Latn', 'deu_Latn', 'arb_Arab', 'arb_Latn']
let folder: string
let many: string
let translator: Translator | undefined
const workers: ChildProcess[] = []

async function open(options: TranslatorOptions = {}): Promise<Translator> {
  translator = await loadTranslatorFolder(folder, { workers: 1, onWorker: worker => workers.push(worker), ...options })
  return translator
}
const german = (...texts: string[]) => texts.map(text => ({ text, lang: 'de' }))

async function write(files: Record<string, string | Uint8Array>): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'moodlake tiny-translator-'))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(made, path)), { recursive: true })
    await writeFile(join(made, path), content)
  }
  return made
}

beforeAll(async () => {
  folder = await write(tinyTranslator(DICTIONARY))
  many = await write(tinyTranslator(DICTIONARY, LANGUAGES))
  return () => Promise.all([folder, many].map(made => rm(made, { recursive: true })))
})
afterEach(async () => {
  await translator?.close()
  workers.length = 0
})

describe('translator', () => {
  it('puts texts into English, in order, equal ones once', async () => {
    const { translate, hash } = await open()
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    const texts = german('Ich liebe das', 'ich hasse das', 'Ich liebe das', '', '😀')
    const answers = await translate([...texts, { text: 'amo esto', lang: 'es' }])
    expect(answers.slice(0, 3)).toEqual([{ text: 'i love this' }, { text: 'i hate this' }, { text: 'i love this' }])
    expect(answers[5]).toEqual({ text: 'love this' })
    for (const answer of answers.slice(3, 5)) expect(answer).toEqual({ error: 'nothing came of the translation' })
  })

  it('names the languages as the model does, and lists what it does not know', async () => {
    translator = await loadTranslatorFolder(many, { workers: 1 })
    expect(
      await translator.translate([
        { text: 'ich liebe das', lang: 'de' },
        { text: 'amo esto', lang: 'es' },
        { text: 'das', lang: 'ar' },
      ]),
    ).toEqual([{ text: 'i love this' }, { error: 'the translator does not know the language: es' }, { text: 'this' }])
  })

  it('remembers what it was asked, also when it is loaded again', async () => {
    await (await open()).translate(german('liebe das'))
    await translator!.close()
    workers.length = 0
    expect(await (await open()).translate(german('liebe das'))).toEqual([{ text: 'love this' }])
    expect(workers).toEqual([])
  })

  it('says what it cut off', async () => {
    const { translate } = await open({ maxTokens: 5 })
    const [fits, long] = await translate(german('ich hasse das das', 'ich hasse das das liebe liebe liebe'))
    expect(fits).toEqual({ text: 'i hate this this' })
    expect(long).toEqual({ text: 'i hate this this', truncated: true })
    const [huge] = await translate(german('liebe '.repeat(20_000)))
    expect(huge).toMatchObject({ truncated: true })
  })

  it('goes on when its worker dies', async () => {
    const { translate } = await open()
    await translate(german('das'))
    const texts = german(...Array.from({ length: 60 }, (_, i) => `ich ${'liebe '.repeat(1 + (i % 20))}${'das '.repeat(i)}`))
    const answers = translate(texts)
    workers[0]!.kill('SIGKILL')
    for (const answer of await answers) expect(answer).toHaveProperty('text', expect.stringMatching(/^i( love)+( this)*$/))
    expect(workers.length).toBe(2)
  })

  it('refuses a folder that holds no translator', async () => {
    await expect(loadTranslatorFolder(join(folder, 'onnx'))).rejects.toThrow('no translator')
  })
})
