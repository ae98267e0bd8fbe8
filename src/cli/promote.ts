import { type Promotion, promote } from '../registry/champion.js'
import type { MlflowClient } from '../registry/mlflow.js'
import { defineCommand, json, printJson, say, text, UsageError } from './command.js'
import { withRegistry } from './open-registry.js'

/** Options of both commands that move an alias. */
export const options = {
  alias: text('ALIAS', 'what the serving version is called', 'champion'),
  reason: text('TEXT', "written down in the version's tags", 'by hand'),
  json,
}

/** Changes an alias and says so in one line. */
export async function change(work: (client: MlflowClient) => Promise<Promotion>, asJson: boolean): Promise<number> {
  const result = await withRegistry(work)
  const { name, alias, version, former, changed } = result
  if (asJson) printJson(result)
  else say(`${name}@${alias} is version ${version} ${changed ? `now${former ? `, was ${former}` : ''}` : 'already'}`)
  return 0
}

/** `moodlake promote`: a version takes an alias. */
export const command = defineCommand({
  summary: 'let a version of a registered model serve',
  usage: 'promote NAME VERSION [--alias ALIAS] [--reason TEXT] [--json]',
  about: "Lets a version of a registered model serve under the alias (default champion). Written down in the version's tags.",
  options,
  words: true,
  async run({ alias, reason, json }, [name, version, ...more]) {
    if (!name || !version || more.length) throw new UsageError('promote: give NAME and VERSION, such as: promote sentiment 3')
    if (!/^\d+$/.test(version)) throw new UsageError(`promote: VERSION is a whole number: ${version}`)
    return change(client => promote(client, { name, version, alias, reason }), json)
  },
})
