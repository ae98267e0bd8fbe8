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
export function faulty(store: Store, at: number, fault: Fault, reads = false): Store & { calls(): number } {
  const { error, after, dead } = fault
  let calls = 0
  const fail = () => Object.assign(new Error(error), { code: error })
  const broken: Store = { ...store }
  for (const name of reads ? [...READS, ...WRITES] : WRITES) {
    const work = store[name] as (...args: unknown[]) => Promise<unknown>
    const wrapped = async (...args: unknown[]) => {
      const mine = calls++
      if ((mine === at && !after) || (mine > at && dead)) throw fail()
      const result = await work(...args)
      if (mine === at) throw fail()
      return result
    }
    Object.assign(broken, { [name]: wrapped })
  }
  return Object.assign(broken, { calls: () => calls })
}
