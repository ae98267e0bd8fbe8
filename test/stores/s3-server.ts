import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Options } from '../../src/stores/s3-store.js'

/** A running S3 service with the bucket `lake`. */
export interface S3Server {
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

/** Starts a program that serves S3 on the port it is given, and makes the bucket; stop it when done. */
export async function serveS3(
  program: string,
  args: (port: number) => string[],
  credentials: { accessKeyId: string; secretAccessKey: string },
  env: Record<string, string> = {},
): Promise<S3Server> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
  const port = await freePort()
  const child: ChildProcess = spawn(program, args(port), { stdio: 'ignore', env: { ...process.env, ...env } })
  const endpoint = `http://127.0.0.1:${port}`
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
