import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { newFolder } from './oracle.js'

const run = promisify(execFile)

/** Where Spark is kept between runs. */
const home = resolve('.moodlake/spark')
const jars = join(home, 'jars')
const python = join(home, 'venv/bin/python')
const PACKAGES = ['pyspark==4.2.0', 'delta-spark==4.4.1', 'pandas<3', 'pyarrow']
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>moodlake</groupId><artifactId>spark-test</artifactId><version>1</version>
<dependencies><dependency><groupId>io.delta</groupId><artifactId>delta-spark_4.2_2.13</artifactId><version>4.4.0</version></dependency></dependencies>
</project>
`

/** Installs Spark and Delta on first use; gives the reason when that is not possible here. */
async function install(): Promise<string | undefined> {
  const mark = join(home, 'installed')
  const wanted = `${PACKAGES.join(' ')}\n${POM}`
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return undefined
  for (const [program, option] of [
    ['java', '-version'],
    ['mvn', '--version'],
    ['python3', '--version'],
  ] as const) {
    const missing = await run(program, [option]).then(
      () => undefined,
      () => `no ${program}`,
    )
    if (missing) return missing
  }
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'pom.xml'), POM)
  try {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', join(home, 'venv')])
    await run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { maxBuffer: 1 << 26 })
    rmSync(jars, { recursive: true, force: true })
    // The rest is in pyspark itself.
    const copy = ['-q', '-B', '-f', join(home, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`]
    await run('mvn', [...copy, '-DincludeGroupIds=io.delta,io.unitycatalog'], { maxBuffer: 1 << 26 })
  } catch (error) {
    return `Spark could not be installed: ${String((error as Error).message).slice(0, 300)}`
  }
  writeFileSync(mark, wanted)
  return undefined
}

/** A running Spark session with Delta. */
export interface Spark {
  /** Runs Python in the session, see spark.py; gives what it sets `result` to. */
  ask<T = unknown>(script: string, args?: unknown): Promise<T>
  stop(): Promise<void>
}

/** Starts a session; a text is the reason why there is none here. */
export async function startSpark(): Promise<Spark | string> {
  const reason = await install()
  if (reason) return reason
  const errors: string[] = []
  const child: ChildProcess = spawn(python, [resolve('test/delta/spark.py'), jars, newFolder()], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: newFolder(),
  })
  child.stderr?.on('data', chunk => {
    errors.push(String(chunk))
    if (errors.length > 200) errors.shift()
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  async function answer<T>(): Promise<T> {
    const line = await lines.next()
    if (line.done) throw new Error(`Spark ended: ${errors.join('').slice(-4000)}`)
    const { result, error } = JSON.parse(line.value) as { result: T; error?: string }
    if (error !== undefined) throw new Error(`Spark: ${error}`)
    return result
  }
  await answer()
  let last: Promise<unknown> = Promise.resolve()
  return {
    ask<T>(script: string, args: unknown = {}) {
      const next = last
        .catch(() => undefined)
        .then(() => {
          child.stdin?.write(`${JSON.stringify({ script, args })}\n`)
          return answer<T>()
        })
      last = next
      return next
    },
    async stop() {
      if (child.exitCode !== null) return
      await new Promise<void>(done => {
        child.once('exit', () => done())
        child.stdin?.end()
      })
    },
  }
}
