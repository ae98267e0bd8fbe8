/** Errors of tables, one class per thing a caller may branch on; the values are fields. */

/** There is no Delta table at this address. */
export class TableNotFoundError extends Error {
  override name = 'TableNotFoundError'
  constructor(
    readonly table: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: no Delta table here (no _delta_log)`, options)
  }
}

/** A table is here already. */
export class TableExistsError extends Error {
  override name = 'TableExistsError'
  constructor(readonly table: string) {
    super(`${table}: there is a table already`)
  }
}

/** The table needs something that this library does not do; `features` names it. */
export class UnsupportedFeatureError extends Error {
  override name = 'UnsupportedFeatureError'
  constructor(
    readonly table: string,
    readonly features: readonly string[],
    detail: string,
  ) {
    super(`${table}: ${detail}`)
  }
}

/** Rows or a schema do not fit the table; `column` names where. */
export class SchemaMismatchError extends Error {
  override name = 'SchemaMismatchError'
  constructor(
    readonly table: string,
    readonly column: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: column ${column}: ${detail}`, options)
  }
}

/** A schema that cannot be read or makes no table. */
export class InvalidSchemaError extends Error {
  override name = 'InvalidSchemaError'
}

/** Another writer got in between in a way that cannot be merged; read again and retry. */
export class CommitConflictError extends Error {
  override name = 'CommitConflictError'
  constructor(
    readonly table: string,
    readonly version: number,
    readonly reason: 'metadata' | 'protocol' | 'transaction' | 'append' | 'delete' | 'attempts',
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: version ${version}: ${detail}`, options)
  }
}

/** The log is damaged; `file` and `version` say where. */
export class CorruptLogError extends Error {
  override name = 'CorruptLogError'
  constructor(
    readonly table: string,
    readonly file: string,
    readonly version: number | undefined,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: ${file}: ${detail}`, options)
  }
}

/** The version or time asked for is not in the log (any more, or yet). */
export class VersionNotFoundError extends Error {
  override name = 'VersionNotFoundError'
  constructor(
    readonly table: string,
    readonly version: number | undefined,
    detail: string,
  ) {
    super(`${table}: ${detail}`)
  }
}

/** A data file that the log names is missing, damaged or outside the table's folder. */
export class DataFileError extends Error {
  override name = 'DataFileError'
  constructor(
    readonly table: string,
    readonly file: string,
    readonly version: number,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: version ${version}: ${file}: ${detail}`, options)
  }
}

/** A row breaks a constraint of the table. */
export class ConstraintError extends Error {
  override name = 'ConstraintError'
  constructor(
    readonly table: string,
    readonly constraint: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${table}: ${constraint}: ${detail}`, options)
  }
}
