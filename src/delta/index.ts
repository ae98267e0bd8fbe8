/** `moodlake/delta`: Delta Lake tables for Node, usable without the rest. */
export { openStore } from '../stores/open-store.js'
export { ConditionalPutError, type S3Options } from '../stores/s3-store.js'
export { FileNotFoundError, type Store, type StoredFile } from '../stores/store.js'
export type { Action, AddFile, CommitInfo, DeletionVector, MetaData, Protocol, RemoveFile, Txn } from './actions.js'
export type { Changed } from './change.js'
export type { ChangeRange, Changes } from './changes.js'
export type { At } from './core.js'
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
export { FORGET } from './gone.js'
export { type TableHealth, tableHealth } from './health.js'
export type { HistoryEntry, LogCommit } from './history.js'
export type { Optimized, OptimizeOptions, Vacuumed, VacuumOptions } from './maintenance.js'
export type { MatchedClause, Merged, MergeOptions, NotMatchedClause } from './merge.js'
export type { Purged, PurgeOptions } from './purge.js'
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
export { type CreateOptions, createTable, type DeltaTable, isTable, openTable } from './table.js'
export type { Commit, WriteOptions } from './write.js'
