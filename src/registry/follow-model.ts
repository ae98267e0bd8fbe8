/** A model by alias that is exchanged while it serves: the next batch is scored by the new champion. */
import type { Answer, Model } from '../models/model.js'
import { type LoadedModel, type LoadModelOptions, loadModel } from './load-model.js'
import { mlflowClient } from './mlflow.js'

/** Settings of `followModel`. */
export interface FollowOptions extends LoadModelOptions {
  /** Address of the MLflow server; default `MLFLOW_TRACKING_URI`. Without one the model stays what it is. */
  trackingUri?: string
  /** The alias is looked up at most this often, in ms; default 5000. */
  every?: number
  /** Told of every exchange, before the first batch of the new model. */
  onExchange?: (from: LoadedModel, to: LoadedModel) => void
  /** Told when the registry could not be asked or the new version not be loaded; the old one goes on. */
  onTrouble?: (error: Error) => void
}

/**
 * Loads `models:/name@alias` and looks before each batch whether the alias has moved; then it loads the version it now
 * points to, and the old one ends when its batches are done. A batch is scored by one version as a whole. `name`, `version`, `uri` and `hash` are those
 * of the version that scored the last batch. Any other address is loaded once.
 */
export async function followModel(uri: string, options: FollowOptions = {}): Promise<LoadedModel> {
  const { every = 5000, onExchange, onTrouble } = options
  const trackingUri = options.trackingUri ?? process.env.MLFLOW_TRACKING_URI
  let current = await loadModel(uri, { ...options, trackingUri })
  const { name, alias } = /^models:\/(?<name>[^/@]+)@(?<alias>[^/@]+)$/.exec(uri)?.groups ?? {}
  if (!name || !alias || !trackingUri) return current
  const client = mlflowClient(trackingUri, { signal: options.signal })
  const working = new Map<LoadedModel, number>()
  let asked = performance.now()
  let asking: Promise<void> | undefined

  /** Ends a model that serves no more and has no batch under way. */
  const retire = async (model: LoadedModel) => {
    if (model !== current && !working.get(model)) await model.close?.()
  }

  async function look(): Promise<void> {
    try {
      const { aliases } = await client.model(decodeURIComponent(name!))
      if (aliases[alias!] === current.version) return
      const [from, to] = [current, await loadModel(uri, { ...options, trackingUri })]
      current = to
      onExchange?.(from, to)
      await retire(from)
    } catch (error) {
      onTrouble?.(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async function predict(texts: readonly string[], settings?: Parameters<Model['predict']>[1]): Promise<Answer[]> {
    if (!asking && performance.now() - asked >= every)
      asking = look().finally(() => {
        asked = performance.now()
        asking = undefined
      })
    await asking
    const model = current
    working.set(model, (working.get(model) ?? 0) + 1)
    try {
      return await model.predict(texts, settings)
    } finally {
      working.set(model, working.get(model)! - 1)
      await retire(model)
    }
  }

  const own = { predict, close: async () => current.close?.() }
  // What else it says of itself, the current version says.
  return new Proxy(current, { get: (_, key) => Reflect.get(Object.hasOwn(own, key) ? own : current, key) })
}
