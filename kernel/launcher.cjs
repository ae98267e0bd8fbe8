/**
 * The notebook kernel "TypeScript (Moodlake)": tslab, with cells checked as strictly as `src/`.
 *
 * - The working directory is the repository's root, wherever the notebook lies: of the checkout that holds the notebook,
 *   else of the one that holds this file.
 * - `import … from 'moodlake'` is typed (the package refers to itself); `./src/x.js` is compiled and reloaded on change.
 * - Stop (SIGINT) ends the running cell, but what the cell began goes on in the background unless it listens. It listens
 *   so: `globalThis[Symbol.for('moodlake.interrupt')]?.()` gives an `AbortSignal` that is aborted by the next Stop; after
 *   that the same call gives a new one. Outside a kernel there is no such function.
 *   Jupyter sends the signal to the whole process group: child processes that should survive it are spawned `detached`.
 * - The kernel ends when Jupyter asks it to, even with streams or workers alive, and when Jupyter itself is gone.
 *
 * tslab has no settings for any of this, so its TypeScript is wrapped in the require cache: the version is pinned.
 */
'use strict'
const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const own = path.dirname(__dirname)

function isMoodlake(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).name === 'moodlake'
  } catch {
    return false
  }
}

function findRoot(folder) {
  for (let at = folder; at !== path.dirname(at); at = path.dirname(at)) if (isMoodlake(at)) return at
  return own
}

/** Gives tslab a TypeScript whose programs are strict, resolve like a bundler and know the newer libraries. */
function wrapTypescript(requireTslab) {
  const file = requireTslab.resolve('@tslab/typescript-for-tslab')
  const ts = requireTslab(file)
  const createWatchCompilerHost = (files, options, ...rest) =>
    ts.createWatchCompilerHost(
      [...files, path.join(root, 'kernel', 'lib.d.ts')],
      {
        ...options,
        strict: true,
        noUncheckedIndexedAccess: true,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        lib: ['lib.es2023.d.ts'],
        types: ['node'],
      },
      ...rest,
    )
  const createWatchProgram = host => {
    const { afterProgramCreate } = host
    host.afterProgramCreate = builder => {
      const { emit } = builder
      builder.emit = (source, write, token, onlyTypes, transformers = {}) => {
        const before = [shorthandTransformer(ts, builder.getProgram().getTypeChecker()), ...(transformers.before ?? [])]
        return emit.call(builder, source, write, token, onlyTypes, { ...transformers, before })
      }
      afterProgramCreate(builder)
    }
    return ts.createWatchProgram(host)
  }
  require.cache[file].exports = { ...ts, createWatchCompilerHost, createWatchProgram }
}

/**
 * Writes `{ lake }` out as `{ lake: exports.lake }` where `lake` is from an earlier cell: tslab looks up the names of
 * earlier cells everywhere but in shorthand properties.
 */
function shorthandTransformer(ts, checker) {
  return context => source => {
    // tslab hangs the declarations of earlier cells above the cell's own file.
    const earlier = ts.getOriginalNode(source).parent
    const visit = node => {
      if (ts.isShorthandPropertyAssignment(node) && !node.objectAssignmentInitializer) {
        const declarations = checker.getShorthandAssignmentValueSymbol(node)?.declarations ?? []
        if (declarations.some(declaration => declaration.getSourceFile() === earlier)) {
          const value = context.factory.createPropertyAccessExpression(
            context.factory.createIdentifier('exports'),
            node.name.text,
          )
          return context.factory.createPropertyAssignment(node.name.text, value)
        }
      }
      return ts.visitEachChild(node, visit, context)
    }
    return ts.visitNode(source, visit)
  }
}

/** Arms the signal that the next Stop aborts. */
function armInterrupt() {
  let controller = new AbortController()
  globalThis[Symbol.for('moodlake.interrupt')] = () => controller.signal
  process.on('SIGINT', () => {
    const stopped = controller
    controller = new AbortController()
    stopped.abort(new Error('stopped from the notebook'))
  })
}

/** Ends the process soon after Jupyter's goodbye, or when Jupyter dies without one. */
function endWithJupyter({ ZmqServer }) {
  const close = ZmqServer.prototype.close
  ZmqServer.prototype.close = function () {
    close.call(this)
    setTimeout(() => process.exit(0), 300)
  }
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && process.exit(0), 2000).unref()
}

/** JupyterLab asks each kernel for its history; tslab, which keeps none, would tell the terminal each time. */
function passOverHistory() {
  const { warn } = console
  console.warn = (...parts) => {
    if (parts[0] !== 'unknown msg_type: history_request') warn(...parts)
  }
}

const STOPS = ['Interrupted asynchronously', 'Script execution was interrupted by `SIGINT`']

/** Says Stop in a word, where tslab shows the stack of its own start. */
function shortenStop(executor) {
  const { createExecutor } = executor
  executor.createExecutor = (folder, converters, { log, error }) => {
    const short = part => (part instanceof Error && STOPS.includes(part.message) ? 'stopped' : part)
    return createExecutor(folder, converters, { log, error: (...parts) => error(...parts.map(short)) })
  }
}

const root = findRoot(process.cwd())
process.chdir(root)
const requireTslab = createRequire(createRequire(path.join(root, 'package.json')).resolve('tslab/package.json'))
wrapTypescript(requireTslab)
armInterrupt()
endWithJupyter(requireTslab('./dist/jupyter.js'))
passOverHistory()
shortenStop(requireTslab('./dist/executor.js'))
requireTslab('./dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false })
