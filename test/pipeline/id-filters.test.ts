import { expect, it } from 'vitest'
import { createTable, type DeltaTable } from '../../src/delta/index.js'
import { idFilters } from '../../src/pipeline/id-filters.js'
import { batchOfColumns } from '../../src/sources/batch.js'
import { newFolder } from './lake.js'

/** Ids that do not grow: each file has ids from everywhere. */
const id = (n: number) => `at://did:plc:${((n * 2654435761) % 2 ** 32).toString(36)}/${n}`
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => id(from + i))

/** Places of the files that are picked for ids, and all files. */
async function picked(table: DeltaTable, pick: ReturnType<typeof idFilters>, wanted: string[]) {
  const snapshot = await table.snapshot()
  const batch = await batchOfColumns({ tweet_id: { type: 'VARCHAR', values: wanted } })
  const found = await pick(snapshot, snapshot.files, batch.from)
  await batch.drop()
  return { places: found.map(file => snapshot.files.indexOf(file)), snapshot }
}

it('opens the files that have a tweet of the batch, whatever became of them, and hardly another', async () => {
  const table = await createTable(await newFolder('filters'), {
    schema: 'tweet_id string not null',
    properties: { 'delta.enableDeletionVectors': 'true' },
  })
  for (let file = 0; file < 8; file++) await table.append(ids(1000 * file, 1000 * (file + 1)).map(tweet_id => ({ tweet_id })))
  const pick = idFilters()
  const of = async (wanted: string[]) => (await picked(table, pick, wanted)).places
  // Files that have no filter yet are opened.
  expect((await of([])).length).toBe(4)
  for (let file = 0; file < 8; file++) expect(await of([...ids(9000, 9100), id(1000 * file + 500)])).toContain(file)
  // Of these 8,000 pairs of file and id one in two million is mistaken.
  expect(await of(ids(10_000, 11_000))).toEqual([])
  expect(await of(ids(0, 8000))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])

  const { version } = await table.snapshot()
  await table.delete(`tweet_id = '${id(500)}'`)
  expect(await of([id(500)])).toEqual([])
  await table.restore({ version })
  const { places, snapshot } = await picked(table, pick, [id(500)])
  expect(places).toHaveLength(1)
  const known = await snapshot.relation({ columns: ['tweet_id'], pick: async files => places.map(place => files[place]!) })
  expect(known).toContain('.parquet')
})
