/** What ES2023 has and the notebook's TypeScript 5.0 does not know yet: arrays that are changed by copying. */
interface ReadonlyArray<T> {
  /** A reversed copy. */
  toReversed(): T[]
  /** A sorted copy. */
  toSorted(compareFn?: (a: T, b: T) => number): T[]
  /** A copy with `deleteCount` elements from `start` on replaced by `items`. */
  toSpliced(start: number, deleteCount?: number, ...items: T[]): T[]
  /** A copy with one element replaced. */
  with(index: number, value: T): T[]
}

interface Array<T> {
  /** A reversed copy. */
  toReversed(): T[]
  /** A sorted copy. */
  toSorted(compareFn?: (a: T, b: T) => number): T[]
  /** A copy with `deleteCount` elements from `start` on replaced by `items`. */
  toSpliced(start: number, deleteCount?: number, ...items: T[]): T[]
  /** A copy with one element replaced. */
  with(index: number, value: T): T[]
}
