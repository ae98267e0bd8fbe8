import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { installKernel, root, writeNotebook } from '../notebooks/notebook-file.js'

const bin = join(root, '.venv', 'bin')
const run = promisify(execFile)

let folder = ''
let env: NodeJS.ProcessEnv = {}

beforeAll(() => {
  mkdirSync(join(root, '.moodlake'), { recursive: true })
  folder = mkdtempSync(join(root, '.moodlake', 'kernel-test-'))
  mkdirSync(join(folder, 'notebooks'))
  env = { ...process.env, JUPYTER_PATH: installKernel(folder) }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const notebook = (name: string, cells: string[]) => writeNotebook(join(folder, 'notebooks', `${name}.ipynb`), cells)

async function execute(path: string): Promise<string> {
  await run(join(bin, 'jupyter'), ['nbconvert', '--to', 'notebook', '--execute', '--inplace', path], { env })
  const { cells } = JSON.parse(readFileSync(path, 'utf8')) as { cells: { outputs: { text?: string[] }[] }[] }
  return cells.flatMap(cell => cell.outputs.flatMap(output => output.text ?? [])).join('')
}

interface Result {
  status: string
  text: string
  seconds: number | null
}

/** Runs cells in one kernel whose notebook lies in `notebooks/`; the last result is the kernel's end. */
async function drive(steps: { code: string; interrupt_after?: number }[]): Promise<Result[]> {
  const child = spawn(join(bin, 'python'), [join(root, 'test/setup/drive_kernel.py'), join(folder, 'notebooks')], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(steps))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    output += chunk
  })
  await new Promise(done => child.on('close', done))
  return output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Result)
}

describe.skipIf(!existsSync(join(bin, 'jupyter')))('kernel (skipped without .venv: npm run setup)', () => {
  test.concurrent('a notebook in notebooks/ runs at the root, with typed moodlake, sources and top-level await', async ({
    expect,
  }) => {
    const path = notebook('good', [
      `import { LABELS, labelId, type Label } from 'moodlake'\nimport { isLabel } from './src/tweet.js'`,
      `const labels: readonly ['negative', 'neutral', 'positive'] = LABELS\nconsole.log(labels.join(' '), isLabel('x'))`,
      `const waited = await Promise.resolve(labelId('positive'))\nconsole.log('waited', waited)`,
      `console.log('at', process.cwd())\nconsole.log([3, 1, 2].toSorted().join(''))`,
      `console.log(JSON.stringify({ labels, waited }))`,
      // TypeScript parses this twice, and names its type by a file.
      `import { openStore } from 'moodlake'\nconst stat = await (await Promise.resolve(openStore('data'))).stat('README.md')`,
      `console.log('found', stat?.path)`,
      `import { display } from 'tslab'\nconst one: Label = 'neutral'\ndisplay.text(one)`,
    ])
    const text = await execute(path)
    expect(text).toContain('negative neutral positive false')
    expect(text).toContain('waited 1')
    expect(text).toContain(`at ${root}\n`)
    expect(text).toContain('123')
    // Shorthand properties of names from earlier cells, which tslab alone does not find.
    expect(text).toContain('{"labels":["negative","neutral","positive"],"waited":1}')
    expect(text).toContain('found README.md')
    expect(text).not.toContain('Warning')
  })

  test.concurrent('a type error in a cell fails the notebook', async ({ expect }) => {
    const path = notebook('bad', [`import { labelId } from 'moodlake'`, `labelId('cheerful')`])
    await expect(execute(path)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('"cheerful"') })
  })

  test.concurrent('cells are strict, Stop works on loops and waits, and the kernel keeps its state', async ({ expect }) => {
    const results = await drive([
      { code: `const kept = new Map([['a', 1]])\nlet ended = 0\nlet ticks = 0` },
      { code: `kept.get('a').toFixed()` },
      { code: `const wrong = x => x` },
      { code: `const first: number = [1][0]` },
      { code: `for (;;) { ticks++ }`, interrupt_after: 0.5 },
      {
        // What the cell began must hear of Stop by itself: this is how streams do it.
        code: `const signal = (globalThis as unknown as Record<symbol, () => AbortSignal>)[Symbol.for('moodlake.interrupt')]!()
signal.addEventListener('abort', () => ended++)
while (!signal.aborted) await new Promise(done => setTimeout(done, 20))
await new Promise(done => setTimeout(done, 60_000))`,
        interrupt_after: 0.5,
      },
      { code: `await new Promise(done => setTimeout(done, 60_000))`, interrupt_after: 0.5 },
      {
        code: `const next = (globalThis as unknown as Record<symbol, () => AbortSignal>)[Symbol.for('moodlake.interrupt')]!()
console.log('kept', kept.get('a'), ended, next.aborted, ticks > 1000)
setInterval(() => {}, 1000)`,
      },
    ])
    expect(results.map(result => result.status)).toEqual([
      'ok',
      ...['error', 'error', 'error', 'error', 'error', 'error'],
      'ok',
      'shutdown',
    ])
    expect(results[1]!.text).toContain('possibly')
    expect(results[2]!.text).toContain("implicitly has an 'any' type")
    expect(results[3]!.text).toContain("'number | undefined' is not assignable")
    for (const stopped of results.slice(4, 7)) {
      expect(stopped.seconds).toBeLessThan(10)
      expect(stopped.text).toBe('stopped\n')
    }
    expect(results[7]!.text).toContain('kept 1 1 false true')
    // A timer of the cell is still alive: the kernel ends all the same, without Jupyter's five seconds of patience.
    expect(results[8]!.seconds).toBeLessThan(3)
  })
})
