/** Runs the pipeline over argv[2] into the lake argv[3], from the build, with a model that answers by length; killed by its test. */
import { runPipeline } from '../../dist/pipeline/run.js'

const [source, lake] = process.argv.slice(2)
const labels = ['negative', 'neutral', 'positive']
const probabilities = [
  [0.7, 0.2, 0.1],
  [0.2, 0.6, 0.2],
  [0.1, 0.2, 0.7],
]
const answer = text => ({ label: labels[text.length % 3], probabilities: probabilities[text.length % 3] })
const model = { name: 'by-length', version: '1', textVersion: 'text-1', predict: async texts => texts.map(answer) }

process.stdout.write('started\n')
await runPipeline({ source, lake, model, mode: 'concurrent', limits: { maxFiles: 2, maxRows: 150 } })
