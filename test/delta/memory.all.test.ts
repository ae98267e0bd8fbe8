import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTable } from '../../src/delta/index.js'
import { newFolder } from './oracle.js'

const run = promisify(execFile)
const library = resolve('dist/delta/index.js')
if (!existsSync(library)) throw new Error('no dist/: npm run build comes first')

/** Reads all rows of a table in a process of its own: how many there are, and the most memory it held, in MB. */
async function read(folder: string): Promise<{ rows: number; mb: number }> {
  const script = `
    const { openTable } = await import(${JSON.stringify(pathToFileURL(library).href)})
    let rows = 0
    for await (const some of (await (await openTable(${JSON.stringify(folder)})).snapshot()).rows()) rows += some.length
    console.log(JSON.stringify({ rows, mb: process.resourceUsage().maxRSS / 1024 }))`
  return JSON.parse((await run(process.execPath, ['--input-type=module', '-e', script])).stdout) as { rows: number; mb: number }
}

it('streams a table through memory that does not grow with it', async () => {
  const folder = newFolder()
  const table = await createTable(folder, { schema: 'id long, text string' })
  const part = 250_000
  const append = (start: number) =>
    table.append({
      sql: `SELECT range AS id, 'row ' || range || repeat(' and some text', 8) AS text FROM range(${start}, ${start + part})`,
    })
  await append(0)
  const small = await read(folder)
  for (let i = 1; i < 8; i++) await append(i * part)
  const large = await read(folder)
  expect([small.rows, large.rows]).toEqual([part, 8 * part])
  // 250 MB of text more.
  expect(large.mb - small.mb).toBeLessThan(100)
})
