import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One temporary folder for a whole run of the tests and for every process that they start: nothing stays behind. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-test-'))
  // Open to all, as the system's is: some tests run commands as another user.
  chmodSync(folder, 0o1777)
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
