import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTable } from '../../src/delta/index.js'
import { forget } from '../../src/pipeline/forget.js'
import { openStore } from '../../src/stores/open-store.js'
import { NAME, newLake } from './forgotten.js'
import { compareForgotten } from './forgotten-tables.js'
import { newFolder } from './lake.js'

const all = process.env.MOODLAKE_TEST_ALL === '1'

beforeAll(() => {
  process.env.MOODLAKE_CONFIG = mkdtempSync(join(tmpdir(), 'moodlake-config-'))
})

describe('forget, where tables have partitions, column mapping, deletion vectors, change data', () => {
  it('comes to the same as in plain tables, killed on the way too', async () => {
    await compareForgotten(await newFolder('kinds'), all ? 3 : 1)
  })

  it('refuses a table that it could not write, with nothing changed', async () => {
    const { lake } = await newLake(1)
    const { store } = await openTable(join(lake, 'gold'))
    const { version } = await (await openTable(join(lake, 'gold'))).snapshot()
    const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] }
    await store.put(`_delta_log/${String(version + 1).padStart(20, '0')}.json`, `${JSON.stringify({ protocol })}\n`)
    const files = async () => {
      const found: string[] = []
      for await (const { path, size, modified } of openStore(lake).list('')) found.push(`${path} ${size} ${modified.getTime()}`)
      return found
    }
    const before = await files()
    await expect(forget({ user: NAME }, { lake })).rejects.toMatchObject({
      name: 'UnsupportedFeatureError',
      features: ['rowTracking'],
    })
    expect(await files()).toEqual(before)
  })
})
