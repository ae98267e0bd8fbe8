import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const SRC = resolve('src')

/** Folders of src/ by floor, ground first. index.ts, the public surface, stands above all. */
const FLOORS = [
  ['text', 'stores', 'threads.ts', 'tweet.ts'],
  ['models', 'delta'],
  ['explore', 'monitoring', 'labelling', 'sources', 'evaluation'],
  ['streams', 'registry'],
  ['pipeline'],
  ['index.ts', 'cli', 'server', 'spark'],
]

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const roomOf = (file: string) => file.split('/')[0]!
const floorOf = (file: string) => FLOORS.findIndex(rooms => rooms.includes(roomOf(file)))

/** Files of src/ that a file imports, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g)].map(([, path]) =>
    relative(SRC, resolve(SRC, dirname(file), `${path}.ts`)),
  )
}

it('every file lives on a floor', () => {
  expect(files.filter(file => floorOf(file) < 0)).toEqual([])
})

it('imports run downhill: to the own folder or to a floor below', () => {
  const uphill = files.flatMap(file =>
    importsOf(file)
      .filter(target => roomOf(target) !== roomOf(file) && floorOf(target) >= floorOf(file))
      .map(target => `${file} → ${target}`),
  )
  expect(uphill).toEqual([])
})

it('no import cycles', () => {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file) || path.includes(file)) return
    for (const target of importsOf(file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  expect(cycles).toEqual([])
})

it('sees an import at all', () => {
  expect(importsOf('pipeline/run.ts')).toContain('streams/stream.ts')
})
