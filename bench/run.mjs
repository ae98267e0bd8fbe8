/** `npm run bench` lists the benchmarks; `npm run bench NAME` builds, runs one and makes docs/benchmarks.md anew; `npm run bench page` only that. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hand } from '../scripts/process.mjs'
import { root } from './measure.mjs'
import { writePage } from './page.mjs'

const PARTS = ['measure.mjs', 'page.mjs', 'run.mjs', 'sentiment140.mjs', 'spark.mjs']
const names = readdirSync(join(root, 'bench'))
  .filter(file => file.endsWith('.mjs') && !PARTS.includes(file))
  .map(file => file.slice(0, -'.mjs'.length))
  .sort()
const say = line => process.stdout.write(`${line}\n`)
const node = (...args) => hand(process.execPath, args, { cwd: root })

/** Exit code of what was asked for. */
async function main([name, ...args]) {
  if (name === undefined) {
    for (const each of names) {
      const file = join(root, 'bench', 'results', `${each}.json`)
      const last = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
      say(`npm run bench ${each}${last ? `   ${last.title}, last run ${last.date}` : ''}`)
    }
    return 0
  }
  if (name !== 'page') {
    if (!names.includes(name)) {
      say(`bench: no such benchmark: ${name} (${names.join(', ')})`)
      return 2
    }
    const code =
      (await node(join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json')) ||
      (await node(join('bench', `${name}.mjs`), ...args))
    if (code) return code
  }
  say(writePage())
  return 0
}

process.exitCode = await main(process.argv.slice(2))
