import { xClient } from '../sources/x-client.js'
import { defineCommand, flag, json, print, say, text, UsageError } from './command.js'

const counts = (summary: Record<string, number>) =>
  Object.entries(summary)
    .map(([name, n]) => `${n} ${name.replaceAll('_', ' ')}`)
    .join(', ')

export const command = defineCommand({
  summary: "the rules of X's filtered stream",
  usage: `rules list
          rules add VALUE [--tag TEXT] [--dry-run]
          rules delete ID… [--dry-run]`,
  about: `
The rules by which X's filtered stream chooses posts (moodlake run --source x:stream). The token comes from X_BEARER_TOKEN.`,
  options: {
    tag: text('TEXT', 'a name for the rule, sent with each post that it chose'),
    dryRun: flag('lets X check the change without making it'),
    json,
  },
  words: true,
  async run({ tag, dryRun, json }, [action = 'list', ...given]) {
    if (!['list', 'add', 'delete'].includes(action)) throw new UsageError(`rules: ${action} is none of list, add, delete`)
    if (action !== 'list' && !given.length)
      throw new UsageError(`rules: ${action} needs ${action === 'add' ? 'a value' : 'an id'}`)
    const client = xClient({ onNotice: say })
    const { rules, summary, problems } =
      action === 'list'
        ? { rules: await client.rules(), summary: {}, problems: [] }
        : action === 'add'
          ? await client.addRules(
              given.map(value => ({ value, ...(tag && { tag }) })),
              { dryRun },
            )
          : await client.deleteRules(given, { dryRun })
    print(
      rules.map(rule => `${rule.id}\t${rule.value}\t${rule.tag ?? ''}`),
      { rules, summary, problems },
      json,
    )
    if (action !== 'list' && !json) say(`${dryRun ? 'checked only: ' : ''}${counts(summary) || 'no change'}`)
    for (const problem of problems) say(`moodlake: x: ${problem}`)
    return problems.length ? 1 : 0
  },
})
