import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

interface Report {
  ok: boolean
  findings: { name: string; ok: boolean; needed: boolean; found: string; remedy?: string }[]
}

function doctor(folder: string): Promise<{ code: number; report: Report }> {
  return new Promise(done => {
    execFile(process.execPath, [join(folder, 'bin/moodlake.mjs'), 'doctor', '--json'], (error, stdout) =>
      done({ code: error ? Number(error.code) : 0, report: JSON.parse(stdout) }),
    )
  })
}

test('the doctor names every part, and the exit code follows what is needed', async () => {
  const { code, report } = await doctor(root)
  expect(report.findings.map(({ name }) => name)).toEqual([
    ...['node', 'npm', 'python', 'node packages', 'build', 'venv', 'jupyterlab', 'nbconvert', 'mlflow', 'kernel', 'model'],
    ...['disk', 'memory', 'chromium', 'java'],
  ])
  expect(report.ok).toBe(report.findings.every(({ ok, needed }) => ok || !needed))
  expect(code).toBe(report.ok ? 0 : 1)
})

test('what is missing comes with how to get it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-doctor-'))
  try {
    for (const part of ['bin', 'dist', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    mkdirSync(join(folder, '.venv'))
    const { code, report } = await doctor(folder)
    expect(code).toBe(1)
    const missing = report.findings.filter(({ ok, needed }) => !ok && needed)
    expect(missing.map(({ name, remedy }) => [name, remedy])).toEqual([
      ...['venv', 'jupyterlab', 'nbconvert', 'mlflow', 'kernel'].map(name => [name, 'npm run setup']),
      ['model', 'git checkout models'],
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
