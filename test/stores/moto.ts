import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Options } from '../../src/stores/s3-store.js'

const program = resolve('.venv/bin/moto_server')

/** Why the S3 tests cannot run here, or undefined. */
export const noMoto = existsSync(program) ? undefined : `no ${program}: run npm run setup`

/** A moto server on a free port with the bucket `lake`. */
export interface Moto {
  endpoint: string
  options: S3Options
  stop(): Promise<void>
}

/** A port of this machine that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer()
    server.once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** Starts moto; stop it when done. */
export async function startMoto(): Promise<Moto> {
  const port = await freePort()
  const child: ChildProcess = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  for (let tries = 0; ; tries++) {
    try {
      await client.send(new CreateBucketCommand({ Bucket: 'lake' }))
      break
    } catch (error) {
      if (tries > 100 || child.exitCode !== null) throw error
      await sleep(200)
    }
  }
  return {
    endpoint,
    options: { endpoint, region: 'us-east-1', credentials },
    stop: async () => {
      client.destroy()
      if (child.exitCode !== null) return
      await new Promise<void>(done => {
        child.once('exit', () => done())
        child.kill('SIGTERM')
      })
    },
  }
}
