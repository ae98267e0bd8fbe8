import { afterEach, expect, it } from 'vitest'
import { closing, killInMidFeed } from './feed.js'

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

it.each(['v1', 'v2'] as const)('%s: killed again and again in mid-feed, every event is in bronze once', async wire => {
  await killInMidFeed(wire, 8)
  expect.assertions(4)
})
