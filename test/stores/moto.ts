import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type S3Server, serveS3 } from './s3-server.js'

const program = resolve('.venv/bin/moto_server')

/** Why the S3 tests cannot run here, or undefined. */
export const noMoto = existsSync(program) ? undefined : `no ${program}: run npm run setup`

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

/** Starts moto on a free port, with the bucket `lake`; stop it when done. */
export function startMoto(): Promise<S3Server> {
  return serveS3(program, port => ['-H', '127.0.0.1', '-p', String(port)], credentials)
}

/** As `startMoto`, and makes it the S3 service that this process reaches by addresses alone, until it is stopped. */
export async function startOwnMoto(): Promise<S3Server> {
  const moto = await startMoto()
  const before = { ...process.env }
  const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = credentials
  Object.assign(process.env, { AWS_ENDPOINT_URL: moto.endpoint, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY })
  const stop = async () => {
    process.env = before
    await moto.stop()
  }
  return { ...moto, stop }
}

/** Runs moto beside the tests of a block, in which what this gives is filled in. */
export function useMoto(start = startMoto): S3Server {
  const moto = {} as S3Server
  beforeAll(async () => {
    Object.assign(moto, await start())
  })
  afterAll(() => moto.stop?.())
  return moto
}
