import { readFileSync } from 'node:fs'
import { ACTIONS, type Expectation, type Expectations } from '../pipeline/expectations.js'
import { UsageError } from './command.js'

const TABLES = ['bronze', 'silver', 'gold'] as const

/** A rule of a JSON file: `{"table": "silver", "name": "short", "action": "warn", "sql": "length(full_text) < 280"}`. */
interface RuleText {
  table?: string
  name?: string
  action?: string
  sql?: string
  reason?: string
}

/** Reads `TABLE:NAME:ACTION:SQL`, or a `.json` file with a list of rules, for each `--expect`. */
export function readExpectations(given: readonly string[]): Expectations {
  const found: Record<(typeof TABLES)[number], Expectation[]> = { bronze: [], silver: [], gold: [] }
  for (const text of given)
    for (const { table, name, action, sql, reason } of text.endsWith('.json') ? readFile(text) : [readRule(text)]) {
      const known = TABLES.find(one => one === table)
      const does = ACTIONS.find(one => one === action)
      if (!known) throw new UsageError(`--expect: ${text}: table ${table} is none of ${TABLES.join(', ')}`)
      if (!does) throw new UsageError(`--expect: ${text}: action ${action} is none of ${ACTIONS.join(', ')}`)
      if (!name || !sql) throw new UsageError(`--expect: ${text}: a rule needs a name and SQL`)
      found[known].push({ name, action: does, sql, ...(reason === undefined ? {} : { reason }) })
    }
  return found
}

function readRule(text: string): RuleText {
  const [, table, name, action, sql] = /^(\w+):([^:]+):(\w+):(.+)$/s.exec(text) ?? []
  if (!sql) throw new UsageError(`--expect: not TABLE:NAME:ACTION:SQL: ${text}`)
  return { table, name, action, sql }
}

function readFile(path: string): RuleText[] {
  try {
    const rules: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (Array.isArray(rules)) return rules as RuleText[]
  } catch (error) {
    throw new UsageError(`--expect: ${path}: ${(error as Error).message}`, { cause: error })
  }
  throw new UsageError(`--expect: ${path} is no list of rules`)
}
