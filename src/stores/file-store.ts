import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { checkedPath, checkedPrefix, comparePaths, toBytes } from './paths.js'
import { FileNotFoundError, type ListOptions, type Store, type StoredFile } from './store.js'

const sync = promisify(fs.fsync)
const readLarge = promisify(fs.read)

/** Reads up to this size are synchronous: for many small files that is several times faster than the thread pool. */
const SYNC_READ_BYTES = 1 << 20
/** A folder's time of change is exact to about this, ms. */
const SETTLED_MS = 2000
/** Files being written; never listed. */
const TEMP = '.moodlake-tmp-'

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

const absent = (error: unknown) => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'

/** Resolves when what was written to a descriptor is on disk; closes it. */
async function syncAndClose(descriptor: number): Promise<void> {
  try {
    await sync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Calls that take microseconds are made at once, here and below: through the thread pool they take longer than the disk. */
const syncFolder = (folder: string) => syncAndClose(fs.openSync(folder, 'r'))

/** Makes a folder and its parents; the entries of those made are on disk when this resolves. */
async function makeFolder(folder: string): Promise<void> {
  const first = await fs.promises.mkdir(folder, { recursive: true })
  if (!first) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

async function writeTemp(target: string, bytes: Uint8Array): Promise<string> {
  const temp = join(dirname(target), `${TEMP}${randomUUID()}`)
  const write = async () => {
    const descriptor = fs.openSync(temp, 'wx')
    try {
      fs.writeFileSync(descriptor, bytes)
    } catch (error) {
      fs.closeSync(descriptor)
      throw error
    }
    await syncAndClose(descriptor)
  }
  try {
    await write().catch(async error => {
      if (!absent(error)) throw error
      await makeFolder(dirname(target))
      await write()
    })
  } catch (error) {
    fs.rmSync(temp, { force: true })
    throw error
  }
  return temp
}

/** Cut to milliseconds as other programs cut it; Node rounds, so that a version could seem a millisecond younger. */
function modifiedOf({ mtimeMs }: fs.Stats): Date {
  return new Date(Math.floor(mtimeMs))
}

/**
 * A folder on this machine's disk as a store. Writes are durable when they resolve: file and folder are fsynced, a whole
 * file appears at once by rename, and `putIfAbsent` by `link(2)`, which fails when the name is taken.
 * @param folder the root; it need not exist yet
 */
export function fileStore(folder: string): Store {
  const root = resolve(folder)
  const uri = pathToFileURL(root).href
  const full = (path: string) => join(root, checkedPath(uri, path))

  /** Names in a folder in order, those of folders with a `/`: of files only those that are asked for. */
  function namesIn(relative: string, prefix: string, { after, skip }: ListOptions): string[] {
    const names: string[] = []
    let folder: fs.Dir
    try {
      folder = fs.opendirSync(join(root, relative))
    } catch (error) {
      if (absent(error)) return names
      throw error
    }
    try {
      // Name by name, most of which are known already: a list of all takes several times as long.
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        const path = relative + entry.name
        if (entry.isDirectory()) names.push(`${entry.name}/`)
        else if (
          path.startsWith(prefix) &&
          !entry.name.startsWith(TEMP) &&
          (after === undefined || comparePaths(path, after) > 0) &&
          !skip?.(path)
        )
          names.push(entry.name)
      }
    } finally {
      folder.closeSync()
    }
    // Nearly in order by the language's own, quicker order.
    return names.sort().sort(comparePaths)
  }

  function* walk(relative: string, prefix: string, options: ListOptions): Generator<StoredFile> {
    const { after, folders } = options
    const changed = folders && fs.statSync(join(root, relative), { throwIfNoEntry: false })?.mtimeMs
    const before = folders?.get(relative)
    const names = before && before.changed === changed ? before.folders : namesIn(relative, prefix, options)
    const inside: string[] = []
    for (const name of names) {
      let path = relative + name
      if (!name.endsWith('/')) {
        const found = fs.statSync(join(root, path), { throwIfNoEntry: false })
        if (found?.isFile()) yield { path, size: found.size, modified: modifiedOf(found) }
        // A link to a folder.
        if (!found?.isDirectory()) continue
        path += '/'
      }
      inside.push(path.slice(relative.length))
      const past = after !== undefined && comparePaths(path, after) < 0 && !after.startsWith(path)
      if (!past && (path.startsWith(prefix) || prefix.startsWith(path))) yield* walk(path, prefix, options)
    }
    if (changed === undefined) return
    // What changed just now may change again at the same time.
    if (Date.now() - changed > SETTLED_MS) folders!.set(relative, { changed, folders: inside })
    else folders!.delete(relative)
  }

  /** Writes a file under a name of its own, to which `place` gives the one that is wanted. */
  async function write(path: string, bytes: Uint8Array | string, place: (temp: string, target: string) => void): Promise<void> {
    const target = full(path)
    const temp = await writeTemp(target, toBytes(bytes))
    try {
      place(temp, target)
    } finally {
      fs.rmSync(temp, { force: true })
    }
    await syncFolder(dirname(target))
  }

  return {
    uri,
    async *list(prefix, options = {}) {
      checkedPrefix(uri, prefix)
      const start = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      for (const file of walk(start, prefix, options)) {
        options.signal?.throwIfAborted()
        yield file
      }
    },
    async stat(path) {
      const found = fs.statSync(full(path), { throwIfNoEntry: false })
      return found?.isFile() ? { path, size: found.size, modified: modifiedOf(found) } : undefined
    },
    async read(path, range) {
      let descriptor: number
      try {
        descriptor = fs.openSync(full(path), 'r')
      } catch (error) {
        if (absent(error)) throw new FileNotFoundError(uri, path, { cause: error })
        throw error
      }
      try {
        const found = fs.fstatSync(descriptor)
        if (!found.isFile()) throw new FileNotFoundError(uri, path)
        const start = Math.min(range?.start ?? 0, found.size)
        const end = Math.max(start, Math.min(range?.end ?? found.size, found.size))
        const buffer = Buffer.allocUnsafe(end - start)
        let done = 0
        while (done < buffer.length) {
          const rest = [buffer, done, buffer.length - done, start + done] as const
          const count =
            buffer.length > SYNC_READ_BYTES ? (await readLarge(descriptor, ...rest)).bytesRead : fs.readSync(descriptor, ...rest)
          if (count === 0) break
          done += count
        }
        return buffer.subarray(0, done)
      } finally {
        fs.closeSync(descriptor)
      }
    },
    put: (path, bytes) => write(path, bytes, fs.renameSync),
    async putIfAbsent(path, bytes) {
      let made = true
      await write(path, bytes, (temp, target) => {
        try {
          fs.linkSync(temp, target)
        } catch (error) {
          if (codeOf(error) !== 'EEXIST') throw error
          made = false
        }
      })
      return made
    },
    async putFile(path, localFile) {
      const target = full(path)
      const written = syncAndClose(fs.openSync(localFile, 'r'))
      if (resolve(localFile) === target) return void (await Promise.all([written, syncFolder(dirname(target))]))
      await written
      await moveFile(localFile, target)
      await syncFolder(dirname(target))
    },
    async delete(path) {
      await fs.promises.rm(full(path), { force: true }).catch(error => {
        if (!absent(error)) throw error
      })
    },
    localPath: path => (path === '' ? root : full(path)),
  }
}

/** Renames, or copies to a temporary name beside the target when the two are on different file systems. */
async function moveFile(from: string, target: string): Promise<void> {
  await makeFolder(dirname(target))
  try {
    await fs.promises.rename(from, target)
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error
    const temp = join(dirname(target), `${TEMP}${randomUUID()}`)
    try {
      await fs.promises.copyFile(from, temp)
      await syncAndClose(fs.openSync(temp, 'r'))
      await fs.promises.rename(temp, target)
    } catch (failure) {
      await fs.promises.rm(temp, { force: true })
      throw failure
    }
    await fs.promises.rm(from, { force: true })
  }
}
