/** `npm run demo`: from a fresh clone to the finished report. */
import { join } from 'node:path'
import { hand } from './process.mjs'
import { root, setupOrExit } from './setup.mjs'

await setupOrExit()
process.exitCode = await hand(process.execPath, [join(root, 'bin', 'moodlake.mjs'), 'demo', ...process.argv.slice(2)], {
  cwd: root,
})
