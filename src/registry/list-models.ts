/** What the registry holds, as one list. */
import type { MlflowClient } from './mlflow.js'
import { HASH_TAG } from './register-model.js'

/** A registered version with what was measured of it. */
export interface ListedVersion {
  name: string
  version: string
  /** Aliases that point to it. */
  aliases: string[]
  /** Name of the run that made it, such as the kind of model. */
  run: string
  runId: string
  metrics: Record<string, number>
  hash?: string
  created: Date
}

/** All versions of all registered models: models by name, versions newest first. */
export async function listModels(client: MlflowClient): Promise<ListedVersion[]> {
  const models = (await client.models()).sort((a, b) => (a.name < b.name ? -1 : 1))
  const lists = await Promise.all(
    models.map(async ({ name, aliases }) => {
      const versions = await client.versions(name)
      return Promise.all(
        versions.map(async ({ version, runId, tags, created }): Promise<ListedVersion> => {
          // A version may be registered without a run, or its run deleted: it is listed all the same.
          const run = runId ? await client.run(runId).catch(() => undefined) : undefined
          const own = Object.keys(aliases).filter(alias => aliases[alias] === version)
          return {
            ...{ name, version, aliases: own, run: run?.name ?? '', runId, metrics: run?.metrics ?? {} },
            ...{ hash: tags[HASH_TAG], created },
          }
        }),
      )
    }),
  )
  return lists.flat()
}
