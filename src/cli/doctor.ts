import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BROWSERS } from '../explore/pdf.js'
import { bundledModelFolder } from '../models/bundled.js'
import { defineCommand, json, print } from './command.js'

/** One line of the doctor's report. */
interface Finding {
  name: string
  ok: boolean
  /** Needed for demo, notebooks and tests; what is not needed only switches a part off. */
  needed: boolean
  /** Version, place or size found. */
  found: string
  /** How to get it, where it is missing. */
  remedy?: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SETUP = 'npm run setup'
const GB = 2 ** 30
const NEEDED_DISK_GB = 3
const NEEDED_MEMORY_GB = 4

const execute = promisify(execFile)

/** First line that a command prints, undefined when it does not run. */
async function firstLine(command: string, args: string[] = ['--version']): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await execute(command, args, { timeout: 30_000 })
    return (stdout.trim() || stderr.trim()).split('\n')[0]
  } catch {
    return undefined
  }
}

/** What was found; a remedy says that it will not do. */
function finding(name: string, found: string, remedy?: string | false, needed = true): Finding {
  return { name, ok: !remedy, needed, found, ...(remedy && { remedy }) }
}

async function program(name: string, needed: boolean, commands: readonly string[], remedy: string, args?: string[]) {
  for (const command of commands) {
    const found = await firstLine(command, args)
    if (found) return finding(name, found, false, needed)
  }
  return finding(name, 'not found', remedy, needed)
}

/** Version of a Python package of `.venv`, read from its metadata's folder name: importing MLflow takes seconds. */
function pythonPackage(name: string): Finding {
  const library = join(ROOT, '.venv', 'lib')
  const folders = existsSync(library) ? readdirSync(library).map(python => join(library, python, 'site-packages')) : []
  const info = folders.filter(existsSync).flatMap(folder => readdirSync(folder).filter(file => file.startsWith(`${name}-`)))
  const version = info.map(file => /-([^-]+)\.dist-info$/.exec(file)?.[1]).find(Boolean)
  return finding(name, version ?? 'not found', !version && SETUP)
}

function kernel(): Finding {
  const file = join(ROOT, '.venv', 'share', 'jupyter', 'kernels', 'moodlake', 'kernel.json')
  try {
    const { argv, display_name } = JSON.parse(readFileSync(file, 'utf8')) as { argv: string[]; display_name: string }
    const missing = argv.find(part => part.startsWith('/') && !existsSync(part))
    return finding('kernel', missing ? `${missing} is gone` : display_name, missing && SETUP)
  } catch {
    return finding('kernel', 'not registered', SETUP)
  }
}

function build(): Finding {
  const index = join(ROOT, 'dist', 'index.js')
  if (!existsSync(index)) return finding('build', 'no dist/', SETUP)
  return finding('build', `of ${statSync(index).mtime.toISOString().slice(0, 16).replace('T', ' ')} UTC`)
}

function packages(): Finding {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  const names = Object.keys(dependencies)
  const missing = names.filter(name => {
    try {
      import.meta.resolve(name)
      return false
    } catch {
      return !existsSync(join(ROOT, 'node_modules', name))
    }
  })
  const found = missing.length ? `missing: ${missing.join(', ')}` : `${names.length} dependencies`
  return finding('node packages', found, missing.length > 0 && SETUP)
}

function model(): Finding {
  const there = bundledModelFolder('blend') && bundledModelFolder('compact')
  const found = there ? 'compact, blend' : 'models/compact or models/blend is missing'
  return finding('model', found, !there && 'git checkout models')
}

async function disk(): Promise<Finding> {
  const { bavail, bsize } = await statfs(ROOT)
  const free = (bavail * bsize) / GB
  const remedy = `free ${NEEDED_DISK_GB} GB: packages take 2 GB, the demo's lake and reports the rest`
  return finding('disk', `${free.toFixed(1)} GB free`, free < NEEDED_DISK_GB && remedy)
}

function memory(): Finding {
  const size = totalmem() / GB
  const remedy = `${NEEDED_MEMORY_GB} GB are needed to score and run notebooks at once`
  return finding('memory', `${size.toFixed(1)} GB`, size < NEEDED_MEMORY_GB * 0.9 && remedy, false)
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const old = major < 20 || (major === 20 && minor < 19)
  return finding('node', process.versions.node, old && 'Node.js 20.19 or newer: https://nodejs.org')
}

/** Looks at everything the project uses. */
async function examine(): Promise<Finding[]> {
  const venv = (name: string) => join(ROOT, '.venv', 'bin', name)
  const browser = 'apt install chromium fonts-dejavu-core (browser tests and PDF reports)'
  return Promise.all([
    node(),
    program('npm', true, ['npm'], 'comes with Node.js: https://nodejs.org'),
    program('python', true, [process.env.MOODLAKE_PYTHON ?? 'python3', 'python'], 'Python 3.10 to 3.13: https://www.python.org'),
    packages(),
    build(),
    program('venv', true, [venv('python')], SETUP),
    pythonPackage('jupyterlab'),
    pythonPackage('nbconvert'),
    pythonPackage('mlflow'),
    kernel(),
    model(),
    disk(),
    memory(),
    program('chromium', false, BROWSERS, browser),
    program('java', false, ['java'], 'apt install default-jre-headless (Spark and Kafka suites)', ['-version']),
  ])
}

export const command = defineCommand({
  summary: 'what is installed, what is missing, how to get it',
  usage: 'doctor [--json]',
  about: 'Says what is installed, what is missing and how to get it. Exit code 1 when something that is needed is missing.',
  options: { json },
  async run({ json }) {
    const findings = await examine()
    const ok = findings.every(finding => finding.ok || !finding.needed)
    const mark = (finding: Finding) => (finding.ok ? 'ok' : finding.needed ? 'MISSING' : 'optional')
    const lines = findings.map(finding => {
      const remedy = finding.remedy ? `  → ${finding.remedy}` : ''
      return `${mark(finding).padEnd(9)}${finding.name.padEnd(15)}${finding.found}${remedy}`
    })
    print(lines, { ok, findings }, json)
    return ok ? 0 : 1
  },
})
