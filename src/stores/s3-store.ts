import { randomUUID } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { checkedPath, checkedPrefix, toBytes } from './paths.js'
import { FileNotFoundError, type Store } from './store.js'

/** How to reach an S3 service. What is left out comes from the environment as the AWS SDK reads it. */
export interface S3Options {
  /** URL of an S3-compatible service; default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else AWS. */
  endpoint?: string
  /** Default `AWS_REGION`, else `us-east-1`. */
  region?: string
  /** Default: the SDK's chain (environment, profile, role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** Sends unsigned requests, for public buckets. Default: `AWS_S3_ANONYMOUS=1` in the environment. */
  anonymous?: boolean
  /** Attempts per request, the first included. Default 5. */
  attempts?: number
  /** Largest size in bytes written in one request, and the size of a part beyond it. Default 64 MiB; S3 wants at least 5 MiB. */
  partBytes?: number
}

/** A service that overwrites on `If-None-Match: *` and so cannot hold a Delta log safely. */
export class ConditionalPutError extends Error {
  override name = 'ConditionalPutError'
  constructor(readonly store: string) {
    super(`${store}: this service ignores If-None-Match and would overwrite commits; tables cannot be written here`)
  }
}

type Sdk = typeof import('@aws-sdk/client-s3')
interface Connection {
  sdk: Sdk
  client: S3Client
}

const MAX_CONFLICTS = 8

async function connect(self: string, options: S3Options): Promise<Connection> {
  // Node 20 is what this project stands on; the SDK's version is pinned to one that supports it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  let sdk: Sdk
  try {
    sdk = await import('@aws-sdk/client-s3')
  } catch (cause) {
    throw new Error('s3: the package @aws-sdk/client-s3 is not installed (npm install @aws-sdk/client-s3)', { cause })
  }
  const env = process.env
  const endpoint = options.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL
  const config: S3ClientConfig = {
    region: options.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    maxAttempts: options.attempts ?? 5,
    // Services other than AWS often lack the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  }
  if (endpoint) Object.assign(config, { endpoint, forcePathStyle: true })
  if (options.credentials) config.credentials = options.credentials
  if (options.anonymous ?? env.AWS_S3_ANONYMOUS === '1') {
    config.signer = { sign: async request => request }
    config.credentials = { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' }
  }
  const client = new sdk.S3Client(config)
  // The service says what is wrong, not with what.
  client.middlewareStack.add(
    next => async args => {
      try {
        return await next(args)
      } catch (error) {
        if (error instanceof Error) error.message = `${self}: ${error.message || error.name}`
        throw error
      }
    },
    { step: 'initialize', name: 'moodlakeSubject' },
  )
  return { sdk, client }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}

/** Services by endpoint and bucket that were seen to answer 412 as they should. */
const probed = new Map<string, Promise<void>>()

/**
 * A bucket, or a prefix of one, as a store. `putIfAbsent` is a conditional put (`If-None-Match: *`); `probe`, or the
 * first one, makes sure once a process that the service honours it (`ConditionalPutError` where it does not). A put whose answer
 * was lost and that was retried looks like "there is one already": the caller reads back to tell.
 * @param uri `s3://bucket/prefix`
 */
export function s3Store(uri: string, options: S3Options = {}): Store {
  const address = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(uri)
  if (!address) throw new Error(`s3: not an address of the form s3://bucket/prefix: ${uri}`)
  const Bucket = address[1] as string
  const prefix = (address[2] ?? '').replace(/\/+$/, '')
  const root = prefix ? `${prefix}/` : ''
  const self = `s3://${Bucket}${prefix ? `/${prefix}` : ''}`
  const partBytes = options.partBytes ?? 64 << 20
  const key = (path: string) => root + checkedPath(self, path)
  let connection: Promise<Connection> | undefined
  const open = () => (connection ??= connect(self, options))

  async function putOnce(path: string, bytes: Uint8Array): Promise<boolean> {
    const { sdk, client } = await open()
    for (let conflicts = 0; ; conflicts++) {
      try {
        await client.send(new sdk.PutObjectCommand({ Bucket, Key: key(path), Body: bytes, IfNoneMatch: '*' }))
        return true
      } catch (error) {
        if (statusOf(error) === 412) return false
        // 409: another conditional put of the same key is under way; the service asks to try again.
        if (statusOf(error) !== 409 || conflicts === MAX_CONFLICTS) throw error
        await sleep(20 + Math.random() * 50 * 2 ** conflicts)
      }
    }
  }
  async function tryTwice(): Promise<void> {
    const path = `_probe-${randomUUID()}`
    try {
      await putOnce(path, toBytes('1'))
      if (await putOnce(path, toBytes('2'))) throw new ConditionalPutError(self)
    } finally {
      // Who may write but not remove leaves a byte that no reader looks at.
      await remove(path).catch(() => undefined)
    }
  }
  async function ensureProbed(): Promise<void> {
    const { client } = await open()
    const endpoint = await client.config.endpoint?.()
    const service = `${endpoint?.hostname ?? 'aws'}:${endpoint?.port ?? ''}/${Bucket}`
    let result = probed.get(service)
    if (!result) {
      result = tryTwice()
      probed.set(service, result)
      result.catch(() => probed.delete(service))
    }
    await result
  }
  async function remove(path: string): Promise<void> {
    const { sdk, client } = await open()
    await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key(path) }))
  }
  async function put(path: string, bytes: Uint8Array): Promise<void> {
    const { sdk, client } = await open()
    await client.send(new sdk.PutObjectCommand({ Bucket, Key: key(path), Body: bytes }))
  }
  async function putParts(path: string, file: fs.FileHandle, size: number): Promise<void> {
    const { sdk, client } = await open()
    const target = { Bucket, Key: key(path) }
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(target))
    try {
      const Parts: { ETag: string | undefined; PartNumber: number }[] = []
      for (let start = 0; start < size; start += partBytes) {
        const buffer = Buffer.allocUnsafe(Math.min(partBytes, size - start))
        await file.read(buffer, 0, buffer.length, start)
        const PartNumber = Parts.length + 1
        const { ETag } = await client.send(new sdk.UploadPartCommand({ ...target, UploadId, PartNumber, Body: buffer }))
        Parts.push({ ETag, PartNumber })
      }
      await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
    } catch (error) {
      await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined)
      throw error
    }
  }

  return {
    uri: self,
    async *list(from, { after, signal } = {}) {
      checkedPrefix(self, from)
      const { sdk, client } = await open()
      let ContinuationToken: string | undefined
      do {
        signal?.throwIfAborted()
        const page = await client.send(
          new sdk.ListObjectsV2Command({
            Bucket,
            Prefix: root + from,
            ContinuationToken,
            ...(after === undefined ? {} : { StartAfter: root + after }),
          }),
          signal ? { abortSignal: signal } : {},
        )
        for (const item of page.Contents ?? []) {
          if (!item.Key || item.Key.endsWith('/')) continue
          yield { path: item.Key.slice(root.length), size: item.Size ?? 0, modified: item.LastModified ?? new Date(0) }
        }
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
      } while (ContinuationToken)
    },
    async stat(path) {
      const { sdk, client } = await open()
      try {
        const head = await client.send(new sdk.HeadObjectCommand({ Bucket, Key: key(path) }))
        return { path, size: head.ContentLength ?? 0, modified: head.LastModified ?? new Date(0) }
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw error
      }
    },
    async read(path, range) {
      if (range?.end !== undefined && range.end <= range.start) return new Uint8Array()
      const { sdk, client } = await open()
      const Range = range ? `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` : undefined
      try {
        const answer = await client.send(new sdk.GetObjectCommand({ Bucket, Key: key(path), Range }))
        return (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
      } catch (error) {
        if (statusOf(error) === 416) return new Uint8Array()
        const missing = statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket'
        if (missing) throw new FileNotFoundError(self, path, { cause: error })
        throw error
      }
    },
    put: (path, bytes) => put(path, toBytes(bytes)),
    async putIfAbsent(path, bytes) {
      await ensureProbed()
      return putOnce(path, toBytes(bytes))
    },
    async probe() {
      try {
        await ensureProbed()
      } catch (error) {
        // Whatever else hinders writing is no reason not to read; the first commit is told of it.
        if (error instanceof ConditionalPutError) throw error
      }
    },
    async putFile(path, localFile) {
      const file = await fs.open(localFile, 'r')
      try {
        const { size } = await file.stat()
        if (size > partBytes) await putParts(path, file, size)
        else await put(path, await file.readFile())
      } finally {
        await file.close()
      }
      await fs.rm(localFile, { force: true })
    },
    delete: remove,
  }
}
