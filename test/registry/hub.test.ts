import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isFailure } from '../../src/models/answer.js'
import type { Answer } from '../../src/models/model.js'
import { type LoadedModel, loadModel } from '../../src/registry/load-model.js'
import { loadTranslator } from '../../src/registry/load-translator.js'
import { type TinyOptions, tinyModel } from '../models/tiny-model.js'
import { tinyTranslator } from '../models/tiny-translator.js'

const THREE = ['negative', 'neutral', 'positive']
const lean = { awful: 0, table: 1, lovely: 2 }
const COMMIT = 'c'.repeat(40)

/** Repositories by name: their files, and the commit of `main`. */
const repos = new Map<string, { files: Record<string, string | Uint8Array>; commit: string }>()
const put = (name: string, options: TinyOptions, commit = COMMIT) => {
  const files = tinyModel(options)
  repos.set(name, { files, commit })
  return files
}

describe('models of a hub', () => {
  let server: Server
  let hub: string
  let folder: string
  let asked: string[] = []
  let spoil: string | undefined
  const open: LoadedModel[] = []

  beforeAll(async () => {
    server = createServer(({ url, method }, response) => {
      asked.push(`${method} ${url}`)
      const [, owner, name, , revision, ...path] = url!.split('/')
      const repo = repos.get(`${owner}/${name}`)
      const file = repo && ['main', repo.commit].includes(revision!) ? repo.files[path.join('/')] : undefined
      if (!repo || file === undefined) return void response.writeHead(404).end('Entry not found')
      const bytes = Buffer.from(file)
      const sha = (algorithm: string, ...parts: (string | Buffer)[]) =>
        parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest('hex')
      const large = path.at(-1)!.endsWith('.onnx')
      const headers = {
        'x-repo-commit': repo.commit,
        etag: `"${sha('sha1', `blob ${bytes.length}\0`, bytes)}"`,
        ...(large && { 'x-linked-etag': `"${sha('sha256', bytes)}"` }),
      }
      if (spoil === path.at(-1)) bytes[bytes.length - 1]! ^= 1
      response.writeHead(200, headers).end(method === 'HEAD' ? undefined : bytes)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    folder = await mkdtemp(join(tmpdir(), 'moodlake-hub-'))
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map(model => model.close?.()))
    spoil = undefined
    asked = []
  })
  afterAll(async () => {
    server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const load = async (uri: string, options: object = {}) => {
    const model = await loadModel(uri, { hub, hubFolder: folder, workers: 1, ...options })
    open.push(model)
    return model
  }
  const labels = (answers: Answer[]) => answers.map(answer => (isFailure(answer) ? answer.error : answer.label))
  const TEXTS = ['awful awful table', 'the table', 'Lovely!']

  it.each([
    ['names', THREE, ['negative', 'neutral', 'positive']],
    ['capitals', ['Neutral', 'POSITIVE', 'Negative'], ['neutral', 'positive', 'negative']],
    ['numbers', ['LABEL_0', 'LABEL_1', 'LABEL_2'], ['negative', 'neutral', 'positive']],
  ])('answers with our classes whatever theirs are called: %s', async (name, classes, expected) => {
    put(`team/${name}`, { classes, lean })
    const model = await load(`hf:team/${name}`)
    expect(model).toMatchObject({ name: `team/${name}`, uri: `hf:team/${name}@${COMMIT}` })
    expect(labels(await model.predict(TEXTS))).toEqual(expected)
  })

  it.each([
    ['NEGATIVE', 'POSITIVE'],
    ['LABEL_0', 'LABEL_1'],
  ])('takes two classes: %s, %s', async (...classes) => {
    put('team/two', { classes, lean: { awful: 0, lovely: 1 } }, classes[0]!.length.toString().repeat(40))
    const answers = await (await load('hf:team/two')).predict(['awful', 'lovely'])
    expect(labels(answers)).toEqual(['negative', 'positive'])
    for (const answer of answers) expect(isFailure(answer) ? answer.error : answer.probabilities[1]).toBe(0)
  })

  it('reads several languages with sentence pieces', async () => {
    put('team/xlm', { classes: THREE, lean: { schrecklich: 0, mesa: 1, 素晴らしい: 2 }, kind: 'xlm' })
    const model = await load('hf:team/xlm')
    expect(labels(await model.predict(['schrecklich schrecklich', 'mesa', '素晴らしい 😀']))).toEqual(THREE)
  })

  it('says what it cut off', async () => {
    put('team/short', { classes: THREE, lean, maxTokens: 8 })
    const model = await load('hf:team/short')
    // Six words and two marks are eight tokens.
    const [fits, cut] = await model.predict(['table table table table table table', 'table table table table table table lovely'])
    expect(fits).not.toHaveProperty('truncated')
    expect(cut).toMatchObject({ truncated: true, probabilities: fits && 'probabilities' in fits && fits.probabilities })
    expect(await model.predict(['table table table table table table lovely'])).toEqual([cut])
  })

  it('downloads once, again when the branch has moved, and goes on when the host is gone', async () => {
    put('team/moving', { classes: THREE, lean })
    await load('hf:team/moving')
    expect(asked.filter(line => line.startsWith('GET')).length).toBeGreaterThan(3)
    asked = []
    await load('hf:team/moving')
    expect(asked).toEqual(['HEAD /team/moving/resolve/main/config.json'])
    put('team/moving', { classes: ['positive', 'neutral', 'negative'], lean }, 'd'.repeat(40))
    const moved = await load('hf:team/moving')
    expect(moved.uri).toBe(`hf:team/moving@${'d'.repeat(40)}`)
    expect(labels(await moved.predict(TEXTS))).toEqual(['positive', 'neutral', 'negative'])
    const gone = await load('hf:team/moving', { hub: 'http://127.0.0.1:1' })
    expect(gone.uri).toBe(moved.uri)
    asked = []
    await load('hf:team/moving', { offline: true })
    expect(asked).toEqual([])
    const pinned = await load(`hf:team/moving@${'d'.repeat(40)}`)
    asked = []
    await load(`hf:team/moving@${'d'.repeat(40)}`)
    expect(asked).toEqual([])
    expect(pinned.hash).toBe(moved.hash)
  })

  it('takes other ONNX files, and those of who converts models that have none', async () => {
    const files = put('lab/plain', { classes: THREE, lean })
    const { 'onnx/model_quantized.onnx': weights, ...others } = files
    repos.set('lab/plain', { files: { ...others, 'model.onnx': weights! }, commit: COMMIT })
    expect(labels(await (await load('hf:lab/plain')).predict(TEXTS))).toEqual(THREE)
    repos.set('lab/torch', { files: others, commit: COMMIT })
    await expect(load('hf:lab/torch')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('hf:lab/torch: no ONNX file (onnx/model_quantized.onnx,'),
    })
    repos.set('Xenova/torch', { files, commit: COMMIT })
    expect(await load('hf:lab/torch')).toMatchObject({ name: 'Xenova/torch', uri: `hf:Xenova/torch@${COMMIT}` })
  })

  it('takes a translator: encoder, decoder and how it is to generate', async () => {
    const { 'onnx/encoder_model_quantized.onnx': encoder, ...others } = tinyTranslator({ gut: 'good' })
    repos.set('team/de-en', { files: { ...others, 'onnx/encoder_model_int8.onnx': encoder! }, commit: COMMIT })
    const translator = await loadTranslator('hf:team/de-en', { hub, hubFolder: folder, workers: 1 })
    expect(translator).toMatchObject({ name: 'team/de-en', uri: `hf:team/de-en@${COMMIT}` })
    expect(asked).toContain('GET /team/de-en/resolve/main/generation_config.json')
    expect(await translator.translate([{ text: 'Gut', lang: 'de' }])).toEqual([{ text: 'good' }])
    await translator.close()
    put('team/three', { classes: THREE, lean })
    await expect(loadTranslator('hf:team/three', { hub, hubFolder: folder })).rejects.toThrow(
      'hf:team/three: no ONNX file (onnx/encoder_model_quantized.onnx,',
    )
    await expect(loadTranslator('/no/such/folder')).rejects.toMatchObject({ code: 'not-found' })
  })

  it('refuses with the reason', async () => {
    await expect(load('hf:nothing')).rejects.toMatchObject({ code: 'bad-address' })
    await expect(load('hf:team/none')).rejects.toThrow(`hf:team/none: no such model`)
    await expect(load('hf:team/none', { offline: true })).rejects.toMatchObject({
      code: 'offline',
      message: `hf:team/none: offline, and it is not in ${folder}`,
    })
    await expect(load('hf:team/none', { hub: 'http://127.0.0.1:1' })).rejects.toThrow('http://127.0.0.1:1 cannot be reached')
    put('team/joy', { classes: ['joy', 'anger'], lean: { x: 0 } })
    await expect(load('hf:team/joy')).rejects.toThrow('classes not understood: ["joy","anger"]')
    put('team/spoilt', { classes: THREE, lean })
    for (const file of ['config.json', 'model_quantized.onnx']) {
      spoil = file
      await expect(load('hf:team/spoilt'), file).rejects.toMatchObject({ code: 'hash-mismatch' })
    }
    spoil = undefined
    await load('hf:team/spoilt')
    await writeFile(join(folder, 'team--spoilt--main', 'config.json'), '{}')
    await expect(load('hf:team/spoilt')).rejects.toThrow('has changed since it was downloaded')
  })
})
