/** A client of MLflow's REST interface: experiments and runs, artifacts through the server's proxy, registered models. */
import { type MlflowHttpOptions, type MlflowRequest, mlflowSender } from './mlflow-http.js'

const BATCH_METRICS = 1000
const BATCH_SMALL = 100
const PAGE = 100

/** A run: what was done, with its numbers. */
export interface MlflowRun {
  runId: string
  experimentId: string
  name: string
  status: string
  /** Where its artifacts lie, such as `mlflow-artifacts:/1/…/artifacts`. */
  artifactUri: string
  /** The latest value of each metric. */
  metrics: Record<string, number>
  params: Record<string, string>
  tags: Record<string, string>
}

/** What `logBatch` writes: numbers, settings, notes. */
export interface MlflowBatch {
  /** One value per name, or a series with its steps. */
  metrics?: Record<string, number> | readonly { key: string; value: number; step?: number; timestamp?: Date }[]
  /** Settings; a param cannot be changed once it is set. */
  params?: Record<string, string | number | boolean>
  tags?: Record<string, string>
}

/** A file or folder below a run's artifacts; `path` is relative to them. */
export interface MlflowArtifact {
  path: string
  folder: boolean
  /** Bytes; 0 for a folder. */
  size: number
}

/** A version of a registered model. */
export interface MlflowVersion {
  name: string
  version: string
  runId: string
  /** Where its folder lies. */
  source: string
  description: string
  created: Date
  tags: Record<string, string>
  aliases: string[]
}

/** A registered model. */
export interface MlflowModel {
  name: string
  /** Alias → version. */
  aliases: Record<string, string>
}

/** MLflow, as far as this project uses it. Every call throws `MlflowError` with the address and MLflow's own message. */
export interface MlflowClient {
  /** The server's address. */
  readonly uri: string
  /** Id of the experiment of that name, which is made when there is none. */
  experiment(name: string): Promise<string>
  createRun(experimentId: string, options?: { name?: string; tags?: Record<string, string> }): Promise<MlflowRun>
  /** Writes any number of values, in as few requests as MLflow's limits allow. */
  logBatch(runId: string, batch: MlflowBatch): Promise<void>
  finishRun(runId: string, status?: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<void>
  run(runId: string): Promise<MlflowRun>
  /** Runs of an experiment, newest first. `filter` is MLflow's search language. */
  runs(experimentId: string, options?: { filter?: string; limit?: number }): Promise<MlflowRun[]>
  /** Writes a file to `path` under `base`, a run's `artifactUri` or a version's `source`. */
  upload(base: string, path: string, bytes: Uint8Array | string): Promise<void>
  /** The bytes of a file under `base`. */
  download(base: string, path: string): Promise<Uint8Array>
  /** All files under `base`, folders walked, in order of path. */
  artifacts(base: string): Promise<MlflowArtifact[]>
  /** Makes a registered model unless there is one of that name. */
  ensureModel(name: string): Promise<void>
  models(): Promise<MlflowModel[]>
  model(name: string): Promise<MlflowModel>
  createVersion(version: {
    name: string
    source: string
    runId: string
    tags?: Record<string, string>
    description?: string
  }): Promise<MlflowVersion>
  version(name: string, version: string): Promise<MlflowVersion>
  /** All versions of a model, newest first. */
  versions(name: string): Promise<MlflowVersion[]>
  setVersionTag(name: string, version: string, key: string, value: string): Promise<void>
  setAlias(name: string, alias: string, version: string): Promise<void>
}

interface Pair {
  key: string
  value: string
}
interface RunAnswer {
  info: { run_id: string; experiment_id: string; run_name?: string; status: string; artifact_uri: string }
  data?: { metrics?: { key: string; value: number | string }[]; params?: Pair[]; tags?: Pair[] }
}
interface VersionAnswer {
  name: string
  version: string
  run_id?: string
  source?: string
  description?: string
  creation_timestamp?: number
  tags?: Pair[]
  aliases?: string[]
}
interface ModelAnswer {
  name: string
  aliases?: { alias: string; version: string }[]
}

const record = (pairs?: readonly Pair[]): Record<string, string> =>
  Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, value]))
const pairs = (values: Record<string, string | number | boolean> = {}): Pair[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: String(value) }))

function toRun({ info, data }: RunAnswer): MlflowRun {
  return {
    runId: info.run_id,
    experimentId: info.experiment_id,
    name: info.run_name ?? '',
    status: info.status,
    artifactUri: info.artifact_uri,
    metrics: Object.fromEntries((data?.metrics ?? []).map(({ key, value }) => [key, Number(value)])),
    params: record(data?.params),
    tags: record(data?.tags),
  }
}

function toVersion(answer: VersionAnswer): MlflowVersion {
  return {
    name: answer.name,
    version: String(answer.version),
    runId: answer.run_id ?? '',
    source: answer.source ?? '',
    description: answer.description ?? '',
    created: new Date(answer.creation_timestamp ?? 0),
    tags: record(answer.tags),
    aliases: answer.aliases ?? [],
  }
}

function toModel({ name, aliases = [] }: ModelAnswer): MlflowModel {
  return { name, aliases: Object.fromEntries(aliases.map(({ alias, version }) => [alias, String(version)])) }
}

/** JSON has no NaN and no infinity; MLflow reads their names. */
function wireNumber(value: number): number | string {
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

function wireMetrics(metrics: MlflowBatch['metrics'] = {}): object[] {
  const now = Date.now()
  const series = Array.isArray(metrics)
    ? (metrics as readonly { key: string; value: number; step?: number; timestamp?: Date }[])
    : Object.entries(metrics as Record<string, number>).map(([key, value]) => ({ key, value, step: 0, timestamp: undefined }))
  return series.map(({ key, value, step, timestamp }) => ({
    key,
    value: wireNumber(value),
    step: step ?? 0,
    timestamp: timestamp?.getTime() ?? now,
  }))
}

/** Path of an artifact folder on the server's proxy. */
function proxyPath(base: string, path = ''): string {
  const place = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(base)?.[1]
  if (place === undefined)
    throw new Error(`mlflow: artifacts at ${base} are not served by the tracking server: start it with --artifacts-destination`)
  return [...place.split('/'), ...path.split('/')]
    .filter(part => part && part !== '.' && part !== '..')
    .map(encodeURIComponent)
    .join('/')
}

const api = (path: string) => `/api/2.0/mlflow/${path}`
const proxy = (path: string) => `/api/2.0/mlflow-artifacts/artifacts${path && `/${path}`}`

/**
 * Opens a client for the MLflow server at `uri`. Nothing is sent before the first call.
 * @example const id = await mlflowClient(server.uri).experiment('moodlake')
 */
export function mlflowClient(uri: string, options: MlflowHttpOptions = {}): MlflowClient {
  const address = uri.replace(/\/+$/, '')
  const send = mlflowSender(address, options)
  const ask = async <T>(request: MlflowRequest): Promise<T> => (await (await send(request)).json()) as T
  const get = <T>(path: string, query?: MlflowRequest['query']) => ask<T>({ method: 'GET', path: api(path), query })
  const post = <T>(path: string, body: object, once = false) => ask<T>({ method: 'POST', path: api(path), body, once })

  async function all<Answer, Item>(
    page: (token?: string) => Promise<Answer & { next_page_token?: string }>,
    items: (answer: Answer) => Item[] | undefined,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<Item[]> {
    const found: Item[] = []
    for (let token: string | undefined; ; ) {
      const answer = await page(token)
      found.push(...(items(answer) ?? []))
      token = answer.next_page_token
      if (!token || found.length >= limit) return found.slice(0, limit)
    }
  }

  /** Files below a folder of the artifact store, whose paths are relative to `base`. */
  async function walk(base: string, below: string): Promise<MlflowArtifact[]> {
    type Listing = { files?: { path: string; is_dir: boolean; file_size?: number | string }[] }
    const { files = [] } = await ask<Listing>({ method: 'GET', path: proxy(''), query: { path: proxyPath(base, below) } })
    const lists = await Promise.all(
      files.map(async ({ path, is_dir, file_size }) => {
        const inside = below ? `${below}/${path.split('/').pop()}` : path.split('/').pop()!
        return is_dir ? walk(base, inside) : [{ path: inside, folder: false, size: Number(file_size ?? 0) }]
      }),
    )
    return lists.flat()
  }

  return {
    uri: address,
    async experiment(name) {
      type Found = { experiment: { experiment_id: string } }
      const byName = async () => (await get<Found>('experiments/get-by-name', { experiment_name: name })).experiment.experiment_id
      try {
        return await byName()
      } catch (error) {
        if (!isMissing(error)) throw error
      }
      try {
        return (await post<{ experiment_id: string }>('experiments/create', { name }, true)).experiment_id
      } catch (error) {
        // Somebody else made it in between.
        if (codeOf(error) === 'RESOURCE_ALREADY_EXISTS') return byName()
        throw error
      }
    },
    async createRun(experimentId, { name, tags } = {}) {
      const body = { experiment_id: experimentId, run_name: name, start_time: Date.now(), tags: pairs(tags) }
      return toRun((await post<{ run: RunAnswer }>('runs/create', body, true)).run)
    },
    async logBatch(runId, { metrics, params, tags }) {
      const left = { metrics: wireMetrics(metrics), params: pairs(params), tags: pairs(tags) }
      while (left.metrics.length + left.params.length + left.tags.length) {
        const someParams = left.params.splice(0, BATCH_SMALL)
        const someTags = left.tags.splice(0, BATCH_SMALL)
        const someMetrics = left.metrics.splice(0, BATCH_METRICS - someParams.length - someTags.length)
        await post('runs/log-batch', { run_id: runId, metrics: someMetrics, params: someParams, tags: someTags })
      }
    },
    async finishRun(runId, status = 'FINISHED') {
      await post('runs/update', { run_id: runId, status, end_time: Date.now() })
    },
    run: async runId => toRun((await get<{ run: RunAnswer }>('runs/get', { run_id: runId })).run),
    async runs(experimentId, { filter, limit } = {}) {
      type Answer = { runs?: RunAnswer[] }
      const page = (token?: string) =>
        post<Answer>('runs/search', {
          experiment_ids: [experimentId],
          filter,
          max_results: Math.min(limit ?? PAGE, PAGE),
          page_token: token,
          order_by: ['attributes.start_time DESC'],
        })
      return (await all(page, answer => answer.runs, limit)).map(toRun)
    },
    async upload(base, path, bytes) {
      const body = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
      const answer = await send({ method: 'PUT', path: proxy(proxyPath(base, path)), body })
      await answer.body?.cancel()
    },
    async download(base, path) {
      const answer = await send({ method: 'GET', path: proxy(proxyPath(base, path)) })
      return new Uint8Array(await answer.arrayBuffer())
    },
    async artifacts(base) {
      return (await walk(base, '')).sort((a, b) => (a.path < b.path ? -1 : 1))
    },
    async ensureModel(name) {
      try {
        await post('registered-models/create', { name }, true)
      } catch (error) {
        if (codeOf(error) !== 'RESOURCE_ALREADY_EXISTS') throw error
      }
    },
    async models() {
      type Answer = { registered_models?: ModelAnswer[] }
      const page = (token?: string) => get<Answer>('registered-models/search', { max_results: PAGE, page_token: token })
      return (await all(page, answer => answer.registered_models)).map(toModel)
    },
    model: async name =>
      toModel((await get<{ registered_model: ModelAnswer }>('registered-models/get', { name })).registered_model),
    async createVersion({ name, source, runId, tags, description }) {
      const body = { name, source, run_id: runId, tags: pairs(tags), description }
      return toVersion((await post<{ model_version: VersionAnswer }>('model-versions/create', body, true)).model_version)
    },
    version: async (name, version) =>
      toVersion((await get<{ model_version: VersionAnswer }>('model-versions/get', { name, version })).model_version),
    async versions(name) {
      type Answer = { model_versions?: VersionAnswer[] }
      const filter = `name='${name.replaceAll("'", "''")}'`
      const page = (token?: string) => get<Answer>('model-versions/search', { filter, max_results: PAGE, page_token: token })
      const found = (await all(page, answer => answer.model_versions)).map(toVersion)
      return found.sort((a, b) => Number(b.version) - Number(a.version))
    },
    async setVersionTag(name, version, key, value) {
      await post('model-versions/set-tag', { name, version, key, value })
    },
    async setAlias(name, alias, version) {
      await post('registered-models/alias', { name, alias, version })
    },
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** True for MLflow's answer that there is no such experiment, run, model, version or alias. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'RESOURCE_DOES_NOT_EXIST'
}

/** What the server gives; where it says that there is no such thing, the error that `complaint` makes is thrown. */
export function orMissing<T>(asked: Promise<T>, complaint: (cause: unknown) => Error): Promise<T> {
  return asked.catch(error => {
    throw isMissing(error) ? complaint(error) : error
  })
}
