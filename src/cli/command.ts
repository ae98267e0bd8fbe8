import { type ParseArgsConfig, parseArgs } from 'node:util'

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

/** `util.parseArgs` whose complaints are `UsageError`s. */
export function parse<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Prints one JSON document on stdout; everything else that a command says goes to stderr. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item), 2)}\n`)
}

/** A line for the person at the terminal, on stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
