import { textTable } from '../explore/text-table.js'
import type { NamedModel } from '../pipeline/gold.js'
import { listQuarantine, replayQuarantine } from '../pipeline/quarantine.js'
import { startGold, startSilver } from '../pipeline/run.js'
import { loadModel } from '../registry/load-model.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'
import { progressLine } from './run.js'

const help = `
usage: moodlake quarantine list   [--lake DIR] [--rule RULE] [--where SQL] [--all] [--json]
       moodlake quarantine replay [--lake DIR] [--rule RULE] [--where SQL] [--patch JSON | --sql SQL] [--model URI] [--until TABLE] [--json]

Shows the rejected records that wait, and sends them on, mended: each once, whenever this is interrupted and called again.
Records go into bronze and from there through silver and gold; tweets that a model failed on are scored again.

  --rule RULE    only rows that broke this rule
  --where SQL    only rows for which this is true; columns: id, tweet_id, record, reason, rule, source, source_file, time
  --all          also rows that were replayed
  --patch JSON   merge patch for each record, such as '{"date": "Mon Apr 06 22:19:45 PDT 2009"}'
  --sql SQL      each new record, such as "replace(record, 'x', 'y')"
  --model URI    scores them (default compact)
  --until TABLE  bronze, silver or gold (default); bronze where the streams run by themselves
`

async function replay(values: Record<string, string | undefined>): Promise<object> {
  const { lake = './lake', rule, where, patch, sql, until = 'gold' } = values
  if (!['bronze', 'silver', 'gold'].includes(until)) throw new UsageError(`--until: ${until} is none of bronze, silver, gold`)
  if (patch !== undefined && sql !== undefined) throw new UsageError('quarantine: --patch or --sql, not both')
  const model = until === 'gold' ? await loadModel(values.model ?? 'compact') : undefined
  try {
    const done = await replayQuarantine(lake, { rule, where, sql, model, ...(patch && { patch: readPatch(patch) }) })
    say(`quarantine: ${done.bronze} records replayed into bronze, ${done.gold} tweets scored again`)
    await runRest(lake, until, model)
    return done
  } finally {
    await model?.close?.()
  }
}

/** Takes what is in bronze on, as far as it is wanted. */
async function runRest(lake: string, until: string, model: NamedModel | undefined): Promise<void> {
  const onProgress = (progress: Parameters<typeof progressLine>[0]) => say(progressLine(progress))
  if (until !== 'bronze') await (await startSilver({ lake, onProgress })).done
  if (model) await (await startGold({ lake, model, onProgress })).done
}

function readPatch(text: string): object {
  try {
    const patch: unknown = JSON.parse(text)
    if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return patch
  } catch (error) {
    throw new UsageError(`--patch: not JSON: ${text}`, { cause: error })
  }
  throw new UsageError(`--patch: not a JSON object: ${text}`)
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      lake: { type: 'string', default: './lake' },
      rule: { type: 'string' },
      where: { type: 'string' },
      all: { type: 'boolean', default: false },
      patch: { type: 'string' },
      sql: { type: 'string' },
      model: { type: 'string' },
      until: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { all, json, ...texts } = values
  if (positionals.length !== 1 || !['list', 'replay'].includes(positionals[0]!))
    throw new UsageError('quarantine: say list or replay')
  if (positionals[0] === 'replay') {
    const done = await replay(texts)
    if (json) printJson(done)
    return 0
  }
  const rows = await listQuarantine(values.lake, { rule: values.rule, where: values.where, all })
  if (json) printJson(rows)
  else process.stdout.write(`${textTable(rows.length ? rows : [{ quarantine: 'nothing waits' }], { maxRows: 200 })}\n`)
  return 0
}

export const command: Command = { summary: 'rejected records: see them, mend them, send them on', help, run }
