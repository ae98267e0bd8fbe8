/** A model that averages others: a folder that names its parts. */
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { TEXT_VERSION } from '../text/clean.js'
import { isFailure, predictionFrom } from './answer.js'
import { hashFolder, type ModelCard, readModelCard, writeModelFolder } from './folder.js'
import type { Answer, Model } from './model.js'

/** A part of an average, as its card names it. */
export interface AveragePart {
  /** Folder of the part, relative to the average's: `ngram`, `../compact`. */
  folder: string
  /** sha256 of that folder: another model there is refused. */
  hash: string
  /** Share of the part's probabilities in the average; they sum to 1. */
  weight: number
}

/**
 * An average out of its folder: each class has the weighted mean of its probabilities in the parts. A text that one part cannot
 * score is a failure.
 * @param open loads a part's folder
 * @throws when a part is missing, is not the one that the card names, or the weights do not sum to 1
 */
export async function loadAverage(
  folder: string,
  card: ModelCard,
  hash: string,
  open: (folder: string) => Promise<Model>,
): Promise<Model> {
  const parts = partsOf(folder, card)
  const models: Model[] = []
  try {
    for (const part of parts) {
      const model = await open(resolve(folder, part.folder))
      models.push(model)
      if (model.hash !== part.hash)
        throw new Error(`${folder}: part ${part.folder} is another model: its hash is ${model.hash}, the card names ${part.hash}`)
    }
  } catch (error) {
    await Promise.all(models.map(model => model.close?.()))
    throw error
  }
  return {
    name: card.name,
    textVersion: TEXT_VERSION,
    hash,
    device: models.find(({ device }) => device)?.device,
    parts: parts.map(({ weight }, i) => ({ name: models[i]!.name, hash: models[i]!.hash!, weight })),
    async predict(texts, { signal, onProgress } = {}) {
      const done = models.map(() => 0)
      const answers = await Promise.all(
        models.map((model, i) =>
          model.predict(texts, {
            signal,
            onProgress(rows) {
              const before = Math.min(...done)
              done[i] = rows
              if (Math.min(...done) > before) onProgress?.(Math.min(...done))
            },
          }),
        ),
      )
      return texts.map((_, row) =>
        mean(
          answers.map(list => list[row]!),
          parts,
        ),
      )
    },
    close: async () => {
      await Promise.all(models.map(model => model.close?.()))
    },
  }
}

function mean(answers: readonly Answer[], parts: readonly AveragePart[]): Answer {
  const sums: [number, number, number] = [0, 0, 0]
  for (const [i, answer] of answers.entries()) {
    if (isFailure(answer)) return answer
    for (const k of [0, 1, 2] as const) sums[k] += parts[i]!.weight * answer.probabilities[k]
  }
  return predictionFrom(...sums)
}

function partsOf(folder: string, card: ModelCard): AveragePart[] {
  const parts = (card.settings?.parts ?? []) as AveragePart[]
  const sum = parts.reduce((total, { weight }) => total + weight, 0)
  if (parts.length < 2 || parts.some(({ weight }) => !(weight > 0)) || Math.abs(sum - 1) > 1e-9)
    throw new Error(`${folder}: an average needs two or more parts whose weights sum to 1: ${JSON.stringify(parts)}`)
  return parts
}

/**
 * Writes an average's folder, which refers to the parts where they are, and gives its hash. `packModel` makes one of it that can
 * be moved.
 * @param parts folders of the parts, with their weights; they sum to 1
 */
export async function saveAverage(
  folder: string,
  parts: readonly { folder: string; weight: number }[],
  { name = 'average', metrics }: { name?: string; metrics?: Record<string, unknown> } = {},
): Promise<string> {
  const named: AveragePart[] = []
  for (const part of parts)
    named.push({
      folder: relative(folder, part.folder).replaceAll('\\', '/'),
      hash: await hashFolder(part.folder),
      weight: part.weight,
    })
  const card = { kind: 'average' as const, name, settings: { parts: named }, metrics }
  partsOf(folder, { ...card, labels: [], textVersion: TEXT_VERSION })
  return writeModelFolder(folder, card)
}

/**
 * Copies a model's folder so that it stands alone: an average's parts that lie elsewhere are put into it. The copy replaces
 * what is at `to`.
 */
export async function packModel(folder: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(folder)) await cp(join(folder, entry), join(to, entry), { recursive: true })
  const card = await readModelCard(to).catch(() => undefined)
  if (card?.kind !== 'average') return
  const parts = partsOf(folder, card).map(part => ({ ...part, inside: basename(part.folder) }))
  for (const part of parts)
    if (part.folder !== part.inside) await cp(resolve(folder, part.folder), join(to, part.inside), { recursive: true })
  const settings = { ...card.settings, parts: parts.map(({ inside, ...part }) => ({ ...part, folder: inside })) }
  await writeModelFolder(to, { ...card, settings })
}
