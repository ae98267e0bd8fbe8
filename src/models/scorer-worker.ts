/**
 * The process that scores texts with a transformer: one session, one thread, one text a run. A text's answer cannot depend
 * on its neighbours then, which dynamic int8 quantisation makes it do in a batch. It is a process and no thread because
 * ONNX Runtime aborts the whole process when a thread that it runs in is ended.
 */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AutoTokenizer, env, type PreTrainedTokenizer } from '@xenova/transformers'
import { InferenceSession, Tensor } from 'onnxruntime-node'

/** What a scorer is started with: its one argument, as JSON. */
export interface ScorerData {
  /** Absolute path of the model's folder. */
  folder: string
  /** Longer texts are cut to this many tokens, special ones included. */
  maxTokens: number
}

/** What it is asked: texts as the model sees them, scored in order. */
export interface ScorerRequest {
  texts: readonly string[]
}

/** What it says: `ready` once; then per text, as soon as it is scored, its place in the request with logits or an error; with the last, its memory (bytes). */
export type ScorerReply =
  | { ready: true }
  | { broken: string }
  | { place: number; logits: number[]; memory?: number }
  | { place: number; error: string; memory?: number }

/** A word is at most 100 characters to the tokenizer, so nothing past this can count; a hostile text costs no more. */
const MAX_UNITS = 10_000

async function load({ folder, maxTokens }: ScorerData): Promise<(text: string) => Promise<number[]>> {
  env.allowRemoteModels = false
  env.allowLocalModels = true
  env.localModelPath = dirname(folder)
  const tokenizer: PreTrainedTokenizer = await AutoTokenizer.from_pretrained(basename(folder), { local_files_only: true })
  const file = ['model_quantized.onnx', 'model.onnx'].map(name => join(folder, 'onnx', name)).find(existsSync)
  if (!file) throw new Error(`${folder}: no onnx/model_quantized.onnx or onnx/model.onnx`)
  const session = await InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const output = session.outputNames[0]!
  return async text => {
    const options = { truncation: true, max_length: maxTokens, return_tensor: false } as const
    const encoded = tokenizer(text.slice(0, MAX_UNITS), options) as unknown as Record<string, number[]>
    const feeds: Record<string, Tensor> = {}
    for (const name of session.inputNames) {
      const ids = encoded[name] ?? encoded.input_ids!.map(() => 0)
      feeds[name] = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
    }
    const result = await session.run(feeds)
    return Array.from(result[output]!.data as Float32Array)
  }
}

function serve(): void {
  const reply = (message: ScorerReply) => process.send?.(message)
  const say = (error: unknown) => (error instanceof Error ? error.message : String(error))
  const loading = load(JSON.parse(process.argv[2] ?? '{}') as ScorerData)
  loading.then(
    () => reply({ ready: true }),
    error => reply({ broken: say(error) }),
  )
  // An interrupt at the terminal or in a notebook is for the parent, which tells us what to do; its end is ours.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit(0))
  process.on('message', async ({ texts }: ScorerRequest) => {
    const score = await loading
    for (const [place, text] of texts.entries()) {
      const memory = place === texts.length - 1 ? process.memoryUsage.rss() : undefined
      try {
        reply({ place, logits: await score(text), memory })
      } catch (error) {
        reply({ place, error: say(error), memory })
      }
    }
  })
}

serve()
