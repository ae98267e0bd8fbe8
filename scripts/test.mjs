/**
 * `npm test`: set-up, lint, types, tests; stops at the first stage that fails. Its last line is `N passed, N failed`.
 *   --all    also the suites that need Java, Go, apt or a browser (`*.all.test.ts`)
 *   --rest   nothing but those suites: what `--all` has over a plain run that was just done
 * Further arguments go to vitest.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { hand } from './process.mjs'
import { root, setupOrExit } from './setup.mjs'

const args = process.argv.slice(2)
const rest = args.includes('--rest')
const all = rest || args.includes('--all')
const more = args.filter(arg => arg !== '--all' && arg !== '--rest')
const resultFile = join(root, '.moodlake', 'test-result.json')
const say = line => process.stdout.write(`${line}\n`)
const node = (script, ...options) =>
  hand(process.execPath, [join(root, 'node_modules', ...script.split('/')), ...options], { cwd: root, env })
const env = { ...process.env, ...(all ? { MOODLAKE_TEST_ALL: '1' } : {}) }

function vitest() {
  const only = rest ? ['.all.test.', '--passWithNoTests'] : []
  return node(
    'vitest/vitest.mjs',
    'run',
    ...only,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${resultFile}`,
    ...more,
  )
}

/** Counts of vitest's own report; a file that could not be loaded counts as a failure. */
function counts() {
  let report
  try {
    report = JSON.parse(readFileSync(resultFile, 'utf8'))
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  }
  const skipped = []
  let unloaded = 0
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed')) unloaded++
    for (const test of file.assertionResults)
      if (!['passed', 'failed'].includes(test.status)) skipped.push(`${relative(root, file.name)}: ${test.fullName}`)
  }
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded, skipped }
}

/** Runs the stages in turn; gives the exit code of the first that fails. */
async function main() {
  await setupOrExit({ tests: true })
  const stages = [
    ['lint', () => node('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.')],
    ['types', () => node('typescript/bin/tsc', '--noEmit')],
  ]
  for (const [name, work] of rest ? [] : stages) {
    const code = await work()
    if (!code) continue
    say(`${name} failed; the tests were not run`)
    say('0 passed, 1 failed')
    return code
  }
  rmSync(resultFile, { force: true })
  const code = await vitest()
  const { passed, failed, skipped } = counts()
  if (skipped.length) say(`${skipped.length} skipped:\n${skipped.map(name => `  ${name}`).join('\n')}`)
  say(`${passed} passed, ${failed || (code ? 1 : 0)} failed`)
  return code || (failed ? 1 : 0)
}

process.exitCode = await main()
