import { optimizeLake } from '../pipeline/care.js'
import { defineCommand, json, lake, print, read, readCount } from './command.js'

export const command = defineCommand({
  summary: 'merge the small files of all tables of a lake',
  usage: 'optimize [--lake DIR] [--target-bytes N] [--json]',
  about: 'Merges the small files of every table of a lake. Rows stay the same; streams may go on.',
  options: { lake, targetBytes: read('N', 'size that files are merged up to (default 134217728)', readCount), json },
  async run({ lake, targetBytes, json }) {
    const done = await optimizeLake(lake, { targetBytes })
    const lineOf = ({ table, version, removed, added }: (typeof done)[number]) =>
      `${table}\tversion ${version}\t${removed ? `${removed} files became ${added}` : 'nothing to merge'}`
    return print(done.map(lineOf), done, json)
  },
})
