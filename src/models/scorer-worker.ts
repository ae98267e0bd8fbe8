/**
 * The process that scores texts with a transformer: one session, one thread, one text a run unless the model says that its
 * answers do not depend on their neighbours, which dynamic int8 quantisation makes them do. It is a process and no thread because
 * ONNX Runtime aborts the whole process when a thread that it runs in is ended.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PreTrainedTokenizer } from '@xenova/transformers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Device } from './device.js'
import { type Answerer, oneByOne, type Scored, serveTexts } from './worker-talk.js'

/** What a scorer is started with: its one argument, as JSON. */
export interface ScorerData {
  /** Absolute path of the model's folder. */
  folder: string
  /** Longer texts are cut to this many tokens, special ones included. */
  maxTokens: number
  /** Texts a run; default 1. */
  batch?: number
  /** Output of the model to answer with; default its first. */
  output?: string
  /** Default `cpu`. No other is tried in its place. */
  device?: Device
}

/** A word is at most 100 characters to the tokenizer, so nothing past this can count; a hostile text costs no more. */
const MAX_UNITS = 10_000

async function load({ folder, maxTokens, batch = 1, output: asked, device = 'cpu' }: ScorerData): Promise<Answerer<Scored>> {
  // `AutoTokenizer` would refuse folders whose names could not be a repository's.
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>
  const config = existsSync(join(folder, 'tokenizer_config.json')) ? read('tokenizer_config.json') : {}
  const tokenizer = new PreTrainedTokenizer(read('tokenizer.json'), config)
  const file = ['model_quantized.onnx', 'model.onnx'].map(name => join(folder, 'onnx', name)).find(existsSync)
  if (!file) throw new Error(`${folder}: no onnx/model_quantized.onnx or onnx/model.onnx`)
  const session = await InferenceSession.create(file, {
    executionProviders: [device],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const output = asked ?? session.outputNames[0]!
  if (!session.outputNames.includes(output))
    throw new Error(`${folder}: model has no output ${output}, only ${session.outputNames.join(', ')}`)

  function encode(text: string): Encoded {
    const seen = text.slice(0, MAX_UNITS)
    const columns = tokenizer(seen, { return_tensor: false }) as unknown as Record<string, number[]>
    const { length } = columns.input_ids!
    return { columns, length: Math.min(length, maxTokens), truncated: seen.length < text.length || length > maxTokens }
  }

  /** Scores texts in one run; shorter ones are padded, and the mask says where. */
  async function score(texts: readonly Encoded[]): Promise<Scored[]> {
    const length = Math.max(...texts.map(text => text.length))
    const feeds: Record<string, Tensor> = {}
    for (const name of session.inputNames) {
      const values = new BigInt64Array(texts.length * length)
      for (const [row, { columns }] of texts.entries())
        for (const [i, id] of cut(columns[name] ?? [], maxTokens).entries()) values[row * length + i] = BigInt(id)
      feeds[name] = new Tensor('int64', values, [texts.length, length])
    }
    const result = (await session.run(feeds, [output]))[output]!.data as Float32Array
    const width = result.length / texts.length
    return texts.map(({ truncated }, row) => {
      const logits = Array.from(result.subarray(row * width, (row + 1) * width))
      return truncated ? { logits, truncated } : { logits }
    })
  }

  const scoreOne = oneByOne(async (text: string) => (await score([encode(text)]))[0]!)
  if (batch === 1) return scoreOne
  return async function* (texts) {
    const scores: Scored[] = []
    try {
      // Texts of like length together: what is padded is worked on too.
      const encoded = texts.map(encode)
      const order = [...texts.keys()].sort((a, b) => encoded[a]!.length - encoded[b]!.length)
      for (let start = 0; start < order.length; start += batch) {
        const places = order.slice(start, start + batch)
        const found = await score(places.map(place => encoded[place]!))
        for (const [i, place] of places.entries()) scores[place] = found[i]!
      }
    } catch {
      // Which text it was shows when each is tried alone.
      return yield* scoreOne(texts)
    }
    yield* scores
  }
}

/** A text as token ids and whatever else the model reads of it. */
interface Encoded {
  columns: Readonly<Record<string, number[]>>
  /** Tokens that the model sees. */
  length: number
  truncated: boolean
}

/** The first tokens, and the last, which marks the end: the tokenizer's own truncation would drop it. */
function cut(ids: readonly number[], most: number): readonly number[] {
  return ids.length > most ? [...ids.slice(0, most - 1), ids.at(-1)!] : ids
}

serveTexts(load)
