import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ngramModel } from '../../src/models/ngram.js'
import { ModelAddressError } from '../../src/registry/address-error.js'
import { championOf, promote, promotions, rollback } from '../../src/registry/champion.js'
import { followModel } from '../../src/registry/follow-model.js'
import { listModels } from '../../src/registry/list-models.js'
import { loadModel } from '../../src/registry/load-model.js'
import { type MlflowClient, mlflowClient } from '../../src/registry/mlflow.js'
import { MlflowError } from '../../src/registry/mlflow-http.js'
import { type MlflowServer, startMlflow } from '../../src/registry/mlflow-server.js'
import { HASH_TAG, registerModel } from '../../src/registry/register-model.js'
import type { Label } from '../../src/tweet.js'

const root = resolve(import.meta.dirname, '../..')
const python = join(root, '.venv', 'bin', 'python')
const run = promisify(execFile)

const TEXTS: Record<Label, string[]> = {
  negative: ['awful train again', 'I hate this rain', 'worst day, so sad'],
  neutral: ['the train leaves at nine', 'reading the paper', 'it is Tuesday'],
  positive: ['lovely sunny day', 'I love this song', 'best news ever'],
}

/** Trains a tiny model, different for each seed. */
async function makeModel(folder: string, seed: number): Promise<void> {
  const model = ngramModel({ settings: { bits: 10 + seed } })
  const examples = Object.entries(TEXTS).flatMap(([label, texts]) => texts.map(text => ({ text, label: label as Label })))
  await model.fit(examples, { seed })
  await model.save(folder)
}

describe.skipIf(!existsSync(python))('registry on a real MLflow (skipped without .venv: npm run setup)', () => {
  let folder = ''
  let server: MlflowServer
  let client: MlflowClient
  const before = process.env.MLFLOW_TRACKING_URI
  const model = (seed: number) => join(folder, `model-${seed}`)
  const cacheFolder = () => join(folder, 'cache')
  const register = (name: string, seed: number) => registerModel(client, { name, folder: model(seed) })

  beforeAll(async () => {
    delete process.env.MLFLOW_TRACKING_URI
    // A space and an accent, as in many a home folder.
    folder = mkdtempSync(join(tmpdir(), 'moodlake régistry '))
    const starting = startMlflow({ folder: join(folder, 'mlflow') })
    for (const seed of [1, 2, 3]) await makeModel(model(seed), seed)
    server = await starting
    client = mlflowClient(server.uri)
  })
  afterAll(async () => {
    if (before !== undefined) process.env.MLFLOW_TRACKING_URI = before
    await server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test("MLflow's own client reads back what was registered", async () => {
    const metrics = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`m${i}`, i / 7]))
    const params = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`p${i}`, i]))
    const series = [3, 2, 1].map((value, step) => ({ key: 'loss', value, step }))
    const registered = await registerModel(client, {
      name: 'senti ment',
      folder: model(1),
      experiment: 'tests/1',
      runName: 'ngram',
      metrics: [...Object.entries(metrics).map(([key, value]) => ({ key, value })), ...series, { key: 'odd', value: Number.NaN }],
      params,
      tags: { data: 'sample' },
      confusion: { svg: '<svg xmlns="http://www.w3.org/2000/svg"/>', figure: { data: [] } },
      evaluation: { accuracy: 0.5, labels: ['ä', '😀'] },
      artifacts: { 'notes/read me.txt': 'hé' },
      description: 'a small one',
    })
    expect(registered).toMatchObject({ name: 'senti ment', version: '1', uri: 'models:/senti ment/1' })
    await promote(client, { name: 'senti ment', version: '1', reason: 'only one' })
    const { stdout } = await run(python, [join(root, 'test/registry/read_back.py'), server.uri, 'senti ment', 'champion', folder])
    const seen = JSON.parse(stdout)
    expect(seen).toMatchObject({
      version: '1',
      description: 'a small one',
      status: 'FINISHED',
      experiment: 'tests/1',
      params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)])),
      artifacts: ['confusion-matrix.json', 'confusion-matrix.svg', 'evaluation.json', 'model', 'notes'],
      confusion: '<svg xmlns="http://www.w3.org/2000/svg"/>',
      evaluation: { accuracy: 0.5, labels: ['ä', '😀'] },
      history: [3, 2, 1],
    })
    expect(seen.tags).toMatchObject({ [HASH_TAG]: registered.hash, data: 'sample' })
    expect(Object.keys(seen.metrics)).toHaveLength(1102)
    expect(Number(seen.metrics.m1099)).toBe(1099 / 7)
    expect(seen.metrics.odd).toBe('nan')
    const sha = (file: string) =>
      createHash('sha256')
        .update(readFileSync(join(model(1), file)))
        .digest('hex')
    expect(seen.files).toEqual(Object.fromEntries(readdirSync(model(1)).map(file => [file, sha(file)])))
  })

  test('a model that is followed is exchanged between batches when another is promoted, each batch scored by one', async () => {
    for (const seed of [1, 2, 3]) await register('followed', seed)
    await promote(client, { name: 'followed', version: '1' })
    const exchanges: string[] = []
    const troubles: string[] = []
    const followed = await followModel('models:/followed@champion', {
      trackingUri: server.uri,
      cacheFolder: cacheFolder(),
      every: 0,
      onExchange: (from, to) => exchanges.push(`${from.version} ${to.version}`),
      onTrouble: error => troubles.push(error.message),
    })
    const known = await Promise.all([1, 2, 3].map(seed => loadModel(model(seed))))
    const texts = ['love this', 'awful rain', 'Tuesday']
    for (const version of ['1', '2', '2', '3', '1']) {
      await promote(client, { name: 'followed', version })
      const answers = await Promise.all([followed.predict(texts), followed.predict(texts)])
      expect(followed).toMatchObject({ version, uri: `models:/followed/${version}`, hash: known[Number(version) - 1]!.hash })
      const expected = await known[Number(version) - 1]!.predict(texts)
      expect(answers).toEqual([expected, expected])
    }
    expect(exchanges).toEqual(['1 2', '2 3', '3 1'])
    await client.setVersionTag('followed', '2', HASH_TAG, 'f'.repeat(64))
    await promote(client, { name: 'followed', version: '2' })
    expect(await followed.predict(texts)).toEqual(await known[0]!.predict(texts))
    expect(followed.version).toBe('1')
    expect(troubles[0]).toContain('are not those registered')
    await followed.close?.()
  })

  test('a model is the same by alias, version, folder and file address, and downloaded once', async () => {
    const { hash } = await register('same', 1)
    await promote(client, { name: 'same', version: '1' })
    const options = { trackingUri: server.uri, cacheFolder: cacheFolder() }
    const loaded = await Promise.all([
      loadModel('models:/same@champion', options),
      loadModel('models:/same/1', options),
      loadModel(model(1)),
      loadModel(pathToFileURL(model(1)).href),
    ])
    expect(loaded.map(({ name, version, uri }) => [name, version, uri])).toEqual([
      ['same', '1', 'models:/same/1'],
      ['same', '1', 'models:/same/1'],
      ['ngram', hash.slice(0, 12), pathToFileURL(model(1)).href],
      ['ngram', hash.slice(0, 12), pathToFileURL(model(1)).href],
    ])
    expect(new Set(loaded.map(one => `${one.hash} ${one.kind}`))).toEqual(new Set([`${hash} ngram`]))
    const answers = await Promise.all(loaded.map(one => one.predict(['what a lovely day', 'awful'])))
    for (const other of answers) expect(other).toEqual(answers[0])
    expect(readdirSync(cacheFolder())).toEqual([hash])
    // A cached folder that was changed is not believed but fetched again.
    writeFileSync(join(cacheFolder(), hash, 'model.json'), '{}')
    expect((await loadModel('models:/same/1', options)).hash).toBe(hash)
  })

  test('a bundled model goes by its name', async () => {
    const compact = await loadModel('compact')
    try {
      expect(compact).toMatchObject({ name: 'compact', kind: 'compact', uri: 'compact', version: compact.hash.slice(0, 12) })
      expect(await compact.predict(['what a lovely day'])).toMatchObject([{ label: 'positive' }])
    } finally {
      await compact.close?.()
    }
  })

  test('promotion and rollback follow the line of champions and are written down', async () => {
    for (const seed of [1, 2, 3]) await register('line', seed)
    const name = 'line'
    expect(await championOf(client, name)).toBeUndefined()
    await expect(rollback(client, { name })).rejects.toThrow('registry: line: no version has the alias champion')
    expect(await promote(client, { name, version: '1', reason: 'first' })).toMatchObject({
      version: '1',
      former: undefined,
      changed: true,
    })
    await expect(rollback(client, { name })).rejects.toThrow('no version served as champion before version 1')
    expect(await promote(client, { name, version: '1' })).toMatchObject({ changed: false })
    await promote(client, { name, version: '3', reason: '+2.1 points, n = 800' })
    expect(await promote(client, { name, version: '2' })).toMatchObject({
      former: '3',
      hash: (await client.version(name, '2')).tags[HASH_TAG],
    })
    expect(await rollback(client, { name, reason: 'drift' })).toMatchObject({ version: '3', former: '2', changed: true })
    expect(await rollback(client, { name })).toMatchObject({ version: '1' })
    await expect(rollback(client, { name })).rejects.toThrow('no version served as champion before version 1')
    const events = await promotions(client, name)
    expect(events.map(({ action, from, to }) => [action, from, to])).toEqual([
      ['promote', undefined, '1'],
      ['promote', '1', '3'],
      ['promote', '3', '2'],
      ['rollback', '2', '3'],
      ['rollback', '3', '1'],
    ])
    expect(events[1]!.reason).toBe('+2.1 points, n = 800')
    // Another tool moves the alias without a word: a rollback still finds the version before.
    await client.setAlias(name, 'champion', '2')
    expect(await rollback(client, { name })).toMatchObject({ version: '1', former: '2' })
    // The served model is the recorded champion, by hash.
    const served = await loadModel('models:/line@champion', { trackingUri: server.uri, cacheFolder: cacheFolder() })
    expect(served.hash).toBe((await championOf(client, name))!.tags[HASH_TAG])
    await expect(promote(client, { name, version: '9' })).rejects.toThrow('registry: line: no version 9')
    await expect(promote(client, { name: 'nobody', version: '1' })).rejects.toThrow('registry: nobody: no version 1')
  })

  test('a wrong address says what there is', async () => {
    await register('known', 1)
    const options = { trackingUri: server.uri, cacheFolder: cacheFolder() }
    const fails = async (uri: string, code: string, message: string) => {
      const error = await loadModel(uri, options).catch(caught => caught)
      expect(error).toBeInstanceOf(ModelAddressError)
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)])
    }
    await fails('models:/known@champion', 'not-found', 'no alias champion (there is none)')
    await promote(client, { name: 'known', version: '1' })
    await fails('models:/known@challenger', 'not-found', 'no alias challenger (there are champion)')
    await fails('models:/known/7', 'not-found', 'no version 7')
    await fails('models:/nobody@champion', 'not-found', 'no registered model nobody')
    await fails('models:/known', 'bad-address', 'not models:/NAME@ALIAS or models:/NAME/VERSION')
    await fails('hf:owner/name', 'bad-address', 'Hugging Face')
    await fails('no-such-model', 'not-found', 'neither bundled, nor a folder')
  })

  test('files that are not those registered are refused', async () => {
    const { version, hash } = await register('tampered', 2)
    const { source } = await client.version('tampered', version)
    await client.upload(source, 'extra.txt', 'not there before')
    const options = { trackingUri: server.uri, cacheFolder: join(folder, 'empty cache') }
    const error = await loadModel('models:/tampered/1', options).catch(caught => caught)
    expect(error).toBeInstanceOf(ModelAddressError)
    expect([error.code, error.message]).toEqual(['hash-mismatch', expect.stringContaining(`the registry says ${hash}`)])
    // Nothing of it stays behind.
    expect(readdirSync(join(folder, 'empty cache'))).toEqual([])
  })

  test('a failed registration makes no version and says so in its run', async () => {
    const broken: MlflowClient = { ...client, upload: async () => Promise.reject(new Error('disk full')) }
    await expect(registerModel(broken, { name: 'failed', folder: model(1), experiment: 'failures' })).rejects.toThrow('disk full')
    const [failed] = await client.runs(await client.experiment('failures'))
    expect(failed).toMatchObject({ name: 'failed', status: 'FAILED' })
    await expect(client.model('failed')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' })
    await expect(registerModel(client, { name: 'x', folder: mkdtempSync(join(folder, 'empty-')) })).rejects.toThrow(
      'no files to register',
    )
  })

  test('errors carry the address and what MLflow says', async () => {
    const error = await client.run('0'.repeat(32)).catch(caught => caught)
    expect(error).toBeInstanceOf(MlflowError)
    expect(error).toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST', status: 404 })
    expect(error.message).toContain(`mlflow: GET ${server.uri}/api/2.0/mlflow/runs/get?run_id=000`)
    await expect(client.upload('s3://bucket/place', 'x', 'y')).rejects.toThrow('artifacts at s3://bucket/place are not served')
  })

  test('the list has every version with aliases and metrics, and the commands speak to the same server', async () => {
    await registerModel(client, { name: 'listed', folder: model(1), runName: 'tiny', metrics: { accuracy: 0.75 } })
    await register('listed', 2)
    const env = { ...process.env, MLFLOW_TRACKING_URI: server.uri }
    const moodlake = async (...args: string[]) =>
      JSON.parse((await run(process.execPath, [join(root, 'bin/moodlake.mjs'), ...args, '--json'], { env })).stdout)
    expect(await moodlake('promote', 'listed', '1', '--reason', 'better')).toMatchObject({ version: '1', changed: true })
    await moodlake('promote', 'listed', '2')
    expect(await moodlake('rollback', 'listed')).toMatchObject({ version: '1', former: '2' })
    const listed = (await listModels(client)).filter(({ name }) => name === 'listed')
    expect(listed.map(({ version, aliases, run: kind, metrics }) => [version, aliases, kind, metrics])).toEqual([
      ['2', [], 'listed', {}],
      ['1', ['champion'], 'tiny', { accuracy: 0.75 }],
    ])
    expect((await moodlake('models')).filter((one: { name: string }) => one.name === 'listed')).toEqual(
      JSON.parse(JSON.stringify(listed)),
    )
    const wrong = await run(process.execPath, [join(root, 'bin/moodlake.mjs'), 'promote', 'listed', '9'], { env }).catch(
      caught => caught,
    )
    expect([wrong.code, wrong.stderr]).toEqual([1, 'moodlake: registry: listed: no version 9\n'])
    const usage = await run(process.execPath, [join(root, 'bin/moodlake.mjs'), 'promote', 'listed'], { env }).catch(
      caught => caught,
    )
    expect(usage.code).toBe(2)
  })

  test('a second server works on the same folder, and a taken port is said so', async () => {
    const port = Number(new URL(server.uri).port)
    await expect(startMlflow({ folder: join(folder, 'mlflow'), port })).rejects.toThrow(
      `mlflow: port ${port} on 127.0.0.1 is in use`,
    )
    const second = await startMlflow({ folder: join(folder, 'mlflow') })
    try {
      expect(second.started).toBe(true)
      await mlflowClient(second.uri).ensureModel('from the second')
      expect((await client.models()).map(({ name }) => name)).toContain('from the second')
    } finally {
      await second.close()
    }
    await expect(mlflowClient(second.uri, { attempts: 1 }).models()).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(await client.models()).not.toEqual([])
  })
})
