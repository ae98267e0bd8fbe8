import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The folder of a model that comes with the package, such as `compact`; undefined when there is none of that name.
 * Both src/ and dist/ are two floors below the package's root.
 */
export function bundledModelFolder(name: string): string | undefined {
  if (!/^[a-z0-9-]+$/.test(name)) return undefined
  const folder = fileURLToPath(new URL(`../../models/${name}`, import.meta.url))
  return existsSync(folder) ? folder : undefined
}
