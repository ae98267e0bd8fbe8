/** `moodlake/delta`: Delta Lake tables for Node, usable without the rest. */
export type { Action, AddFile, CommitInfo, DeletionVector, MetaData, Protocol, RemoveFile, Txn } from './actions.js'
export {
  type Column,
  type Duckdb,
  duckdb,
  openDuckdb,
  quoteName,
  quoteText,
  type ResultColumn,
  type Row,
  tempName,
} from './duckdb.js'
export {
  CommitConflictError,
  ConstraintError,
  CorruptLogError,
  DataFileError,
  InvalidSchemaError,
  SchemaMismatchError,
  TableExistsError,
  TableNotFoundError,
  UnsupportedFeatureError,
  VersionNotFoundError,
} from './errors.js'
export { type Exported, exportTable } from './export.js'
export {
  type ArrayType,
  type DataType,
  type Field,
  formatSchema,
  type MapType,
  type PrimitiveType,
  parseSchema,
  type Schema,
  type StructType,
  schemaToDuckdb,
} from './schema.js'
export type { ReadOptions, Snapshot } from './snapshot.js'
export type { TableData } from './source.js'
export {
  type Commit,
  type CreateOptions,
  createTable,
  type DeltaTable,
  type HistoryEntry,
  isTable,
  type LogCommit,
  openTable,
  type WriteOptions,
} from './table.js'
