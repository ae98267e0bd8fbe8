/**
 * `npm run notebooks [-- PATH…]`: runs the notebooks (default: all) in the project's kernel and keeps their outputs, as they
 * are committed: execution counts and times stripped. Stops at the first notebook that fails.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hand } from './process.mjs'
import { root, setupOrExit } from './setup.mjs'

const folders = ['includes', 'notebooks']

const allNotebooks = () =>
  folders.flatMap(folder =>
    readdirSync(join(root, folder))
      .filter(file => file.endsWith('.ipynb'))
      // The contents page is made from the others: last.
      .sort((a, b) => Number(a === 'index.ipynb') - Number(b === 'index.ipynb') || (a < b ? -1 : 1))
      .map(file => join(folder, file)),
  )

/** What changes from run to run and tells a reader nothing. */
function strip(path) {
  const notebook = JSON.parse(readFileSync(path, 'utf8'))
  for (const cell of notebook.cells) {
    delete cell.metadata.execution
    if (cell.cell_type !== 'code') continue
    cell.execution_count = null
    for (const output of cell.outputs) {
      if ('execution_count' in output) output.execution_count = null
      // Widgets live in the kernel that has ended.
      delete output.data?.['application/vnd.jupyter.widget-view+json']
    }
  }
  notebook.metadata.language_info = { file_extension: '.ts', mimetype: 'text/typescript', name: 'typescript' }
  writeFileSync(path, `${JSON.stringify(notebook, null, 1)}\n`)
}

await setupOrExit()
const jupyter = join(root, '.venv', 'bin', 'jupyter')
for (const path of process.argv.length > 2 ? process.argv.slice(2) : allNotebooks()) {
  process.stdout.write(`${path}\n`)
  const options = ['--to', 'notebook', '--execute', '--inplace', '--ExecutePreprocessor.kernel_name=moodlake', '--log-level=WARN']
  const code = await hand(jupyter, ['nbconvert', ...options, path], { cwd: root })
  if (code) process.exit(code)
  strip(join(root, path))
}
