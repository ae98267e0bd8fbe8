/** Constraints that every written row must meet: CHECK, column invariants, and not-null deep inside nested columns. */
import type { MetaData } from './actions.js'
import { duckdb, quoteName } from './duckdb.js'
import { ConstraintError, UnsupportedFeatureError } from './errors.js'
import type { DataType, Schema } from './schema.js'
import { failWith, markedName, type Source } from './source.js'

/** A condition that must be true of every row, as SQL. */
interface Constraint {
  name: string
  sql: string
}

const CHECK = 'delta.constraints.'
/** What the message of a failed constraint begins with. */
const MARK = 'moodlake:constraint:'

/** Spark writes names in backquotes, DuckDB in double quotes. */
function translated(expression: string): string {
  return expression.replace(/'(?:[^'\\]|\\.|'')*'|`((?:[^`]|``)*)`/g, (text, name?: string) =>
    name === undefined ? text : quoteName(name.replaceAll('``', '`')),
  )
}

/** Conditions for the not-null parts inside a value; the value itself is checked elsewhere. */
function nested(sql: string, type: DataType, depth = 0): string[] {
  if (typeof type === 'string') return []
  const item = `c${depth}`
  const each = (list: string, conditions: string[]) =>
    conditions.length
      ? [`(${sql} IS NULL OR len(list_filter(${list}, lambda ${item}: NOT (${conditions.join(' AND ')}))) = 0)`]
      : []
  if (type.type === 'array') {
    const own = type.containsNull ? [] : [`${item} IS NOT NULL`]
    return each(sql, [...own, ...nested(item, type.elementType, depth + 1)])
  }
  if (type.type === 'map') {
    const own = type.valueContainsNull ? [] : [`${item} IS NOT NULL`]
    return each(`map_values(${sql})`, [...own, ...nested(item, type.valueType, depth + 1)])
  }
  const fields = type.fields.flatMap(field => {
    const inner = `(${sql}).${quoteName(field.name)}`
    return [...(field.nullable ? [] : [`${inner} IS NOT NULL`]), ...nested(inner, field.type, depth)]
  })
  return fields.length ? [`(${sql} IS NULL OR (${fields.join(' AND ')}))`] : []
}

function invariant(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const found = (JSON.parse(text) as { expression?: { expression?: unknown } }).expression?.expression
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}

/** The constraints of a table. Throws `UnsupportedFeatureError` for an invariant that is not understood. */
function constraintsOf(table: string, metaData: MetaData, schema: Schema): Constraint[] {
  const found: Constraint[] = []
  for (const [key, text] of Object.entries(metaData.configuration))
    if (key.startsWith(CHECK)) found.push({ name: `CHECK ${key.slice(CHECK.length)} (${text})`, sql: translated(text) })
  for (const field of schema.fields) {
    for (const sql of nested(quoteName(field.name), field.type)) found.push({ name: `not null inside ${field.name}`, sql })
    if (!('delta.invariants' in field.metadata)) continue
    const text = invariant(field.metadata['delta.invariants'])
    if (text === undefined)
      throw new UnsupportedFeatureError(
        table,
        ['invariants'],
        `needs an invariant of column ${field.name} that is not understood`,
      )
    found.push({ name: `invariant of ${field.name} (${text})`, sql: translated(text) })
  }
  return found
}

/**
 * The source with every row checked as it is written. A constraint is met when it is true; false and null break it, as
 * in Spark. Throws `UnsupportedFeatureError` for an expression that DuckDB does not know.
 */
export async function constrained(table: string, metaData: MetaData, source: Source): Promise<Source> {
  const constraints = constraintsOf(table, metaData, source.schema)
  if (!constraints.length) return source
  const database = await duckdb()
  for (const { name, sql } of constraints)
    await database.describe(`SELECT CAST((${sql}) AS BOOLEAN) FROM (${source.sql})`).catch(cause => {
      throw new UnsupportedFeatureError(table, ['checkConstraints'], `cannot evaluate ${name}: ${(cause as Error).message}`)
    })
  const checks = constraints.map(({ name, sql }) => `CASE WHEN (${sql}) THEN true ELSE ${failWith(MARK, name)} END`)
  return { ...source, sql: `SELECT * FROM (${source.sql}) WHERE ${checks.join(' AND ')}` }
}

/** The error of a failed constraint, undefined when a failed query complains of something else. */
export function constraintError(table: string, error: unknown): ConstraintError | undefined {
  const name = markedName(MARK, error)
  return name === undefined ? undefined : new ConstraintError(table, name, 'a row does not meet it', { cause: error })
}
