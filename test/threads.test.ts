import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { programBeside, threads } from '../src/threads.js'

const compiled = programBeside(pathToFileURL(join(process.cwd(), 'src', 'index.ts')).href, 'threads')

/** A program that answers a number with its square, and has trouble with some. */
function squares(): URL {
  const file = join(mkdtempSync(join(tmpdir(), 'moodlake-threads-')), 'squares.mjs')
  writeFileSync(
    file,
    `import { answerQuestions } from ${JSON.stringify(compiled.href)}
    answerQuestions(async n => {
      if (n < 0) throw new RangeError('not of ' + n)
      if (n === 0) process.exit(3)
      return n * n
    })`,
  )
  return pathToFileURL(file)
}

it('gives each its own answer, and what a question fails of', async () => {
  const { ask } = threads<number, number>(squares())
  const asked = Array.from({ length: 500 }, (_, i) => i + 1)
  expect(await Promise.all(asked.map(ask))).toEqual(asked.map(n => n * n))
  await expect(ask(-4)).rejects.toThrow('not of -4')
})

it('rejects what a thread that dies was asked, and starts another', async () => {
  const { ask } = threads<number, number>(squares())
  await expect(ask(0)).rejects.toThrow('the thread ended with code 3')
  expect(await ask(7)).toBe(49)
})

it('keeps a process alive until it has its answers, and no longer', async () => {
  const script = `
    import { threads } from ${JSON.stringify(compiled.href)}
    console.log(await threads(new URL(${JSON.stringify(squares().href)})).ask(9))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 8000 })
  expect(stdout.trim()).toBe('81')
})
