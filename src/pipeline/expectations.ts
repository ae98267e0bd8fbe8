import { duckdb, quoteName, quoteText, type Row } from '../delta/duckdb.js'
import type { Batch } from '../sources/batch.js'
import type { RuleCount } from '../streams/stream.js'

/** What becomes of a row that breaks a rule: only counted, left out, set aside in `quarantine`, or the stream fails. */
export const ACTIONS = ['warn', 'drop', 'quarantine', 'fail'] as const

/** What must be true of every row that a step gives. */
export type Expectation = {
  name: string
  action: (typeof ACTIONS)[number]
  /** SQL that says in words why a row breaks it, for `quarantine`. Default: `expected …`. */
  reason?: string
} & (
  | { sql: string }
  /** A plain function over some columns; sees one row at a time. */
  | { columns: readonly string[]; holds(row: Row): boolean }
)

/** Expectations by the table whose rows they judge. */
export type Expectations = { readonly [table in 'bronze' | 'silver' | 'gold']?: readonly Expectation[] }

/** Rows broke a rule whose action is `fail`: nothing of the batch was committed. */
export class ExpectationError extends Error {
  override name = 'ExpectationError'
  constructor(
    readonly rule: string,
    readonly failed: number,
    readonly total: number,
  ) {
    super(`expectation ${rule}: ${failed} of ${total} rows break it; nothing of the batch was committed`)
  }
}

const flag = (i: number) => quoteName(`_rule_${i}`)

/** What a rule asks, as SQL over rows that have the columns of `withFlags`. */
const condition = (rule: Expectation, i: number) => ('sql' in rule ? `TRY(${rule.sql})` : flag(i))

const takesOut = ({ action }: Expectation) => action === 'drop' || action === 'quarantine'

/** The rows with a column for each rule that is a function, in order. The caller drops the batch where it is another one. */
export async function withFlags(batch: Batch, rules: readonly Expectation[]): Promise<Batch> {
  const found = rules.flatMap((rule, i) => ('sql' in rule ? [] : [{ rule, name: `_rule_${i}` }]))
  if (!found.length) return batch
  const reads = [...new Set(found.flatMap(({ rule }) => rule.columns))]
  const adds = Object.fromEntries(found.map(({ name }) => [name, 'BOOLEAN']))
  return batch.extend(reads, adds, columns => {
    const rowAt = (i: number) => Object.fromEntries(reads.map(read => [read, columns[read]![i]])) as Row
    return Object.fromEntries(
      found.map(({ rule, name }) => [name, Array.from({ length: batch.count }, (_, i) => rule.holds(rowAt(i)))]),
    )
  })
}

/**
 * A SELECT that adds to rows `_broken`, the place of the first rule that takes the row out (null: it stays), and what `tally` counts of
 * the others. A rule that gives NULL, or an error for a row, is broken.
 */
export function judgeSql(from: string, rules: readonly Expectation[]): string {
  const cases = rules.flatMap((rule, i) => (takesOut(rule) ? [`WHEN ${condition(rule, i)} IS NOT TRUE THEN ${i}`] : []))
  const others = rules.flatMap((rule, i) =>
    takesOut(rule)
      ? []
      : [`, coalesce(_broken, ${i}) >= ${i} AND ${condition(rule, i)} IS NOT TRUE AS ${quoteName(`_warn_${i}`)}`],
  )
  return `SELECT *, ${cases.length ? `CASE ${cases.join(' ')} END` : 'NULL::INTEGER'} AS _broken${others.join('')} FROM ${from}`
}

/** Counts how many rows of a judged batch keep each rule. @throws ExpectationError for a broken rule whose action is `fail` */
export async function tally(judged: Batch, rules: readonly Expectation[]): Promise<RuleCount[]> {
  if (!rules.length) return []
  const failures = rules.map(
    (rule, i) => `count(*) FILTER (WHERE ${takesOut(rule) ? `_broken = ${i}` : quoteName(`_warn_${i}`)}) AS f${i}`,
  )
  const [counted] = await (await duckdb()).rows<Record<string, number>>(`SELECT ${failures.join(', ')} FROM ${judged.from}`)
  let left = judged.count
  return rules.map((rule, i) => {
    const failed = counted![`f${i}`]!
    if (failed && rule.action === 'fail') throw new ExpectationError(rule.name, failed, left)
    const count = { rule: rule.name, action: rule.action, passed: left - failed, failed }
    if (takesOut(rule)) left -= failed
    return count
  })
}

/** A SELECT of the rows of a judged batch that go to quarantine, with `rule` and `reason`. */
export function rejectedSql(judged: string, rules: readonly Expectation[]): string {
  const places = rules.flatMap((rule, i) => (rule.action === 'quarantine' ? [{ rule, i }] : []))
  if (!places.length) return `SELECT *, NULL::VARCHAR AS rule, NULL::VARCHAR AS reason FROM ${judged} WHERE false`
  const of = (value: (rule: Expectation) => string) =>
    `CASE _broken ${places.map(({ rule, i }) => `WHEN ${i} THEN ${value(rule)}`).join(' ')} END`
  const why = (rule: Expectation) => rule.reason ?? quoteText(`expected ${'sql' in rule ? rule.sql : rule.name}`)
  return `SELECT *, ${of(rule => quoteText(rule.name))} AS rule, ${of(why)} AS reason FROM ${judged}
    WHERE _broken IN (${places.map(({ i }) => i).join(', ')})`
}

/** Rows left out by rules whose action is `drop`. */
export function droppedRows(counts: readonly RuleCount[]): number {
  return counts.reduce((sum, { action, failed }) => sum + (action === 'drop' ? failed : 0), 0)
}

/** Throws when a rule has no name, no condition, an unknown action, or a name that another rule of its table has. */
export function checkExpectations(expectations: Expectations, own: { readonly [table: string]: readonly Expectation[] }): void {
  for (const [table, rules] of Object.entries(expectations)) {
    if (!Object.hasOwn(own, table))
      throw new Error(`expectation: no table ${table} to judge: there are ${Object.keys(own).join(', ')}`)
    const names = new Set(own[table]!.map(rule => rule.name))
    for (const rule of rules) {
      if (!rule.name) throw new Error(`expectation: a rule of ${table} has no name`)
      if (!ACTIONS.includes(rule.action))
        throw new Error(`expectation: ${rule.name}: action ${rule.action} is none of ${ACTIONS.join(', ')}`)
      if (!('sql' in rule ? rule.sql : rule.columns?.length)) throw new Error(`expectation: ${rule.name} has no condition`)
      if (names.has(rule.name)) throw new Error(`expectation: ${table} has two rules named ${rule.name}`)
      names.add(rule.name)
    }
  }
}
