/** A stored file: path relative to its store, size in bytes, time of the last change. */
export interface StoredFile {
  path: string
  size: number
  modified: Date
}

/** Options of `Store.list`. The last two only save work: a store may give such files all the same. */
export interface ListOptions {
  /** Leaves out paths up to and including this one. */
  after?: string
  signal?: AbortSignal
  /** Files whose size and time are of no interest. */
  skip?(path: string): boolean
  /** Kept by the store from one listing of a prefix to the next: folders that have not changed since give nothing but the folders in them. */
  folders?: Map<string, { changed: number; folders: readonly string[] }>
}

/**
 * Bytes by path: the one seam between the project and where data lives. Paths are relative, separated by `/`, and never
 * leave the store. Every implementation runs `test/contracts/store.ts`.
 */
export interface Store {
  /** Address that `openStore` understands: `file:///…`, `s3://bucket/prefix`, `memory:name`. */
  readonly uri: string
  /** Files whose path starts with `prefix`, in order of path. */
  list(prefix: string, options?: ListOptions): AsyncIterable<StoredFile>
  /** Size and time of one file, undefined when there is none. */
  stat(path: string): Promise<StoredFile | undefined>
  /** The bytes of a file, or of `[start, end)` of it. Throws `FileNotFoundError`. */
  read(path: string, range?: { start: number; end?: number }): Promise<Uint8Array>
  /** Writes a whole file, replacing any; durable when the promise resolves, never seen half-written. */
  put(path: string, bytes: Uint8Array | string): Promise<void>
  /** Writes a file only if there is none: true when this call made it. The ground of every Delta commit. */
  putIfAbsent(path: string, bytes: Uint8Array | string): Promise<boolean>
  /** Throws where `putIfAbsent` is seen not to keep its word; says nothing where that cannot be tried, for want of leave to write. */
  probe?(): Promise<void>
  /** Takes over a finished local file (moved or uploaded), durable when the promise resolves. */
  putFile(path: string, localFile: string): Promise<void>
  /** Removes a file; no error when there is none. */
  delete(path: string): Promise<void>
  /** Absolute path on this machine's disk, for stores that are on it. */
  localPath?(path: string): string
}

/** A file that a store was asked for and does not have. */
export class FileNotFoundError extends Error {
  override name = 'FileNotFoundError'
  constructor(
    readonly store: string,
    readonly path: string,
    options?: ErrorOptions,
  ) {
    super(`${store}: no such file: ${path}`, options)
  }
}
