import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
interface Cell {
  source: string[]
  outputs?: { data?: Record<string, string[]> }[]
}

/** What a good pupil writes; counts are those of the sample tweets. */
const ANSWERS: Record<number, string> = {
  1: `'2009-04-07T05:19:45Z'`,
  2: `['A', 'b']`,
  3: `(await sql<{ n: number }>\`select count(*) as n from silver where len(mentions) = 0\`).rows[0]!.n`,
  4: `(await sql\`select * from bronze@v1\`).n`,
  5: `(await sql<{ rule: string }>\`select mode(rule) as rule from quarantine\`).rows[0]!.rule`,
  6: '1',
  7: `'drop'`,
  8: '0.6897',
  9: '69',
  10: `'derived truth'`,
  11: `'Strange label'`,
  12: `'blank picture'`,
  13: `'misprint'`,
  14: `'one class'`,
}

it('the exercises turn green for right answers, each with its reason', async () => {
  mkdirSync(join(root, '.moodlake'), { recursive: true })
  const folder = mkdtempSync(join(root, '.moodlake', 'exercises-'))
  try {
    const notebook = JSON.parse(readFileSync(join(root, 'notebooks/exercises.ipynb'), 'utf8')) as { cells: Cell[] }
    let filled = 0
    for (const cell of notebook.cells) {
      const source = cell.source.join('').replace(/^const answer(\d+) = .*$/m, (_line, n: string) => {
        filled++
        return `const answer${n} = ${ANSWERS[Number(n)]}`
      })
      cell.source = [source]
    }
    expect(filled).toBe(14)
    const path = join(folder, 'solved.ipynb')
    writeFileSync(path, JSON.stringify(notebook))
    const options = ['--to', 'notebook', '--execute', '--inplace', '--ExecutePreprocessor.kernel_name=moodlake', path]
    await promisify(execFile)(join(root, '.venv/bin/jupyter'), ['nbconvert', ...options], { timeout: 280_000 })
    const { cells } = JSON.parse(readFileSync(path, 'utf8')) as { cells: Cell[] }
    const said = cells.flatMap(cell => cell.outputs ?? []).map(output => [output.data?.['text/plain'] ?? ''].flat().join(''))
    const marks = said.filter(text => text.startsWith('Exercise'))
    expect(marks.filter(text => !/^Exercise \d+ ✓ right – .+: .+/.test(text))).toEqual([])
    expect(marks).toHaveLength(14)
    expect(said.at(-1)).toContain('**14** of 14')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 300_000)
