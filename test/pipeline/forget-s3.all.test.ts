import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, it } from 'vitest'
import { noMoto, startOwnMoto, useMoto } from '../stores/moto.js'
import { compareForgotten } from './forgotten-tables.js'

beforeAll(() => {
  process.env.MOODLAKE_CONFIG = mkdtempSync(join(tmpdir(), 'moodlake-config-'))
})

describe.skipIf(noMoto)(`forget in a lake on S3${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  useMoto(startOwnMoto)

  it('comes to the same as on disk, killed on the way too', async () => {
    await compareForgotten('s3://lake/forget', 2)
  })
})
