/** The MLflow server: the one that `MLFLOW_TRACKING_URI` names, or one of our own on loopback for as long as we need it. */
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Root of this package, where `npm run setup` puts `.venv`. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_MS = 120_000
const HEALTH_MS = 5_000
const POLL_MS = 100
/** Requests end well within this; the rest of its shutdown is idle waiting. */
const STOP_MS = 1_500
const LOG_BYTES = 5_000_000
const STALE_MS = START_MS + 30_000

/** A tracking server that answers. */
export interface MlflowServer {
  /** Its address, `http://127.0.0.1:…`. */
  readonly uri: string
  /** True when `startMlflow` started it; then `close` stops it. */
  readonly started: boolean
  /** Stops the server when we started it; does nothing to one that was there before. */
  close(): Promise<void>
}

/** Settings of `startMlflow`. */
export interface MlflowServerOptions {
  /** Folder of database and artifacts of a server that we start; default `.moodlake/mlflow` of this package. */
  folder?: string
  /** Port on loopback; default: a free one. */
  port?: number
  /** Milliseconds to wait for the first answer; default 120,000 (7 to 20 s are usual). */
  timeoutMs?: number
  /** Gives up waiting while the server starts, and stops it later. */
  signal?: AbortSignal
}

/**
 * Gives an MLflow server that answers: the one of `MLFLOW_TRACKING_URI` when that is set, else a new one over `folder`.
 * Starting takes 7 to 20 s, so call it early and await it late. What we start never outlives us, even when this process
 * is killed. Processes that use one folder at once each start a server of their own over the same database.
 * @throws Error when the named server is not reachable, the port is in use, or the server is not installed or fails
 */
export async function startMlflow(options: MlflowServerOptions = {}): Promise<MlflowServer> {
  const uri = process.env.MLFLOW_TRACKING_URI
  if (uri) return useServer(uri, options.signal)
  const python = join(ROOT, '.venv', 'bin', 'python')
  if (!fs.existsSync(python))
    throw new Error('mlflow: not installed: run npm run setup, or set MLFLOW_TRACKING_URI to a running server')
  const folder = resolve(options.folder ?? join(ROOT, '.moodlake', 'mlflow'))
  fs.mkdirSync(folder, { recursive: true })
  const port = await freePort(options.port)
  if (port === undefined)
    throw new Error(
      `mlflow: port ${options.port} on 127.0.0.1 is in use: choose another, or set MLFLOW_TRACKING_URI if that is the server`,
    )
  // The first start makes the database: two at once would make it twice.
  const release = await takeTurn(join(folder, 'start.lock'), options.signal)
  try {
    return await launch(python, folder, port, options)
  } finally {
    release()
  }
}

async function useServer(address: string, signal?: AbortSignal): Promise<MlflowServer> {
  const uri = address.replace(/\/+$/, '')
  if (!/^https?:\/\//.test(uri)) throw new Error(`mlflow: MLFLOW_TRACKING_URI: ${address} is not the http(s) address of a server`)
  const problem = await health(uri, signal)
  if (problem)
    throw new Error(`mlflow: ${uri}: not reachable (${problem}): start it, or unset MLFLOW_TRACKING_URI to have one started here`)
  return { uri, started: false, close: async () => {} }
}

/** Why a server does not answer, undefined when it does. A refusal (401, 403) is an answer. */
async function health(uri: string, signal?: AbortSignal): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(HEALTH_MS)
  try {
    const response = await fetch(`${uri}/health`, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
    await response.body?.cancel()
    return response.status < 500 ? undefined : `status ${response.status}`
  } catch (error) {
    signal?.throwIfAborted()
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    return cause?.code ?? cause?.message ?? (error as Error).message
  }
}

/** A port on loopback that nobody listens on: the one that is wanted (undefined when it is taken), or any. */
function freePort(wanted = 0): Promise<number | undefined> {
  return new Promise(done => {
    const probe = createServer()
    probe.once('error', () => done(undefined))
    probe.listen(wanted, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
}

/** Waits a moment; throws the signal's own reason. */
async function pause(signal?: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => {})
  signal?.throwIfAborted()
}

/** Waits while another living process holds the lock file, then holds it; gives the function that lets go. */
async function takeTurn(path: string, signal?: AbortSignal): Promise<() => void> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      const file = fs.openSync(path, 'wx')
      fs.writeSync(file, String(process.pid))
      fs.closeSync(file)
      // Two that find the same dead lock may both remove it, the second one ours.
      await sleep(20)
      if (fs.readFileSync(path, 'utf8') === String(process.pid)) return () => fs.rmSync(path, { force: true })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error
      if (isDead(path)) fs.rmSync(path, { force: true })
      else await pause(signal)
    }
  }
}

function isDead(lock: string): boolean {
  try {
    const pid = Number(fs.readFileSync(lock, 'utf8'))
    if (Date.now() - fs.statSync(lock).mtimeMs > STALE_MS) return true
    if (pid) process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function openLog(path: string): number {
  const log = fs.openSync(path, 'a')
  if (fs.fstatSync(log).size > LOG_BYTES) fs.ftruncateSync(log)
  return log
}

/**
 * A process group of its own, so that a Ctrl-C meant for us does not reach it, with a watcher that ends the group when
 * the pipe on descriptor 3 closes: that is, when we are gone, however we went.
 */
const GUARDED = '(cat <&3 >/dev/null; kill -TERM -$$) & exec 3<&-; exec "$0" "$@"'

function spawnServer(python: string, folder: string, port: number, logFile: string): ChildProcess {
  const log = openLog(logFile)
  try {
    return spawn(
      '/bin/sh',
      [
        ...['-c', GUARDED, python, '-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
        ...['--backend-store-uri', `sqlite:///${join(folder, 'mlflow.db')}`],
        ...['--artifacts-destination', join(folder, 'artifacts')],
      ],
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', log, log, 'pipe'],
        env: {
          ...process.env,
          // Nine more processes and 1.4 GB, for a job queue that nothing here uses.
          MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
          MLFLOW_DISABLE_TELEMETRY: 'true',
          DO_NOT_TRACK: '1',
        },
      },
    )
  } finally {
    fs.closeSync(log)
  }
}

/** The line of the log that names the cause: Python's last error, else the last line. */
function lastLine(logFile: string): string {
  const lines = fs.readFileSync(logFile, 'utf8').trim().split('\n')
  return (lines.findLast(line => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1)!).trim() || 'no output'
}

async function launch(python: string, folder: string, port: number, options: MlflowServerOptions): Promise<MlflowServer> {
  const uri = `http://127.0.0.1:${port}`
  const logFile = join(folder, 'server.log')
  const child = spawnServer(python, folder, port, logFile)
  const close = stopper(child)
  let ended: string | undefined
  child.on('error', error => {
    ended = error.message
  })
  child.on('exit', (code, signal) => {
    ended ??= `ended with ${signal ?? `exit code ${code}`}`
  })
  try {
    const begun = performance.now()
    for (;;) {
      options.signal?.throwIfAborted()
      if (ended) throw new Error(`mlflow: the server did not start: ${ended}: ${lastLine(logFile)} (log: ${logFile})`)
      if (!(await health(uri, options.signal))) break
      if (performance.now() - begun > (options.timeoutMs ?? START_MS))
        throw new Error(`mlflow: the server did not answer within ${options.timeoutMs ?? START_MS} ms (log: ${logFile})`)
      await pause(options.signal)
    }
  } catch (error) {
    await close()
    throw error
  }
  options.signal?.addEventListener('abort', () => void close(), { once: true })
  // A forgotten server keeps no process alive; it ends with it.
  child.unref()
  const pipe = child.stdio[3]
  if (pipe && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  return { uri, started: true, close }
}

/** Gives the function that ends a server's whole process group: asked first, killed when that takes long. */
function stopper(child: ChildProcess): () => Promise<void> {
  let closing: Promise<void> | undefined
  const kill = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, signal)
    } catch {
      return false
    }
  }
  const atExit = () => kill('SIGTERM')
  process.on('exit', atExit)
  const end = async () => {
    kill('SIGTERM')
    for (const begun = performance.now(); kill(0) && performance.now() - begun < STOP_MS; ) await sleep(20)
    kill('SIGKILL')
    child.stdio[3]?.destroy()
    process.off('exit', atExit)
  }
  return () => {
    closing ??= end()
    return closing
  }
}
