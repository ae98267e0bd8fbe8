import { expect } from 'vitest'
import { createTable, openTable } from '../../src/delta/index.js'
import { forget } from '../../src/pipeline/forget.js'
import { LAKE_TABLES, tableLocation } from '../../src/pipeline/lake.js'
import { fileStore } from '../../src/stores/file-store.js'
import { openStore } from '../../src/stores/open-store.js'
import type { Store } from '../../src/stores/store.js'
import { killedAt } from '../delta/faulty.js'
import { NAME, newLake, run, traces, WORDS, writeFile } from './forgotten.js'
import { lakeOf, newFolder, TABLES } from './lake.js'

const FEED = { 'delta.enableChangeDataFeed': 'true' }
/** Tables as somebody else may have made them before the pipeline ran. */
const MADE = {
  bronze: { properties: { 'delta.columnMapping.mode': 'id' } },
  silver: { partitionBy: ['user'], properties: FEED },
  gold: {
    partitionBy: ['lang'],
    properties: { ...FEED, 'delta.columnMapping.mode': 'name', 'delta.enableDeletionVectors': 'true' },
  },
}

/** Fills two lakes with the same rows, one of which has plain tables, and forgets in both, killed on the way. */
export async function compareForgotten(lake: string, kills: number): Promise<void> {
  for (const [name, options] of Object.entries(MADE))
    await createTable(tableLocation(lake, name), { schema: LAKE_TABLES[name as keyof typeof MADE], ...options })
  const { source, lake: plain } = await newLake(1)
  await run(source, lake)
  writeFile(source, 1)
  for (const place of [plain, lake]) {
    await run(source, place)
    const gold = await openTable(tableLocation(place, 'gold'))
    await gold.delete(
      `"user" IN ('ann0', '${NAME}') AND tweet_id IN (SELECT min(tweet_id) FROM ${await (await gold.snapshot()).relation()} GROUP BY "user")`,
    )
    await forgetKilled(place, place === lake ? kills : 0)
  }
  // Streams go on, and keep out what is delivered again.
  writeFile(source, 2)
  for (const place of [plain, lake]) await run(source, place)
  const [found, wanted] = [await lakeOf(lake), await lakeOf(plain)]
  for (const name of TABLES) expect(found[name], name).toEqual(wanted[name])
  expect(found.gold!.length).toBeGreaterThan(15)
  for (const name of Object.keys(MADE)) {
    const table = await openTable(tableLocation(lake, name))
    for (let { version } = await table.snapshot(); version >= 0; version--)
      expect((await table.snapshot({ version })).rowCount).toBeGreaterThanOrEqual(0)
  }
}

/** Forgets the user; before it is done it is killed so often, at writes that lie apart. */
async function forgetKilled(lake: string, kills: number): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    const killed = killedAt(8 + 24 * kill, () => forget({ user: NAME }, { lake, graceMs: 0 }))
    await expect(killed).rejects.toThrow('killed')
  }
  const receipt = await forget({ user: NAME }, { lake, graceMs: 0 })
  expect(receipt.scan.findings).toBe(0)
  expect(traces(await onDisk(lake), [NAME, WORDS, '88000000012', '88000000032'])).toBe('')
}

/** A copy of a lake on this disk, to be looked at by others. */
async function onDisk(lake: string): Promise<string> {
  const folder = await newFolder('copy')
  const to: Store = fileStore(folder)
  const from = openStore(lake)
  for await (const { path } of from.list('')) {
    expect(path).not.toContain(NAME)
    await to.put(path, await from.read(path))
  }
  return folder
}
