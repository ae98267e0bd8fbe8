import { type Command, say, UsageError } from './command.js'

/** Commands, each in the file of its name and loaded when it is called, so that `--help` is instant. */
const NAMES = [
  ...['demo', 'run', 'rules', 'replay', 'produce', 'status', 'stop', 'clear', 'optimize', 'vacuum', 'history', 'table', 'sql'],
  ...['train', 'score', 'evaluate', 'compare', 'report', 'reproduce', 'models', 'promote', 'rollback', 'quarantine', 'forget'],
  ...['crash-test', 'doctor'],
]
const load = async (name: string) => ((await import(/* @vite-ignore */ `./${name}.js`)) as { command: Command }).command

function usage(summaries: [string, string][]): string {
  const width = Math.max(...summaries.map(([name]) => name.length))
  const list = summaries.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join('\n')
  return `usage: moodlake COMMAND [options]\n\n${list}\n\nmoodlake COMMAND --help says more.\n`
}

/** Runs one command line; gives the exit code (0 fine, 1 a problem, 2 wrong usage). */
export async function main(argv: string[]): Promise<number> {
  const [name, ...args] = argv
  if (!name || name === '--help' || name === '-h' || name === 'help') {
    const summaries = await Promise.all(NAMES.map(async key => [key, (await load(key)).summary] as [string, string]))
    process.stdout.write(usage(summaries))
    return name ? 0 : 2
  }
  if (!NAMES.includes(name)) {
    say(`moodlake: no such command: ${name} (moodlake --help lists them)`)
    return 2
  }
  const command = await load(name)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${command.help.trim()}\n`)
    return 0
  }
  try {
    return await command.run(args)
  } catch (error) {
    if (process.env.MOODLAKE_DEBUG) say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    else say(`moodlake: ${error instanceof Error ? error.message : String(error)}`)
    return error instanceof UsageError ? 2 : 1
  }
}
