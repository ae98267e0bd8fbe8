import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const compiled = pathToFileURL(join(root, 'dist/registry/mlflow-server.js')).href

const answers = (uri: string) =>
  fetch(`${uri}/health`).then(
    response => response.ok,
    () => false,
  )

describe.skipIf(!existsSync(join(root, '.venv', 'bin', 'python')))('a server that we start (skipped without .venv)', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'moodlake-mlflow-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  /** Starts a server in a process of its own that then does `more`; gives the server's address and how the process ended. */
  async function elsewhere(more: string): Promise<{ uri: string; code: number | null; signal: string | null; stderr: string }> {
    const { MLFLOW_TRACKING_URI: _, ...env } = process.env
    const code = `import { startMlflow } from ${JSON.stringify(compiled)}
      const folder = ${JSON.stringify(folder)}
      ${more}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env })
    let uri = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      uri += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    return new Promise(done => child.on('close', (status, signal) => done({ uri: uri.trim(), code: status, signal, stderr })))
  }

  test('it ends with a process that is killed', async () => {
    const { uri, signal } = await elsewhere(
      `const server = await startMlflow({ folder })
       process.stdout.write(server.uri, () => process.kill(process.pid, 'SIGKILL'))`,
    )
    expect(signal).toBe('SIGKILL')
    expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect.poll(() => answers(uri), { timeout: 30_000, interval: 100 }).toBe(false)
  })

  test('a process that forgets it ends all the same, and so does the server; an abort while starting leaves nothing', async () => {
    const { uri, code, stderr } = await elsewhere(
      `const late = await startMlflow({ folder, signal: AbortSignal.timeout(1000) }).catch(error => error.name)
       if (late !== 'TimeoutError') throw new Error(String(late))
       console.log((await startMlflow({ folder })).uri)`,
    )
    expect([code, stderr]).toEqual([0, ''])
    await expect.poll(() => answers(uri), { timeout: 30_000, interval: 100 }).toBe(false)
  })

  test('one that cannot start says why', async () => {
    const { code, stderr } = await elsewhere(
      `import { writeFileSync, mkdirSync } from 'node:fs'
       mkdirSync(folder + '/broken', { recursive: true })
       writeFileSync(folder + '/broken/mlflow.db', 'this is no database, and it is long enough to be looked at as one')
       await startMlflow({ folder: folder + '/broken' }).catch(error => { console.error(error.message); process.exitCode = 1 })`,
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/^mlflow: the server did not start: ended with exit code \d+: .*database.* \(log: .*server\.log\)\n$/)
  })
})
