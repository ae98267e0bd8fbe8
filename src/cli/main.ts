import { type Command, say, UsageError } from './command.js'

/** Commands by name, each loaded when it is called so that `--help` is instant. */
const commands: Record<string, () => Promise<Command>> = {
  demo: async () => (await import('./demo.js')).command,
  run: async () => (await import('./run.js')).command,
  rules: async () => (await import('./rules.js')).command,
  replay: async () => (await import('./replay.js')).command,
  produce: async () => (await import('./produce.js')).command,
  status: async () => (await import('./status.js')).command,
  stop: async () => (await import('./stop.js')).command,
  clear: async () => (await import('./clear.js')).command,
  optimize: async () => (await import('./optimize.js')).command,
  vacuum: async () => (await import('./vacuum.js')).command,
  history: async () => (await import('./history.js')).command,
  table: async () => (await import('./table.js')).command,
  sql: async () => (await import('./sql.js')).command,
  train: async () => (await import('./train.js')).command,
  score: async () => (await import('./score.js')).command,
  evaluate: async () => (await import('./evaluate.js')).command,
  compare: async () => (await import('./compare.js')).command,
  report: async () => (await import('./report.js')).command,
  reproduce: async () => (await import('./reproduce.js')).command,
  models: async () => (await import('./models.js')).command,
  promote: async () => (await import('./promote.js')).promoteCommand,
  rollback: async () => (await import('./promote.js')).rollbackCommand,
  quarantine: async () => (await import('./quarantine.js')).command,
  forget: async () => (await import('./forget.js')).command,
  'crash-test': async () => (await import('./crash-test.js')).command,
  doctor: async () => (await import('./doctor.js')).command,
}

function usage(summaries: [string, string][]): string {
  const width = Math.max(...summaries.map(([name]) => name.length))
  const list = summaries.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join('\n')
  return `usage: moodlake COMMAND [options]\n\n${list}\n\nmoodlake COMMAND --help says more.\n`
}

/** Runs one command line; gives the exit code (0 fine, 1 a problem, 2 wrong usage). */
export async function main(argv: string[]): Promise<number> {
  const [name, ...args] = argv
  if (!name || name === '--help' || name === '-h' || name === 'help') {
    const summaries = await Promise.all(
      Object.entries(commands).map(async ([key, load]) => [key, (await load()).summary] as [string, string]),
    )
    process.stdout.write(usage(summaries))
    return name ? 0 : 2
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!load) {
    say(`moodlake: no such command: ${name} (moodlake --help lists them)`)
    return 2
  }
  const command = await load()
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
