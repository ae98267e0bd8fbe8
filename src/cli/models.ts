import { type ListedVersion, listModels } from '../registry/list-models.js'
import { defineCommand, json, print, say } from './command.js'
import { withRegistry } from './open-registry.js'

const SHOWN_METRICS = 4

function lineOf({ name, version, aliases, run, metrics, created }: ListedVersion): string {
  const numbers = Object.entries(metrics).slice(0, SHOWN_METRICS)
  return [
    `${name}/${version}`.padEnd(18),
    aliases
      .map(alias => `@${alias}`)
      .join(' ')
      .padEnd(12),
    run.padEnd(12),
    created.toISOString().slice(0, 16).replace('T', ' '),
    numbers.map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`).join('  '),
  ]
    .join('  ')
    .trimEnd()
}

export const command = defineCommand({
  summary: 'the registered models with versions, aliases and metrics',
  usage: 'models [--json]',
  about: `
Lists the registered models: versions, newest first, with their aliases, the run that made them and its metrics.
The server is the one of MLFLOW_TRACKING_URI; when that is not set, one is started over .moodlake/mlflow.`,
  options: { json },
  async run({ json }) {
    const models = await withRegistry(listModels)
    if (!models.length && !json) say('no registered models: npm run demo trains and registers some')
    return print(models.map(lineOf), models, json)
  },
})
