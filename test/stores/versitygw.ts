import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type S3Server, serveS3 } from './s3-server.js'

const run = promisify(execFile)
const bin = resolve('.moodlake/bin')
const program = join(bin, 'versitygw')

/** Builds versitygw on first use; gives the reason when that is not possible here. */
async function install(): Promise<string | undefined> {
  if (existsSync(program)) return undefined
  if (!(await run('go', ['version']).catch(() => undefined))) return 'no go'
  mkdirSync(bin, { recursive: true })
  const env = { ...process.env, GOBIN: bin }
  return run('go', ['install', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'], { env, maxBuffer: 1 << 26 }).then(
    () => undefined,
    (error: Error) => `versitygw could not be built: ${error.message.slice(0, 300)}`,
  )
}

/** Starts versitygw on a new folder; a text is the reason why there is none here. */
export async function startVersitygw(): Promise<S3Server | string> {
  const reason = await install()
  if (reason) return reason
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-versitygw-'))
  for (const name of ['data', 'meta']) mkdirSync(join(folder, name))
  // Beside the files, not in extended attributes, which not every file system has.
  const posix = ['posix', '--sidecar', join(folder, 'meta'), join(folder, 'data')]
  const env = { ROOT_ACCESS_KEY: 'lake', ROOT_SECRET_KEY: 'lake-secret' }
  const credentials = { accessKeyId: 'lake', secretAccessKey: 'lake-secret' }
  return serveS3(program, port => ['--port', `127.0.0.1:${port}`, ...posix], credentials, env)
}
