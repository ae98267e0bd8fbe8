import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const python = resolve('.venv/bin/python')
const run = promisify(execFile)

/** Why delta-rs cannot be asked here, or undefined. */
export const noOracle = existsSync(python) ? undefined : `no ${python}: run npm run setup`

/** A new empty folder. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'moodlake-delta-'))
}

const PRELUDE = `
import sys, json, datetime, decimal, os
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake, QueryBuilder
def plain(v):
    if isinstance(v, datetime.datetime): return v.isoformat()
    if isinstance(v, datetime.date): return v.isoformat()
    if isinstance(v, decimal.Decimal): return str(v)
    if isinstance(v, bytes): return v.hex()
    if isinstance(v, dict): return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    return v
def rows(table, order):
    found = [{k: plain(v) for k, v in row.items()} for row in table.to_pylist()]
    return sorted(found, key=lambda row: str(row[order]))
args = json.loads(sys.argv[1])
`

/** Without the interpreter's own end, in which delta-rs's threads now and then abort. */
const LEAVE = '\nsys.stdout.flush(); os._exit(0)\n'

/** Runs Python with delta-rs at hand; the script sees \`args\`, \`input\` as its stdin, and prints one JSON document with \`json.dumps\`. */
export async function askPython<T>(script: string, args: unknown, input = ''): Promise<T> {
  const running = run(python, ['-c', PRELUDE + script + LEAVE, JSON.stringify(args)], { maxBuffer: 1 << 28 })
  running.child.stdin?.end(input)
  const { stdout } = await running
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as T
}

/** The rows that delta-rs sees, ordered by a column, in plain JSON. */
export function deltaRs<T = Record<string, unknown>>(path: string, order: string, version?: number): Promise<T[]> {
  return askPython(
    `t = DeltaTable(args['path'], version=args.get('version'))
print(json.dumps(rows(t.to_pyarrow_table(), args['order'])))`,
    { path, order, ...(version === undefined ? {} : { version }) },
  )
}
