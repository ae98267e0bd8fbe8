import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type S3Server, serveS3 } from './s3-server.js'

const program = resolve('.venv/bin/moto_server')

/** Why the S3 tests cannot run here, or undefined. */
export const noMoto = existsSync(program) ? undefined : `no ${program}: run npm run setup`

/** A moto server on a free port with the bucket `lake`. */
export type Moto = S3Server

/** Starts moto; stop it when done. */
export function startMoto(): Promise<Moto> {
  return serveS3(program, port => ['-H', '127.0.0.1', '-p', String(port)], { accessKeyId: 'test', secretAccessKey: 'test' })
}
