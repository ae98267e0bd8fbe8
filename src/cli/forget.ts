import { readFileSync } from 'node:fs'
import { type Forgotten, forget } from '../pipeline/forget.js'
import { forgetOrders } from '../pipeline/orders.js'
import { checkReceipt } from '../pipeline/receipt.js'
import { openSink } from '../sources/open-sink.js'
import { confirmed, defineCommand, flag, json, lake, printJson, say, text, texts, UsageError } from './command.js'

function verifyFile(file: string, json: boolean): number {
  let receipt: unknown
  try {
    receipt = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`forget: ${file}: not a receipt: ${(error as Error).message}`, { cause: error })
  }
  const found = checkReceipt(receipt)
  if (json) printJson(found)
  else
    say(
      found.valid
        ? `valid, signed with ${found.ownKey ? 'your own key' : 'another key than yours'}`
        : `not valid: ${found.reason}`,
    )
  return found.valid ? 0 : 1
}

export const command = defineCommand({
  summary: 'take a user, or posts, out of a lake and all its versions',
  usage: `forget USER [--lake DIR] [--yes] [--source DIR]… [--sink URI]… [--reason TEXT] [--json]
          forget --post ID… [the same options]
          forget --orders [the same options]
          forget --verify RECEIPT [--json]`,
  about: `
Takes all of a user out of a lake: every table, every kept version, what lies landed, after asking; then looks at every byte that
is left, and signs a receipt (kept in the lake, under _forget/receipts). What sources deliver again of them stays out. Interrupted, it
is finished when it is called again.`,
  options: {
    lake,
    post: texts('ID', 'one post instead of a user'),
    orders: flag("what platforms have told to forget (Bluesky's deletions, X's compliance notices) and has come into bronze"),
    source: texts('DIR', 'source files that are to forget too'),
    sink: texts(
      'URI',
      "postgres:// or mongodb:// database that is to forget at once (one that 'run --sink' fills does so by itself)",
    ),
    reason: text('TEXT', 'for the receipt'),
    yes: flag('does not ask'),
    verify: text('RECEIPT', "checks a receipt's signature: exit code 1 when it is not what was signed"),
    json,
  },
  words: true,
  async run({ json, ...values }, positionals) {
    if (values.verify !== undefined) return verifyFile(values.verify, json)
    const { lake, post: posts, source: sources, reason } = values
    const [user] = positionals
    if (positionals.length + (posts.length ? 1 : 0) + Number(values.orders) !== 1)
      throw new UsageError('forget: name one user, or posts with --post, or --orders')
    const orders: Forgotten[] = user === undefined ? posts.map(tweetId => ({ tweetId })) : [{ user }]
    if (values.orders) for await (const order of forgetOrders(lake)) orders.push(order)
    if (!orders.length) {
      say(`${lake}: no orders to forget`)
      return 0
    }
    const what = user === undefined ? `${orders.length} ${values.orders ? 'users and posts' : 'posts'}` : `all of ${user}`
    if (
      !values.yes &&
      !(await confirmed(`Take ${what} out of ${lake} for ever?`, `forget: would take ${what} out of ${lake} for ever`))
    ) {
      return 1
    }
    const sinks = []
    try {
      for (const uri of values.sink) sinks.push(await openSink(uri))
      const receipt = await forget(orders, { lake, sources, sinks, ...(reason === undefined ? {} : { reason }) })
      if (json) printJson(receipt)
      else {
        for (const [name, { deleted, changed, files, versions }] of Object.entries(receipt.tables))
          if (files) say(`${name}: ${deleted} rows gone, ${changed} changed, in ${files} files and ${versions} versions`)
        say(
          `${lake}: clean: looked at ${receipt.scan.files} files, ${(receipt.scan.bytes / 2 ** 20).toFixed(1)} MB; receipt in _forget/receipts`,
        )
      }
      return 0
    } finally {
      for (const sink of sinks) await sink.close()
    }
  },
})
