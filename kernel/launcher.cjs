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
 * - Widgets can be opened: `globalThis[Symbol.for('moodlake.comm')]?.(target, data, metadata, onMessage)` opens a comm of Jupyter's
 *   protocol and gives `{ id, send(data) }`; `onMessage` gets what the page sends.
 * - The kernel ends when Jupyter asks it to, even with streams or workers alive, and when Jupyter itself is gone.
 *
 * tslab has no settings for any of this, so its TypeScript is wrapped in the require cache: the version is pinned.
 */
'use strict'
const { randomUUID } = require('node:crypto')
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
      for (const file of builder.getSourceFiles()) completeOriginal(ts, file)
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
 * A cell with `await (…)` is parsed twice, and types are named by the path and the imports of the first parse, which TypeScript leaves
 * empty: "Paths must either both be absolute or both be relative".
 */
function completeOriginal(ts, file) {
  const original = ts.getOriginalNode(file)
  for (const key of ['path', 'imports', 'moduleAugmentations']) original[key] ||= file[key]
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

/**
 * Comms, Jupyter's channel between a kernel and the widgets of a page, which tslab lacks
 * (https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages). Those that are open are told to a page that
 * is opened anew.
 */
function openComms({ ZmqServer }) {
  const comms = new Map()
  const { publishStatus } = ZmqServer.prototype
  let server
  let last
  const publish = (type, content, metadata = {}) => {
    const message = last.createReply()
    message.header.msg_type = type
    message.content = content
    message.metadata = metadata
    message.signAndSend(server.connInfo.key, server.iopub)
  }
  globalThis[Symbol.for('moodlake.comm')] = (target, data, metadata, onMessage) => {
    const id = randomUUID()
    comms.set(id, { target_name: target, onMessage })
    publish('comm_open', { comm_id: id, target_name: target, data }, metadata)
    return { id, send: update => publish('comm_msg', { comm_id: id, data: update }) }
  }
  // Each message of the page passes here, read and verified, before and after it is handled.
  ZmqServer.prototype.publishStatus = function (status, message) {
    server = this
    last = message
    const { header, content } = message
    if (status === 'idle' && header.msg_type === 'comm_msg') comms.get(content.comm_id)?.onMessage(content.data)
    if (status === 'idle' && header.msg_type === 'comm_close') comms.delete(content.comm_id)
    publishStatus.call(this, status, message)
  }
  ZmqServer.prototype.handleCommInfoRequest = function (socket, message) {
    const reply = message.createReply()
    reply.header.msg_type = 'comm_info_reply'
    const open = [...comms].filter(([, { target_name }]) => target_name === (message.content.target_name ?? target_name))
    reply.content = { status: 'ok', comms: Object.fromEntries(open.map(([id, { target_name }]) => [id, { target_name }])) }
    reply.signAndSend(this.connInfo.key, socket)
  }
}

/** tslab would tell the terminal of messages that it does not know: JupyterLab's for its history, and those of comms. */
function passOver(types) {
  const { warn } = console
  console.warn = (...parts) => {
    if (!types.some(type => parts[0] === `unknown msg_type: ${type}`)) warn(...parts)
  }
}

const STOPS = ['Interrupted asynchronously', 'Script execution was interrupted by `SIGINT`']

/** Says Stop in a word, where tslab shows the stack of its own start; and sees every `await` of a cell. */
function wrapExecutor(executor) {
  const { createExecutor } = executor
  executor.createExecutor = (folder, converters, { log, error }) => {
    const short = part => (part instanceof Error && STOPS.includes(part.message) ? 'stopped' : part)
    const { convert } = converters.node
    converters.node.convert = (...args) => {
      const converted = convert(...args)
      // tslab goes by an error message, which does not come for `await (…)`; that a cell waits in vain does no harm.
      converted.hasToplevelAwait ||= /\bawait\b/.test(converted.output ?? '')
      return converted
    }
    return createExecutor(folder, converters, { log, error: (...parts) => error(...parts.map(short)) })
  }
}

const root = findRoot(process.cwd())
process.chdir(root)
const requireTslab = createRequire(createRequire(path.join(root, 'package.json')).resolve('tslab/package.json'))
wrapTypescript(requireTslab)
armInterrupt()
endWithJupyter(requireTslab('./dist/jupyter.js'))
openComms(requireTslab('./dist/jupyter.js'))
passOver(['history_request', 'comm_open', 'comm_msg', 'comm_close'])
wrapExecutor(requireTslab('./dist/executor.js'))
requireTslab('./dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false })
