import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeReport } from '../../src/explore/report.js'
import { hasJupyter, installKernel, root, writeNotebook } from '../notebooks/notebook-file.js'

let folder = ''
const before = process.env.JUPYTER_PATH

beforeAll(() => {
  mkdirSync(join(root, '.moodlake'), { recursive: true })
  folder = mkdtempSync(join(root, '.moodlake', 'report-test-'))
  process.env.JUPYTER_PATH = installKernel(folder)
})
afterAll(() => {
  if (before === undefined) delete process.env.JUPYTER_PATH
  else process.env.JUPYTER_PATH = before
  rmSync(folder, { recursive: true, force: true })
})

const notebook = (name: string, sources: (string | { md: string })[]) => writeNotebook(join(folder, `${name}.ipynb`), sources)

describe.skipIf(!hasJupyter)('makeReport (skipped without .venv: npm run setup)', () => {
  it.concurrent('runs a notebook into one page that asks nothing of the network, and leaves the notebook alone', async () => {
    const path = notebook('good', [
      { md: '# What *users* <write>\n\nA question.\n\n## First part\n\n### Detail & more' },
      "import { barChart, show } from 'moodlake'",
      "show(barChart([{ user: '</script><script>window.hacked=1</script>', n: 3 }], { label: 'user', value: 'n', title: 'One user' }))\nshow([{ text: '<img src=x onerror=alert(1)>\\u202e' }])",
    ])
    const source = readFileSync(path, 'utf8')
    const report = await makeReport(path, { output: join(folder, 'out') })
    expect(readFileSync(path, 'utf8')).toBe(source)
    expect(report).toMatchObject({ notebook: path, file: join(folder, 'out', 'good.html'), figures: 1 })
    expect(report.bytes).toBeLessThan(10e6)
    const html = readFileSync(report.file, 'utf8')
    expect(report.bytes).toBe(Buffer.byteLength(html))
    expect(html).toContain('<title>What users')
    expect(html).toMatch(/<nav[^>]*><ol><li class="level-2"><a href="#First-part">First part<\/a><\/li><li class="level-3">/)
    expect(html).toContain('<summary>Code</summary>')
    expect(html).not.toMatch(/<!--moodlake:|\u202e|<img src=x/)
    expect(html).toContain("default-src 'none'")
    // Nothing is loaded: no element of the page's own points anywhere (plotly's library is taken away, its addresses are text).
    const own = html.replace(/<script>[\s\S]*?<\/script>/g, '')
    expect(own).not.toMatch(/<(script|link|img|iframe)[^>]*\b(src|href)="(?!data:image\/svg)/)
    expect(own).not.toMatch(/url\(|@import/)
    // Without a chart there is no library, without code no code.
    const bare = await makeReport(notebook('bare', [{ md: '# Bare' }, '1 + 1']), { output: join(folder, 'out'), code: false })
    expect(bare.bytes).toBeLessThan(100_000)
    expect(readFileSync(bare.file, 'utf8')).not.toContain('<summary>Code')
  })

  it.concurrent('gives a notebook its parameters, and leads links to other notebooks to their reports', async () => {
    const path = notebook('set', [
      { md: '# Set\n\nNext: [other](../includes/other-one.ipynb)' },
      "import { parameter } from 'moodlake'",
      "console.log('about', parameter('product', 'nobody'), 'by', parameter('author', 'nobody'))",
    ])
    const report = await makeReport(path, { output: join(folder, 'out'), set: { product: 'Nimbolo / "é"' } })
    expect(report.file).toBe(join(folder, 'out', 'set-product=Nimbolo_é_.html'))
    const html = readFileSync(report.file, 'utf8')
    expect(html).toContain('about Nimbolo / "é" by nobody')
    expect(html).toContain('href="other-one.html"')
  })

  it.concurrent.each<[string, string[], number, RegExp]>([
    ['thrown', ['const a = 1', "throw new Error('bronze is empty')"], 2, /cell 2 failed: .*bronze is empty/],
    ['typed', ["const n: number = 'one'"], 1, /cell 1 failed: .*Type 'string' is not assignable to type 'number'/],
    ['rejected', ['1', '2', "await Promise.reject(new RangeError('too far'))"], 3, /cell 3 failed: .*RangeError: too far/],
  ])('names the cell and the cause: %s', async (name, cells, _cell, message) => {
    const path = notebook(name, cells)
    const error = await makeReport(path, { output: join(folder, 'bad') }).catch(reason => reason as Error)
    expect(error).toMatchObject({ name: 'NotebookError', notebook: path, cell: _cell })
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message.split('\n')).toHaveLength(1)
    expect(existsSync(join(folder, 'bad', `${name}.html`))).toBe(false)
  })

  it.concurrent('says which cell took too long, and stops when told', async () => {
    const slow = notebook('slow', ['await new Promise(done => setTimeout(done, 60_000))'])
    await expect(makeReport(slow, { output: folder, cellTimeoutS: 3 })).rejects.toThrow(/cell 1 failed: took longer than 3 s/)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 1000)
    await expect(makeReport(slow, { output: folder, signal: controller.signal })).rejects.toThrow('report: stopped')
  })

  it.concurrent('shows saved outputs without running', async () => {
    const path = notebook('saved', ["throw new Error('must not run')"])
    const report = await makeReport(path, { output: join(folder, 'out'), execute: false })
    expect(readFileSync(report.file, 'utf8')).toContain('exported as saved, not run again')
  })

  it('says in one sentence what is missing', async () => {
    await expect(makeReport(join(folder, 'nix.ipynb'))).rejects.toThrow('report: no such notebook: ')
    writeFileSync(join(folder, 'broken.ipynb'), '{"cells": 3}')
    await expect(makeReport(join(folder, 'broken.ipynb'))).rejects.toThrow('is not a notebook: it has no cells')
    await expect(makeReport(notebook('kernel', []), { kernel: 'nix' })).rejects.toThrow(
      'kernel nix is not set up here: run `npm run setup`',
    )
  })
})

describe.skipIf(!hasJupyter)('moodlake report (skipped without .venv: npm run setup)', () => {
  const moodlake = (...args: string[]) =>
    spawnSync(process.execPath, ['bin/moodlake.mjs', 'report', ...args], { cwd: root, encoding: 'utf8' })

  it('gives one JSON document; a failing cell is exit code 1, wrong usage 2', () => {
    const good = moodlake(notebook('cli', [{ md: '# CLI' }, '1']), '--output', join(folder, 'cli'), '--json')
    expect(good.status).toBe(0)
    expect(JSON.parse(good.stdout).reports).toMatchObject([{ file: join(folder, 'cli', 'cli.html'), figures: 0 }])
    const bad = moodlake(notebook('cli-bad', ["throw new Error('no')"]), '--output', join(folder, 'cli'))
    expect(bad.status).toBe(1)
    expect(bad.stderr.trim().split('\n').at(-1)).toMatch(/^moodlake: .*cli-bad\.ipynb: cell 1 failed: .*no/)
    expect(moodlake('--timeout', 'x').status).toBe(2)
  })
})

it.each([
  [['--set', 'product'], 'report: --set wants NAME=VALUE, not product'],
  [['--set', 'a=b', '--no-execute'], 'report: --set needs the notebook to run'],
])('moodlake report %j is wrong usage', (args, message) => {
  const { status, stderr } = spawnSync(process.execPath, ['bin/moodlake.mjs', 'report', ...args], { cwd: root, encoding: 'utf8' })
  expect({ status, said: stderr.includes(message) }).toEqual({ status: 2, said: true })
})
