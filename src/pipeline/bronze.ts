import { quoteName, quoteText } from '../delta/duckdb.js'
import { type Batch, batchOfColumns } from '../sources/batch.js'
import type { RuleCount } from '../streams/stream.js'
import { droppedRows, type Expectation, judgeSql, tally, withFlags } from './expectations.js'
import { BRONZE_RECORD, quarantineSql, TWEET_ID } from './quarantine-rows.js'
import { type RecordFields, readRecord } from './record.js'

/** Columns of `bronze`, in Delta's words. `user` and `text` are null where the record has none: bronze judges nothing. */
export const BRONZE_SCHEMA = `id string, date string, user string, text string, sentiment string, lang string, form string not null,
  record string, rescue string, source_file string not null, source_line long not null, processing_time timestamp not null`

const FIELDS = ['id', 'date', 'user', 'text', 'sentiment', 'lang', 'form', 'record', 'rescue'] as const

const CLASSROOM_PATHS = ['$.date', '$.user', '$.text', '$.sentiment']
const V1_PATHS = [
  '$.id_str',
  '$.created_at',
  '$.user',
  '$.full_text',
  '$.text',
  '$.extended_tweet',
  '$.data',
  '$.lang',
  '$.user.screen_name',
]
const V1_VALUES = ['$.id_str', '$.created_at', '$.full_text', '$.text', '$.lang', '$.user.screen_name', '$.user.id_str']
const paths = (list: readonly string[]) => `[${list.map(quoteText).join(', ')}]`

/** How raw records are read. */
export interface BronzeOptions {
  /** Columns beyond the schema that the table takes, as strings. Default none: they go to `rescue`. */
  admitted?: readonly string[]
  /** Time of processing. */
  now: Date
}

/** What the bronze step makes of a batch. */
export interface BronzeBatch {
  rows: Batch
  /** Rows that broke a rule, as rows of `quarantine`; undefined without rules. */
  quarantine?: Batch
  /** Rows left out by rules whose action is `drop`. */
  dropped: number
  expectations: RuleCount[]
  drop(): Promise<void>
}

/**
 * Raw records (`record, source_file, line, damage`) → rows of `bronze`, in the same order; one row per record, but one per
 * tweet of a v2 response. As `readRaw`, and then what the rules say.
 * @throws ExpectationError
 */
export async function bronze(raw: Batch, options: BronzeOptions & { rules?: readonly Expectation[] }): Promise<BronzeBatch> {
  return judgeBronze(await readRaw(raw, options), options.rules ?? [], options.now)
}

/** What rules make of rows of `bronze`; `now` is the time in the quarantine. @throws ExpectationError */
export async function judgeBronze(read: Batch, rules: readonly Expectation[], now: Date): Promise<BronzeBatch> {
  if (!rules.length) return { rows: read, dropped: 0, expectations: [], drop: () => read.drop() }
  const stages = new Set([read])
  try {
    const flagged = await withFlags(read, rules)
    stages.add(flagged)
    const judged = await flagged.sql(from => judgeSql(from, rules))
    stages.add(judged)
    const expectations = await tally(judged, rules)
    const extra = `COLUMNS(c -> NOT starts_with(c, '_rule_') AND NOT starts_with(c, '_warn_') AND c <> '_broken')`
    const rows = await judged.sql(from => `SELECT ${extra} FROM ${from} WHERE _broken IS NULL`)
    const rejection = { record: BRONZE_RECORD, source: 'input', tweetId: TWEET_ID, now } as const
    const quarantine = await judged.sql(from => quarantineSql(from, rules, rejection))
    const drop = async () => void (await Promise.all([rows.drop(), quarantine.drop()]))
    return { rows, quarantine, dropped: droppedRows(expectations), expectations, drop }
  } finally {
    await Promise.all([...stages].map(stage => stage.drop()))
  }
}

/**
 * Raw records → rows of `bronze`, in the same order. The two commonest exact forms stay in DuckDB; `readRecord`, which knows all forms
 * and gives the same answer for these two, takes the rest.
 */
export async function readRaw(raw: Batch, { admitted = [], now }: BronzeOptions): Promise<Batch> {
  const plain = await raw.sql(from => plainRows(from, admitted, now))
  let rest: Batch | undefined
  let read: Batch | undefined
  try {
    rest = await plain.sql(
      from =>
        `SELECT rowid AS n, record, rescue AS damage, source_file, source_line AS line FROM ${from} WHERE form = ${REST} ORDER BY n`,
    )
    if (!rest.count) return plain
    read = await readRest(rest, admitted)
    const { from: others } = read
    const time = `${timeSql(now)} AS processing_time`
    const whole = await plain.sql(
      from => `SELECT * EXCLUDE (n) FROM (
        SELECT rowid AS n, * FROM ${from} WHERE form <> ${REST} UNION ALL BY NAME SELECT *, ${time} FROM ${others}
      ) ORDER BY n`,
    )
    await plain.drop()
    return whole
  } catch (error) {
    await plain.drop()
    throw error
  } finally {
    await rest?.drop()
    await read?.drop()
  }
}

/** The form of a row that waits for `readRecord`: `record` and `rescue` then hold the record and its damage. */
const REST = "'rest'"

/** Rows of bronze, complete where their record has one of the two exact forms that SQL can read. */
function plainRows(from: string, admitted: readonly string[], now: Date): string {
  const isText = (i: number) => `v1[${i}] IN ('VARCHAR', 'NULL')`
  const either = (v1: string, classroom: string, rest = 'NULL') =>
    `CASE form WHEN 'twitter-v1' THEN ${v1} WHEN 'classroom' THEN ${classroom} ELSE ${rest} END`
  const none = admitted.map(name => `, NULL::VARCHAR AS ${quoteName(name)}`).join('')
  return `
    SELECT ${either('v[1]', 'NULL')}::VARCHAR AS id, ${either('v[2]', 'v[1]')} AS date, ${either('coalesce(v[6], v[7])', 'v[2]')} AS "user",
      ${either('coalesce(v[3], v[4])', 'v[3]')} AS text, ${either('NULL', 'v[4]')}::VARCHAR AS sentiment, ${either('v[5]', 'NULL')}::VARCHAR AS lang, form,
      ${either('record', 'NULL', 'record')} AS record, ${either('NULL', 'NULL', 'damage')}::VARCHAR AS rescue, source_file, line AS source_line${none},
      ${timeSql(now)} AS processing_time
    FROM (
      SELECT *, ${either(`json_extract_string(record, ${paths(V1_VALUES)})`, `json_extract_string(record, ${paths(CLASSROOM_PATHS)})`)} AS v
      FROM (
        SELECT *, CASE
          WHEN v1[1] = 'VARCHAR' AND v1[2] = 'VARCHAR' AND v1[3] = 'OBJECT' AND v1[6] IS NULL AND v1[7] IS NULL
            AND (v1[4] = 'VARCHAR' OR (v1[4] IS NULL OR v1[4] = 'NULL') AND ${isText(5)} OR v1[4] = 'NULL' AND v1[5] IS NULL)
            AND (v1[8] IS NULL OR ${isText(8)}) AND (v1[9] IS NULL OR ${isText(9)}) THEN 'twitter-v1'
          WHEN v1 IS NOT NULL AND json_type(record, ${paths(CLASSROOM_PATHS)}) = ['VARCHAR', 'VARCHAR', 'VARCHAR', 'VARCHAR']
            AND list_sort(json_keys(record)) = ['date', 'sentiment', 'text', 'user'] THEN 'classroom'
          ELSE ${REST} END AS form
        FROM (SELECT *, CASE WHEN damage IS NULL AND starts_with(record, '{') THEN TRY(json_type(record, ${paths(V1_PATHS)})) END AS v1 FROM ${from})
      )
    )`
}

const timeSql = (now: Date) => `${quoteText(now.toISOString())}::TIMESTAMPTZ`

/** Reads the records that SQL could not, in JavaScript. */
async function readRest(rest: Batch, admitted: readonly string[]): Promise<Batch> {
  const found: RecordFields[] = []
  const origin = { n: [] as number[], source_file: [] as string[], source_line: [] as number[] }
  for await (const rows of rest.rows<{ n: number; record: string; damage: string | null; source_file: string; line: number }>())
    for (const row of rows) {
      const read = row.damage === null ? readRecord(row.record, admitted) : [damaged(row.record, row.damage)]
      for (const fields of read) {
        found.push(fields)
        origin.n.push(row.n)
        origin.source_file.push(row.source_file)
        origin.source_line.push(row.line)
      }
    }
  const text = (values: (string | null | undefined)[]) => ({ type: 'VARCHAR', values: values.map(value => value ?? null) })
  return batchOfColumns({
    n: { type: 'BIGINT', values: origin.n },
    source_file: { type: 'VARCHAR', values: origin.source_file },
    source_line: { type: 'BIGINT', values: origin.source_line },
    ...Object.fromEntries(FIELDS.map(name => [name, text(found.map(fields => fields[name]))])),
    ...Object.fromEntries(admitted.map(name => [name, text(found.map(fields => fields.extra[name]))])),
  })
}

/** A record whose bytes are not UTF-8: the text as far as it can be read, and the bytes. */
function damaged(text: string, base64: string): RecordFields {
  const none = { id: null, date: null, user: null, text: null, sentiment: null, lang: null, record: null, extra: {} }
  return { ...none, form: 'unknown', rescue: JSON.stringify({ not_utf8: text, base64 }) }
}
