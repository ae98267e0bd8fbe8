/**
 * `node bench/crash.mjs [KILLS]`: the crash test over 1,000 kills, in rounds of 50, each with its own seed and ledger. What is done is kept in
 * .moodlake/: stopped in the middle, it goes on with the next round when it is started again. Writes bench/results/crash.json.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crashTest } from '../dist/pipeline/crash-test.js'
import { root, writeResult } from './measure.mjs'

const kills = Number(process.argv[2] ?? 1000)
const ROUND = 50
const kept = join(root, '.moodlake', `crash-${kills}.json`)

/** The rounds that an earlier start has done. */
function readRounds() {
  try {
    return JSON.parse(readFileSync(kept, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

const rounds = readRounds()
const done = () => rounds.reduce((sum, round) => sum + round.kills, 0)
while (done() < kills) {
  const round = await crashTest({ kills: Math.min(ROUND, kills - done()), seed: rounds.length + 1 })
  rounds.push(round)
  mkdirSync(join(root, '.moodlake'), { recursive: true })
  writeFileSync(kept, JSON.stringify(rounds))
  process.stdout.write(
    `${done()} of ${kills} kills: lost ${round.lost}, duplicated ${round.duplicated}, tables ${round.identical ? 'identical' : `DIFFER; see ${round.folder}`}\n`,
  )
}

const sum = part => rounds.reduce((total, round) => total + part(round), 0)
const steps = {}
for (const round of rounds) for (const [step, n] of Object.entries(round.steps)) steps[step] = (steps[step] ?? 0) + n
const tables = Object.keys(rounds[0].tables)
const identical = rounds.every(round => round.identical)
writeResult('crash', {
  title: 'Crash test',
  about:
    'A pipeline killed by SIGKILL at each of its steps in turn, at random moments, and its scorer workers; after each round of 50 kills its tables are held against an undisturbed run, row by row.',
  command: `node bench/crash.mjs ${kills}`,
  rows: [
    {
      work: `${done()} kills at ${Object.keys(steps).length} kinds of places, in ${sum(round => round.runs)} runs`,
      ours: `lost ${sum(round => round.lost)}, duplicated ${sum(round => round.duplicated)}, tables ${identical ? 'identical' : 'different'}`,
      target: '0, 0, identical',
      n: done(),
      note: `${sum(round => round.records)} records, ${Math.round(sum(round => round.seconds))} s; fewest kills of one place: ${Math.min(...Object.values(steps))}`,
    },
    ...tables.map(name => ({
      work: name,
      ours: `${sum(round => round.tables[name].rows)} rows`,
      note: `lost ${sum(round => round.tables[name].lost)}, duplicated ${sum(round => round.tables[name].duplicated)}, foreign ${sum(round => round.tables[name].foreign)}`,
    })),
  ],
})
rmSync(kept)
process.exitCode = identical ? 0 : 1
