/** Which rows of a data file were purged: kept with the file's `add`, so that a row's number in a version stays what it was. */
import type { AddFile } from './actions.js'

/** Tag of an `add` action with the numbers of the rows that were purged, such as `0,4-7`. */
const GONE = 'moodlake.purged'

/** Operation of the commit that a purge leaves in the log. */
export const FORGET = 'FORGET'

/** Numbers of the purged rows, ascending, as the file was written at first. */
export function goneRows({ tags }: Pick<AddFile, 'tags'>): number[] {
  const rows: number[] = []
  for (const range of tags?.[GONE]?.split(',').filter(Boolean) ?? []) {
    const [from, to = from] = range.split('-').map(Number) as [number, number?]
    for (let row = from; row <= to; row++) rows.push(row)
  }
  return rows
}

/** The tags of a file of which more rows are gone, given by their numbers in the file as it is. */
export function withGone(file: Pick<AddFile, 'tags'>, more: readonly number[]): Record<string, string> {
  const before = goneRows(file)
  const rows = new Set(before)
  let i = 0
  for (const row of [...more].sort((a, b) => a - b)) {
    // Each row that went earlier moves the number by one.
    while (i < before.length && before[i]! <= row + i) i++
    rows.add(row + i)
  }
  const sorted = [...rows].sort((a, b) => a - b)
  const ranges: string[] = []
  for (let k = 0; k < sorted.length; k++) {
    const from = sorted[k]!
    while (sorted[k + 1] === sorted[k]! + 1) k++
    ranges.push(from === sorted[k] ? String(from) : `${from}-${sorted[k]}`)
  }
  return { ...file.tags, [GONE]: ranges.join(',') }
}

/** How many rows of the file as it is come before row `row` of the file as it was. */
export function presentBefore(gone: readonly number[], row: number): number {
  let low = 0
  let high = gone.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (gone[middle]! < row) low = middle + 1
    else high = middle
  }
  return row - low
}
