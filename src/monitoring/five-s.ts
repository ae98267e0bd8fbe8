/** The five S of tuning, each a measured value held against a rule. */

/** What was measured of a run. */
export interface TuningMeasurements {
  /** Bytes that the engine wrote to disk because memory was too small. */
  spilledBytes: number
  /** Rows of each data file (the engine's partitions) of the table that is worked on. */
  rowsPerFile: readonly number[]
  /** Sizes of those files, bytes. */
  bytesPerFile: readonly number[]
  /** Bytes that left the columnar engine for a TypeScript step and came back, and bytes of the table in all. */
  movedBytes: number
  tableBytes: number
  /** Milliseconds spent turning columns into JavaScript values and back, and milliseconds of the work in all. */
  convertMs: number
  workMs: number
}

/** One of the five S. */
export interface Tuning {
  name: 'spill' | 'skew' | 'shuffle' | 'storage' | 'serialisation'
  /** The measured value, in words with its unit. */
  value: string
  rule: string
  ok: boolean
  /** What to do when the rule is broken. */
  remedy: string
}

const SMALL_FILE = 2 ** 20
const MEGABYTE = 2 ** 20

const megabytes = (bytes: number) => `${(bytes / MEGABYTE).toFixed(2)} MB`
const percent = (share: number) => `${(100 * share).toFixed(0)} %`
const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0)

/** Judges a run by the five S. Rules are those of batch engines, with thresholds for one machine. */
export function fiveS(measured: TuningMeasurements): Tuning[] {
  const { rowsPerFile, bytesPerFile } = measured
  const mean = rowsPerFile.reduce((sum, rows) => sum + rows, 0) / Math.max(1, rowsPerFile.length)
  const skew = mean > 0 ? Math.max(...rowsPerFile) / mean : 1
  const small = bytesPerFile.filter(bytes => bytes < SMALL_FILE).length
  const moved = share(measured.movedBytes, measured.tableBytes)
  const converted = share(measured.convertMs, measured.workMs)
  return [
    {
      name: 'spill',
      value: `${megabytes(measured.spilledBytes)} written to disk for want of memory`,
      rule: '0 MB',
      ok: measured.spilledBytes === 0,
      remedy: 'smaller batches (--max-files), or more memory',
    },
    {
      name: 'skew',
      value: `largest file ${skew.toFixed(2)} × the mean of ${rowsPerFile.length} files (${Math.round(mean)} rows)`,
      rule: 'at most 2 × the mean',
      ok: skew <= 2,
      remedy: 'compact the table: moodlake optimize',
    },
    {
      name: 'shuffle',
      value: `${megabytes(measured.movedBytes)} moved between engine and steps, ${percent(moved)} of the table`,
      rule: 'at most the size of the table',
      ok: moved <= 1,
      remedy: 'let the step name fewer columns',
    },
    {
      name: 'storage',
      value: `${small} of ${bytesPerFile.length} files under 1 MB`,
      rule: 'at most 10 small files',
      ok: small <= 10,
      remedy: 'compact the table: moodlake optimize',
    },
    {
      name: 'serialisation',
      value: `${Math.round(measured.convertMs)} ms of ${Math.round(measured.workMs)} ms in conversion, ${percent(converted)}`,
      rule: 'at most 20 % of the work',
      ok: converted <= 0.2,
      remedy: 'do more in SQL, or hand over larger batches',
    },
  ]
}
