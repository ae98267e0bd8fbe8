import { rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { attach } from '../../src/pipeline/attach.js'
import { runPipeline } from '../../src/pipeline/run.js'
import type { MonitorLine } from '../../src/streams/monitor.js'
import type { Stream } from '../../src/streams/stream.js'
import { fakeModel } from './fake-model.js'
import { newFolder } from './lake.js'

let lake = ''
beforeEach(async () => {
  lake = await newFolder('attach')
})
afterEach(() => rmSync(lake, { recursive: true, force: true }))

const source = 'data/tweets/classroom/single'
const quiet = { everyMs: 20, idlePolls: 2, onLines: () => {} }

it('gives every batch of streams that ran earlier, whoever ran them', async () => {
  const streams: Stream[] = []
  const onStream = (stream: Stream) => void streams.push(stream)
  await runPipeline({ source, lake, model: fakeModel(), limits: { maxFiles: 60 }, onStream })
  const points = await attach(lake, quiet)
  const ran = streams.flatMap(stream => stream.progress().map(({ stream: name, rowsOut }) => [name, rowsOut]))
  expect(points.map(({ stream, rows }) => [stream, rows])).toEqual(ran)
  expect(points.length).toBeGreaterThan(4)
})

it('follows streams that run, and ends when nothing moves; stopped, it leaves them alone', async () => {
  const stop = new AbortController()
  const running = runPipeline({
    source,
    lake,
    model: fakeModel(),
    trigger: { everyMs: 20 },
    limits: { maxFiles: 20 },
    signal: stop.signal,
  })
  try {
    const begun = async () => (await attach(lake, { ...quiet, signal: AbortSignal.abort() }).catch(() => [])).length > 0
    await vi.waitFor(async () => expect(await begun()).toBe(true), { timeout: 30_000 })
    const looks: MonitorLine[][] = []
    const points = await attach(lake, { everyMs: 100, idlePolls: 5, onLines: lines => looks.push(lines) })
    const rows = (lines: MonitorLine[]) => lines.find(({ stream }) => stream === 'gold_stream')!.rows
    expect(rows(looks[0]!)).toBeLessThan(rows(looks.at(-1)!))
    expect(looks.at(-1)!.every(({ status }) => status === 'idle')).toBe(true)
    expect(points.filter(({ stream }) => stream === 'gold_stream').reduce((sum, point) => sum + point.rows, 0)).toBe(
      rows(looks.at(-1)!),
    )
  } finally {
    stop.abort()
    await running.catch(() => {})
  }
})

it('says when there is nothing to attach to', async () => {
  await expect(attach(lake, quiet)).rejects.toThrow(`no tables in ${lake}`)
})
