import { FAULTS, type FaultShares } from '../sources/faults.js'
import { type Replayed, type ReplayOptions, replay } from '../sources/replay.js'
import { defineCommand, interruptible, json, printJson, read, say, text, UsageError } from './command.js'

/** Reads a positive number with a unit that may be left out, as in `20`, `1.5x` or `50/s`. */
export const readNumber = (unit: string) => (given: string, name: string) => {
  const number = Number(given.endsWith(unit) ? given.slice(0, -unit.length) : given)
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new UsageError(`${name}: not a number above 0: ${given}`)
  return number
}

function readSeed(given: string, name: string): number {
  if (!Number.isInteger(Number(given))) throw new UsageError(`${name}: not a whole number: ${given}`)
  return Number(given)
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
  const t0 = performance.now()
  const seconds = () => Math.max(0.001, Math.round(performance.now() - t0) / 1000)
  let told = t0
  return interruptible(async ({ signal }) => {
    const done = await replay(files, {
      ...options,
      signal,
      onProgress(sent) {
        if (performance.now() - told < 1000) return
        told = performance.now()
        say(`${options.to}: ${sent.toLocaleString('en')} records sent, ${Math.round(sent / seconds()).toLocaleString('en')}/s`)
      },
    })
    return { ...done, seconds: seconds() }
  })
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

export const command = defineCommand({
  summary: 'JSON files again, at any speed, with faults to order',
  usage: 'replay FILES… --to DIR|s3://bucket/prefix|kafka://HOST:PORT/TOPIC [options]',
  about: 'Sends the records of JSON files again, at their own pace or another, with faults to order. Ctrl-C ends it.',
  options: {
    to: text('TARGET', 'a folder (JSON-lines files, whole when they appear) or a Kafka topic'),
    rate: read('N', 'records per second (default: as fast as they are taken)', readNumber('/s')),
    speed: read('X', 'so many times as fast as the tweets were written, by their dates', readNumber('x')),
    faults: read(
      'LIST',
      `shares of the records, such as late=0.05,duplicate=0.02,malformed=0.01; there are ${FAULTS.join(', ')}`,
      readFaults,
    ),
    seed: read('N', 'decides which records meet which fault', readSeed, '1'),
    ledger: text('FILE', 'where every fault is written down (default TARGET/_ledger.jsonl; for Kafka replay-ledger.jsonl)'),
    json,
  },
  words: true,
  async run({ to, json, ...options }, files) {
    if (!to || !files.length) throw new UsageError('replay: FILES and --to are needed')
    if (options.rate && options.speed) throw new UsageError('replay: --rate and --speed exclude each other')
    const ledger = options.ledger ?? (to.startsWith('kafka:') ? 'replay-ledger.jsonl' : undefined)
    const done = await replayWithProgress(files, { ...options, to, ledger })
    if (json) printJson({ to, ...done })
    return conclude(to, files.join(', '), done)
  },
})
