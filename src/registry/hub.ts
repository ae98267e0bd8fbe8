/** Models of the Hugging Face hub, or of a mirror of it, as folders in a cache. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ModelAddressError } from './address-error.js'

/** Where models of the hub come from and are kept. */
export interface HubOptions {
  /** Address of the hub or a mirror; default `HF_ENDPOINT`, else https://huggingface.co. `HF_TOKEN` is sent where it is set. */
  hub?: string
  /** Folder of the files; default `.moodlake/hub` of this package. */
  hubFolder?: string
  /** Ask nobody, take what is in the folder; default: whether `HF_HUB_OFFLINE` or `MOODLAKE_OFFLINE` is set. */
  offline?: boolean
  signal?: AbortSignal
  /** What the model is to do, which says what files it has; default `text-classification`. */
  task?: keyof typeof PARTS
}

const FOLDER = fileURLToPath(new URL('../../.moodlake/hub', import.meta.url))
/** Lies beside the files: what they are and where from. */
const NOTE = 'hub.json'
const KINDS = ['_quantized', '_int8', '']
/** What is fetched of a model that does something: its parts, each as the files it may lie in, the one that is wanted most first. */
const PARTS = {
  'text-classification': [[...KINDS.map(kind => `onnx/model${kind}.onnx`), 'model_quantized.onnx', 'model.onnx']],
  translation: ['encoder_model', 'decoder_model_merged'].map(part => KINDS.map(kind => `onnx/${part}${kind}.onnx`)),
}
/** What a file is called in the cache. */
const placeOf = (path: string) => `onnx/${path.split('/').at(-1)!.replace('_int8.', '_quantized.')}`
/** These publish ONNX files of models that have none themselves. */
const CONVERTERS = ['onnx-community', 'Xenova']

interface Note {
  repo: string
  /** Commit of the hub; null where the host does not say. */
  commit: string | null
  /** sha256 by path. */
  files: Record<string, string>
}

/** A file as the host gave it. */
interface Fetched {
  bytes: Uint8Array
  commit: string | null
}

/**
 * The folder of a model of the hub: `hf:owner/name` or `hf:owner/name@revision`. Downloaded once for each commit, each file
 * checked against the hash that the host names and again whenever it is taken from the cache. Where the host cannot be
 * reached the copy in the cache serves. A repository without ONNX files is looked for under the names of those who convert: `onnx-community`, `Xenova`.
 * @throws ModelAddressError when the address is not understood, there is no such model, it has no ONNX files or tokenizer,
 *   a file is not what the host says, or it would have to be fetched offline
 */
export async function hubFolder(uri: string, options: HubOptions = {}): Promise<{ folder: string; uri: string }> {
  const {
    owner,
    name,
    revision = 'main',
  } = /^hf:(?<owner>[\w.-]+)\/(?<name>[\w.-]+)(?:@(?<revision>[\w./-]+))?$/.exec(uri)?.groups ?? {}
  if (!owner || !name) throw new ModelAddressError(`${uri}: not hf:OWNER/NAME or hf:OWNER/NAME@REVISION`, 'bad-address')
  const { hubFolder: root = FOLDER, offline = Boolean(process.env.HF_HUB_OFFLINE || process.env.MOODLAKE_OFFLINE) } = options
  const folder = join(root, `${owner}--${name}--${revision.replaceAll('/', '-')}`)
  const exact = (note: Note) => ({ folder, uri: `hf:${note.repo}@${note.commit ?? revision}` })
  const known = await cached(uri, folder)
  // A commit is what it is; a branch may have moved.
  if (known && (offline || /^[0-9a-f]{40}$/.test(revision))) return exact(known)
  if (offline) throw new ModelAddressError(`${uri}: offline, and it is not in ${root}`, 'offline')
  const host = hostOf(options)
  if (known) {
    const now = await host.commit(known.repo, revision).catch(() => null)
    if (now === null || now === known.commit) return exact(known)
  }
  let missing: ModelAddressError | undefined
  for (const from of [owner, ...CONVERTERS]) {
    const coming = `${folder}.${process.pid}`
    try {
      const note = await download(host, { repo: `${from}/${name}`, revision, task: options.task }, coming)
      await rm(folder, { recursive: true, force: true })
      await rename(coming, folder)
      return exact(note)
    } catch (error) {
      if (!(error instanceof ModelAddressError) || error.code !== 'not-found') throw error
      missing ??= error
    } finally {
      await rm(coming, { recursive: true, force: true })
    }
  }
  throw missing
}

/** What is in the cache, each file with the hash it came with; undefined when there is nothing whole. */
async function cached(uri: string, folder: string): Promise<Note | undefined> {
  if (!existsSync(join(folder, NOTE))) return undefined
  const note = JSON.parse(await readFile(join(folder, NOTE), 'utf8')) as Note
  for (const [path, wanted] of Object.entries(note.files)) {
    const hash = existsSync(join(folder, path)) ? sha256(await readFile(join(folder, path))) : 'missing'
    if (hash !== wanted)
      throw new ModelAddressError(
        `${uri}: ${join(folder, path)} has changed since it was downloaded: its sha256 is ${hash}, was ${wanted}; remove ${folder} to fetch it again`,
        'hash-mismatch',
      )
  }
  const strange = (await readdir(folder, { recursive: true })).map(path => path.replaceAll('\\', '/'))
  for (const path of strange)
    if (path !== NOTE && !(path in note.files) && (await stat(join(folder, path))).isFile())
      throw new ModelAddressError(`${uri}: ${relative('.', join(folder, path))} was not downloaded with it`, 'hash-mismatch')
  return note
}

async function download(
  host: Host,
  { repo, revision, task = 'text-classification' }: { repo: string; revision: string; task?: keyof typeof PARTS },
  folder: string,
): Promise<Note> {
  const note: Note = { repo, commit: null, files: {} }
  const take = async (path: string, as = path): Promise<boolean> => {
    const file = await host.fetch(repo, revision, path)
    if (!file) return false
    await mkdir(dirname(join(folder, as)), { recursive: true })
    await writeFile(join(folder, as), file.bytes)
    note.files[as] = sha256(file.bytes)
    note.commit ??= file.commit
    return true
  }
  const nothing = (what: string) => new ModelAddressError(`hf:${repo}: ${what} at ${host.address}`, 'not-found')
  if (!(await take('config.json'))) throw nothing(`no such model, or no config.json at revision ${revision},`)
  for (const part of PARTS[task]) {
    let weights: string | undefined
    for (const path of part) {
      if (!(await take(path, placeOf(path)))) continue
      weights = path
      // Large models keep their numbers in a file beside.
      await take(`${path}_data`, `onnx/${path.split('/').at(-1)}_data`)
      break
    }
    if (!weights) throw nothing(`no ONNX file (${part.join(', ')})`)
  }
  if (!(await take('tokenizer.json'))) throw nothing('no tokenizer.json')
  await take('tokenizer_config.json')
  if (task === 'translation') await take('generation_config.json')
  await writeFile(join(folder, NOTE), `${JSON.stringify(note, null, 2)}\n`)
  return note
}

interface Host {
  address: string
  /** undefined when the host has no such file. */
  fetch(repo: string, revision: string, path: string): Promise<Fetched | undefined>
  /** The commit a revision stands for; null where the host does not say. */
  commit(repo: string, revision: string): Promise<string | null>
}

function hostOf({ hub = process.env.HF_ENDPOINT ?? 'https://huggingface.co', signal }: HubOptions): Host {
  const address = hub.replace(/\/+$/, '')
  const headers = process.env.HF_TOKEN ? { authorization: `Bearer ${process.env.HF_TOKEN}` } : undefined
  const ask = async (repo: string, revision: string, path: string, method: string) => {
    const url = `${address}/${repo}/resolve/${encodeURIComponent(revision)}/${path}`
    try {
      // The hash is named by the first answer, the bytes may come from elsewhere.
      const first = await fetch(url, { method, headers, signal, redirect: 'manual' })
      const moved = first.headers.get('location')
      return { first, response: moved && method === 'GET' ? await fetch(new URL(moved, url), { signal }) : first, url }
    } catch (cause) {
      signal?.throwIfAborted()
      const why = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause)
      throw new ModelAddressError(`hf:${repo}: ${address} cannot be reached: ${why}`, 'offline', { cause })
    }
  }
  return {
    address,
    async fetch(repo, revision, path) {
      const { first, response, url } = await ask(repo, revision, path, 'GET')
      // The hub answers 401 for what does not exist, as for what is private.
      if ([401, 403, 404].includes(response.status)) return undefined
      if (!response.ok) throw new ModelAddressError(`${url}: answered ${response.status} ${response.statusText}`, 'offline')
      const bytes = new Uint8Array(await response.arrayBuffer())
      checkBytes(url, bytes, first.headers.get('x-linked-etag') ?? first.headers.get('etag'))
      return { bytes, commit: first.headers.get('x-repo-commit') }
    },
    async commit(repo, revision) {
      const { first } = await ask(repo, revision, 'config.json', 'HEAD')
      return first.headers.get('x-repo-commit')
    },
  }
}

/** Compares with the host's tag where that is a hash: sha256 for large files, git's blob hash for small ones. */
function checkBytes(url: string, bytes: Uint8Array, tag: string | null): void {
  const wanted = /^(?:W\/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?$/.exec(tag ?? '')?.[1]
  if (!wanted) return
  const hash =
    wanted.length === 64 ? sha256(bytes) : createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  if (hash !== wanted)
    throw new ModelAddressError(`${url}: ${bytes.length} bytes with hash ${hash}, the host says ${wanted}`, 'hash-mismatch')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
