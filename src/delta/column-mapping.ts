/** Column mapping: columns that the data files have under names and ids of their own ("Column Mapping" in PROTOCOL.md). */
import { randomUUID } from 'node:crypto'
import type { MetaData } from './actions.js'
import { quoteName, quoteText } from './duckdb.js'
import { type DataType, type Field, mapType, type Schema } from './schema.js'

const ID = 'delta.columnMapping.id'
const PHYSICAL_NAME = 'delta.columnMapping.physicalName'
const MAX_ID = 'delta.columnMapping.maxColumnId'

/** How columns are found in the data files: `none` (by their name), `name` (by their physical name) or `id`. */
export function mappingOf({ configuration }: Pick<MetaData, 'configuration'>): string {
  return configuration['delta.columnMapping.mode'] ?? 'none'
}

/** Name of a column in the data files. */
export function physicalName(field: Field): string {
  const name = field.metadata[PHYSICAL_NAME]
  return typeof name === 'string' ? name : field.name
}

/** Name of a column in data files, statistics and partition values under a mapping. */
export function nameInFiles(field: Field, mapping: string): string {
  return mapping === 'none' ? field.name : physicalName(field)
}

/** A type as the data files have it: fields of structs under their physical names. */
export function physicalType(type: DataType): DataType {
  return mapType(type, field => ({ ...field, name: physicalName(field) }))
}

const renamed = (type: DataType): boolean => JSON.stringify(physicalType(type)) !== JSON.stringify(type)

/** SQL that gives the fields of a nested value their logical names, or their physical ones. */
export function rename(sql: string, type: DataType, to: 'logical' | 'physical', depth = 0): string {
  if (typeof type === 'string' || !renamed(type)) return sql
  const item = `x${depth}`
  if (type.type === 'array') return `list_transform(${sql}, lambda ${item}: ${rename(item, type.elementType, to, depth + 1)})`
  if (type.type === 'map') {
    const entry = `{'key': ${rename(`${item}."key"`, type.keyType, to, depth + 1)}, 'value': ${rename(`${item}."value"`, type.valueType, to, depth + 1)}}`
    return `CASE WHEN ${sql} IS NULL THEN NULL ELSE map_from_entries(list_transform(map_entries(${sql}), lambda ${item}: ${entry})) END`
  }
  const fields = type.fields.map(field => {
    const [from, into] = to === 'logical' ? [physicalName(field), field.name] : [field.name, physicalName(field)]
    return `${quoteText(into)}: ${rename(`(${sql}).${quoteName(from)}`, field.type, to, depth)}`
  })
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE {${fields.join(', ')}} END`
}

/** DuckDB's list of the field ids that column mapping gives to these columns and the structs in them. */
export function fieldIds(fields: readonly Field[]): string {
  const nested = (type: DataType): string[] => {
    if (typeof type === 'string') return []
    if (type.type === 'struct') return type.fields.flatMap(each)
    const inside = type.type === 'array' ? { element: type.elementType } : { key: type.keyType, value: type.valueType }
    return Object.entries(inside).flatMap(([name, inner]) => {
      const ids = nested(inner)
      return ids.length ? [`${quoteName(name)}: {${ids.join(', ')}}`] : []
    })
  }
  const each = (field: Field): string[] => {
    const id = field.metadata[ID]
    const ids = [...(typeof id === 'number' ? [`__duckdb_field_id: ${id}`] : []), ...nested(field.type)]
    return ids.length ? [`${quoteName(physicalName(field))}: {${ids.join(', ')}}`] : []
  }
  return fields.flatMap(each).join(', ')
}

/** A table's metaData with ids and physical names for the columns, nested ones too, that have none; unchanged without a mapping. */
export function withColumnIds(metaData: MetaData, schema: Schema): { metaData: MetaData; schema: Schema } {
  if (mappingOf(metaData) === 'none') return { metaData: { ...metaData, schemaString: JSON.stringify(schema) }, schema }
  let last = Number(metaData.configuration[MAX_ID] ?? 0)
  const each = (field: Field): Field => {
    const { [ID]: id, [PHYSICAL_NAME]: name } = field.metadata
    if (typeof id === 'number') last = Math.max(last, id)
    const own = typeof id === 'number' && typeof name === 'string' ? {} : { [ID]: ++last, [PHYSICAL_NAME]: `col-${randomUUID()}` }
    return { ...field, metadata: { ...field.metadata, ...own } }
  }
  const mapped = mapType(schema, each) as Schema
  const configuration = { ...metaData.configuration, [MAX_ID]: String(last) }
  return { metaData: { ...metaData, schemaString: JSON.stringify(mapped), configuration }, schema: mapped }
}
