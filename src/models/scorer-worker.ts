/**
 * The process that scores texts with a transformer: one session, one thread, one text a run. A text's answer cannot depend
 * on its neighbours then, which dynamic int8 quantisation makes it do in a batch. It is a process and no thread because
 * ONNX Runtime aborts the whole process when a thread that it runs in is ended.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PreTrainedTokenizer } from '@xenova/transformers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Device } from './device.js'
import { type Scored, serveTexts } from './worker-talk.js'

/** What a scorer is started with: its one argument, as JSON. */
export interface ScorerData {
  /** Absolute path of the model's folder. */
  folder: string
  /** Longer texts are cut to this many tokens, special ones included. */
  maxTokens: number
  /** Output of the model to answer with; default its first. */
  output?: string
  /** Default `cpu`. No other is tried in its place. */
  device?: Device
}

/** A word is at most 100 characters to the tokenizer, so nothing past this can count; a hostile text costs no more. */
const MAX_UNITS = 10_000

async function load({
  folder,
  maxTokens,
  output: asked,
  device = 'cpu',
}: ScorerData): Promise<(text: string) => Promise<Scored>> {
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
  return async text => {
    const seen = text.slice(0, MAX_UNITS)
    const encoded = tokenizer(seen, { return_tensor: false }) as unknown as Record<string, number[]>
    const truncated = seen.length < text.length || encoded.input_ids!.length > maxTokens
    const feeds: Record<string, Tensor> = {}
    for (const name of session.inputNames) {
      const ids = cut(encoded[name] ?? encoded.input_ids!.map(() => 0), maxTokens)
      feeds[name] = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
    }
    const result = await session.run(feeds, [output])
    const logits = Array.from(result[output]!.data as Float32Array)
    return truncated ? { logits, truncated } : { logits }
  }
}

/** The first tokens, and the last, which marks the end: the tokenizer's own truncation would drop it. */
function cut(ids: readonly number[], most: number): readonly number[] {
  return ids.length > most ? [...ids.slice(0, most - 1), ids.at(-1)!] : ids
}

serveTexts(load)
