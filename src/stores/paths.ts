/** A path that would leave its store, or is not a path. */
export class InvalidPathError extends Error {
  override name = 'InvalidPathError'
  constructor(
    readonly store: string,
    readonly path: string,
  ) {
    super(`${store}: not a path inside the store: ${JSON.stringify(path)}`)
  }
}

/** Gives `path` back if it is relative, `/`-separated and stays inside the store. Throws `InvalidPathError`. */
export function checkedPath(store: string, path: string): string {
  const wrong =
    path === '' ||
    path.includes('\0') ||
    path.includes('\\') ||
    path.split('/').some(part => part === '' || part === '.' || part === '..')
  if (wrong) throw new InvalidPathError(store, path)
  return path
}

/** Like `checkedPath` for a listing prefix, which may be empty and may end with `/`. */
export function checkedPrefix(store: string, prefix: string): string {
  if (prefix === '') return prefix
  checkedPath(store, prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)
  return prefix
}

/** Order of paths in listings: by their UTF-8 bytes, as S3 has it. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // UTF-16 puts surrogates (code points past U+FFFF) below U+E000..U+FFFF, UTF-8 puts them above.
    const xHigh = x >= 0xd800 && x <= 0xdfff
    const yHigh = y >= 0xd800 && y <= 0xdfff
    if (xHigh !== yHigh) return xHigh ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/** Bytes of what a caller hands to `put`. */
export function toBytes(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes
}
