import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duckdb, quoteName, quoteText } from '../delta/index.js'
import type { Store } from '../stores/store.js'
import { namePatterns, STATS_LENGTH, type Terms } from './forget-terms.js'

/** What a scan of a lake's bytes found of somebody. */
export interface ByteScan {
  /** Files looked at: of Parquet every value, decompressed; of others every byte. */
  files: number
  bytes: number
  /** Files that still hold a name, an id or a text. */
  findings: { file: string; what: 'name' | 'id' | 'text' }[]
}

/** Shorter beginnings of texts stand anywhere by chance. */
const LEAST = 12

/** Tells whether a text of a file that is not Parquet holds a term. */
function textTest({ users, ids, starts }: Terms): (text: string) => 'name' | 'id' | 'text' | undefined {
  const names = namePatterns(users)
  // A folder of a partition: `user=name/`.
  const named = names && new RegExp(`${names.mention}|${names.address}|${names.quoted}|${names.folder}`, 'i')
  // Inside JSON inside JSON quotes are escaped once more.
  const nested = users.length ? new RegExp(namePatterns(users)!.quoted.replaceAll('"', '\\\\"'), 'i') : undefined
  const odd = [...ids].filter(id => !/^\w+$/.test(id))
  const known = [...starts].filter(start => start.length >= LEAST)
  const plain = new Set(known.filter(start => plainStart(start) === start))
  const escaped = known.filter(start => !plain.has(start)).map(start => `"${plainStart(start)}`)
  return text => {
    if (named?.test(text) || nested?.test(text)) return 'name'
    if (odd.some(id => text.includes(id))) return 'id'
    if (ids.size) for (const [token] of text.matchAll(/[0-9A-Za-z_]{5,}/g)) if (ids.has(token)) return 'id'
    if (escaped.some(start => text.includes(start))) return 'text'
    // A text is a whole string, or its beginning is that of one.
    if (plain.size)
      for (const string of text.split(/\\*"/)) if (plain.has([...string].slice(0, STATS_LENGTH).join(''))) return 'text'
    return undefined
  }
}

/** A text up to the first character that JSON writes in several ways. */
function plainStart(start: string): string {
  const plain = /^[^"\\\u0000-\u001f]*/.exec(start)![0]
  return plain.length >= LEAST ? plain : JSON.stringify(start).slice(1, -1)
}

/** A column of a Parquet file: its name there, that in the table, its type. */
interface Column {
  name: string
  as: string
  type: string
}

/** SQL: what of the terms one row of a Parquet file holds; every text in it is looked at. */
function rowTest(columns: readonly Column[], terms: Terms, textTable: string): string {
  const names = namePatterns(terms.users)
  const wide = columns.filter(({ type }) => /VARCHAR/.test(type))
  const each = (test: (value: string) => string) =>
    wide.map(({ name, type }) => test(type === 'VARCHAR' ? quoteName(name) : `${quoteName(name)}::VARCHAR`)).join(' OR ') ||
    'false'
  const whole = wide.filter(({ type }) => type === 'VARCHAR').map(({ name }) => quoteName(name))
  const users = terms.users.map(quoteText).join(', ')
  const named = names
    ? each(value => `regexp_matches(${value}, ${quoteText(`(?i)${names.mention}|${names.address}|${names.quoted}`)})`)
    : 'false'
  const called = wide
    .filter(({ as }) => as === 'user' || as === 'mention')
    .map(({ name }) => `lower(${quoteName(name)}) IN (${users})`)
  const mentions = wide
    .filter(({ as, type }) => as === 'mentions' && type === 'VARCHAR[]')
    .map(({ name }) => `list_has_any(${quoteName(name)}, [${users}])`)
  const among = (table: string, column: string) =>
    whole.length ? whole.map(name => `${name} IN (SELECT ${column} FROM ${table})`).join(' OR ') : 'false'
  const found = [...(terms.users.length ? [...called, ...mentions] : []), named]
    .map(part => `coalesce(${part}, false)`)
    .join(' OR ')
  return `CASE WHEN ${found} THEN 'name' WHEN coalesce(${among(terms.idTable, 'id')}, false) THEN 'id' WHEN coalesce(${among(textTable, 'text')}, false) THEN 'text' END`
}

/**
 * Looks for names, ids and texts in every file below a store, and in its path.
 * @param names the tables' names of columns, by those that the files have for them
 */
export async function scanBytes(store: Store, terms: Terms, names: ReadonlyMap<string, string>): Promise<ByteScan> {
  const scan: ByteScan = { files: 0, bytes: 0, findings: [] }
  const test = textTest(terms)
  const database = await duckdb()
  const textTable = `${terms.idTable.slice(0, -1)}_texts"`
  await database.load(textTable.slice(1, -1), { text: { type: 'VARCHAR', values: [...terms.texts] } })
  const folder = await fs.mkdtemp(join(tmpdir(), 'moodlake-scan-'))
  try {
    const groups = new Map<string, { columns: Column[]; files: Map<string, string> }>()
    for await (const { path, size } of store.list('')) {
      scan.files++
      scan.bytes += size
      const parquet = path.endsWith('.parquet')
      const what = test(path) ?? (parquet ? undefined : test(Buffer.from(await store.read(path)).toString()))
      if (what) scan.findings.push({ file: path, what })
      if (!parquet) continue
      const local = store.localPath?.(path) ?? join(folder, `${scan.files}.parquet`)
      if (!store.localPath) await fs.writeFile(local, await store.read(path))
      const columns = (await database.describe(`SELECT * FROM read_parquet(${quoteText(local)}, hive_partitioning=false)`)).map(
        ({ name, type }) => ({ name, as: names.get(name) ?? name, type: String(type) }),
      )
      const key = JSON.stringify([path.slice(0, path.lastIndexOf('/')), columns])
      const group = groups.get(key) ?? { columns, files: new Map() }
      group.files.set(local, path)
      groups.set(key, group)
    }
    for (const { columns, files } of groups.values()) {
      const list = [...files.keys()].map(quoteText).join(', ')
      const found = await database.rows<{ filename: string; what: 'name' | 'id' | 'text' }>(
        `SELECT DISTINCT filename, what FROM (SELECT filename, ${rowTest(columns, terms, textTable)} AS what FROM read_parquet([${list}], filename=true, hive_partitioning=false)) WHERE what IS NOT NULL`,
      )
      for (const { filename, what } of found) scan.findings.push({ file: files.get(filename)!, what })
    }
    return scan
  } finally {
    await database.run(`DROP TABLE IF EXISTS ${textTable}`)
    await fs.rm(folder, { recursive: true, force: true })
  }
}
