#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function notSetUp(what) {
  process.stderr.write(`moodlake: ${what}: run npm run setup first (in ${root})\n`)
  process.exit(1)
}

// Whoever reads, such as `head`, may have enough.
process.stdout.on('error', error => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
if (!existsSync(`${root}/dist/cli/main.js`)) notSetUp('not built yet')
try {
  const { main } = await import('../dist/cli/main.js')
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
  notSetUp(error.message.replace(/ imported from .*/, ''))
}
