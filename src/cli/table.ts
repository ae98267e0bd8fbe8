import { exportTable, formatSchema, openTable, type Snapshot, tableHealth } from '../delta/index.js'
import { defineCommand, flag, json, print, read, say, text, UsageError, type Values } from './command.js'

function count(given: string, name: string): number {
  if (!/^\d+$/.test(given)) throw new UsageError(`table: ${name} is not a whole number: ${given}`)
  return Number(given)
}

const options = {
  version: read('N', 'the table as of this version; default the newest', count),
  limit: read('N', 'versions to list, newest first; default all', count),
  output: text('FILE', 'where the rows go, as a reader sees them, in one Parquet file'),
  targetBytes: read('N', 'size that small files are merged up to; default 134217728', count),
  retentionHours: read('N', "removed files are kept this long; default the table's own, else 168", count),
  force: flag('allows a retention below 168 hours'),
  dryRun: flag('says what would be removed'),
  json,
}
type Given = Values<typeof options>
/** What `--json` prints, and the lines for a person. */
type Answer = [value: unknown, lines: readonly string[]]

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

async function describe(path: string, values: Given): Promise<Answer> {
  const table = await openTable(path)
  const found = description(await table.snapshot({ version: values.version }), table.store.uri)
  const health = await tableHealth(table)
  const { minReaderVersion: reader, minWriterVersion: writer, readerFeatures } = found.protocol
  const { log, files } = health
  return [
    { ...found, health },
    [
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
    ],
  ]
}

async function history(path: string, values: Given): Promise<Answer> {
  const entries = await (await openTable(path)).history(values.limit)
  const lines = entries.map(entry => {
    const metrics = Object.entries(entry.operationMetrics).map(([key, value]) => `${key}=${String(value)}`)
    return [entry.version, entry.timestamp.toISOString(), entry.operation ?? '', metrics.join(' ')].join('\t')
  })
  return [entries, lines]
}

async function exportRows(path: string, values: Given): Promise<Answer> {
  if (!values.output) throw new UsageError('table export: --output FILE.parquet is missing')
  const snapshot = await (await openTable(path)).snapshot({ version: values.version })
  const exported = await exportTable(snapshot, values.output)
  return [exported, [`${exported.rows} rows of version ${exported.version} to ${exported.output}`]]
}

async function optimize(path: string, values: Given): Promise<Answer> {
  const done = await (await openTable(path)).optimize({ targetBytes: values.targetBytes })
  const line = done.removed
    ? `${done.removed} files (${done.bytesRemoved} bytes) became ${done.added} (${done.bytesAdded} bytes)`
    : 'nothing to merge'
  return [done, [`version ${done.version}: ${line}`]]
}

async function vacuum(path: string, values: Given): Promise<Answer> {
  const { retentionHours, dryRun, force } = values
  const done = await (await openTable(path)).vacuum({ retentionHours, force, dryRun })
  const verb = dryRun ? 'would be removed' : 'removed'
  return [{ ...done, dryRun }, [...done.files, `${done.files.length} files ${verb}, ${done.bytes} bytes`]]
}

async function restore(path: string, values: Given): Promise<Answer> {
  const version = values.version
  if (version === undefined) throw new UsageError('table restore: --version N is missing')
  const commit = await (await openTable(path)).restore({ version })
  return [commit, [`version ${commit.version} is as version ${version} was; ${commit.files} files came back`]]
}

const actions: Record<string, (path: string, values: Given) => Promise<Answer>> = {
  describe,
  history,
  export: exportRows,
  optimize,
  vacuum,
  restore,
}

/** `moodlake table`: any Delta table, without the rest. */
export const command = defineCommand({
  summary: 'describe, history, export, optimize, vacuum, restore: any Delta table',
  usage: `table describe PATH [--version N] [--json]
          table history PATH [--limit N] [--json]
          table export PATH --output FILE.parquet [--version N] [--json]
          table optimize PATH [--target-bytes N] [--json]
          table vacuum PATH [--retention-hours N] [--force] [--dry-run] [--json]
          table restore PATH --version N [--json]`,
  about: 'Care of any Delta table. PATH is a folder or an address: file:///…, s3://bucket/prefix.',
  options,
  words: true,
  async run(values, positionals) {
    const [name, path, ...more] = positionals
    const action = name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined
    if (!action)
      throw new UsageError(
        `table: ${name === undefined ? 'say what to do' : `no such action: ${name}`} (${Object.keys(actions).join(', ')})`,
      )
    if (path === undefined || more.length) throw new UsageError(`table ${name}: name one table`)
    try {
      const [value, lines] = await action(path, values)
      return print(lines, value, values.json)
    } catch (error) {
      if (error instanceof RangeError) {
        say(`moodlake: ${error.message}`)
        return 2
      }
      throw error
    }
  },
})
