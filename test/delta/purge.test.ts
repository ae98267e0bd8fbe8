import { describe, it } from 'vitest'
import { fileStore } from '../../src/stores/file-store.js'
import { newFolder, noOracle } from './oracle.js'
import { checkPurge, KINDS } from './purged.js'

const all = process.env.MOODLAKE_TEST_ALL === '1'
const onDisk = () => {
  const address = newFolder()
  return { store: fileStore(address), address }
}

describe.skipIf(noOracle)(`a purge${noOracle ? ` (skipped: ${noOracle})` : ''}`, () => {
  const kinds = all ? Object.keys(KINDS) : ['partitions by a day', 'column mapping by id, and partitions', 'all of it']
  it.each(kinds)(
    'takes rows out of every version of %s, killed on the way too',
    kind => checkPurge(kind, { fresh: onDisk, kills: all ? 40 : 1 }),
    600_000,
  )
})
