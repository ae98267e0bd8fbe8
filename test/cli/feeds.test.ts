import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { newFolder, rowsOf } from '../pipeline/lake.js'
import { jetstreamServer, post } from '../sources/jetstream-server.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A command line of the build, running. */
function start(args: string[]) {
  const child = spawn(process.execPath, ['bin/moodlake.mjs', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', data => {
    said.stdout += data
  })
  child.stderr.on('data', data => {
    said.stderr += data
  })
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)))
  closing.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, said, ended }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 20))
}

describe('moodlake run --source ws://…', () => {
  it.each(['v1', 'v2'] as const)('%s: killed again and again, every event is in bronze once', async wire => {
    const server = await jetstreamServer()
    closing.push(() => server.close())
    server.faults.extra = 3
    const lake = await newFolder('lake')
    const landed = () => readdirSync(lake, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.jsonl')).length
    const run = () => start(['run', '--source', server[wire], '--lake', lake, '--trigger', '100ms', '--until', 'silver'])
    let n = 0
    for (let kill = 0; kill < 2; kill++) {
      const { child, ended } = run()
      await until(() => server.clients() === 1)
      const before = landed()
      const feeding = setInterval(() => server.emit(post(n++)), 2)
      await until(() => landed() > before + 1)
      child.kill('SIGKILL')
      await ended
      clearInterval(feeding)
    }
    const { child, said, ended } = run()
    await until(() => /bronze_stream/.test(said.stderr))
    // Interrupted, it lands what it has and ends well.
    await until(() => server.clients() === 1)
    server.emit(post(n++))
    const done = landed()
    await until(() => landed() > done)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    const { ended: last } = start([
      'run',
      '--source',
      join(lake, 'landing/bluesky'),
      '--lake',
      `${lake}-all`,
      '--until',
      'bronze',
    ])
    expect(await last).toBe(0)
    const all = (await rowsOf(`${lake}-all`, 'bronze')).map(row => String(row.id))
    expect(new Set(all).size).toBe(n)
    expect(all).toHaveLength(n)
  })

  it('a server that is not there: one sentence, exit code 1', async () => {
    const server = await jetstreamServer()
    await server.close()
    const { said, ended } = start(['run', '--source', server.v2, '--lake', await newFolder('lake'), '--until', 'silver'])
    expect(await ended).toBe(1)
    expect(said.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^moodlake: bluesky: 127\.0\.0\.1:\d+: cannot be reached: /),
    ])
  })
})
