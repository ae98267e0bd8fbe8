/** A table's rows as one Parquet file, as a reader sees them. */
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { duckdb, quoteText } from './duckdb.js'
import type { Snapshot } from './snapshot.js'

/** What was exported. */
export interface Exported {
  /** Version of the table. */
  version: number
  rows: number
  /** Absolute path of the file. */
  output: string
}

/**
 * Writes a snapshot's rows into one local Parquet file (zstd) with exactly the table's columns and types; the file
 * appears when it is whole. Throws `DataFileError` for data files that are missing or damaged.
 */
export async function exportTable(snapshot: Snapshot, output: string): Promise<Exported> {
  const target = resolve(output)
  await mkdir(dirname(target), { recursive: true })
  const temp = `${target}.${process.pid}.tmp`
  try {
    const source = `SELECT * FROM ${await snapshot.relation()}`
    const database = await duckdb()
    const rows = await database.run(`COPY (${source}) TO ${quoteText(temp)} (FORMAT parquet, COMPRESSION zstd)`).catch(error => {
      throw snapshot.explain(error)
    })
    await rename(temp, target)
    return { version: snapshot.version, rows, output: target }
  } finally {
    await rm(temp, { force: true })
  }
}
