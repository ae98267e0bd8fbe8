import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

interface Cell {
  cell_type: 'code' | 'markdown'
  metadata: { name?: string; execution?: unknown }
  source: string[]
  execution_count?: number | null
  outputs?: { output_type: string; data?: Record<string, unknown>; text?: string[] }[]
}

const notebooks = ['includes', 'notebooks'].flatMap(folder =>
  readdirSync(folder)
    .filter(file => file.endsWith('.ipynb'))
    .map(file => join(folder, file)),
)
const cellsOf = (path: string) => (JSON.parse(readFileSync(path, 'utf8')) as { cells: Cell[] }).cells
const linesOf = (cell: Cell) => cell.source.join('').split('\n').length

describe.each(notebooks)('%s', path => {
  const cells = cellsOf(path)
  const code = cells.filter(cell => cell.cell_type === 'code')
  const prose = cells.filter(cell => cell.cell_type === 'markdown')

  it('begins with a title, a question and what will be had; then imports; ends with what was found', () => {
    const [first] = cells
    expect(first?.source[0]).toMatch(/^# /)
    expect(first?.source.join('')).toMatch(/\*\*[^*]+\?\*\*[\s\S]*At the end you will/)
    expect(code[0]?.metadata.name).toBe('imports')
    expect(
      code[0]?.source
        .join('')
        .replaceAll(/import [\s\S]*? from '[^']+'\n?/g, '')
        .trim(),
    ).toBe('')
    expect(prose.at(-1)?.source.join('') + (prose.at(-2)?.source.join('') ?? '')).toContain('What we found')
  })

  it('has short cells, and prose between them', () => {
    for (const cell of code)
      expect(linesOf(cell), cell.source.join('')).toBeLessThanOrEqual(cell.metadata.name === 'imports' ? 20 : 10)
    expect(prose.length / cells.length).toBeGreaterThan(0.3)
  })

  it('is committed with outputs, without execution counts, times, errors or paths of a machine', () => {
    expect(code.filter(cell => cell.outputs?.length).length / code.length).toBeGreaterThan(0.7)
    for (const cell of code) {
      expect(cell.execution_count).toBeNull()
      expect(cell.metadata.execution).toBeUndefined()
      for (const output of cell.outputs ?? []) {
        expect(output.output_type).not.toBe('error')
        const text = JSON.stringify(output)
        for (const path of [resolve('.'), homedir(), '/tmp/', '/home/'])
          expect(text.includes(path), `${path} in ${text.slice(0, 300)}`).toBe(false)
      }
    }
  })

  it('runs in a real kernel from its first cell to its last', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moodlake-notebook-'))
    const options = ['--to', 'notebook', '--execute', '--ExecutePreprocessor.kernel_name=moodlake', '--output-dir', folder, path]
    await promisify(execFile)('.venv/bin/jupyter', ['nbconvert', ...options], { timeout: 280_000 })
    const ran = cellsOf(join(folder, path.split('/').at(-1)!))
    // The same cells show something as in what is committed: the committed outputs are those of today's code.
    const kinds = (list: Cell[]) => list.map(cell => [...new Set((cell.outputs ?? []).map(output => output.output_type))])
    expect(kinds(ran)).toEqual(kinds(cells))
  }, 300_000)
})

it('the set-up has registered the kernel', () => {
  expect(existsSync('.venv/share/jupyter/kernels/moodlake/kernel.json')).toBe(true)
})
