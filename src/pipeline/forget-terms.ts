import { duckdb, openTable, quoteName, quoteText, type Schema, tempName } from '../delta/index.js'
import { TWEET_ID } from './quarantine-rows.js'

/** Characters of a text that statistics of a table keep. */
export const STATS_LENGTH = 32

/** Whom and what a forgetting is about: names in lower case, ids of posts, and (where they are still known) texts that nobody else posted. */
export interface Terms {
  users: readonly string[]
  ids: ReadonlySet<string>
  texts: ReadonlySet<string>
  /** Beginnings of those texts, as statistics keep them, that no other post shares. */
  starts: ReadonlySet<string>
  /** Table of this process's DuckDB with the ids, as `id`. */
  idTable: string
  release(): Promise<void>
}

/** What stands in other people's posts where a forgotten name was. */
export const REDACTED = '[forgotten]'

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A pattern (RE2 and JavaScript) for places that name one of the users: a mention, an address of a profile, a JSON string. */
function pattern(users: readonly string[], before: string, after = ''): string {
  return `${before}(?:${users.map(escaped).join('|')})${after || '\\b'}`
}

/** Patterns for mentions and profile addresses, JSON strings, and folders of partitions; undefined when no user is meant. */
export function namePatterns(users: readonly string[]): Record<'mention' | 'address' | 'quoted' | 'folder', string> | undefined {
  if (!users.length) return undefined
  return {
    mention: pattern(users, '@'),
    address: pattern(users, '((?:twitter|x)\\.com/)'),
    quoted: pattern(users, '"', '"'),
    folder: pattern(users, '=', '/'),
  }
}

/** SQL: a text with the names of the users taken out of it. */
function redactSql(column: string, users: readonly string[]): string {
  const names = namePatterns(users)
  if (!names) return column
  const within = (sql: string, regex: string, by: string) =>
    `regexp_replace(${sql}, ${quoteText(`(?i)${regex}`)}, ${quoteText(by)}, 'g')`
  const quoted = within(column, names.quoted, `"${REDACTED}"`)
  return within(within(quoted, names.mention, REDACTED), names.address, `\\1${REDACTED}`)
}

/** SQL: true where a text names one of the users, or, as a JSON string, one of the posts. */
function namesSql(column: string, { users, ids }: Pick<Terms, 'users' | 'ids'>): string {
  const names = namePatterns(users)
  const parts = names ? [names.mention, names.address, names.quoted] : []
  if (ids.size && ids.size <= 1000) parts.push(`"?(?:${[...ids].map(escaped).join('|')})"?`)
  return parts.length ? `coalesce(regexp_matches(${column}, ${quoteText(`(?i)${parts.join('|')}`)}), false)` : 'false'
}

const lowerIn = (column: string, users: readonly string[]) =>
  users.length ? `coalesce(lower(${column}) IN (${users.map(quoteText).join(', ')}), false)` : 'false'

/** SQL: the platform's number of whoever wrote a row of `bronze`. */
const AUTHOR_ID = `coalesce(json_extract_string(record, '$.user.id_str'), json_extract_string(record, '$.data.author_id'), json_extract_string(record, '$.author_id'))`
const byNumber = (users: readonly string[]) =>
  `form LIKE 'twitter-%' AND ${lowerIn(
    AUTHOR_ID,
    users.filter(user => /^\d+$/.test(user)),
  )}`

/** SQL: a row of `bronze` that is a post of the users, or a copy of one. */
function ownBronze({ users, idTable, ids }: Terms): string {
  const names = namePatterns(users)
  const known = ids.size ? `${TWEET_ID} IN (SELECT id FROM ${idTable})` : 'false'
  const copied = (path: string) => `json_extract_string(record, '$.retweeted_status.${path}')`
  const copies = `form = 'twitter-v1' AND (${lowerIn(copied('user.screen_name'), users)}${ids.size ? ` OR ${copied('id_str')} IN (SELECT id FROM ${idTable})` : ''})`
  const retweet = names ? `regexp_matches(text, ${quoteText(`(?i)^\\s*RT ${names.mention}`)})` : 'false'
  const unknown = `form = 'unknown' AND ${namesSql('rescue', { users, ids })}`
  return [lowerIn('"user"', users), known, byNumber(users), copies, retweet, unknown]
    .map(part => `coalesce(${part}, false)`)
    .join(' OR ')
}

/** SQL: a row of `quarantine` that is a post of the users. */
function ownQuarantine({ users, idTable, ids }: Terms): string {
  const parts = ids.size ? [`coalesce(tweet_id IN (SELECT id FROM ${idTable}), false)`] : []
  if (users.length) {
    const who = pattern(users, '"(?:user|screen_name|username|handle)"\\s*:\\s*"', '"')
    parts.push(`coalesce(regexp_matches(record, ${quoteText(`(?i)${who}`)}), false)`)
    parts.push(`(rule IN ('not_json', 'not_utf8', 'not_a_tweet', 'order_to_forget') AND ${namesSql('record', { users, ids })})`)
  }
  return parts.join(' OR ') || 'false'
}

const UNTOUCHED =
  /^(tweet_id|id|source_file|stream|rule|action|lang|form|model_name|model_version|predicted_sentiment|sentiment)$/

/** What a purge does to a table: rows that go, and the columns in which other people's rows lose the names. */
export function purgeOf(name: string, schema: Schema, terms: Terms) {
  const columns = new Map(schema.fields.map(field => [field.name, field.type]))
  const { users, ids, idTable } = terms
  const own = columns.has('user') ? [lowerIn('"user"', users)] : []
  if (columns.has('tweet_id') && ids.size) own.push(`coalesce(tweet_id IN (SELECT id FROM ${idTable}), false)`)
  const where = name === 'bronze' ? ownBronze(terms) : name === 'quarantine' ? ownQuarantine(terms) : own.join(' OR ') || 'false'
  const set: Record<string, string> = {}
  const changed: string[] = []
  for (const [column, type] of columns) {
    if (UNTOUCHED.test(column) || column === 'user') continue
    const quoted = quoteName(column)
    if (name === 'bronze' && column === 'record') {
      // A copy of somebody's record may hold the post it answers or quotes: its text is in a column of its own.
      set[column] = `CASE WHEN ${namesSql(quoted, terms)} THEN NULL ELSE ${quoted} END`
      changed.push(namesSql(quoted, terms))
    } else if (type === 'string' && users.length) {
      set[column] = redactSql(quoted, users)
      changed.push(namesSql(quoted, { users, ids: new Set() }))
    } else if (column === 'mentions' && users.length) {
      const among = users.map(quoteText).join(', ')
      set[column] = `list_filter(${quoted}, lambda m: lower(m) NOT IN (${among}))`
      changed.push(`coalesce(len(list_filter(${quoted}, lambda m: lower(m) IN (${among}))) > 0, false)`)
    }
  }
  return { where, ...(changed.length ? { set, setWhere: changed.join(' OR ') } : {}) }
}

/** The users, and the names of those that are given by the platform's number. */
async function withNames(tables: ReadonlyMap<string, string>, users: readonly string[]): Promise<string[]> {
  const bronze = tables.get('bronze')
  if (bronze === undefined || !users.some(user => /^\d+$/.test(user))) return [...users]
  const from = await (await (await openTable(bronze)).snapshot()).relation()
  const select = `SELECT DISTINCT lower("user") AS name FROM ${from} WHERE "user" IS NOT NULL AND ${byNumber(users)}`
  const names = await (await duckdb()).rows<{ name: string }>(select)
  return [...new Set([...users, ...names.map(({ name }) => name)])]
}

/** Gathers the posts of the users (and the given posts) from the tables that still have them: their ids and texts. */
export async function gatherTerms(
  tables: ReadonlyMap<string, string>,
  users: readonly string[],
  posts: readonly string[],
): Promise<Terms> {
  const database = await duckdb()
  const idTable = quoteName(tempName('forget'))
  await database.load(idTable.slice(1, -1), { id: { type: 'VARCHAR', values: [...posts] } })
  const release = async () => void (await database.run(`DROP TABLE IF EXISTS ${idTable}`))
  const base = {
    users: await withNames(
      tables,
      users.map(user => user.toLowerCase()),
    ),
    idTable,
    release,
  }
  const texts = new Set<string>()
  const starts = new Set<string>()
  try {
    const asked = { ...base, ids: new Set(posts), texts, starts }
    const queries: [table: string, id: string, text: string, where: string][] = [
      ['bronze', TWEET_ID, 'text', ownBronze(asked)],
      ['silver', 'tweet_id', 'full_text', `${lowerIn('"user"', base.users)} OR tweet_id IN (SELECT id FROM ${idTable})`],
      ['gold', 'tweet_id', 'cleaned_text', `${lowerIn('"user"', base.users)} OR tweet_id IN (SELECT id FROM ${idTable})`],
      ['quarantine', 'tweet_id', 'NULL', ownQuarantine(asked)],
    ]
    const ids = new Set(posts)
    for (const [table, id, text, where] of queries) {
      const place = tables.get(table)
      if (place === undefined) continue
      const from = await (await (await openTable(place)).snapshot()).relation()
      const start = `left(${text}, ${STATS_LENGTH})`
      const others = (value: string) =>
        `(SELECT ${value} FROM ${from} WHERE NOT coalesce(${where}, false) AND ${text} IS NOT NULL)`
      const select = `
        SELECT DISTINCT ${id} AS id, CASE WHEN ${text} NOT IN ${others(text)} THEN ${text} END AS text,
          CASE WHEN ${start} NOT IN ${others(start)} THEN ${start} END AS start
        FROM ${from} WHERE ${where}`
      for await (const rows of database.stream<{ id: string | null; text: string | null; start: string | null }>(select))
        for (const row of rows) {
          if (row.id !== null) ids.add(row.id)
          if (row.text !== null) texts.add(row.text)
          if (row.start !== null) starts.add(row.start)
        }
    }
    await database.run(`DROP TABLE ${idTable}`)
    await database.load(idTable.slice(1, -1), { id: { type: 'VARCHAR', values: [...ids] } })
    return { ...base, ids, texts, starts }
  } catch (error) {
    await release()
    throw error
  }
}
