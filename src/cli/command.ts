import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'

/** A command of the `moodlake` program: one file each in this folder, listed in main.ts. */
export interface Command {
  /** One line for the list of commands. */
  summary: string
  /** Full text of `--help`. */
  help: string
  /** Runs and gives the exit code: 0 fine, 1 found a problem. Throws `UsageError` for 2, any other error for 1. */
  run(args: string[]): Promise<number>
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** An option of a command: what `--help` says of it, and what a given text becomes. */
export interface Option<T> {
  /** Stands for the value in the help, such as `FILE`; absent for a switch. */
  hint?: string
  help: string
  /** Reads a value; `name` is the option as it is typed, such as `--max-rows`. */
  read: (text: string, name: string, command: string) => T
  /** Read where the option is not given. */
  otherwise?: string
  /** May be given again: the value is a list. */
  many?: boolean
  /** Has to be given. */
  needed?: boolean
}

const asIs = (text: string) => text

/** A switch. */
export const flag = (help: string): Option<boolean> => ({ help, read: () => true })

/** A value that is read in its own way; undefined where neither it nor `otherwise` is given. */
export function read<T>(hint: string, help: string, how: Option<T>['read']): Option<T | undefined>
export function read<T>(hint: string, help: string, how: Option<T>['read'], otherwise: string): Option<T>
export function read<T>(hint: string, help: string, how: Option<T>['read'], otherwise?: string): Option<T | undefined> {
  return { hint, help, read: how, otherwise }
}

/** A text; undefined where neither it nor `otherwise` is given. */
export function text(hint: string, help: string): Option<string | undefined>
export function text(hint: string, help: string, otherwise: string): Option<string>
export function text(hint: string, help: string, otherwise?: string): Option<string | undefined> {
  return { hint, help, read: asIs, otherwise }
}

/** A text that has to be given. */
export const needed = (hint: string, help: string): Option<string> => ({ hint, help, read: asIs, needed: true })

/** Texts: the option may be given again. */
export const texts = (hint: string, help: string): Option<string[]> => ({
  ...{ hint, help: `${help}; may be given again`, many: true },
  read: asIs as unknown as Option<string[]>['read'],
})

/** Reads one of a few words. */
export const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (given: string, name: string): T => {
    if (!choices.includes(given as T)) throw new UsageError(`${name}: ${given} is none of ${choices.join(', ')}`)
    return given as T
  }

/** Reads a whole number of at least 1. */
export function readCount(given: string, name: string): number {
  const number = Number(given)
  if (!Number.isInteger(number) || number < 1) throw new UsageError(`${name}: not a whole number of at least 1: ${given}`)
  return number
}

/** What many commands take. */
export const json = flag('one JSON document on stdout')
export const lake = text('DIR', 'folder or s3://bucket/prefix of the tables', './lake')

/** What commands take that read labelled rows. */
export const labelledData = {
  data: needed('FILE', '.ndjson or .csv with the columns text and label (negative, neutral, positive)'),
  seed: read(
    'N',
    'seed of everything random',
    (given, name, command) => {
      if (!Number.isSafeInteger(Number(given))) throw new UsageError(`${command}: ${name} is no whole number: ${given}`)
      return Number(given)
    },
    '1',
  ),
  text: text('COLUMN', 'another name of the column text'),
  label: text('COLUMN', 'another name of the column label'),
}

type Options = Record<string, Option<unknown>>
/** The values of options, by name. */
export type Values<O extends Options> = { [K in keyof O]: O[K] extends Option<infer T> ? T : never }

/** What makes a command. */
export interface Definition<O extends Options> {
  summary: string
  /** Lines after `usage: moodlake`; the first word is the command's name. */
  usage: string
  /** What it does, in full sentences. */
  about: string
  /** Options by name, `maxRows` for `--max-rows`. */
  options: O
  /** Takes words beside its options. Default false. */
  words?: boolean
  /** What stands below the options. */
  more?: string
  run(values: Values<O>, words: string[]): Promise<number>
}

const typed = (name: string) => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

/** A command from its options: their help, how they are read, and what is said of a wrong one. */
export function defineCommand<O extends Options>(definition: Definition<O>): Command {
  const { summary, usage, about, options, words = false, more } = definition
  const entries = Object.entries(options)
  const named = ([name, { hint }]: [string, Option<unknown>]) => `${typed(name)}${hint ? ` ${hint}` : ''}`
  const wide = Math.max(0, ...entries.map(entry => named(entry).length)) + 2
  const lines = entries.map(([name, option]) => {
    const help = option.otherwise && !/default/.test(option.help) ? `${option.help} (default ${option.otherwise})` : option.help
    return `  ${named([name, option]).padEnd(wide)}${help.replaceAll('\n', `\n  ${''.padEnd(wide)}`)}`
  })
  const used = usage.trim().split(/\s*\n\s*/)
  const help = [`usage: moodlake ${used.join('\n       moodlake ')}`, about.trim(), lines.join('\n'), more].filter(Boolean)
  return {
    summary,
    help: help.join('\n\n'),
    run: args => {
      const { values, words: given } = readOptions(args, usage.trim().split(/\s/)[0]!, options, words)
      return definition.run(values, given)
    },
  }
}

/** The values of a command line; `util.parseArgs` finds them, and its complaints are `UsageError`s. */
function readOptions<O extends Options>(args: string[], command: string, options: O, words: boolean) {
  const entries = Object.entries(options)
  const config = entries.map(
    ([name, { hint, many }]) =>
      [typed(name).slice(2), { type: hint ? 'string' : 'boolean', multiple: many ?? false } as const] as const,
  )
  let found: { values: Record<string, unknown>; positionals: string[] }
  try {
    found = parseArgs({ args, allowPositionals: words, options: Object.fromEntries(config) })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
  const given = (name: string) => found.values[typed(name).slice(2)]
  const wanted = entries.filter(([, { needed }]) => needed)
  if (wanted.some(([name]) => !given(name))) {
    const list = wanted.map(([name, { hint }]) => `${typed(name)} ${hint}`)
    throw new UsageError(
      `${command}: ${list.join(', ').replace(/, (?=[^,]*$)/, ' and ')} ${list.length > 1 ? 'are' : 'is'} needed`,
    )
  }
  const values = entries.map(([name, { hint, many, otherwise, read }]) => {
    const value = given(name) ?? otherwise
    if (!hint) return [name, value === true]
    if (many) return [name, value ?? []]
    return [name, value === undefined ? undefined : read(String(value), typed(name), command)]
  })
  return { values: Object.fromEntries(values) as Values<O>, words: found.positionals }
}

/** Prints one JSON document on stdout; everything else that a command says goes to stderr. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item), 2)}\n`)
}

/** Prints lines for a person, or the value where JSON was asked for; gives the exit code of a command that went well. */
export function print(lines: readonly string[], value: unknown, asJson: boolean): 0 {
  if (asJson) printJson(value)
  else process.stdout.write(lines.map(line => `${line}\n`).join(''))
  return 0
}

/** A line for the person at the terminal, on stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Asks the person at the terminal; where there is none, `would` says what `--yes` would do. */
export async function confirmed(question: string, would: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`${would}; add --yes`)
  const ask = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await ask.question(`${question} [y/N] `)
  ask.close()
  if (/^y(es)?$/i.test(answer.trim())) return true
  say('nothing removed')
  return false
}

/** Work that Ctrl-C stops through its signal. */
export async function interruptible<T>(work: (stop: AbortController) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const interrupt = () => {
    say('stopping …')
    stop.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await work(stop)
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
