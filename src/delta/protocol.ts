/** Which tables this library may read and write, by the protocol's versions and features. */
import type { MetaData, Protocol } from './actions.js'
import { mappingOf } from './column-mapping.js'
import { InvalidSchemaError, UnsupportedFeatureError } from './errors.js'
import { mapType, type Schema } from './schema.js'

/** Features that readers must know, and that this one does. */
const READER_FEATURES = new Set(['columnMapping', 'deletionVectors', 'timestampNtz', 'v2Checkpoint', 'vacuumProtocolCheck'])

/** Features that writers must know, and that this one does; some are refused where they are in real use. */
const WRITER_FEATURES = new Set([
  'appendOnly',
  'invariants',
  'timestampNtz',
  'vacuumProtocolCheck',
  'deletionVectors',
  'checkConstraints',
  'inCommitTimestamp',
  'v2Checkpoint',
  'changeDataFeed',
  'columnMapping',
])

/** Throws `UnsupportedFeatureError` naming what a reader of the table would have to know. */
export function checkReadable(table: string, protocol: Protocol): void {
  const version = protocol.minReaderVersion
  if (version < 1 || version > 3)
    throw new UnsupportedFeatureError(
      table,
      [`reader version ${version}`],
      `written by a newer protocol (reader version ${version}, writer version ${protocol.minWriterVersion}); this library reads up to 3`,
    )
  if (version < 3) return
  const unknown = (protocol.readerFeatures ?? []).filter(feature => !READER_FEATURES.has(feature))
  if (unknown.length)
    throw new UnsupportedFeatureError(
      table,
      unknown,
      `written by a newer protocol: needs ${unknown.join(', ')}, which this library does not read`,
    )
}

/** Throws `UnsupportedFeatureError` when rows may not be changed: the table is append-only. */
export function checkChangeable(table: string, metaData: MetaData): void {
  if (metaData.configuration['delta.appendOnly'] === 'true')
    throw new UnsupportedFeatureError(table, ['appendOnly'], 'is append-only (delta.appendOnly); its rows cannot be changed')
}

/** True when changes of rows are to be recorded beside the table (change data feed). */
export function writesFeed(metaData: Pick<MetaData, 'configuration'>): boolean {
  return metaData.configuration['delta.enableChangeDataFeed'] === 'true'
}

/** Properties that turn on what this library does not write. */
const REFUSED_PROPERTIES: Record<string, string> = {
  'delta.enableRowTracking': 'rowTracking',
  'delta.enableTypeWidening': 'typeWidening',
  'delta.enableIcebergCompatV1': 'icebergCompatV1',
  'delta.enableIcebergCompatV2': 'icebergCompatV2',
}

/**
 * The protocol that a new table needs: 1/2, or the lowest that has what its types and properties ask for. Throws
 * `UnsupportedFeatureError` for a property that asks for what is not written here.
 */
export function protocolFor(table: string, schema: Schema, properties: Readonly<Record<string, string>>): Protocol {
  const on = (key: string) => properties[key] === 'true'
  for (const [key, feature] of Object.entries(REFUSED_PROPERTIES))
    if (on(key)) throw new UnsupportedFeatureError(table, [feature], `${key} needs ${feature}, which this library does not write`)
  const mapped = mappingOf({ configuration: properties }) !== 'none'
  const readerFeatures = [
    ...(hasType(schema, 'timestamp_ntz') ? ['timestampNtz'] : []),
    ...(on('delta.enableDeletionVectors') ? ['deletionVectors'] : []),
  ]
  const checks = Object.keys(properties).some(key => key.startsWith('delta.constraints.'))
  const feed = on('delta.enableChangeDataFeed')
  const inCommit = on(IN_COMMIT_TIMESTAMPS)
  if (!readerFeatures.length && !inCommit)
    return mapped
      ? { minReaderVersion: 2, minWriterVersion: 5 }
      : { minReaderVersion: 1, minWriterVersion: feed ? 4 : checks ? 3 : 2 }
  if (mapped) readerFeatures.push('columnMapping')
  const writerFeatures = [
    ...readerFeatures,
    'appendOnly',
    'invariants',
    ...(checks ? ['checkConstraints'] : []),
    ...(feed ? ['changeDataFeed'] : []),
    ...(inCommit ? ['inCommitTimestamp'] : []),
  ]
  if (!readerFeatures.length) return { minReaderVersion: 1, minWriterVersion: 7, writerFeatures }
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures }
}

/** Property of tables whose commits carry their own time. */
export const IN_COMMIT_TIMESTAMPS = 'delta.enableInCommitTimestamps'

/** True when a type occurs anywhere in the schema. */
export function hasType(schema: Schema, type: string): boolean {
  return JSON.stringify(schema.fields.map(field => field.type)).includes(JSON.stringify(type))
}

/** True when deletes are to be written as deletion vectors. */
export function writesVectors(protocol: Protocol, metaData: MetaData): boolean {
  return (
    metaData.configuration['delta.enableDeletionVectors'] === 'true' &&
    (protocol.writerFeatures ?? []).includes('deletionVectors')
  )
}

/** Columns that the change data feed adds to the table's. */
const FEED_COLUMNS = new Set(['_change_type', '_commit_version', '_commit_timestamp'])

/** Features of the writer versions before 7 that are in use in this table although the protocol does not list them. */
function featuresInUse(metaData: Pick<MetaData, 'configuration'>, schema: Schema): string[] {
  const found = new Set<string>()
  if (!['none', 'name', 'id'].includes(mappingOf(metaData))) found.add(`columnMapping mode ${mappingOf(metaData)}`)
  mapType(schema, field => {
    if ('delta.generationExpression' in field.metadata) found.add('generatedColumns')
    if ('delta.identity.start' in field.metadata) found.add('identityColumns')
    return field
  })
  return [...found]
}

/** Throws `UnsupportedFeatureError` naming what a writer of the table would have to know. */
export function checkWritable(
  table: string,
  protocol: Protocol,
  metaData: Pick<MetaData, 'configuration'>,
  schema: Schema,
): void {
  const version = protocol.minWriterVersion
  if (version > 7 || version < 1)
    throw new UnsupportedFeatureError(
      table,
      [`writer version ${version}`],
      `written by a newer protocol (writer version ${version}); this library writes up to 7`,
    )
  // From version 7 on the list is what must be known; below, the version implies features that matter only where used.
  const listed = version === 7 ? (protocol.writerFeatures ?? []).filter(feature => !WRITER_FEATURES.has(feature)) : []
  const idle = new Set(['generatedColumns', 'identityColumns'])
  const used = featuresInUse(metaData, schema)
  const refused = [...new Set([...listed.filter(feature => !idle.has(feature)), ...used])]
  if (refused.length)
    throw new UnsupportedFeatureError(table, refused, `needs ${refused.join(', ')}, which this library does not write`)
  const taken = writesFeed(metaData) ? schema.fields.find(field => FEED_COLUMNS.has(field.name.toLowerCase())) : undefined
  if (taken) throw new InvalidSchemaError(`schema: column ${taken.name} is one that the change data feed adds`)
}
