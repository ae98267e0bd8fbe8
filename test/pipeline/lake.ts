import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duckdb, openTable, type Row } from '../../src/delta/index.js'
import { tableLocation } from '../../src/pipeline/lake.js'

/** A new folder that nobody else has. */
export const newFolder = (name: string) => mkdtemp(join(tmpdir(), `moodlake-${name}-`))

/** The rows of a table of a lake, without the times of processing, sorted: what two runs must agree on. */
export async function rowsOf(lake: string, table: string): Promise<Row[]> {
  const snapshot = await (await openTable(tableLocation(lake, table))).snapshot()
  const rows = await (await duckdb()).rows(`SELECT * FROM ${await snapshot.relation()}`)
  for (const row of rows) for (const name of ['processing_time', 'scored_at', 'time']) delete row[name]
  return rows
    .map(row => JSON.stringify(row))
    .sort()
    .map(row => JSON.parse(row) as Row)
}

export const TABLES = ['bronze', 'silver', 'gold', 'application', 'quarantine']

/** All tables of a lake by name. */
export async function lakeOf(lake: string): Promise<Record<string, Row[]>> {
  return Object.fromEntries(await Promise.all(TABLES.map(async name => [name, await rowsOf(lake, name)] as const)))
}

/** Those, and the tables that have a row per batch. */
const ALL_TABLES = [...TABLES, 'expectations', 'progress']

/** Rows per table as delta-rs counts them. */
export function deltaRsCounts(lake: string): Record<string, number> {
  const script = `
import json, os, sys
from deltalake import DeltaTable
print(json.dumps({name: DeltaTable(sys.argv[1] + "/" + name).to_pyarrow_table().num_rows for name in sys.argv[2:]}))
# Its threads now and then abort a process that ends the ordinary way.
sys.stdout.flush()
os._exit(0)`
  return JSON.parse(execFileSync('.venv/bin/python', ['-c', script, lake, ...ALL_TABLES], { encoding: 'utf8' })) as Record<
    string,
    number
  >
}

/** One classroom record, different for each `i`. */
export function record(i: number): object {
  const day = String(1 + (i % 28)).padStart(2, '0')
  const mention = i % 2 ? ` @user${i % 7} and @friend` : ''
  return {
    date: `Mon Apr ${day} 22:19:45 PDT 2009`,
    user: `ann${i % 5}`,
    text: `tweet number ${i}${mention} ${'x'.repeat(i % 4)}`,
    sentiment: i % 3 ? 'positive' : 'negative',
  }
}

/** Writes JSON-lines files of classroom records `from` to `to`, `perFile` each. */
export function writeRecords(folder: string, from: number, to: number, perFile: number): void {
  mkdirSync(folder, { recursive: true })
  for (let i = from; i < to; i += perFile) {
    const lines = Array.from({ length: Math.min(perFile, to - i) }, (_, k) => JSON.stringify(record(i + k)))
    writeFileSync(join(folder, `part-${String(i).padStart(6, '0')}.json`), `${lines.join('\n')}\n`)
  }
}
