import { describe, expect, it } from 'vitest'
import { defineCommand, flag, needed, oneOf, read, readCount, text, texts, UsageError } from '../../src/cli/command.js'

describe('a command made from its options', () => {
  const seen: unknown[] = []
  const command = defineCommand({
    summary: 'sends parcels',
    usage: `send WHAT --to PLACE
            send --list`,
    about: '\nSends parcels.',
    options: {
      to: needed('PLACE', 'where they go'),
      maxWeight: read('KG', 'heaviest one', readCount, '20'),
      mode: read('MODE', 'how', oneOf(['air', 'sea'] as const)),
      note: text('TEXT', 'a first line\nand a second'),
      stamp: texts('NAME', 'what is put on'),
      fast: flag('goes by night'),
    },
    words: true,
    async run(values, words) {
      seen.push(values, words)
      return 0
    },
  })

  it('says all of them, their defaults and every way to call it', () => {
    expect(command.help).toBe(`usage: moodlake send WHAT --to PLACE
       moodlake send --list

Sends parcels.

  --to PLACE       where they go
  --max-weight KG  heaviest one (default 20)
  --mode MODE      how
  --note TEXT      a first line
                   and a second
  --stamp NAME     what is put on; may be given again
  --fast           goes by night`)
  })

  it('reads them, with what stands for those that are not given', async () => {
    await command.run(['a', 'b', '--to', 'here', '--max-weight', '3', '--stamp', 'x', '--stamp=y', '--fast'])
    await command.run(['--to', 'here'])
    expect(seen).toEqual([
      { to: 'here', maxWeight: 3, mode: undefined, note: undefined, stamp: ['x', 'y'], fast: true },
      ['a', 'b'],
      { to: 'here', maxWeight: 20, mode: undefined, note: undefined, stamp: [], fast: false },
      [],
    ])
  })

  it.each([
    [[], 'send: --to PLACE is needed'],
    [['--to', 'x', '--mode', 'mule'], '--mode: mule is none of air, sea'],
    [['--to', 'x', '--max-weight', '0.5'], '--max-weight: not a whole number of at least 1: 0.5'],
    [['--what'], "Unknown option '--what'"],
  ])('%j is wrong usage', (args, said) => {
    expect(() => command.run(args)).toThrow(UsageError)
    expect(() => command.run(args)).toThrow(said)
  })
})
