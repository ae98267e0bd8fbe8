/** What the benchmarks share: taking turns, medians with their spread, the machine, the result file. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the repository. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** The machine without its name: processor, cores, memory, Node, and how busy it is with other things. */
export function machine() {
  const model = cpus()[0]?.model.trim() || 'unknown processor'
  return `${model}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}, load average ${Math.round(loadavg()[1])}`
}

/** Wall and CPU seconds of some work; CPU is that of all threads of this process. */
export async function timed(work) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  return { seconds, cpu: (used.user + used.system) / 1e6 }
}

const sorted = values => [...values].sort((a, b) => a - b)

/** The value below which a share of the values lie. */
export function quantile(values, share) {
  const list = sorted(values)
  const at = (list.length - 1) * share
  const low = Math.floor(at)
  return list[low] + (list[Math.min(low + 1, list.length - 1)] - list[low]) * (at - low)
}

/** Median with the spread, and the median CPU seconds. */
export function summary(runs) {
  const seconds = sorted(runs.map(run => run.seconds))
  return {
    seconds: quantile(seconds, 0.5),
    low: seconds[0],
    high: seconds.at(-1),
    cpu: quantile(
      runs.map(run => run.cpu),
      0.5,
    ),
  }
}

/**
 * Runs each side once to warm up and then n times, in turns, so that a busy machine is busy for all.
 * @param sides name → async (turn) => { seconds, cpu }
 */
export async function inTurns(n, sides) {
  const runs = Object.fromEntries(Object.keys(sides).map(name => [name, []]))
  for (let turn = -1; turn < n; turn++)
    for (const [name, side] of Object.entries(sides)) {
      const run = await side(turn)
      if (turn >= 0) runs[name].push(run)
    }
  return Object.fromEntries(Object.entries(runs).map(([name, list]) => [name, summary(list)]))
}

/** Writes `bench/results/NAME.json`, the shape that page.mjs describes. */
export function writeResult(name, result) {
  const file = join(root, 'bench', 'results', `${name}.json`)
  mkdirSync(dirname(file), { recursive: true })
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(file, `${JSON.stringify({ ...result, date, machine: machine() }, null, 2)}\n`)
}
