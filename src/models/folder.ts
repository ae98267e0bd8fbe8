import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { EARLIER_TEXT_VERSIONS, TEXT_VERSION } from '../text/clean.js'
import { LABELS } from '../tweet.js'

/** What `model.json` says of a model's folder. */
export interface ModelCard {
  /** Which loader understands the folder. */
  kind: 'majority' | 'lexicon' | 'ngram' | 'classical' | 'transformer' | 'average' | 'adapted'
  /** Name that predictions carry. */
  name: string
  /** Always `LABELS`, in that order; a folder of another set is refused. */
  labels: readonly string[]
  /** Version of the text function that the model was trained with. */
  textVersion: string
  /** How the model was set up before it learned. */
  settings?: Record<string, unknown>
  /** What it learned, where that is a few numbers; more lies in files beside. */
  parameters?: Record<string, unknown>
  /** What it learned from. */
  trained?: { rows: number; byClass: Record<string, number>; seed: number }
  /** Figures measured when it was made. */
  metrics?: Record<string, unknown>
}

/** File that makes a folder a model's folder. */
export const CARD_FILE = 'model.json'

/**
 * Reads and checks `model.json`.
 * @throws when the folder has none, or its labels or text function are not ours
 */
export async function readModelCard(folder: string): Promise<ModelCard> {
  const text = await readFile(join(folder, CARD_FILE), 'utf8').catch(cause => {
    throw new Error(`${folder}: not a model folder: ${cause.code === 'ENOENT' ? `no ${CARD_FILE} in it` : cause.message}`, {
      cause,
    })
  })
  let card: ModelCard
  try {
    card = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${join(folder, CARD_FILE)}: not JSON`, { cause })
  }
  if (JSON.stringify(card.labels) !== JSON.stringify(LABELS))
    throw new Error(`${folder}: model has labels ${JSON.stringify(card.labels)}, needed are ${JSON.stringify(LABELS)}`)
  if (card.textVersion !== TEXT_VERSION && !EARLIER_TEXT_VERSIONS.includes(card.textVersion))
    throw new Error(
      `${folder}: model was trained with text function ${card.textVersion}, this program has ${TEXT_VERSION}: train it again`,
    )
  return card
}

/**
 * Writes a model's folder, `model.json` last, and gives its hash. An older model in the folder is overwritten.
 * @param content files by name, and folders that are copied into it, by name
 * @throws when the folder holds something that is no model
 */
export async function writeModelFolder(
  folder: string,
  card: Omit<ModelCard, 'labels' | 'textVersion'>,
  { files = {}, folders = {} }: { files?: Record<string, Uint8Array>; folders?: Record<string, string> } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const present = await readdir(folder)
  if (present.length && !present.includes(CARD_FILE))
    throw new Error(`${folder}: holds files and is no model folder: ${present[0]}`)
  const { kind, name, ...rest } = card
  const full: ModelCard = { kind, name, labels: LABELS, textVersion: TEXT_VERSION, ...rest }
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes)
  for (const [inside, from] of Object.entries(folders))
    if (join(folder, inside) !== from) await cp(from, join(folder, inside), { recursive: true })
  await writeFile(join(folder, CARD_FILE), `${JSON.stringify(full, null, 2)}\n`)
  return hashFolder(folder)
}

/**
 * Numbers of four bytes out of a model's file.
 * @param length how many the card speaks of
 * @throws when the file has more or fewer
 */
export async function readNumbers(file: string, length: number): Promise<ArrayBuffer> {
  const bytes = await readFile(file)
  if (bytes.length !== 4 * length) throw new Error(`${file}: ${bytes.length} bytes, the card asks for ${4 * length}`)
  return new Uint8Array(bytes).buffer
}

/** The bytes of arrays one after another, as `readNumbers` reads them. */
export function bytesOf(...arrays: (Float32Array | Int32Array)[]): Uint8Array {
  return Buffer.concat(arrays.map(array => Buffer.from(array.buffer, array.byteOffset, array.byteLength)))
}

/**
 * The sha256 (hex) of a folder's files: for each, in the order of their paths, the path with `/`, a zero byte, the size in
 * bytes, a zero byte and the sha256 of the bytes. Changing, adding, renaming or removing a file changes it; times and modes do not.
 */
export async function hashFolder(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const path of await filesIn(folder)) {
    let size = 0
    const content = createHash('sha256')
    for await (const bytes of createReadStream(join(folder, path))) {
      size += bytes.length
      content.update(bytes)
    }
    hash.update(`${path}\0${size}\0`).update(content.digest())
  }
  return hash.digest('hex')
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .sort((a, b) => (a < b ? -1 : 1))
}
