import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../stores/s3-server.js'

const root = resolve(import.meta.dirname, '../..')

test.skipIf(!existsSync(join(root, '.venv', 'bin', 'jupyter')))(
  'npm run lab serves the kernel on loopback and ends on Ctrl-C',
  async () => {
    const port = await freePort()
    const args = ['scripts/lab.mjs', '--no-browser', `--port=${port}`, '--IdentityProvider.token=secret']
    // A group of its own, like a terminal's: Ctrl-C reaches all of it.
    const child = spawn(process.execPath, args, { cwd: root, detached: true, stdio: 'ignore' })
    const ended = new Promise<number | null>(done => child.on('close', done))
    try {
      const uri = `http://127.0.0.1:${port}/api/kernelspecs?token=secret`
      const specs = () => fetch(uri).then(response => response.json() as Promise<{ kernelspecs: Record<string, unknown> }>)
      await expect
        .poll(
          () =>
            specs().then(
              answer => Object.keys(answer.kernelspecs),
              () => [],
            ),
          { timeout: 60_000, interval: 200 },
        )
        .toContain('moodlake')
      expect((await fetch(`http://127.0.0.1:${port}/api/kernelspecs`)).status).toBe(403)
      process.kill(-child.pid!, 'SIGINT')
      expect(await ended).toBe(0)
    } finally {
      if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
    }
  },
)
