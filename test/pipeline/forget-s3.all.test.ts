import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Moto, noMoto, startMoto } from '../stores/moto.js'
import { compareForgotten } from './forgotten-tables.js'

beforeAll(() => {
  process.env.MOODLAKE_CONFIG = mkdtempSync(join(tmpdir(), 'moodlake-config-'))
})

describe.skipIf(noMoto)(`forget in a lake on S3${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto
  const before = { ...process.env }
  beforeAll(async () => {
    moto = await startMoto()
    const { accessKeyId, secretAccessKey } = moto.options.credentials as { accessKeyId: string; secretAccessKey: string }
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    })
  })
  afterAll(async () => {
    process.env = before
    await moto?.stop()
  })

  it('comes to the same as on disk, killed on the way too', async () => {
    await compareForgotten('s3://lake/forget', 2)
  })
})
