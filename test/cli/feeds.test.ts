import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { forgetOrders } from '../../src/pipeline/orders.js'
import { newFolder, writeRecords } from '../pipeline/lake.js'
import { jetstreamServer } from '../sources/jetstream-server.js'
import { line, xServer } from '../sources/x-server.js'
import { closing, killInMidFeed, start, until } from './feed.js'

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('moodlake run --source ws://…', () => {
  it('v1: killed, every event is in bronze once', () => killInMidFeed('v1', 1))

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

describe('X by the command line', () => {
  const TOKEN = 'a-token-nobody-must-see'

  it('rules, then a run that ends at its budget: posts are tweets, orders to forget are none', async () => {
    const server = await xServer(TOKEN)
    closing.push(() => server.close())
    const env = { X_API_URL: server.url, X_BEARER_TOKEN: TOKEN }
    const added = start(['rules', 'add', 'cats lang:en', '--tag', 'c'], env)
    expect(await added.ended).toBe(0)
    expect(server.rules).toMatchObject([{ value: 'cats lang:en', tag: 'c' }])
    const again = start(['rules', 'add', 'cats lang:en'], env)
    expect(await again.ended).toBe(1)
    expect(again.said.stderr).toContain('DuplicateRule: cats lang:en')
    const lake = await newFolder('lake')
    const args = [
      'run',
      '--source',
      'x:stream',
      '--lake',
      lake,
      '--until',
      'silver',
      '--trigger',
      '100ms',
      '--budget',
      '0.05',
      '--json',
    ]
    const { said, ended } = start(args, env)
    await until(() => server.streams() === 1)
    server.write('{"data":{"delete":{"tweet":{"id":"3","author_id":"7"},"event_at":"2026-01-01T00:00:00.000Z"}}}\r\n')
    for (let i = 0; i < 20; i++) server.write(line(i))
    expect(await ended).toBe(0)
    expect((JSON.parse(said.stdout) as { rows: object }).rows).toMatchObject({ bronze: 11, silver: 10, quarantine: 1 })
    expect(said.stderr).toContain('the budget of $0.05 is spent: 10 posts read')
    const orders = []
    for await (const order of forgetOrders(lake)) orders.push(order)
    expect(orders).toEqual([{ tweetId: '3', reason: 'delete', time: '2026-01-01T00:00:00.000Z' }])
    expect(said.stderr + said.stdout).not.toContain(TOKEN)
    const holding = readdirSync(lake, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(TOKEN))
      .map(entry => entry.name)
    expect(holding).toEqual([])
  })

  it('without a token: one sentence', async () => {
    const { said, ended } = start(['run', '--source', 'x:stream', '--lake', await newFolder('lake'), '--until', 'bronze'], {
      X_BEARER_TOKEN: '',
    })
    expect(await ended).toBe(1)
    expect(said.stderr).toBe('moodlake: x: no token; set X_BEARER_TOKEN in the environment\n')
  })
})

describe('moodlake replay', () => {
  it('sends files with faults to order, and says how many', async () => {
    const [source, to] = [await newFolder('source'), await newFolder('to')]
    writeRecords(source, 0, 500, 100)
    const { said, ended } = start(['replay', source, '--to', to, '--faults', 'late=0.1,malformed=0.05', '--seed', '5', '--json'])
    expect(await ended).toBe(0)
    const done = JSON.parse(said.stdout) as { sent: number; faults: { malformed: number; late: number } }
    expect(done.sent).toBe(500)
    expect(said.stderr).toContain(`faults: ${done.faults.late} late, ${done.faults.malformed} malformed`)
    const wrong = start(['replay', source, '--to', to, '--faults', 'late=5'])
    expect(await wrong.ended).toBe(2)
    expect(wrong.said.stderr).toContain('not a fault with a share from 0 to 1: late=5')
  })
})
