/** Child processes and the lock of the set-up scripts: Node only, no packages. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A failure whose message is written for the person at the terminal; `tail` holds the failed command's last lines. */
export class SetupError extends Error {
  name = 'SetupError'
  constructor(message, tail = '') {
    super(message)
    this.tail = tail
  }
}

/** Children still running, so that Ctrl-C takes them along. */
const running = new Set()

/**
 * Runs a command to its end and gives its output; throws `SetupError` with the last lines when it fails.
 * `onLine` sees each line as it comes; `said` is the command as the error names it,
 * `cause` picks the lines worth showing (default: the last 15).
 */
export function run(
  command,
  args,
  { cwd, env = process.env, onLine, said = [command, ...args].join(' '), cause = lines => lines.slice(-15) } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    let rest = ''
    const take = chunk => {
      output = (output + chunk).slice(-200_000)
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      if (onLine) for (const line of lines) onLine(line)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('error', error => {
      running.delete(child)
      reject(
        new SetupError(`${said}: ${error.code === 'ENOENT' ? `${command} is not installed or not on the PATH` : error.message}`),
      )
    })
    child.on('close', (code, signal) => {
      running.delete(child)
      if (code === 0) resolve(output)
      else
        reject(
          new SetupError(`${said}: ended with ${signal ?? `exit code ${code}`}`, cause(output.trimEnd().split('\n')).join('\n')),
        )
    })
  })
}

/** Ends every child that `run` started. */
export function endChildren() {
  for (const child of running) child.kill('SIGTERM')
}

/** Spawns a command on this terminal and gives its exit code (130 for Ctrl-C). Signals are left to the child. */
export function hand(command, args, { cwd, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: 'inherit' })
    const ignore = () => {}
    const pass = () => child.kill('SIGTERM')
    process.on('SIGINT', ignore)
    process.on('SIGTERM', pass)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', pass)
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143))
    })
  })
}

const BEAT_MS = 2_000
const STALE_MS = 30_000

function holder(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    const age = Date.now() - statSync(path).mtimeMs
    if (age > STALE_MS) return undefined
    if (pid) process.kill(pid, 0)
    return pid || 'unknown'
  } catch (error) {
    return error.code === 'EPERM' ? 'of another user' : undefined
  }
}

/**
 * Takes a lock file that holds our pid, waiting while another living process has it; gives the function that lets it go.
 * The holder touches the file every two seconds: one that is older than 30 s, or whose process is gone, is taken over.
 */
export async function takeLock(path, { log, waiting }) {
  mkdirSync(dirname(path), { recursive: true })
  for (let told = false; ; ) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      // Two that find the same dead lock may both remove it, the second one ours: look again before believing.
      await new Promise(resolve => setTimeout(resolve, 50))
      if (holder(path) === process.pid) break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const pid = holder(path)
    if (pid === undefined) {
      rmSync(path, { force: true })
      continue
    }
    if (!told) log(`${waiting} (process ${pid})`)
    told = true
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      // The file was removed by hand: nothing to keep alive.
    }
  }, BEAT_MS)
  beat.unref()
  const release = () => {
    clearInterval(beat)
    process.off('exit', release)
    rmSync(path, { force: true })
  }
  process.on('exit', release)
  return release
}
