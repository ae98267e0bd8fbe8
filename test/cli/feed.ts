import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { newFolder, rowsOf } from '../pipeline/lake.js'
import { jetstreamServer, post } from '../sources/jetstream-server.js'

export const closing: (() => Promise<unknown>)[] = []

/** A command line of the build, running. */
export function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['bin/moodlake.mjs', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 20))
}

/** Feeds a command from a server, kills it `kills` times in mid-feed, and holds what was landed and read against what was sent. */
export async function killInMidFeed(wire: 'v1' | 'v2', kills: number): Promise<void> {
  const server = await jetstreamServer()
  closing.push(() => server.close())
  server.faults.extra = 3
  const lake = await newFolder('lake')
  const landed = () => readdirSync(lake, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.jsonl')).length
  const run = () => start(['run', '--source', server[wire], '--lake', lake, '--trigger', '100ms', '--until', 'silver'])
  let n = 0
  for (let kill = 0; kill < kills; kill++) {
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
  const { ended: last } = start(['run', '--source', join(lake, 'landing/bluesky'), '--lake', `${lake}-all`, '--until', 'bronze'])
  expect(await last).toBe(0)
  const all = (await rowsOf(`${lake}-all`, 'bronze')).map(row => String(row.id))
  expect(new Set(all).size).toBe(n)
  expect(all).toHaveLength(n)
}
