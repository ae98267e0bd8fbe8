/** Which version serves: promotion and rollback of an alias, each written down in tags of the version it chose. */
import { type MlflowClient, type MlflowVersion, orMissing } from './mlflow.js'
import { HASH_TAG } from './register-model.js'

const REASON_LENGTH = 1000

/** One change of an alias. */
export interface PromotionEvent {
  time: Date
  action: 'promote' | 'rollback'
  /** Version before; undefined for the first. */
  from?: string
  to: string
  reason: string
}

/** What `promote` and `rollback` did. */
export interface Promotion {
  name: string
  alias: string
  /** The version that serves now. */
  version: string
  /** The one that served before; undefined when there was none. */
  former?: string
  /** sha256 of the folder that serves now; undefined when the version has no hash tag. */
  hash?: string
  /** False when the version served already: then nothing was written. */
  changed: boolean
}

/** Which alias of which model to change, and why. */
export interface PromotionOptions {
  /** Registered name. */
  name: string
  /** Default `champion`. */
  alias?: string
  /** Written into the version's tags. */
  reason?: string
  /** Time of the change; default: now. */
  now?: Date
}

/**
 * Lets `version` serve under the alias. The change is a tag of that version (time, from, to, reason), so the history
 * outlives everybody who watched.
 * @throws Error when there is no such model or version
 */
export async function promote(client: MlflowClient, options: PromotionOptions & { version: string }): Promise<Promotion> {
  const { name, alias = 'champion', version } = options
  const no = (cause: unknown) => new Error(`registry: ${name}: no version ${version}`, { cause })
  const wanted = await orMissing(client.version(name, version), no)
  const former = (await championOf(client, name, { alias }))?.version
  return change(client, { ...options, alias, action: 'promote', from: former, to: wanted })
}

/**
 * Gives the alias back to the version that served before the present one; again, to the one before that.
 * @throws Error when there is no former version
 */
export async function rollback(client: MlflowClient, options: PromotionOptions): Promise<Promotion> {
  const { name, alias = 'champion' } = options
  const versions = await client.versions(name)
  const current = await championOf(client, name, { alias })
  if (!current) throw new Error(`registry: ${name}: no version has the alias ${alias}`)
  const former = line(eventsOf(versions, alias), current.version).at(-2)
  const target = versions.find(({ version }) => version === former)
  if (!target) throw new Error(`registry: ${name}: no version served as ${alias} before version ${current.version}`)
  return change(client, { ...options, alias, action: 'rollback', from: current.version, to: target })
}

type Change = PromotionOptions & { alias: string; action: PromotionEvent['action']; from?: string; to: MlflowVersion }

async function change(client: MlflowClient, { name, alias, action, from, to, ...given }: Change): Promise<Promotion> {
  const { reason = '', now = new Date() } = given
  const changed = from !== to.version
  if (changed) {
    // The alias first: a tag without the change would be a lie, a change without the tag is still seen by `line`.
    await client.setAlias(name, alias, to.version)
    const event = { action, from, to: to.version, reason: reason.slice(0, REASON_LENGTH) }
    await client.setVersionTag(name, to.version, `${alias}.${now.toISOString()}`, JSON.stringify(event))
  }
  return { name, alias, version: to.version, former: from, hash: to.tags[HASH_TAG], changed }
}

/** The version that serves under the alias; undefined when none does. Throws when there is no such model. */
export async function championOf(
  client: MlflowClient,
  name: string,
  { alias = 'champion' }: { alias?: string } = {},
): Promise<MlflowVersion | undefined> {
  const no = (cause: unknown) => new Error(`registry: no registered model ${name}`, { cause })
  const { aliases } = await orMissing(client.model(name), no)
  const version = aliases[alias]
  return version === undefined ? undefined : client.version(name, version)
}

/** All recorded changes of an alias, oldest first. */
export async function promotions(
  client: MlflowClient,
  name: string,
  { alias = 'champion' }: { alias?: string } = {},
): Promise<PromotionEvent[]> {
  return eventsOf(await client.versions(name), alias)
}

function eventsOf(versions: readonly MlflowVersion[], alias: string): PromotionEvent[] {
  const events: PromotionEvent[] = []
  for (const { tags } of versions)
    for (const [key, value] of Object.entries(tags)) {
      const time = key.startsWith(`${alias}.`) ? new Date(key.slice(alias.length + 1)) : undefined
      if (time && !Number.isNaN(time.getTime())) events.push({ ...(JSON.parse(value) as Omit<PromotionEvent, 'time'>), time })
    }
  return events.sort((a, b) => a.time.getTime() - b.time.getTime())
}

/** The line of versions that led to `current`, the present one last: a rollback takes the last one out again. */
function line(events: readonly PromotionEvent[], current: string): string[] {
  const served: string[] = []
  for (const { action, from, to } of events) {
    if (from !== undefined && served.at(-1) !== from) served.push(from)
    if (action === 'rollback') served.pop()
    if (served.at(-1) !== to) served.push(to)
  }
  // The alias was set by another tool.
  if (served.at(-1) !== current) served.push(current)
  return served
}
