import { relative } from 'node:path'
import { makeReport } from '../explore/report.js'
import { chooseChampion, type Election } from '../pipeline/champion.js'
import { type LakeStatus, lakeStatus } from '../pipeline/lake.js'
import { runPipeline } from '../pipeline/run.js'
import { loadModel } from '../registry/load-model.js'
import { startMlflow } from '../registry/mlflow-server.js'
import type { Stream } from '../streams/stream.js'
import { defineCommand, json, printJson, say } from './command.js'
import { progressLine } from './run.js'

const LAKE = './lake'
const NOTEBOOK = 'notebooks/sentiment-analysis.ipynb'

/** Times the stages and says which one begins. */
function stopwatch() {
  const seconds: Record<string, number> = {}
  return {
    seconds,
    async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
      say(`── ${stage}`)
      const started = performance.now()
      const result = await work()
      seconds[stage] = Math.round((performance.now() - started) / 100) / 10
      return result
    },
  }
}

const percent = (share: number | null) => (share === null ? '?' : (100 * share).toFixed(1))

function summary(result: {
  election: Election
  status: LakeStatus
  added: Record<string, number>
  files: string[]
  seconds: Record<string, number>
}): string {
  const { champion } = result.election
  const tables = Object.entries(result.status.tables).map(([name, { rows, version }]) => {
    const added = result.added[name]
    return `  ${name.padEnd(12)} ${rows.toLocaleString('en').padStart(8)} rows, version ${version}${added === undefined ? '' : `, ${added.toLocaleString('en')} new`}`
  })
  const interval = `[${percent(champion.accuracyLow)}, ${percent(champion.accuracyHigh)}]`
  const stages = Object.entries(result.seconds).map(
    ([stage, seconds]) => `  ${stage.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s`,
  )
  return [
    '',
    `Tables in ${LAKE}`,
    ...tables,
    `Champion: ${champion.model}, version ${champion.version} of "sentiment"`,
    `  accuracy ${percent(champion.accuracy)} % ${interval}, macro-recall ${percent(champion.macroRecall)} %, on ${champion.n} held-out tweets`,
    'Seconds per stage',
    ...stages,
    'Files made',
    ...result.files.map(file => `  ${file}`),
    'Open next',
    `  ${result.files.at(-1)} in a browser · npm run lab for the notebook · npx moodlake sql "select * from application" · npx moodlake --help`,
    '',
  ].join('\n')
}

function sayCandidate(done: number, total: number, what: string): void {
  say(`   ${what} (${done + 1} of ${total})`)
}

export const command = defineCommand({
  summary: 'from the sample tweets to a finished report',
  usage: 'demo [--json]',
  about: `
From the sample tweets in data/ to a finished report: trains and compares models, registers them in MLflow, lets the best
score the tweets in ./lake, runs the notebook and exports it. Run it again: nothing is done twice.`,
  options: { json },
  async run({ json }) {
    const { seconds, time } = stopwatch()
    const server = startMlflow()
    try {
      const uri = server.then(({ uri }) => uri)
      // Awaited when the candidates have learned: a server that fails before that is heard of then.
      uri.catch(() => {})
      const election = await time('models, MLflow server', () => chooseChampion({ trackingUri: uri, onProgress: sayCandidate }))
      const trackingUri = await uri
      const model = await loadModel('models:/sentiment@champion', { trackingUri })
      let streams: Stream[]
      try {
        streams = await time('tweets: bronze, silver, gold', () =>
          runPipeline({ source: 'data/tweets', lake: LAKE, model, onProgress: progress => say(`   ${progressLine(progress)}`) }),
        )
      } finally {
        await model.close?.()
      }
      // The notebook uses the server that runs here.
      process.env.MLFLOW_TRACKING_URI = trackingUri
      const report = await time('notebook and report', () => makeReport(NOTEBOOK))
      const status = await lakeStatus(LAKE)
      const added = Object.fromEntries(streams.map(stream => [stream.name.replace('_stream', ''), stream.totals().rowsOut]))
      const files = [LAKE, relative('.', report.file)]
      if (json)
        printJson({
          lake: LAKE,
          tables: status.tables,
          added,
          champion: election.champion,
          candidates: election.table,
          seconds,
          files,
        })
      else process.stdout.write(summary({ election, status, added, files, seconds }))
      return 0
    } finally {
      await server.then(({ close }) => close()).catch(() => {})
    }
  },
})
