import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTable } from '../../src/delta/index.js'
import { chooseChampion, type Election } from '../../src/pipeline/champion.js'
import { evaluateLake, type LakeEvaluation, type LoggedRun, logEvaluation } from '../../src/pipeline/evaluation.js'
import { runPipeline } from '../../src/pipeline/run.js'
import { rollback } from '../../src/registry/champion.js'
import { type LoadedModel, loadModel } from '../../src/registry/load-model.js'
import { mlflowClient } from '../../src/registry/mlflow.js'
import { type MlflowServer, startMlflow } from '../../src/registry/mlflow-server.js'
import { TEXT_VERSION } from '../../src/text/clean.js'
import { newFolder } from './lake.js'

/** What Python's own mlflow client reads of a run, a version and the alias. */
function readBack(
  uri: string,
  runId: string,
): { params: Record<string, string>; metrics: Record<string, number>; files: string[]; svg: string; champion: string } {
  const script = `
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
run = client.get_run(sys.argv[2])
path = client.download_artifacts(sys.argv[2], "confusion-matrix.svg")
print(json.dumps({"params": run.data.params, "metrics": run.data.metrics, "files": [f.path for f in client.list_artifacts(sys.argv[2])],
  "svg": open(path).read(), "champion": client.get_model_version_by_alias("sentiment", "champion").version}))`
  const output = execFileSync('.venv/bin/python', ['-c', script, uri, runId], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(output.trim().split('\n').at(-1)!)
}

describe('from labelled tweets to a recorded evaluation', () => {
  let server: MlflowServer
  let election: Election
  let model: LoadedModel
  let lake: string
  let evaluation: LakeEvaluation
  let run: LoggedRun
  let folder: string

  beforeAll(async () => {
    folder = await newFolder('champion')
    lake = join(folder, 'lake')
    server = await startMlflow({ folder: join(folder, 'mlflow') })
    election = await chooseChampion({ trackingUri: server.uri, folder: join(folder, 'candidates') })
    model = await loadModel('models:/sentiment@champion', { trackingUri: server.uri, cacheFolder: join(folder, 'cache') })
    await runPipeline({ source: 'data/tweets/classroom', lake, model })
    evaluation = await evaluateLake(lake)
    run = await logEvaluation(evaluation, { trackingUri: server.uri, lake, model })
  }, 180_000)
  afterAll(async () => {
    await model?.close?.()
    await server?.close()
  })

  it('judges five candidates on the same held-out tweets; champion is the package’s own unless the best beats it by more than luck', () => {
    expect(election.table.map(row => row.model).sort()).toEqual(['blend', 'compact', 'lexicon', 'majority', 'ngram'])
    expect(new Set(election.table.map(row => row.n)).size).toBe(1)
    const best = Math.max(...election.table.map(row => row.macroRecall!))
    const champions = election.table.filter(row => row.champion)
    expect(champions).toHaveLength(1)
    if (champions[0]!.model !== 'blend') expect(champions[0]!.macroRecall).toBe(best)
    // Nobody is far better than the champion: their intervals meet.
    for (const row of election.table) expect(row.macroRecallLow).toBeLessThan(champions[0]!.macroRecallHigh!)
    for (const { accuracy, accuracyLow, accuracyHigh } of election.table) {
      expect(accuracyLow).toBeLessThan(accuracy!)
      expect(accuracyHigh).toBeGreaterThan(accuracy!)
    }
    // The sample must leave room: no model is perfect (A15), the best beats the word list, that beats guessing.
    expect(best).toBeLessThan(0.95)
    expect(election.table.at(-1)?.model).toBe('majority')
  })

  it('registers nothing twice', async () => {
    const again = await chooseChampion({ trackingUri: server.uri, folder: join(folder, 'candidates') })
    expect(again.table).toEqual(election.table)
    expect(again.promotion.changed).toBe(false)
    expect(await mlflowClient(server.uri).versions('sentiment')).toHaveLength(5)
  })

  it('serves the recorded champion, by hash, with the text function of its training (A20)', async () => {
    expect(model.hash).toBe(election.champion.hash)
    expect(model.textVersion).toBe(TEXT_VERSION)
    const [newest] = await (await openTable(join(lake, 'gold'))).history(1)
    expect(newest?.operationParameters).toMatchObject({
      model: 'sentiment',
      modelVersion: election.champion.version,
      modelHash: election.champion.hash,
    })
  })

  it('logs promotion and rollback (A20)', async () => {
    const client = mlflowClient(server.uri)
    const other = election.table.find(row => !row.champion)!
    await client.setAlias('sentiment', 'champion', other.version)
    await chooseChampion({ trackingUri: server.uri, folder: join(folder, 'candidates') })
    expect((await rollback(client, { name: 'sentiment', reason: 'test' })).version).toBe(other.version)
    await chooseChampion({ trackingUri: server.uri, folder: join(folder, 'candidates') })
    const tags = (await client.version('sentiment', election.champion.version)).tags
    const events = Object.entries(tags).filter(([key]) => key.startsWith('champion.'))
    expect(events.length).toBeGreaterThanOrEqual(2)
    expect(events.map(([, value]) => JSON.parse(value).reason).join()).toContain('macro-recall')
  })

  it('records metrics, full matrix, name, version and library apart, the latest silver version, the data hash (A16)', async () => {
    const back = readBack(server.uri, run.runId)
    const silver = await (await openTable(join(lake, 'silver'))).snapshot()
    expect(back.params).toMatchObject({
      model_name: 'sentiment',
      model_version: election.champion.version,
      library_version: expect.stringMatching(/^moodlake \d/),
      model_hash: election.champion.hash,
      silver_version: String(silver.version),
      data_hash: evaluation.dataHash,
    })
    expect(back.champion).toBe(election.champion.version)
    expect(back.metrics.accuracy).toBeCloseTo(evaluation.tweets.metrics.accuracy.value!, 12)
    expect(back.metrics.mention_accuracy).toBeCloseTo(evaluation.mentions.metrics.accuracy.value!, 12)
    expect(back.files).toEqual(expect.arrayContaining(['confusion-matrix.svg', 'evaluation.json']))
    for (const count of evaluation.tweets.confusion.counts.flat()) expect(back.svg).toContain(`>${count.toLocaleString('en')}<`)
    expect(back.svg).toContain('predicted class')
    expect(back.svg).toContain('true class')
  })

  it('says at which level it counts, with per-class metrics and the majority baseline (A14)', () => {
    expect([evaluation.tweets.level, evaluation.mentions.level]).toEqual(['tweet', 'mention'])
    expect(evaluation.mentions.n).not.toBe(evaluation.tweets.n)
    expect(evaluation.metricsTable.map(row => row.metric)).toEqual(
      expect.arrayContaining(['majority baseline', 'macro F1', 'weighted F1', 'negative recall', 'positive precision']),
    )
  })

  it('shows every neutral policy on the tweets whose label is not neutral (A13)', () => {
    expect(evaluation.policies.map(({ policy }) => policy)).toEqual(['error', 'drop', 'runner-up', 'negative', 'positive'])
    const n = evaluation.tweets.confusion.counts[0]!.concat(evaluation.tweets.confusion.counts[2]!).reduce((a, b) => a + b, 0)
    expect(evaluation.policies[0]?.n).toBe(n)
  })

  it('says which line of labelled tweets it does not understand', async () => {
    mkdirSync(join(folder, 'bad'))
    const train = join(folder, 'bad', 'train.ndjson')
    writeFileSync(train, '{"text":"a","sentiment":"positive"}\n{"text":"b","sentiment":"cheerful"}\n')
    await expect(chooseChampion({ trackingUri: server.uri, train })).rejects.toThrow(/line 2 has no text or no class: .*cheerful/)
  })
})
