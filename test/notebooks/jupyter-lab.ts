import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, relative } from 'node:path'
import { freePort } from '../stores/s3-server.js'
import { installKernel, root, writeNotebook } from './notebook-file.js'

const TOKEN = 'lab-test'

/** A JupyterLab that `npm run lab`'s own script started, with one notebook. */
export interface Lab {
  /** Address of a page of the server, such as `/`, token included; default the notebook's. */
  url(path?: string): string
  /** Folder of the notebook; everything the server writes goes there too, a lake for cells (`LAB_LAKE`) as well. */
  folder: string
  /** What the server has said so far. */
  log(): string
  /** Command lines of the processes that the server started: its kernels. */
  kernels(): string[]
  /** True while something listens on the port. */
  listens(): Promise<boolean>
  /** Ends the script as Ctrl-C in its terminal does; resolves with its exit code. */
  stop(): Promise<number | null>
  /** Ends the script if need be and removes the folder. */
  close(): Promise<void>
}

/** Starts JupyterLab on a free port of loopback by the command of `npm run lab`, with settings of its own. */
export async function startLab(cells: readonly string[]): Promise<Lab> {
  // Under the root, where Jupyter shows it, and ignored by git; not in notebooks/, whose files other tests count.
  mkdirSync(join(root, 'reports'), { recursive: true })
  const folder = mkdtempSync(join(root, 'reports', 'lab-test-'))
  const path = join(folder, 'lab.ipynb')
  writeNotebook(path, cells)
  installKernel(folder)
  // Pages are opened to be looked at: nothing but a test's own Ctrl-S writes a notebook.
  mkdirSync(join(folder, 'settings', '@jupyterlab', 'docmanager-extension'), { recursive: true })
  writeFileSync(
    join(folder, 'settings', '@jupyterlab', 'docmanager-extension', 'plugin.jupyterlab-settings'),
    '{ "autosave": false }',
  )
  const port = await freePort()
  const child = spawnLab(folder, port)
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => {
      log += chunk
    })
  const ended = new Promise<number | null>(done => child.on('close', done))
  const signal = (name: 'SIGINT' | 'SIGKILL') => child.exitCode ?? child.signalCode ?? process.kill(-child.pid!, name)
  const stop = () => {
    signal('SIGINT')
    return ended
  }
  const lab: Lab = {
    url: (page = `/lab/tree/${relative(root, path)}`) => `http://127.0.0.1:${port}${page}?token=${TOKEN}`,
    folder,
    log: () => log,
    kernels: () => processesWith(join(folder, 'runtime')),
    listens: () => listens(port),
    stop,
    async close() {
      const patience = setTimeout(() => signal('SIGKILL'), 30_000)
      await stop()
      clearTimeout(patience)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`lab: ended with ${child.exitCode} before it listened:\n${log}`)
      return (await fetch(lab.url('/api/status')).catch(() => undefined))?.ok
    })
  } catch (error) {
    await lab.close()
    throw error
  }
  return lab
}

/** Waits until `check` holds. */
export async function until(check: () => unknown, ms = 60_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    if (await check()) return
    await new Promise(done => setTimeout(done, 50))
  }
  throw new Error(`not within ${ms / 1000} s: ${String(check)}`)
}

function spawnLab(folder: string, port: number): ChildProcess {
  const { lab } = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { lab: string } }).scripts
  const [node, ...script] = lab.split(' ')
  if (node !== 'node') throw new Error(`package.json: scripts.lab does not start node: ${lab}`)
  const own = ['--no-browser', `--ServerApp.port=${port}`, '--ServerApp.port_retries=0', `--IdentityProvider.token=${TOKEN}`]
  return spawn(process.execPath, [...script, ...own], {
    cwd: root,
    // Neither the settings of the person at this machine nor the open tabs of an earlier run.
    env: {
      ...process.env,
      JUPYTER_CONFIG_DIR: join(folder, 'config'),
      JUPYTER_DATA_DIR: join(folder, 'data'),
      JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
      JUPYTER_PATH: join(folder, 'share'),
      JUPYTERLAB_SETTINGS_DIR: join(folder, 'settings'),
      JUPYTERLAB_WORKSPACES_DIR: join(folder, 'workspaces'),
      LAB_LAKE: join(folder, 'lake'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, for Ctrl-C reaches a whole group.
    detached: true,
  })
}

function listens(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => done(true)).on('error', () => done(false))
    socket.on('connect', () => socket.destroy())
  })
}

/** Command lines of the processes of this machine that name a path: a kernel is told its connection file. */
function processesWith(path: string): string[] {
  const lines =
    process.platform === 'linux' ? commandLines() : execFileSync('ps', ['-axo', 'args'], { encoding: 'utf8' }).split('\n')
  return lines.filter(line => line.includes(path))
}

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ')
      } catch {
        return '' // Gone meanwhile.
      }
    })
}
