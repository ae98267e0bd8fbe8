/** `node bench/crash.mjs [KILLS]`: the crash test over 1,000 kills; writes its ledger to bench/results/crash.json. */
import { crashTest } from '../dist/pipeline/crash-test.js'
import { writeResult } from './measure.mjs'

const kills = Number(process.argv[2] ?? 1000)
const report = await crashTest({
  kills,
  onKill: (where, n) => {
    if (n % 50 === 0) process.stdout.write(`kill ${n}: ${where}\n`)
  },
})
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
writeResult('crash', {
  title: 'Crash test',
  about:
    'A pipeline killed by SIGKILL at each of its steps in turn, at random moments, and its scorer workers; its tables held against an undisturbed run, row by row.',
  command: 'node bench/crash.mjs',
  report,
})
process.exitCode = report.identical ? 0 : 1
