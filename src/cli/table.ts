import { exportTable, formatSchema, openTable, type Snapshot, tableHealth } from '../delta/index.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake table describe PATH [--version N] [--json]
       moodlake table history PATH [--limit N] [--json]
       moodlake table export PATH --output FILE.parquet [--version N] [--json]
       moodlake table optimize PATH [--target-bytes N] [--json]
       moodlake table vacuum PATH [--retention-hours N] [--force] [--dry-run] [--json]
       moodlake table restore PATH --version N [--json]

Care of any Delta table. PATH is a folder or an address: file:///…, s3://bucket/prefix.

  --version N          the table as of this version; default the newest
  --limit N            versions to list, newest first; default all
  --output FILE        where the rows go, as a reader sees them, in one Parquet file
  --target-bytes N     size that small files are merged up to; default 134217728
  --retention-hours N  removed files are kept this long; default the table's own, else 168
  --force              allows a retention below 168 hours
  --dry-run            says what would be removed
  --json               one JSON document on stdout
`

interface Values {
  version?: string
  limit?: string
  output?: string
  'target-bytes'?: string
  'retention-hours'?: string
  force?: boolean
  'dry-run'?: boolean
  json?: boolean
}

function count(name: keyof Values, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new UsageError(`table: --${name} is not a whole number: ${text}`)
  return Number(text)
}

/** Prints lines for a person, or the value as JSON. */
function report(values: Values, value: unknown, lines: readonly string[]): number {
  if (values.json) printJson(value)
  else for (const line of lines) process.stdout.write(`${line}\n`)
  return 0
}

function description(snapshot: Snapshot, location: string) {
  return {
    location,
    version: snapshot.version,
    timestamp: snapshot.timestamp,
    description: snapshot.description ?? null,
    protocol: snapshot.protocol,
    schema: snapshot.schema,
    partitionColumns: snapshot.partitionColumns,
    properties: snapshot.properties,
    files: snapshot.files.length,
    rows: snapshot.rowCount ?? null,
    sizeInBytes: snapshot.sizeInBytes,
    filesWithDeletionVectors: snapshot.files.filter(file => file.deletionVector).length,
  }
}

async function describe(path: string, values: Values): Promise<number> {
  const table = await openTable(path)
  const found = description(await table.snapshot({ version: count('version', values.version) }), table.store.uri)
  const health = await tableHealth(table)
  const { minReaderVersion: reader, minWriterVersion: writer, readerFeatures } = found.protocol
  const { log, files } = health
  return report(values, { ...found, health }, [
    `location    ${found.location}`,
    `version     ${found.version}, ${found.timestamp.toISOString()}`,
    ...(found.description ? [`description ${found.description}`] : []),
    `protocol    reader ${reader}, writer ${writer}${readerFeatures?.length ? `, ${readerFeatures.join(', ')}` : ''}`,
    `schema      ${formatSchema(found.schema)}`,
    `partitions  ${found.partitionColumns.join(', ') || 'none'}`,
    `files       ${found.files}, ${found.sizeInBytes} bytes, ${found.rows ?? 'unknown'} rows`,
    `small files ${files.small} of ${files.count} in the newest version under 16 MiB`,
    `log         ${log.commits} commits from version ${log.oldestVersion}, ${log.checkpoints} checkpoints, ${log.bytes} bytes`,
    ...Object.entries(found.properties).map(([key, value]) => `property    ${key} = ${value}`),
    ...health.advice.map(line => `advice      ${line}`),
  ])
}

async function history(path: string, values: Values): Promise<number> {
  const entries = await (await openTable(path)).history(count('limit', values.limit))
  const lines = entries.map(entry => {
    const metrics = Object.entries(entry.operationMetrics).map(([key, value]) => `${key}=${String(value)}`)
    return [entry.version, entry.timestamp.toISOString(), entry.operation ?? '', metrics.join(' ')].join('\t')
  })
  return report(values, entries, lines)
}

async function exportRows(path: string, values: Values): Promise<number> {
  if (!values.output) throw new UsageError('table export: --output FILE.parquet is missing')
  const snapshot = await (await openTable(path)).snapshot({ version: count('version', values.version) })
  const exported = await exportTable(snapshot, values.output)
  return report(values, exported, [`${exported.rows} rows of version ${exported.version} to ${exported.output}`])
}

async function optimize(path: string, values: Values): Promise<number> {
  const done = await (await openTable(path)).optimize({ targetBytes: count('target-bytes', values['target-bytes']) })
  const line = done.removed
    ? `${done.removed} files (${done.bytesRemoved} bytes) became ${done.added} (${done.bytesAdded} bytes)`
    : 'nothing to merge'
  return report(values, done, [`version ${done.version}: ${line}`])
}

async function vacuum(path: string, values: Values): Promise<number> {
  const retentionHours = count('retention-hours', values['retention-hours'])
  const dryRun = values['dry-run'] ?? false
  const done = await (await openTable(path)).vacuum({ retentionHours, force: values.force, dryRun })
  const verb = dryRun ? 'would be removed' : 'removed'
  return report(values, { ...done, dryRun }, [...done.files, `${done.files.length} files ${verb}, ${done.bytes} bytes`])
}

async function restore(path: string, values: Values): Promise<number> {
  const version = count('version', values.version)
  if (version === undefined) throw new UsageError('table restore: --version N is missing')
  const commit = await (await openTable(path)).restore({ version })
  return report(values, commit, [`version ${commit.version} is as version ${version} was; ${commit.files} files came back`])
}

const actions: Record<string, (path: string, values: Values) => Promise<number>> = {
  describe,
  history,
  export: exportRows,
  optimize,
  vacuum,
  restore,
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      version: { type: 'string' },
      limit: { type: 'string' },
      output: { type: 'string' },
      'target-bytes': { type: 'string' },
      'retention-hours': { type: 'string' },
      force: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  const [name, path, ...more] = positionals
  const action = name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!action)
    throw new UsageError(
      `table: ${name === undefined ? 'say what to do' : `no such action: ${name}`} (${Object.keys(actions).join(', ')})`,
    )
  if (path === undefined || more.length) throw new UsageError(`table ${name}: name one table`)
  try {
    return await action(path, values)
  } catch (error) {
    if (error instanceof RangeError) {
      say(`moodlake: ${error.message}`)
      return 2
    }
    throw error
  }
}

/** `moodlake table`: any Delta table, without the rest. */
export const command: Command = { summary: 'describe, history, export, optimize, vacuum, restore: any Delta table', help, run }
