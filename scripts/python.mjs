/** The Python side of the set-up: a `.venv` with the pinned packages. */
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, SetupError } from './process.mjs'

/** Bounds of what the pins in python/requirements.txt were resolved for. */
const OLDEST = [3, 10]
const NEWEST = [3, 13]
/** Installed into the venv first, because it fetches and unpacks five times faster than pip. */
const UV = 'uv==0.13.8'

const WANTED = `Python ${OLDEST.join('.')} to ${NEWEST.join('.')}`
const below = (a, b) => a[0] - b[0] || a[1] - b[1]

/** Version, executable and whether it can make a venv, or undefined when the command does not run. */
async function inspect(command) {
  const code =
    'import sys, importlib.util as u; print(sys.version_info[0], sys.version_info[1], bool(u.find_spec("venv") and u.find_spec("ensurepip")), sys.executable)'
  try {
    const [major, minor, venv, ...executable] = (await run(command, ['-c', code])).trim().split('\n').pop().split(' ')
    return { command, version: [Number(major), Number(minor)], venv: venv === 'True', executable: executable.join(' ') }
  } catch {
    return undefined
  }
}

const fits = python => below(python.version, OLDEST) >= 0 && below(python.version, NEWEST) <= 0

/** The Python to build the venv with: `MOODLAKE_PYTHON`, else the first of python3, python, python3.13 … that fits. */
export async function findPython({ uv }) {
  const asked = process.env.MOODLAKE_PYTHON
  if (asked) {
    const python = await inspect(asked)
    if (!python) throw new SetupError(`MOODLAKE_PYTHON: ${asked} does not run; set it to the path of a ${WANTED}.`)
    if (!fits(python))
      throw new SetupError(`MOODLAKE_PYTHON: ${asked} is Python ${python.version.join('.')}; Moodlake needs ${WANTED}.`)
    return python
  }
  const seen = []
  for (const command of ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    const python = await inspect(command)
    if (!python) continue
    if (fits(python) && (python.venv || uv)) return python
    seen.push(python)
  }
  const noVenv = seen.find(fits)
  if (noVenv)
    throw new SetupError(
      `${noVenv.executable} (Python ${noVenv.version.join('.')}) has no venv module: install it (Debian, Ubuntu: apt install python3-venv) or install uv (https://docs.astral.sh/uv), then run this again.`,
    )
  const found = seen.length ? `found only Python ${seen.map(python => python.version.join('.')).join(', ')}` : 'found none'
  throw new SetupError(
    `Moodlake needs ${WANTED} for JupyterLab and MLflow; ${found}. Install one, or set MOODLAKE_PYTHON to its path.`,
  )
}

/** The environment for pip and uv: no user settings that would install elsewhere. */
function cleanEnv(root) {
  const { PYTHONHOME, PYTHONPATH, PIP_TARGET, PIP_USER, PIP_PREFIX, ...env } = process.env
  return {
    ...env,
    VIRTUAL_ENV: join(root, '.venv'),
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    UV_LINK_MODE: env.UV_LINK_MODE ?? 'copy',
  }
}

async function has(command) {
  return run(command, ['--version']).then(
    () => true,
    () => false,
  )
}

async function makeVenv(root, { python, uv, env }) {
  const venv = join(root, '.venv')
  rmSync(venv, { recursive: true, force: true })
  if (uv) await run('uv', ['venv', '--quiet', '--python', python.executable, venv], { cwd: root, env })
  else await run(python.command, ['-m', 'venv', venv], { cwd: root, env })
}

/** Installs with uv, with pip where uv cannot (a registry that only pip's settings know). */
async function install(root, files, { uv, env, progress }) {
  const python = join(root, '.venv', 'bin', 'python')
  let collected = 0
  const onLine = line => {
    if (line.startsWith('Collecting ')) progress(`${++collected} packages fetched`)
    if (line.startsWith('Installing ')) progress('unpacking')
  }
  const pip = args =>
    run(python, ['-m', 'pip', 'install', '--progress-bar', 'off', '--no-input', ...args], { cwd: root, env, onLine })
  // The files name every package, so nothing is left to resolve.
  const args = ['--no-deps', ...files.flatMap(file => ['-r', file])]
  try {
    if (!uv) await pip(['--quiet', UV])
    const command = uv ? 'uv' : join(root, '.venv', 'bin', 'uv')
    await run(command, ['pip', 'install', '--quiet', '--compile-bytecode', '--python', python, ...args], { cwd: root, env })
  } catch (error) {
    progress(`uv could not (${error.message.split(':').pop().trim()}), trying pip`)
    if (uv) await run(python, ['-m', 'ensurepip', '--upgrade'], { cwd: root, env })
    await pip(args)
  }
}

const hash = (root, file) =>
  createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex')

/** What `.venv` says of itself: its own path (scripts in a venv name it) and the hash of each requirement file installed. */
function readStamp(root) {
  try {
    const stamp = JSON.parse(readFileSync(join(root, '.venv', 'moodlake-stamp.json'), 'utf8'))
    return stamp.venv === join(root, '.venv') && existsSync(join(root, '.venv', 'bin', 'python')) ? stamp : undefined
  } catch {
    return undefined
  }
}

const isLink = path => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false

/** Whether `.venv` holds what the files pin. One that is a link belongs to somebody else and is used as it is. */
export function pythonReady(root, files) {
  if (isLink(join(root, '.venv'))) return true
  const stamp = readStamp(root)
  return files.every(file => stamp?.files?.[file] === hash(root, file))
}

/** Makes `.venv` hold what the requirement files pin; a venv that was moved, or whose Python is gone, is made anew. */
export async function preparePython(root, files, { progress }) {
  const venv = join(root, '.venv')
  const stampFile = join(venv, 'moodlake-stamp.json')
  const uv = await has('uv')
  const env = cleanEnv(root)
  const python = join(venv, 'bin', 'python')
  if (!(readStamp(root) && (await inspect(python)))) {
    const found = await findPython({ uv })
    progress(`making .venv with Python ${found.version.join('.')}`)
    await makeVenv(root, { python: found, uv, env })
  }
  writeFileSync(stampFile, JSON.stringify({ venv }))
  // JupyterLab's own helper scripts are CommonJS; package.json of the repository says "module".
  writeFileSync(join(venv, 'package.json'), '{"type":"commonjs"}\n')
  progress('installing packages')
  await install(root, files, { uv, env, progress })
  writeFileSync(stampFile, JSON.stringify({ venv, files: Object.fromEntries(files.map(file => [file, hash(root, file)])) }))
}
