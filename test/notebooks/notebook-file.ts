import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

/** True where notebooks can be run: `npm run setup` has been. */
export const hasJupyter = existsSync(join(root, '.venv', 'bin', 'jupyter'))

/** Makes a kernel of this checkout, even where several share one .venv; gives the folder that `JUPYTER_PATH` is to name. */
export function installKernel(folder: string): string {
  const share = join(folder, 'share')
  const install = `import { installKernel } from ${JSON.stringify(join(root, 'kernel', 'install.mjs'))}
    installKernel(${JSON.stringify(root)}, { share: ${JSON.stringify(share)} })`
  execFileSync(process.execPath, ['--input-type=module', '-e', install])
  return share
}

/** Writes a notebook without outputs, code cells and texts; gives its path. */
export function writeNotebook(path: string, sources: readonly (string | { md: string })[]): string {
  const cells = sources.map((source, i) =>
    typeof source === 'string'
      ? { cell_type: 'code', id: `cell-${i}`, metadata: {}, execution_count: null, outputs: [], source }
      : { cell_type: 'markdown', id: `cell-${i}`, metadata: {}, source: source.md },
  )
  const kernelspec = { name: 'moodlake', display_name: 'TypeScript (Moodlake)', language: 'typescript' }
  writeFileSync(path, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }))
  return path
}
