import { type DeltaTable, duckdb, isTable, openTable, quoteName, quoteText, tempName } from '../delta/index.js'
import type { Translator } from '../models/translator.js'
import { type Batch, batchOfColumns, batchOfQuery } from '../sources/batch.js'
import { countApplication } from './application.js'
import { bronze } from './bronze.js'
import { GOLD_RULES, gold, type NamedModel } from './gold.js'
import { lakeTable, tableLocation } from './lake.js'
import { modelParameters } from './run.js'

/** A rejected record. */
export interface QuarantineRow {
  /** Hash of what the row says: rows that say the same share it. */
  id: string
  tweet_id: string | null
  record: string | null
  reason: string
  rule: string
  /** Table that it did not get out of: `input`, `bronze` or `silver`. */
  source: string
  source_file: string | null
  time: Date
  /** When it was replayed, null while it waits. */
  replayed: Date | null
}

/** Which rows of the quarantine are meant. */
export interface QuarantineSelection {
  /** Name of the rule that they broke. */
  rule?: string
  /** SQL predicate over the columns of `QuarantineRow`. Trusted text. */
  where?: string
  /** Also rows that were replayed already. Default false; never for a replay. */
  all?: boolean
}

/** How the records are mended before they are replayed; by default they are not. */
export interface MendOptions extends QuarantineSelection {
  /** JSON merge patch (RFC 7396) for the record, such as `{ date: 'Mon Apr 06 22:19:45 PDT 2009' }`. */
  patch?: object
  /** SQL for the new record over the columns of `QuarantineRow`. Trusted text. */
  sql?: string
  /** Gives the new record, or null to leave the row where it is. */
  mend?(row: QuarantineRow): string | null
  /** Scores again what a model failed on; without it such rows wait. */
  model?: NamedModel
  /** Puts what is scored again into English first, as in `RunOptions`. */
  translator?: Translator
  signal?: AbortSignal
}

/** What a replay did. */
export interface Mended {
  /** Rows that went into `bronze` as new records (`source_file` is `quarantine/ID`); the streams take them on from there. */
  bronze: number
  /** Rows that were scored again and went into `gold`. */
  gold: number
  /** Rows that an earlier replay had sent on, and did not come to mark. */
  marked: number
}

/** Identity of replays in table commits. */
const STREAM = 'quarantine_replay'
const PREFIX = 'quarantine/'
const ID = `md5(concat_ws(chr(31), source, coalesce(source_file, ''), coalesce(tweet_id, ''), rule, coalesce(record, '')))`

async function selected(table: DeltaTable, { rule, where, all }: QuarantineSelection): Promise<string> {
  const conditions = [
    ...(all ? [] : ['replayed IS NULL']),
    ...(rule === undefined ? [] : [`rule = ${quoteText(rule)}`]),
    ...(where === undefined ? [] : [`(${where})`]),
  ]
  const from = await (await table.snapshot()).relation()
  return `(SELECT * FROM (SELECT ${ID} AS id, * FROM ${from}) WHERE ${conditions.join(' AND ') || 'true'})`
}

/** The rows of the quarantine, oldest first. Throws when the lake has no quarantine. */
export async function listQuarantine(lake: string, selection: QuarantineSelection = {}): Promise<QuarantineRow[]> {
  const table = await openTable(tableLocation(lake, 'quarantine'))
  return (await duckdb()).rows<QuarantineRow>(`SELECT * FROM ${await selected(table, selection)} ORDER BY time, id`)
}

/**
 * Sends rows of the quarantine on, mended: rejected records into `bronze` as new ones, failed inferences through the model into `gold`. Every
 * row is replayed once, whenever this is killed and called again: what was sent on is found in the tables, and then marked as replayed.
 */
export async function replayQuarantine(lake: string, options: MendOptions = {}): Promise<Mended> {
  const quarantine = await openTable(tableLocation(lake, 'quarantine'))
  const marked = await markSent(lake, quarantine)
  const selection = { rule: options.rule, where: options.where }
  const sent = await sendToBronze(lake, await selected(quarantine, selection), options)
  const scored = options.model ? await scoreAgain(lake, await selected(quarantine, selection), options.model, options) : 0
  await markSent(lake, quarantine)
  return { bronze: sent, gold: scored, marked }
}

/** Marks the rows that the tables have. */
async function markSent(lake: string, quarantine: DeltaTable): Promise<number> {
  const arrived: string[] = []
  if (await isTable(tableLocation(lake, 'bronze'))) {
    const snapshot = await (await openTable(tableLocation(lake, 'bronze'))).snapshot()
    const where = `source_file >= '${PREFIX}' AND source_file < '${PREFIX}~'`
    const files = await snapshot.relation({ columns: ['source_file'], where })
    arrived.push(`source <> 'silver' AND id IN (SELECT source_file[${PREFIX.length + 1}:] FROM ${files})`)
  }
  if (await isTable(tableLocation(lake, 'gold'))) {
    const scored = await (await openTable(tableLocation(lake, 'gold'))).snapshot()
    const rule = quoteText(GOLD_RULES[0]!.name)
    arrived.push(`rule = ${rule} AND tweet_id IN (SELECT tweet_id FROM ${await scored.relation({ columns: ['tweet_id'] })})`)
  }
  if (!arrived.length) return 0
  const select = `SELECT id FROM ${await selected(quarantine, {})} WHERE ${arrived.map(one => `(${one})`).join(' OR ')}`
  const ids = await (await duckdb()).rows<{ id: string }>(select)
  if (!ids.length) return 0
  const among = ids.map(({ id }) => quoteText(id)).join(', ')
  const set = { replayed: `TIMESTAMPTZ ${quoteText(new Date().toISOString())}` }
  return (await quarantine.update(set, { where: `replayed IS NULL AND ${ID} IN (${among})` })).rows
}

/** Number of the next replay into a table. */
async function nextTxn(table: DeltaTable) {
  return { appId: STREAM, version: ((await table.snapshot()).txn(STREAM) ?? -1) + 1 }
}

async function sendToBronze(lake: string, rows: string, options: MendOptions): Promise<number> {
  const table = await lakeTable(lake, 'bronze')
  const txn = await nextTxn(table)
  const raw = await mended(rows, options)
  try {
    if (!raw.count) return 0
    const own = new Set(['id', 'date', 'user', 'text', 'sentiment', 'lang', 'form', 'record', 'rescue'])
    const known = (await table.snapshot()).schema.fields.map(field => field.name)
    const admitted = known.filter(name => !own.has(name) && !/^(source_file|source_line|processing_time)$/.test(name))
    const made = await bronze(raw, { admitted, now: new Date() })
    try {
      options.signal?.throwIfAborted()
      const { skipped } = await table.append({ sql: `SELECT * FROM ${made.rows.from}` }, { txn })
      if (skipped) throw new Error(`quarantine: another replay was at work in ${lake}; start this one again`)
      return raw.count
    } finally {
      await made.drop()
    }
  } finally {
    await raw.drop()
  }
}

/** The mended records as raw records, one each. */
async function mended(rows: string, { patch, sql, mend }: MendOptions): Promise<Batch> {
  const record = sql ?? (patch ? `json_merge_patch(record, ${quoteText(JSON.stringify(patch))})::VARCHAR` : 'record')
  const found = `SELECT * FROM ${rows} WHERE source <> 'silver' AND record IS NOT NULL`
  const made = mend ? await mendedBy(found, mend) : await batchOfQuery(`SELECT id, (${record}) AS record FROM (${found})`)
  try {
    // A line end outside a string is white space, inside one it is no JSON anyway.
    return await made.sql(
      from => `
        SELECT record, ${quoteText(PREFIX)} || id AS source_file, 1::INTEGER AS line, NULL::VARCHAR AS damage
        FROM ${from} WHERE record IS NOT NULL`,
    )
  } finally {
    await made.drop()
  }
}

async function mendedBy(found: string, mend: (row: QuarantineRow) => string | null): Promise<Batch> {
  const rows = await (await duckdb()).rows<QuarantineRow>(found)
  return batchOfColumns({
    id: { type: 'VARCHAR', values: rows.map(row => row.id) },
    record: { type: 'VARCHAR', values: rows.map(row => mend(row)) },
  })
}

/** Scores the tweets of silver that a model failed on; what fails again stays where it is. */
async function scoreAgain(lake: string, rows: string, model: NamedModel, { translator, signal }: MendOptions): Promise<number> {
  const silver = await (await openTable(tableLocation(lake, 'silver'))).snapshot()
  const table = await lakeTable(lake, 'gold')
  const txn = await nextTxn(table)
  const scored = await (await table.snapshot()).relation({ columns: ['tweet_id'] })
  const rule = quoteText(GOLD_RULES[0]!.name)
  const wanted = quoteName(tempName('again'))
  const database = await duckdb()
  await database.run(
    `CREATE TABLE ${wanted} AS SELECT DISTINCT tweet_id FROM ${rows} WHERE rule = ${rule} AND tweet_id NOT IN (SELECT tweet_id FROM ${scored})`,
  )
  try {
    const batch = await batchOfQuery(
      `SELECT * FROM ${await silver.relation()} WHERE tweet_id IN (SELECT tweet_id FROM ${wanted})`,
    )
    try {
      if (!batch.count) return 0
      const made = await gold(batch, { model, translator, now: new Date(), signal })
      try {
        if (!made.tweets.count) return 0
        await table.append(
          { sql: `SELECT * FROM ${made.tweets.from}` },
          {
            txn,
            operationParameters: { stream: STREAM, ...modelParameters(model, translator) },
            mergeSchema: translator !== undefined,
          },
        )
        await countApplication(table, await lakeTable(lake, 'application'))
        return made.tweets.count
      } finally {
        await made.drop()
      }
    } finally {
      await batch.drop()
    }
  } finally {
    await database.run(`DROP TABLE ${wanted}`)
  }
}
