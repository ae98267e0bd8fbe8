/** Changing a table's properties. */
import { requireWritable, type TableCore } from './core.js'
import { UnsupportedFeatureError } from './errors.js'
import { protocolFor } from './protocol.js'

/** Sets properties, and leaves the others; gives the version, the newest one when they are as wanted. */
export async function setProperties(core: TableCore, properties: Readonly<Record<string, string>>): Promise<number> {
  const { store } = core
  const base = await core.newest()
  const { metaData, schema } = requireWritable(store, base)
  const { configuration } = metaData
  if (Object.entries(properties).every(([name, value]) => configuration[name] === value)) return base.version
  const needed = (given: Record<string, string>) => JSON.stringify(protocolFor(store.uri, schema, given))
  if (needed({ ...configuration, ...properties }) !== needed(configuration))
    throw new UnsupportedFeatureError(
      store.uri,
      Object.keys(properties),
      `${Object.keys(properties).join(', ')}: needs another protocol, which a table has from its beginning`,
    )
  return core.commit({
    operation: 'SET TBLPROPERTIES',
    operationParameters: { properties: JSON.stringify(properties) },
    base,
    actions(latest) {
      const now = requireWritable(store, latest).metaData
      return [{ metaData: { ...now, configuration: { ...now.configuration, ...properties } } }]
    },
  })
}
