/** From a model's folder to a version in the registry, with what was measured of it. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { hashFolder } from '../models/folder.js'
import type { MlflowBatch, MlflowClient } from './mlflow.js'

/** Version tag that holds the sha256 of the model's folder; `loadModel` refuses a folder that has another. */
export const HASH_TAG = 'moodlake.hash'

/** Below a run's artifacts: the model's folder. */
const MODEL_PATH = 'model'
const UPLOADS = 4

/** What `registerModel` records. */
export interface RegisterOptions {
  /** Registered name, such as `sentiment`. */
  name: string
  /** The model's folder, as `save` wrote it. */
  folder: string
  /** Experiment of the run; default `moodlake`. */
  experiment?: string
  /** Name of the run, such as the kind of model; default: the registered name. */
  runName?: string
  /** Numbers measured, such as `{ accuracy: 0.71 }`. */
  metrics?: MlflowBatch['metrics']
  /** Settings of training and data: seed, rows, data hash, versions. */
  params?: MlflowBatch['params']
  /** Notes on run and version. */
  tags?: Record<string, string>
  /** The confusion matrix as a picture (SVG) and as a plotly figure: `confusion-matrix.svg`, `confusion-matrix.json`. */
  confusion?: { svg?: string; figure?: unknown }
  /** Everything measured, as one document: `evaluation.json`. */
  evaluation?: unknown
  /** More files by path below the run's artifacts. */
  artifacts?: Record<string, string | Uint8Array>
  /** One line on the version. */
  description?: string
  signal?: AbortSignal
}

/** A version as it was registered. */
export interface RegisteredModel {
  name: string
  version: string
  runId: string
  /** sha256 (hex) of the folder. */
  hash: string
  /** Address for `loadModel`: `models:/name/version`. */
  uri: string
}

/**
 * Makes a run with metrics, params and files, uploads the model's folder and registers it as a new version that is tagged
 * with the folder's hash. On failure the run is marked FAILED and no version is made.
 * @throws MlflowError when the server refuses, Error when the folder has no files
 */
export async function registerModel(client: MlflowClient, options: RegisterOptions): Promise<RegisteredModel> {
  const { name, folder, tags = {}, signal } = options
  const files = await filesBelow(folder)
  const hash = await hashFolder(folder)
  const run = await client.createRun(await client.experiment(options.experiment ?? 'moodlake'), {
    name: options.runName ?? name,
    tags: { ...tags, [HASH_TAG]: hash },
  })
  try {
    await client.logBatch(run.runId, { metrics: options.metrics, params: options.params })
    for (const [path, bytes] of Object.entries(documents(options))) await client.upload(run.artifactUri, path, bytes)
    await inTurns(UPLOADS, files, async path => {
      signal?.throwIfAborted()
      await client.upload(run.artifactUri, `${MODEL_PATH}/${path}`, await readFile(join(folder, path)))
    })
    await client.ensureModel(name)
    const { version } = await client.createVersion({
      name,
      source: `${run.artifactUri}/${MODEL_PATH}`,
      runId: run.runId,
      tags: { ...tags, [HASH_TAG]: hash },
      description: options.description,
    })
    await client.finishRun(run.runId)
    return { name, version, runId: run.runId, hash, uri: `models:/${name}/${version}` }
  } catch (error) {
    // What went wrong matters more than a server that cannot even take this.
    await client.finishRun(run.runId, 'FAILED').catch(() => {})
    throw error
  }
}

function documents({ confusion, evaluation, artifacts }: RegisterOptions): Record<string, string | Uint8Array> {
  return {
    ...artifacts,
    ...(confusion?.svg !== undefined && { 'confusion-matrix.svg': confusion.svg }),
    ...(confusion?.figure !== undefined && { 'confusion-matrix.json': JSON.stringify(confusion.figure) }),
    ...(evaluation !== undefined && { 'evaluation.json': JSON.stringify(evaluation, null, 2) }),
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  if (!files.length) throw new Error(`registry: ${folder}: no files to register`)
  return files.map(entry => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/')).sort()
}

/** Works on all items, `width` at a time. */
export async function inTurns<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const lane = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: width }, lane))
}
