import { FAULTS, type FaultShares } from '../sources/faults.js'
import { type Replayed, type ReplayOptions, replay } from '../sources/replay.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake replay FILES… --to DIR|s3://bucket/prefix|kafka://HOST:PORT/TOPIC [options]

Sends the records of JSON files again, at their own pace or another, with faults to order. Ctrl-C ends it.

  --to TARGET        a folder (JSON-lines files, whole when they appear) or a Kafka topic
  --rate N           records per second (default: as fast as they are taken)
  --speed X          so many times as fast as the tweets were written, by their dates
  --faults LIST      shares of the records, such as late=0.05,duplicate=0.02,malformed=0.01; there are ${FAULTS.join(', ')}
  --seed N           decides which records meet which fault (default 1)
  --ledger FILE      where every fault is written down (default TARGET/_ledger.jsonl; for Kafka replay-ledger.jsonl)
  --json             one JSON document on stdout when done
`

/** Reads a positive number, as in `20`, `1.5x` or `50/s`. */
export function readNumber(option: string, value: string, unit: string): number {
  const number = Number(value.endsWith(unit) ? value.slice(0, -unit.length) : value)
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new UsageError(`--${option}: not a number above 0: ${value}`)
  return number
}

/** Reads `late=0.05,duplicate=0.02`. */
function readFaults(list: string): FaultShares {
  const shares: FaultShares = {}
  for (const part of list.split(',').filter(Boolean)) {
    const [name = '', value = ''] = part.split('=')
    const fault = FAULTS.find(one => one === name.trim())
    const share = value.trim() === '' ? Number.NaN : Number(value)
    if (!fault || !(share >= 0 && share <= 1))
      throw new UsageError(`--faults: not a fault with a share from 0 to 1: ${part} (${FAULTS.join(', ')})`)
    shares[fault] = share
  }
  return shares
}

/** Replays with a line a second for the person at the terminal, until done or Ctrl-C. Gives what was done and the seconds it took. */
export async function replayWithProgress(
  files: readonly string[],
  options: Omit<ReplayOptions, 'signal' | 'onProgress'>,
): Promise<Replayed & { seconds: number }> {
  const stop = new AbortController()
  const interrupt = () => {
    say('stopping …')
    stop.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const t0 = performance.now()
  const seconds = () => Math.max(0.001, Math.round(performance.now() - t0) / 1000)
  let told = t0
  try {
    const done = await replay(files, {
      ...options,
      signal: stop.signal,
      onProgress(sent) {
        if (performance.now() - told < 1000) return
        told = performance.now()
        say(`${options.to}: ${sent.toLocaleString('en')} records sent, ${Math.round(sent / seconds()).toLocaleString('en')}/s`)
      },
    })
    return { ...done, seconds: seconds() }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** The line that ends a replay, and its exit code: 1 when there was nothing to send. */
export function conclude(to: string, source: string, done: Replayed & { seconds: number }): number {
  const faults = FAULTS.filter(fault => done.faults[fault]).map(fault => `${done.faults[fault]} ${fault}`)
  const stopped = done.stopped ? ', stopped before the end' : ''
  say(
    `${to}: ${done.sent.toLocaleString('en')} records sent in ${done.seconds} s${stopped}${faults.length ? `; faults: ${faults.join(', ')}` : ''}`,
  )
  if (done.sent || done.stopped) return 0
  say(`moodlake: source: no JSON records in ${source}`)
  return 1
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      to: { type: 'string' },
      rate: { type: 'string' },
      speed: { type: 'string' },
      faults: { type: 'string', default: '' },
      seed: { type: 'string', default: '1' },
      ledger: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { to } = values
  if (!to || !positionals.length) throw new UsageError('replay: FILES and --to are needed')
  if (values.rate && values.speed) throw new UsageError('replay: --rate and --speed exclude each other')
  const seed = Number(values.seed)
  if (!Number.isInteger(seed)) throw new UsageError(`--seed: not a whole number: ${values.seed}`)
  const ledger = values.ledger ?? (to.startsWith('kafka:') ? 'replay-ledger.jsonl' : undefined)
  const done = await replayWithProgress(positionals, {
    to,
    seed,
    faults: readFaults(values.faults),
    ...(values.rate && { rate: readNumber('rate', values.rate, '/s') }),
    ...(values.speed && { speed: readNumber('speed', values.speed, 'x') }),
    ...(ledger && { ledger }),
  })
  if (values.json) printJson({ to, ...done })
  return conclude(to, positionals.join(', '), done)
}

export const command: Command = { summary: 'JSON files again, at any speed, with faults to order', help, run }
