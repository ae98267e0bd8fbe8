import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/stores/memory-store.js'
import { openStore } from '../../src/stores/open-store.js'
import { storeContract } from '../contracts/store.js'

describe('memory store', () => {
  storeContract(() => memoryStore())

  it('is shared by name', async () => {
    await openStore('memory:shared').put('x', '1')
    expect((await openStore('memory:shared').read('x')).length).toBe(1)
    expect(await openStore('memory:other').stat('x')).toBeUndefined()
  })
})
