import { openStore } from '../stores/open-store.js'
import { isInput } from './json-files.js'

/** What a source folder holds. */
export interface SourceListing {
  /** Files that the JSON-files source would read, by path. */
  files: { path: string; size: number; modified: Date }[]
  /** Their sizes in sum, bytes. */
  bytes: number
  /** The beginning of the first file. */
  sample: { path: string; text: string } | undefined
}

/** Lists the input files of a folder (or `s3://bucket/prefix`) and shows the first 2,000 bytes of one. */
export async function inspectSource(source: string): Promise<SourceListing> {
  const store = openStore(source)
  const files: SourceListing['files'] = []
  for await (const file of store.list('')) if (isInput(file.path)) files.push(file)
  const [first] = files
  const text = first && new TextDecoder().decode(await store.read(first.path, { start: 0, end: Math.min(first.size, 2000) }))
  return {
    files,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    sample: first && { path: first.path, text: text! },
  }
}
