import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moodlake-setup-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function node(args: string[], env: NodeJS.ProcessEnv = {}, cwd = root): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env } })
  const ended = { code: null as number | null, stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    ended.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    ended.stderr += chunk
  })
  return new Promise(done => child.on('close', code => done({ ...ended, code })))
}

/** Runs a module's code with the set-up scripts imported from this checkout. */
const script = (code: string, env?: NodeJS.ProcessEnv) =>
  node(
    [
      '--input-type=module',
      '-e',
      `import { explain } from ${JSON.stringify(join(root, 'scripts/setup.mjs'))}
       import { run, takeLock } from ${JSON.stringify(join(root, 'scripts/process.mjs'))}
       import { findPython } from ${JSON.stringify(join(root, 'scripts/python.mjs'))}
       try { ${code} } catch (error) { console.error(explain(error)); process.exitCode = 1 }`,
    ],
    env,
  )

/** A folder with a `python3` that answers the set-up's question with `answer`. */
function fakePython(name: string, answer: string): string {
  const bin = join(folder, name)
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\necho "${answer}"\n`)
  chmodSync(join(bin, 'python3'), 0o755)
  return bin
}
const find = 'console.log((await findPython({ uv: false })).command)'

test('a Python that fits is found', async () => {
  const { code, stdout } = await script(find, { PATH: fakePython('good', '3 12 True /usr/bin/python3'), MOODLAKE_PYTHON: '' })
  expect([code, stdout]).toEqual([0, 'python3\n'])
})

test.each([
  ['too old', '3 8 True /usr/bin/python3', 'Moodlake needs Python 3.10 to 3.13 for JupyterLab and MLflow; found only Python 3.8'],
  ['too new', '3 15 True /usr/bin/python3', 'found only Python 3.15'],
  ['without venv', '3 11 False /usr/bin/python3', 'has no venv module: install it (Debian, Ubuntu: apt install python3-venv)'],
])('a Python %s gets one sentence', async (name, answer, sentence) => {
  const { code, stderr } = await script(find, { PATH: fakePython(name, answer), MOODLAKE_PYTHON: '' })
  expect(code).toBe(1)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('no Python at all, or a wrong MOODLAKE_PYTHON, gets one sentence', async () => {
  const none = await script(find, { PATH: join(folder, 'nothing'), MOODLAKE_PYTHON: '' })
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('found none. Install one, or set MOODLAKE_PYTHON')])
  const wrong = await script(find, { MOODLAKE_PYTHON: '/no/such/python' })
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('MOODLAKE_PYTHON: /no/such/python does not run')])
})

test('a failing command shows its last lines and one sentence', async () => {
  const { code, stderr } = await script(`await run('sh', ['-c', 'echo first; echo the cause >&2; exit 3'])`)
  expect(code).toBe(1)
  expect(stderr).toContain('  | the cause\n')
  expect(stderr).toMatch(/set-up: sh -c .*: ended with exit code 3\n$/)
})

test('two set-ups at once take turns, and a dead one does not block', async () => {
  const lock = join(folder, 'lock')
  const log = join(folder, 'log')
  // A lock of a process that is gone, and one that was not touched for a minute.
  for (const pid of ['999999999', String(process.pid)]) {
    writeFileSync(lock, pid)
    if (pid === String(process.pid)) utimesSync(lock, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))
    const work = `import('node:fs').then(async fs => {
      const release = await takeLock(${JSON.stringify(lock)}, { log() {}, waiting: '' })
      fs.appendFileSync(${JSON.stringify(log)}, 'begin\\n')
      await new Promise(done => setTimeout(done, 300))
      fs.appendFileSync(${JSON.stringify(log)}, 'end\\n')
      release()
    })`
    const ended = await Promise.all([script(`await ${work}`), script(`await ${work}`), script(`await ${work}`)])
    expect(ended.map(result => result.code)).toEqual([0, 0, 0])
  }
  expect(readFileSync(log, 'utf8')).toBe('begin\nend\n'.repeat(6))
})

test('moodlake without a build, or without packages, says what to run', async () => {
  const clone = join(folder, 'clone')
  mkdirSync(clone)
  for (const part of ['bin', 'package.json']) cpSync(join(root, part), join(clone, part), { recursive: true })
  const bare = await node([join(clone, 'bin/moodlake.mjs'), '--help'])
  expect([bare.code, bare.stderr]).toEqual([1, `moodlake: not built yet: run npm run setup first (in ${clone})\n`])
  mkdirSync(join(clone, 'dist/cli'), { recursive: true })
  writeFileSync(join(clone, 'dist/cli/main.js'), `import 'a-package-that-is-not-there'\n`)
  const unpacked = await node([join(clone, 'bin/moodlake.mjs'), '--help'])
  expect([unpacked.code, unpacked.stderr]).toEqual([
    1,
    expect.stringMatching(/a-package-that-is-not-there.*: run npm run setup first/),
  ])
})

test('when all is in place the set-up takes no time', async () => {
  await node(['scripts/setup.mjs'])
  const begun = performance.now()
  const { code, stderr } = await node(['scripts/setup.mjs'])
  expect(code).toBe(0)
  expect(stderr).toMatch(/^ready/)
  expect(performance.now() - begun).toBeLessThan(5_000)
})
