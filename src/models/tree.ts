/** Decision trees and random forests over terms: each node asks whether a term occurs. */

import type { Random } from './random.js'
import type { SparseRows } from './text-features.js'

/** Trees in one block of arrays; a node is a place in them. */
export interface Forest {
  /** First node of each tree. */
  roots: readonly number[]
  /** Column that a node asks for; −1 in a leaf. */
  column: Int32Array
  /** Node to go to where the column has no value; where it has one, the node after that. */
  next: Int32Array
  /** Shares of the classes, k a node. */
  shares: Float32Array
}

/** How trees grow. */
export interface TreeSettings {
  /** Number of classes. */
  k: number
  /** Trees; 1 is a decision tree, which sees every row once and every column. */
  trees: number
  /** Most questions from root to leaf. */
  depth: number
  /** Fewest rows in a leaf. */
  minLeaf: number
  /** Most rows that a tree of several draws. */
  draws: number
}

/**
 * Grows trees by the Gini impurity (Breiman 1984, 2001). With more than one, each learns from rows drawn with
 * replacement and tries at each node about √size of the columns that occur there.
 * @yields the share done
 */
export function* growForest(
  rows: SparseRows,
  classes: Uint8Array,
  size: number,
  { k, trees, depth, minLeaf, draws }: TreeSettings,
  random: Random,
): Generator<number, Forest> {
  const n = trees === 1 ? classes.length : Math.min(classes.length, draws)
  const nodes = { column: [] as number[], next: [] as number[], shares: [] as number[] }
  const counts = new Int32Array(k * size)
  const roots: number[] = []
  const leaf = () => {
    nodes.next.push(-1)
    for (let c = 0; c < k; c++) nodes.shares.push(0)
    return nodes.column.push(-1) - 1
  }
  for (let tree = 0; tree < trees; tree++) {
    const order = Uint32Array.from({ length: n }, (_, i) => (trees === 1 ? i : Math.floor(random() * classes.length)))
    const root = leaf()
    roots.push(root)
    const open = [{ node: root, from: 0, to: n, level: 0 }]
    let work = 0
    for (let job = open.pop(); job; job = open.pop()) {
      const { node, from, to, level } = job
      const totals = new Float64Array(k)
      for (let i = from; i < to; i++) totals[classes[order[i]!]!]! += 1
      for (let c = 0; c < k; c++) nodes.shares[k * node + c] = totals[c]! / (to - from)
      if (level >= depth || to - from < 2 * minLeaf || totals.some(total => total === to - from)) continue
      const tried = trees === 1 ? undefined : { most: Math.sqrt(size), random }
      const best = bestColumn(rows, classes, order.subarray(from, to), { counts, totals, minLeaf, tried })
      if (best < 0) continue
      const middle = partition(rows, order, from, to, best)
      nodes.column[node] = best
      const absent = leaf()
      leaf()
      nodes.next[node] = absent
      open.push({ node: absent, from, to: middle, level: level + 1 })
      open.push({ node: absent + 1, from: middle, to, level: level + 1 })
      work += to - from
      if (work > 2000) {
        work = 0
        yield tree / trees
      }
    }
  }
  return {
    roots,
    column: Int32Array.from(nodes.column),
    next: Int32Array.from(nodes.next),
    shares: Float32Array.from(nodes.shares),
  }
}

interface NodeFacts {
  /** Rows by column and class: all 0, and left so. */
  counts: Int32Array
  totals: Float64Array
  minLeaf: number
  tried?: { most: number; random: Random }
}

/** The column whose question leaves the least impurity, the first one on a tie; −1 when none helps. */
function bestColumn(
  { offsets, buckets }: SparseRows,
  classes: Uint8Array,
  order: Uint32Array,
  { counts, totals, minLeaf, tried }: NodeFacts,
): number {
  const k = totals.length
  const seen: number[] = []
  for (const row of order) {
    const c = classes[row]!
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const at = k * buckets[i]!
      let before = 0
      for (let j = 0; j < k; j++) before += counts[at + j]!
      if (before === 0) seen.push(buckets[i]!)
      counts[at + c]! += 1
    }
  }
  // A column in every row asks nothing, and one in too few rows is not allowed: neither is drawn.
  const fit = seen.filter(column => {
    let present = 0
    for (let c = 0; c < k; c++) present += counts[k * column + c]!
    return present >= minLeaf && order.length - present >= minLeaf
  })
  const chance = tried ? tried.most / fit.length : 1
  let [best, most] = [-1, totals.reduce((sum, total) => sum + total * total, 0) / order.length + 1e-9]
  for (const column of fit) {
    if (tried && chance < 1 && tried.random() >= chance) continue
    let [present, squaresIn, squaresOut] = [0, 0, 0]
    for (let c = 0; c < k; c++) {
      const count = counts[k * column + c]!
      present += count
      squaresIn += count * count
      squaresOut += (totals[c]! - count) ** 2
    }
    const purity = squaresIn / present + squaresOut / (order.length - present)
    if (purity > most + 1e-12 || (purity > most - 1e-12 && best >= 0 && column < best)) [best, most] = [column, purity]
  }
  for (const column of seen) counts.fill(0, k * column, k * column + k)
  return best
}

/** Puts the rows without the column first; gives where those with it begin. */
function partition({ offsets, buckets }: SparseRows, order: Uint32Array, from: number, to: number, column: number): number {
  let middle = from
  for (let i = from; i < to; i++) {
    const row = order[i]!
    if (buckets.subarray(offsets[row]!, offsets[row + 1]!).includes(column)) continue
    order[i] = order[middle]!
    order[middle++] = row
  }
  return middle
}

/**
 * Shares of the classes for one text, averaged over the trees.
 * @param has whether the text has a column
 */
export function askForest({ roots, column, next, shares }: Forest, k: number, has: (column: number) => boolean): Float64Array {
  const sum = new Float64Array(k)
  for (const root of roots) {
    let node = root
    while (column[node]! >= 0) node = next[node]! + (has(column[node]!) ? 1 : 0)
    for (let c = 0; c < k; c++) sum[c]! += shares[k * node + c]! / roots.length
  }
  return sum
}
