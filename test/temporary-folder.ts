import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One temporary folder for a whole run of the tests and for every process that they start: nothing stays behind. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-test-'))
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
