import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../stores/s3-server.js'

const BASE = '/usr/lib/postgresql'

/** Folder of PostgreSQL's programs, installed with apt where that may be done; undefined where there are none. */
function programs(): string | undefined {
  const found = () =>
    existsSync(BASE)
      ? readdirSync(BASE)
          .sort()
          .map(version => join(BASE, version, 'bin'))
          .find(bin => existsSync(join(bin, 'initdb')))
      : undefined
  if (found() || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found()
  try {
    execFileSync('apt-get', ['update'], { stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'postgresql'], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return found()
}

const bin = programs()

/** Why the PostgreSQL tests cannot run here, or undefined. */
export const noPostgres = bin ? undefined : 'no PostgreSQL: apt-get install postgresql'

/** A database server that may be killed and started again. */
export interface DatabaseServer {
  /** Address with user and password. */
  uri: string
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts the killed server again on its data. */
  restart(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

/** Waits until a server answers. */
export async function untilAnswering(ask: () => Promise<unknown>, what: string): Promise<void> {
  const end = performance.now() + 60_000
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (performance.now() > end) throw new Error(`${what} does not answer`, { cause: error })
      await sleep(100)
    }
  }
}

/** Starts a PostgreSQL of its own in a new folder; stop it when done. */
export async function startPostgres(): Promise<DatabaseServer> {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-postgres-'))
  const port = await freePort()
  // The server refuses to run as root.
  const as = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
  if (as.length) execFileSync('chown', ['postgres', folder])
  const command = (program: string, ...args: string[]): [string, string[]] => {
    const [first, ...rest] = [...as, join(bin!, program), ...args]
    return [first!, rest]
  }
  const data = join(folder, 'data')
  execFileSync(...command('initdb', '-D', data, '-U', 'ann', '--auth=trust', '-E', 'UTF8', '--no-sync'), {
    stdio: 'ignore',
    cwd: folder,
  })
  const uri = `postgres://ann:secret-word@127.0.0.1:${port}/postgres`
  let server: ChildProcess | undefined
  const start = async () => {
    server = spawn(...command('postgres', '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder), {
      stdio: 'ignore',
      cwd: folder,
    })
    await untilAnswering(async () => {
      const client = new pg.Client({ connectionString: uri })
      client.on('error', () => {})
      try {
        await client.connect()
        await client.query('SELECT 1')
      } finally {
        await client.end()
      }
    }, 'PostgreSQL')
  }
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise(resolve => server!.once('exit', resolve))
    server.kill(signal)
    await ended
  }
  await start()
  return {
    uri,
    kill: () => kill(),
    async restart() {
      // Children of a killed server hold its memory for a moment.
      await untilAnswering(start, 'PostgreSQL')
    },
    async stop() {
      await kill('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
