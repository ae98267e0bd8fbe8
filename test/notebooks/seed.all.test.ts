import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
interface Output {
  data?: Record<string, unknown>
}
interface Cell {
  metadata: { name?: string }
  outputs?: Output[]
}
interface Figure {
  data: { x?: number[]; y?: string[] }[]
}

/** The outputs of a notebook by the names of its cells. */
function outputsOf(path: string): Map<string, Output[]> {
  const { cells } = JSON.parse(readFileSync(path, 'utf8')) as { cells: Cell[] }
  return new Map(cells.map(({ metadata, outputs }) => [metadata.name ?? '', outputs ?? []]))
}

const text = (outputs: Output[] | undefined, mime: string) =>
  (outputs ?? []).map(({ data }) => [data?.[mime] ?? ''].flat().join('')).join('\n')
const chart = (outputs: Output[] | undefined) =>
  (outputs ?? []).map(({ data }) => data?.['application/vnd.plotly.v1+json'] as Figure | undefined).find(Boolean)!

it('another seed changes text and chart of a notebook alike: its figures are computed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moodlake-seed-'))
  try {
    const options = ['--to', 'notebook', '--execute', '--ExecutePreprocessor.kernel_name=moodlake', '--output-dir', folder]
    const run = promisify(execFile)
    await run(join(root, '.venv/bin/jupyter'), ['nbconvert', ...options, join(root, 'notebooks/streams.ipynb')], {
      timeout: 280_000,
      env: { ...process.env, MOODLAKE_SET: JSON.stringify({ seed: 7 }) },
    })
    const [committed, other] = [outputsOf(join(root, 'notebooks/streams.ipynb')), outputsOf(join(folder, 'streams.ipynb'))]
    for (const outputs of [committed, other]) {
      // What the chart shows is what the sentence below it says, whatever the seed.
      const faults = chart(outputs.get('replay-with-faults')).data[0]!.x!
      const [, entries] = /\*\*([\d,]+)\*\* entries in the ledger/.exec(text(outputs.get('ledger'), 'text/markdown'))!
      const sum = faults.reduce((a, b) => a + b, 0)
      expect(Math.abs(sum - Number(entries!.replaceAll(',', '')))).toBeLessThanOrEqual(1)
    }
    const said = (outputs: Map<string, Output[]>, name: string) => text(outputs.get(name), 'text/markdown')
    for (const name of ['ledger', 'faults-found', 'found']) expect(said(other, name)).not.toBe(said(committed, name))
    expect(chart(other.get('replay-with-faults')).data).not.toEqual(chart(committed.get('replay-with-faults')).data)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 300_000)
