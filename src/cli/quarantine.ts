import { textTable } from '../explore/text-table.js'
import type { Translator } from '../models/translator.js'
import type { NamedModel } from '../pipeline/gold.js'
import { listQuarantine, replayQuarantine } from '../pipeline/quarantine.js'
import { startGold, startSilver } from '../pipeline/run.js'
import { loadModel } from '../registry/load-model.js'
import { loadTranslator } from '../registry/load-translator.js'
import { defineCommand, flag, json, lake, oneOf, print, printJson, read, say, text, UsageError } from './command.js'
import { progressLine, TIERS } from './run.js'

interface Chosen {
  lake: string
  rule?: string
  where?: string
  patch?: object
  sql?: string
  model: string
  translate?: string
  until: 'bronze' | 'silver' | 'gold'
}

async function replay({ lake, until, patch, sql, translate, ...values }: Chosen): Promise<object> {
  if (patch !== undefined && sql !== undefined) throw new UsageError('quarantine: --patch or --sql, not both')
  const model = until === 'gold' ? await loadModel(values.model) : undefined
  let translator: Translator | undefined
  try {
    translator = translate !== undefined && model ? await loadTranslator(translate) : undefined
    const done = await replayQuarantine(lake, { ...values, sql, patch, model, translator })
    say(`quarantine: ${done.bronze} records replayed into bronze, ${done.gold} tweets scored again`)
    await runRest(lake, until, model, translator)
    return done
  } finally {
    await Promise.all([model?.close?.(), translator?.close()])
  }
}

/** Takes what is in bronze on, as far as it is wanted. */
async function runRest(lake: string, until: string, model?: NamedModel, translator?: Translator): Promise<void> {
  const onProgress = (progress: Parameters<typeof progressLine>[0]) => say(progressLine(progress))
  if (until !== 'bronze') await (await startSilver({ lake, onProgress })).done
  if (model) await (await startGold({ lake, model, translator, onProgress })).done
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

export const command = defineCommand({
  summary: 'rejected records: see them, mend them, send them on',
  usage: `quarantine list   [--lake DIR] [--rule RULE] [--where SQL] [--all] [--json]
          quarantine replay [--lake DIR] [--rule RULE] [--where SQL] [--patch JSON | --sql SQL] [--model URI] [--translate URI] [--until TABLE]
                            [--json]`,
  about: `
Shows the rejected records that wait, and sends them on, mended: each once, whenever this is interrupted and called again.
Records go into bronze and from there through silver and gold; tweets that a model failed on are scored again.`,
  options: {
    lake,
    rule: text('RULE', 'only rows that broke this rule'),
    where: text(
      'SQL',
      'only rows for which this is true; columns: id, tweet_id, record, reason, rule, source, source_file, time',
    ),
    all: flag('also rows that were replayed'),
    patch: read('JSON', `merge patch for each record, such as '{"date": "Mon Apr 06 22:19:45 PDT 2009"}'`, readPatch),
    sql: text('SQL', `each new record, such as "replace(record, 'x', 'y')"`),
    model: text('URI', 'scores them', 'compact'),
    translate: text('URI', 'puts other languages into English before they are scored, as for run'),
    until: read('TABLE', 'bronze, silver or gold; bronze where the streams run by themselves', oneOf(TIERS), 'gold'),
    json,
  },
  words: true,
  async run({ all, json, ...chosen }, [action, ...more]) {
    if (!action || more.length || !/^(list|replay)$/.test(action)) throw new UsageError('quarantine: say list or replay')
    if (action === 'replay') {
      const done = await replay(chosen)
      if (json) printJson(done)
      return 0
    }
    const rows = await listQuarantine(chosen.lake, { rule: chosen.rule, where: chosen.where, all })
    return print([textTable(rows.length ? rows : [{ quarantine: 'nothing waits' }], { maxRows: 200 })], rows, json)
  },
})
