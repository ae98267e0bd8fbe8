/** The actions of Delta's log, as the protocol writes them ("Actions" in PROTOCOL.md). */
import { CorruptLogError } from './errors.js'

/** Where the deleted rows of a file are listed. */
export interface DeletionVector {
  storageType: 'u' | 'i' | 'p'
  pathOrInlineDv: string
  offset?: number
  sizeInBytes: number
  cardinality: number
}

/** A data file of the table. */
export interface AddFile {
  /** As in the log: relative to the table, percent-encoded. `filePath` decodes it. */
  path: string
  /** Values of the partition columns as text, null for null. */
  partitionValues: Record<string, string | null>
  /** Bytes. */
  size: number
  /** Milliseconds since the epoch. */
  modificationTime: number
  dataChange: boolean
  /** JSON: numRecords, minValues, maxValues, nullCount. */
  stats?: string | null
  tags?: Record<string, string> | null
  deletionVector?: DeletionVector | null
}

/** A data file that left the table. */
export interface RemoveFile {
  path: string
  deletionTimestamp?: number
  dataChange: boolean
  extendedFileMetadata?: boolean | null
  partitionValues?: Record<string, string | null> | null
  size?: number | null
  stats?: string | null
  tags?: Record<string, string> | null
  deletionVector?: DeletionVector | null
}

/** Schema, partitioning and properties. */
export interface MetaData {
  id: string
  name?: string | null
  description?: string | null
  format: { provider: string; options?: Record<string, string> }
  schemaString: string
  partitionColumns: string[]
  configuration: Record<string, string>
  createdTime?: number | null
}

/** What a reader and a writer must be able to do. */
export interface Protocol {
  minReaderVersion: number
  minWriterVersion: number
  readerFeatures?: string[] | null
  writerFeatures?: string[] | null
}

/** How far an application has come; the ground of exactly-once. */
export interface Txn {
  appId: string
  version: number
  lastUpdated?: number | null
}

/** Who wrote a version, when and how. */
export interface CommitInfo {
  timestamp?: number
  inCommitTimestamp?: number
  operation?: string
  operationParameters?: Record<string, unknown>
  operationMetrics?: Record<string, unknown>
  engineInfo?: string
  isBlindAppend?: boolean
  isolationLevel?: string
  readVersion?: number
  txnId?: string
  [key: string]: unknown
}

/** One line of the log. */
export interface Action {
  add?: AddFile
  remove?: RemoveFile
  metaData?: MetaData
  protocol?: Protocol
  txn?: Txn
  commitInfo?: CommitInfo
  cdc?: { path: string; partitionValues: Record<string, string | null>; size: number; dataChange: boolean }
  domainMetadata?: { domain: string; configuration: string; removed: boolean }
  sidecar?: { path: string; sizeInBytes: number; modificationTime: number }
  checkpointMetadata?: { version: number }
}

/** File name of a version's commit within `_delta_log`. */
export function commitName(version: number): string {
  return `${versionText(version)}.json`
}

/** A version as the log's file names have it: twenty digits. */
export function versionText(version: number): string {
  return String(version).padStart(20, '0')
}

/** Reads the lines of a commit. Throws `CorruptLogError` naming file and line. */
export function parseActions(bytes: Uint8Array, table: string, file: string, version?: number): Action[] {
  const text = new TextDecoder('utf-8').decode(bytes)
  const actions: Action[] = []
  let line = 0
  for (const part of text.split('\n')) {
    line++
    if (part.trim() === '') continue
    let action: Action
    try {
      action = JSON.parse(part) as Action
    } catch (cause) {
      throw new CorruptLogError(table, file, version, `line ${line} is not JSON`, { cause })
    }
    const complaint = wrong(action)
    if (complaint) throw new CorruptLogError(table, file, version, `line ${line}: ${complaint}`)
    actions.push(action)
  }
  return actions
}

const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is wrong with the shape of an action, undefined when it can be used. */
export function wrong(action: Action): string | undefined {
  if (!isObject(action as unknown)) return 'not an action'
  for (const [name, value] of Object.entries(action)) if (value !== null && !isObject(value)) return `${name} is not an object`
  const { add, remove, metaData, protocol, txn } = action
  if (add) return wrongAdd(add)
  if (remove && wrongVector(remove.deletionVector)) return NO_VECTOR
  if (remove && (!isText(remove.path) || remove.path === '')) return 'remove without a path'
  if (metaData) {
    // A schema that is missing is told of once the whole log is read: other things may be wrong as well.
    if (!isText(metaData.schemaString ?? '')) return 'metaData.schemaString is not a text'
    if (metaData.format && metaData.format.provider !== 'parquet')
      return `metaData.format is ${metaData.format.provider}, not parquet`
    metaData.partitionColumns ??= []
    metaData.configuration ??= {}
    if (!Array.isArray(metaData.partitionColumns) || !metaData.partitionColumns.every(isText))
      return 'metaData.partitionColumns is not a list'
    if (
      !isObject(metaData.configuration) ||
      !Object.values(metaData.configuration).every(value => value === null || isText(value))
    )
      return 'metaData.configuration is not a map of texts'
  }
  if (protocol && !(Number.isInteger(protocol.minReaderVersion) && Number.isInteger(protocol.minWriterVersion)))
    return 'protocol without its two versions'
  for (const features of [protocol?.readerFeatures, protocol?.writerFeatures])
    if (features && !(Array.isArray(features) && features.every(isText))) return 'protocol features are not a list of names'
  if (txn && !(isText(txn.appId) && Number.isFinite(txn.version))) return 'txn without appId and version'
  return undefined
}

const NO_VECTOR = 'deletionVector without type, place or size'

function wrongVector(vector: DeletionVector | null | undefined): boolean {
  if (!vector) return false
  return !(isText(vector.pathOrInlineDv) && ['u', 'i', 'p'].includes(vector.storageType) && isSize(vector.sizeInBytes))
}

/** What is wrong with a file's action, undefined when it can be used; missing partition values are put in. */
export function wrongAdd(add: AddFile): string | undefined {
  if (wrongVector(add.deletionVector)) return NO_VECTOR
  if (!isText(add.path) || add.path === '') return 'add without a path'
  if (add.partitionValues !== undefined && add.partitionValues !== null && !isObject(add.partitionValues))
    return 'add.partitionValues is not an object'
  add.partitionValues ??= {}
  if (add.stats !== undefined && add.stats !== null && !isText(add.stats)) return 'add.stats is not a text'
  for (const name in add.partitionValues)
    if (add.partitionValues[name] !== null && !isText(add.partitionValues[name]))
      return 'add.partitionValues has a value that is not a text'
  return isSize(add.size) ? undefined : 'add without a size'
}

/** The log's text of some actions, one JSON document a line. */
export function formatActions(actions: readonly Action[]): string {
  return actions.map(action => `${JSON.stringify(action)}\n`).join('')
}

/** A path of the log with its percent-encoding undone; one that is not validly encoded is taken literally. */
export function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** A relative path as the log writes it: each part percent-encoded, `=` left readable. */
export function encodePath(path: string): string {
  return path
    .split('/')
    .map(part => encodeURIComponent(part).replaceAll('%3D', '='))
    .join('/')
}

/** What tells two file actions apart: the path without its ways of writing, and the deletion vector. */
export function fileKey(file: { path: string; deletionVector?: DeletionVector | null }): string {
  const path = canonicalPath(file.path)
  const vector = file.deletionVector
  return vector ? `${path}\0${vector.storageType}${vector.pathOrInlineDv}@${vector.offset ?? ''}` : path
}

function canonicalPath(path: string): string {
  if (!path.includes('%') && !path.includes(':') && path[0] !== '/') return path
  return decodePath(path.replace(/^file:\/*(?=\/)/, ''))
}
