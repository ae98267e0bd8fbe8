/** What a pool and its worker processes say to each other, and the worker's end of it. */

/** What a worker is asked: texts as the model sees them, answered in order. */
export interface WorkerRequest {
  texts: readonly string[]
}

/** What it says: `ready` once; then per text, as soon as it is done, its place in the request with the answer or an error; with the last, its memory (bytes). */
export type WorkerReply<A = Scored> =
  | { ready: true }
  | { broken: string }
  | ({ place: number; memory?: number } & (A | { error: string }))

/** What a scorer says of a text. */
export interface Scored {
  logits: readonly number[]
  truncated?: true
}

/** What a model says of some texts, in their order, each as soon as it is known. */
export type Answerer<A> = (texts: readonly string[]) => AsyncIterable<A | { error: string }>

const say = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Answers texts one at a time; what fails of one is its answer. */
export function oneByOne<A>(answer: (text: string) => Promise<A>): Answerer<A> {
  return async function* (texts) {
    for (const text of texts) yield await answer(text).catch(error => ({ error: say(error) }))
  }
}

/** Serves the parent process until that is gone: loads with the one argument, JSON, then answers. */
export function serveTexts<D, A extends object>(load: (data: D) => Promise<Answerer<A>>): void {
  const reply = (message: WorkerReply<A>) => process.send?.(message)
  const loading = load(JSON.parse(process.argv[2] ?? '{}') as D)
  loading.then(
    () => reply({ ready: true }),
    error => reply({ broken: say(error) }),
  )
  // An interrupt at the terminal or in a notebook is for the parent, which tells us what to do; its end is ours.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit(0))
  process.on('message', async ({ texts }: WorkerRequest) => {
    const answers = await loading
    let place = 0
    for await (const answer of answers(texts)) {
      const memory = place === texts.length - 1 ? process.memoryUsage.rss() : undefined
      reply({ place, ...answer, memory })
      place++
    }
  })
}
