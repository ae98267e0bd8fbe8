import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { type Forgotten, forget } from '../pipeline/forget.js'
import { forgetOrders } from '../pipeline/orders.js'
import { checkReceipt } from '../pipeline/receipt.js'
import { openSink } from '../sources/open-sink.js'
import { type Command, parse, printJson, say, UsageError } from './command.js'

const help = `
usage: moodlake forget USER [--lake DIR] [--yes] [--source DIR]… [--sink URI]… [--reason TEXT] [--json]
       moodlake forget --post ID… [the same options]
       moodlake forget --orders [the same options]
       moodlake forget --verify RECEIPT [--json]

Takes all of a user out of a lake: every table, every kept version, what lies landed, after asking; then looks at every byte that
is left, and signs a receipt (kept in the lake, under _forget/receipts). What sources deliver again of them stays out. Interrupted, it
is finished when it is called again.

  --post ID         one post instead of a user; may be given again
  --orders          what platforms have told to forget (Bluesky's deletions, X's compliance notices) and has come into bronze
  --source DIR      source files that are to forget too; may be given again
  --sink URI        postgres:// or mongodb:// database that is to forget at once (one that 'run --sink' fills does so by itself)
  --reason TEXT     for the receipt
  --yes             does not ask
  --verify RECEIPT  checks a receipt's signature: exit code 1 when it is not what was signed
`

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

async function asked(what: string, lake: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`forget: would take ${what} out of ${lake} for ever; add --yes`)
  const ask = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await ask.question(`Take ${what} out of ${lake} for ever? [y/N] `)
  ask.close()
  return /^y(es)?$/i.test(answer.trim())
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse({
    args,
    allowPositionals: true,
    options: {
      lake: { type: 'string', default: './lake' },
      post: { type: 'string', multiple: true },
      orders: { type: 'boolean', default: false },
      source: { type: 'string', multiple: true },
      sink: { type: 'string', multiple: true },
      reason: { type: 'string' },
      verify: { type: 'string' },
      yes: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.verify !== undefined) return verifyFile(values.verify, values.json)
  const { lake, post: posts = [], source: sources = [], reason } = values
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
  if (!values.yes && !(await asked(what, lake))) {
    say('nothing removed')
    return 1
  }
  const sinks = []
  try {
    for (const uri of values.sink ?? []) sinks.push(await openSink(uri))
    const receipt = await forget(orders, { lake, sources, sinks, ...(reason === undefined ? {} : { reason }) })
    if (values.json) printJson(receipt)
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
}

export const command: Command = { summary: 'take a user, or posts, out of a lake and all its versions', help, run }
