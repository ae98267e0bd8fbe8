/**
 * Set-up: Node packages, Python packages, the notebook kernel and the build. Idempotent: what is in place is left alone,
 * and when all is in place it takes a few milliseconds. Plain Node, because nothing is installed yet when it runs.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installKernel, kernelReady } from '../kernel/install.mjs'
import { endChildren, run, SetupError, takeLock } from './process.mjs'
import { preparePython, pythonReady } from './python.mjs'

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const OLDEST_NODE = [20, 19]
const TICK_MS = 10_000

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  throw new SetupError(
    `Moodlake needs Node.js ${OLDEST_NODE.join('.')} or newer, this is ${process.versions.node}: install a newer one (https://nodejs.org).`,
  )
}

const read = path => JSON.parse(readFileSync(path, 'utf8'))
const isLink = path => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false

/** Whether node_modules is what package-lock.json says, whoever installed it: npm keeps a lock file of its own in there. */
function packagesReady() {
  const folder = join(root, 'node_modules')
  try {
    const wanted = read(join(root, 'package-lock.json')).packages
    const there = read(join(folder, '.package-lock.json')).packages
    if (isLink(folder)) return true
    return Object.entries(wanted).every(([path, entry]) => {
      if (!path?.startsWith('node_modules/')) return true
      const found = there[path]
      return found
        ? found.version === entry.version && found.integrity === entry.integrity
        : Boolean(entry.optional || entry.peer)
    })
  } catch {
    return false
  }
}

async function installPackages() {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  await run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    said: 'npm ci',
    // npm names the cause first and ends with its manual.
    cause: lines => lines.filter(line => /^npm error \S/.test(line)).slice(0, 12),
  })
}

/** `npx moodlake` in the repository itself: npm links the commands of dependencies only. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'moodlake')
  if (isLink(join(root, 'node_modules')) || existsSync(link)) return
  mkdirSync(dirname(link), { recursive: true })
  if (isLink(link)) unlinkSync(link)
  symlinkSync('../../bin/moodlake.mjs', link)
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else yield path
  }
}

function buildStamp() {
  const stamp = createHash('sha256')
  for (const path of [...files(join(root, 'src'))]
    .sort()
    .concat(['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map(name => join(root, name)))) {
    const { mtimeMs, size } = statSync(path)
    stamp.update(`${path}\0${mtimeMs}\0${size}\n`)
  }
  return stamp.digest('hex')
}

const buildFile = join(root, '.moodlake', 'build')

function buildReady() {
  try {
    return existsSync(join(root, 'dist', 'index.js')) && readFileSync(buildFile, 'utf8') === buildStamp()
  } catch {
    return false
  }
}

/** What the compiler once made of a source that is gone would still be importable. */
function removeGhosts() {
  const dist = join(root, 'dist')
  if (!existsSync(dist)) return
  for (const path of files(dist)) {
    const source = path.slice(dist.length + 1).match(/^(.*?)(?:\.js|\.d\.ts|\.js\.map)$/)?.[1]
    if (source && !existsSync(join(root, 'src', `${source}.ts`))) rmSync(path)
  }
}

async function build() {
  const stamp = buildStamp()
  removeGhosts()
  // Without outputs the compiler's own record of them would make it do nothing.
  if (!existsSync(join(root, 'dist', 'index.js'))) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true })
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc')
  await run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, said: 'tsc -p tsconfig.build.json' })
  mkdirSync(dirname(buildFile), { recursive: true })
  writeFileSync(buildFile, stamp)
}

/** Stages by name with a line at each beginning and end, and one every ten seconds while any of them runs. */
function stages(log) {
  const begun = Date.now()
  const open = new Map()
  const at = () => `[${String(Math.round((Date.now() - begun) / 1000)).padStart(3)} s]`
  const tick = setInterval(() => {
    if (open.size) log(`${at()} … ${[...open].map(([name, detail]) => (detail ? `${name}: ${detail}` : name)).join(' · ')}`)
  }, TICK_MS)
  tick.unref()
  return {
    end: () => clearInterval(tick),
    async stage(name, work) {
      const start = Date.now()
      open.set(name, '')
      log(`${at()} ${name}`)
      try {
        await work(detail => open.set(name, detail))
        log(`${at()} ${name}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`)
      } finally {
        open.delete(name)
      }
    },
  }
}

/**
 * Makes the clone ready to run. Two at once wait for each other.
 * @param options.log where progress lines go (default stderr)
 * @param options.tests also install what only the tests need
 * @throws {SetupError} with one sentence that says what to do
 */
export async function setup({ log = line => process.stderr.write(`${line}\n`), tests = false } = {}) {
  checkNode()
  const requirements = ['python/requirements.txt', ...(tests ? ['python/requirements-test.txt'] : [])]
  const done = () => packagesReady() && pythonReady(root, requirements) && kernelReady(root) && buildReady()
  if (done()) {
    linkCommand()
    return
  }
  const release = await takeLock(join(root, '.moodlake', 'setup.lock'), {
    log,
    waiting: 'another set-up is running, waiting for it',
  })
  const stop = signal => {
    endChildren()
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const { stage, end } = stages(log)
  try {
    const javascript = async () => {
      if (!packagesReady()) await stage('Node packages (npm ci)', installPackages)
      linkCommand()
      if (!buildReady()) await stage('build', build)
    }
    const python = async () => {
      if (!pythonReady(root, requirements))
        await stage('Python packages (JupyterLab, MLflow)', progress => preparePython(root, requirements, { progress }))
      if (!kernelReady(root)) installKernel(root)
    }
    const results = await Promise.allSettled([javascript(), python()])
    const failed = results.filter(result => result.status === 'rejected').map(result => result.reason)
    for (const error of failed.slice(1)) log(explain(error))
    if (failed.length) throw failed[0]
  } finally {
    end()
    process.off('SIGINT', stop).off('SIGTERM', stop)
    release()
  }
}

/** A set-up failure as text: the failed command's last lines, then the sentence. */
export function explain(error) {
  if (!(error instanceof SetupError)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `${error.tail ? `${error.tail.replace(/^/gm, '  | ')}\n` : ''}set-up: ${error.message}`
}

/** Runs `setup` for a script: on failure prints why and exits 1. */
export async function setupOrExit(options) {
  try {
    await setup(options)
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exit(1)
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  const begun = Date.now()
  await setupOrExit({ tests: process.argv.includes('--tests') })
  process.stderr.write(
    `ready (${((Date.now() - begun) / 1000).toFixed(1)} s): npm run demo · npm run lab · npx moodlake --help\n`,
  )
}
