import { fileStore } from '../../src/stores/file-store.js'
import { wrapStores } from '../../src/stores/open-store.js'
import type { Store } from '../../src/stores/store.js'

/** How a store fails: at one call, before its work or after it (a lost answer). */
export interface Fault {
  error: string
  after: boolean
  /** Every later call fails as well, as when the process is killed there. */
  dead?: boolean
}

const WRITES = ['put', 'putIfAbsent', 'putFile', 'delete'] as const
const READS = ['stat', 'read'] as const

/** A store whose n-th call fails; only calls that write are counted and fail, or those that read a file too. */
export function faulty(
  store: Store,
  at: number,
  fault: Fault,
  reads = false,
  counter = { calls: 0 },
): Store & { calls(): number } {
  const { error, after, dead } = fault
  const fail = () => Object.assign(new Error(error), { code: error })
  const broken: Store = { ...store }
  for (const name of reads ? [...READS, ...WRITES] : WRITES) {
    const work = store[name] as (...args: unknown[]) => Promise<unknown>
    const wrapped = async (...args: unknown[]) => {
      const mine = counter.calls++
      if ((mine === at && !after) || (mine > at && dead)) throw fail()
      const result = await work(...args)
      if (mine === at) throw fail()
      return result
    }
    Object.assign(broken, { [name]: wrapped })
  }
  return Object.assign(broken, { calls: () => counter.calls })
}

/**
 * Does some work while the stores that are opened by their addresses fail, together, from the n-th write on, as when the process is
 * killed there; gives how many writes there were.
 */
export async function killedAt(at: number, work: () => Promise<unknown>): Promise<number> {
  const counter = { calls: 0 }
  wrapStores(store => faulty(store, at, { error: 'killed', after: false, dead: true }, false, counter))
  try {
    await work()
  } finally {
    wrapStores(undefined)
  }
  return counter.calls
}

/** The store of a folder, where somebody else does something right before each of the first commits. */
export function racing(folder: string, work: (left: number) => Promise<unknown>, times = 1): Store {
  const base = fileStore(folder)
  let left = times
  return {
    ...base,
    async putIfAbsent(path, bytes) {
      if (left-- > 0) await work(left)
      return base.putIfAbsent(path, bytes)
    },
  }
}
