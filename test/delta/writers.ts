import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { duckdb, openTable } from '../../src/delta/index.js'
import type { Store } from '../../src/stores/store.js'

const run = promisify(execFile)
const script = resolve('test/delta/writer.mjs')

/** A commit that a writer was told of. */
export interface Told {
  writer: string
  n: number
  version: number
}

if (!existsSync('dist/delta/index.js')) throw new Error('no dist/: npm run build comes first')

/** Appends from a process of its own, one row a commit. */
export async function write(location: string, writer: string, commits: number, options?: unknown): Promise<Told[]> {
  const args = [script, location, writer, String(commits), ...(options ? [JSON.stringify(options)] : [])]
  const { stdout } = await run(process.execPath, args)
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Told)
}

/** The rows of a table, in order. */
export async function rowsOf(store: string | Store): Promise<{ writer: string; n: number }[]> {
  const snapshot = await (await openTable(store)).snapshot()
  return (await duckdb()).rows(`SELECT writer, n FROM ${await snapshot.relation()} ORDER BY writer, n`)
}

/** The rows that commits stand for, in order. */
export const wanted = (told: readonly Pick<Told, 'writer' | 'n'>[]) =>
  told.map(({ writer, n }) => ({ writer, n })).sort((a, b) => (a.writer === b.writer ? a.n - b.n : a.writer < b.writer ? -1 : 1))
