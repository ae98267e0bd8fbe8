/** Registers the TypeScript kernel in the repository's `.venv`. */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

function spec(root) {
  return `${JSON.stringify(
    {
      // No warning for each `require` of an ES module: cells are made of them.
      argv: [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        join(root, 'kernel', 'launcher.cjs'),
        '{connection_file}',
      ],
      display_name: 'TypeScript (Moodlake)',
      language: 'typescript',
      interrupt_mode: 'signal',
    },
    null,
    2,
  )}\n`
}

const folderOf = (root, share) => join(share ?? join(root, '.venv', 'share', 'jupyter'), 'kernels', 'moodlake')

/**
 * Whether the kernel is registered and starts this repository's launcher with this Node. In a `.venv` that is a link,
 * shared by several checkouts, any checkout's launcher will do: it finds the notebook's own.
 */
export function kernelReady(root) {
  try {
    const text = readFileSync(join(folderOf(root), 'kernel.json'), 'utf8')
    if (lstatSync(join(root, '.venv')).isSymbolicLink())
      return JSON.parse(text)
        .argv.slice(0, 3)
        .every(part => part.startsWith('-') || existsSync(part))
    return text === spec(root)
  } catch {
    return false
  }
}

/** Writes `kernels/moodlake/kernel.json` under `share` (default `.venv/share/jupyter`). */
export function installKernel(root, { share } = {}) {
  const folder = folderOf(root, share)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'kernel.json'), spec(root))
}
