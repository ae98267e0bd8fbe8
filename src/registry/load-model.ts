/** A model by its address: from the registry, a folder, or the package itself. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundledModelFolder } from '../models/bundled.js'
import { hashFolder } from '../models/folder.js'
import { loadModelFolder } from '../models/load.js'
import type { Model } from '../models/model.js'
import type { TransformerOptions } from '../models/transformer.js'
import { ModelAddressError } from './address-error.js'
import { type HubOptions, hubFolder } from './hub.js'
import { type MlflowClient, type MlflowVersion, mlflowClient, orMissing } from './mlflow.js'
import { startMlflow } from './mlflow-server.js'
import { HASH_TAG, inTurns } from './register-model.js'

const CACHE = fileURLToPath(new URL('../../.moodlake/models', import.meta.url))
const DOWNLOADS = 4

/** A model that says where it came from. */
export interface LoadedModel extends Model {
  /** Exact address, also where an alias was asked for: `models:/sentiment/3`, `file:///…`, `compact`. */
  readonly uri: string
  /** Number in the registry; the first 12 digits of the hash for a folder or a bundled model. */
  readonly version: string
  /** sha256 (hex) of the model's folder. */
  readonly hash: string
  /** What the model calls itself, such as `ngram`; `name` is the registered name where it has one. */
  readonly kind: string
}

/** Settings of `loadModel`; those of threads count for transformers only. */
export interface LoadModelOptions extends TransformerOptions, HubOptions {
  /** Address of the MLflow server; default `MLFLOW_TRACKING_URI`, else one is started over `.moodlake/mlflow` meanwhile. */
  trackingUri?: string
  /** Folder of downloaded models, each under its hash; default `.moodlake/models` of this package. */
  cacheFolder?: string
}

/**
 * Loads a model by address: `models:/name@alias`, `models:/name/3` (downloaded once, its folder's hash compared with the
 * registry's), `hf:owner/name` or `hf:owner/name@revision` (a text-classification model of the Hugging Face hub with ONNX files, see `hubFolder`),
 * `file:///…` or a folder's path, or the name of a bundled model such as `compact`.
 * @throws ModelAddressError when the address is not understood, names nothing, or the files are not those registered;
 *   MlflowError when the server does not answer
 */
export async function loadModel(uri: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  if (uri.startsWith('models:')) return loadRegistered(uri, options)
  if (uri.startsWith('hf:')) {
    const found = await hubFolder(uri, options)
    return fromFolder(found.folder, found.uri, options, found.uri.replace(/^hf:|@.*$/g, ''))
  }
  const bundled = bundledModelFolder(uri)
  if (bundled) return fromFolder(bundled, uri, options)
  const folder = uri.startsWith('file:') ? fileURLToPath(uri) : uri
  if (!existsSync(folder))
    throw new ModelAddressError(
      `${uri}: no such model: it is neither bundled, nor a folder, nor models:/NAME@ALIAS, models:/NAME/VERSION or hf:OWNER/NAME`,
      'not-found',
    )
  return fromFolder(folder, pathToFileURL(resolve(folder)).href, options)
}

async function fromFolder(folder: string, uri: string, options: LoadModelOptions, name?: string): Promise<LoadedModel> {
  const model = await loadModelFolder(folder, options)
  const hash = model.hash ?? (await hashFolder(folder))
  return dress(model, { uri, hash, name: name ?? model.name, version: hash.slice(0, 12) })
}

/** The model under another name, with its origin. */
function dress(model: Model, origin: Pick<LoadedModel, 'uri' | 'hash' | 'name' | 'version'>): LoadedModel {
  return {
    ...origin,
    kind: model.name,
    textVersion: model.textVersion,
    parts: model.parts,
    device: model.device,
    predict: (texts, options) => model.predict(texts, options),
    weigh: model.weigh && ((pieces, label) => model.weigh!(pieces, label)),
    close: async () => model.close?.(),
  }
}

/** Reads `models:/name@alias` or `models:/name/version`. */
function readAddress(uri: string): { name: string; alias?: string; version?: string } {
  const { name, alias, version } = /^models:\/(?<name>[^/@]+)(?:@(?<alias>[^/@]+)|\/(?<version>\d+))$/.exec(uri)?.groups ?? {}
  if (!name) throw new ModelAddressError(`${uri}: not models:/NAME@ALIAS or models:/NAME/VERSION`, 'bad-address')
  return { name: decodeURIComponent(name), alias, version }
}

async function loadRegistered(uri: string, options: LoadModelOptions): Promise<LoadedModel> {
  const address = readAddress(uri)
  const server = options.trackingUri ? undefined : await startMlflow({ signal: options.signal })
  try {
    const client = mlflowClient(options.trackingUri ?? server!.uri, { signal: options.signal })
    const version = await findVersion(client, uri, address)
    const { folder, hash } = await fetchFolder(client, version, options)
    const model = await loadModelFolder(folder, options)
    return dress(model, { uri: `models:/${version.name}/${version.version}`, hash, name: version.name, version: version.version })
  } finally {
    await server?.close()
  }
}

async function findVersion(client: MlflowClient, uri: string, address: ReturnType<typeof readAddress>): Promise<MlflowVersion> {
  const { name, alias, version } = address
  const nothing = (what: string, cause?: unknown) =>
    new ModelAddressError(`${uri}: ${what} at ${client.uri}`, 'not-found', { cause })
  const { aliases } = await orMissing(client.model(name), error => nothing(`no registered model ${name}`, error))
  const wanted = version ?? aliases[alias!]
  if (wanted === undefined) {
    const known = Object.keys(aliases)
    throw nothing(`no alias ${alias} (${known.length ? `there are ${known.join(', ')}` : 'there is none'})`)
  }
  return orMissing(client.version(name, wanted), error => nothing(`no version ${wanted}`, error))
}

/** The version's folder in the cache, downloaded unless it is there, its hash the registry's. */
async function fetchFolder(
  client: MlflowClient,
  version: MlflowVersion,
  { cacheFolder = CACHE, signal }: LoadModelOptions,
): Promise<{ folder: string; hash: string }> {
  const wanted = version.tags[HASH_TAG]
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted))
    throw new ModelAddressError(
      `models:/${version.name}/${version.version}: its tag ${HASH_TAG} is no sha256: ${wanted}`,
      'hash-mismatch',
    )
  if (wanted) {
    const folder = join(cacheFolder, wanted)
    if (existsSync(folder)) {
      if ((await hashFolder(folder)) === wanted) return { folder, hash: wanted }
      await rm(folder, { recursive: true, force: true })
    }
  }
  const coming = join(cacheFolder, `coming-${randomUUID()}`)
  try {
    await downloadFolder(client, version, coming, signal)
    const hash = await hashFolder(coming)
    if (wanted && hash !== wanted)
      throw new ModelAddressError(
        `models:/${version.name}/${version.version}: the files at ${version.source} are not those registered: their hash is ${hash}, the registry says ${wanted}`,
        'hash-mismatch',
      )
    const folder = join(cacheFolder, hash)
    await rename(coming, folder).catch(error => {
      // Another process was faster: the same hash, the same files.
      if (!existsSync(folder)) throw error
    })
    return { folder, hash }
  } finally {
    await rm(coming, { recursive: true, force: true })
  }
}

async function downloadFolder(client: MlflowClient, version: MlflowVersion, folder: string, signal?: AbortSignal): Promise<void> {
  const files = await client.artifacts(version.source)
  if (!files.length)
    throw new ModelAddressError(`models:/${version.name}/${version.version}: no files at ${version.source}`, 'not-found')
  await inTurns(DOWNLOADS, files, async ({ path }) => {
    signal?.throwIfAborted()
    const bytes = await client.download(version.source, path)
    const file = join(folder, path)
    if (!file.startsWith(join(folder, '/')))
      throw new ModelAddressError(`${version.source}: path leaves the folder: ${path}`, 'not-found')
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
  })
}
