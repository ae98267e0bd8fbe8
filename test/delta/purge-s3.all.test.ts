import { randomUUID } from 'node:crypto'
import { describe, it } from 'vitest'
import { openStore } from '../../src/stores/open-store.js'
import { noMoto, useMoto } from '../stores/moto.js'
import { noOracle } from './oracle.js'
import { checkPurge, KINDS } from './purged.js'

describe.skipIf(noMoto ?? noOracle)(`a purge on S3${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  const moto = useMoto()

  it.each(Object.keys(KINDS))(
    'takes rows out of every version of %s, killed on the way too',
    { timeout: 600_000 },
    async kind => {
      const { endpoint, credentials } = moto.options as { endpoint: string; credentials: Record<string, string> }
      const storage = {
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId!,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey!,
        AWS_REGION: 'us-east-1',
        AWS_ALLOW_HTTP: 'true',
      }
      const fresh = () => {
        const address = `s3://lake/${randomUUID()}`
        return { store: openStore(address, moto.options), address }
      }
      await checkPurge(kind, { fresh, storage, kills: 2 })
    },
  )
})
