/** `npm run lab`: JupyterLab on loopback with the TypeScript kernel. Ctrl-C ends it; further arguments go to JupyterLab. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hand } from './process.mjs'
import { root, setupOrExit } from './setup.mjs'

await setupOrExit()
const first = join('notebooks', 'sentiment-analysis.ipynb')
const page = existsSync(join(root, first)) ? `/lab/tree/${first}` : '/lab'
process.exitCode = await hand(
  join(root, '.venv', 'bin', 'jupyter'),
  [
    'lab',
    '--ip=127.0.0.1',
    '-y', // Ctrl-C ends it without a question.
    `--ServerApp.root_dir=${root}`,
    `--LabApp.default_url=${page}`,
    // overrides.json: no question about news pops up over the notebook, and nobody is asked for any.
    `--LabApp.app_settings_dir=${join(root, 'kernel', 'lab-settings')}`,
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
    ...process.argv.slice(2),
  ],
  { cwd: root, env: { ...process.env, JUPYTER_PREFER_ENV_PATH: '1' } },
)
