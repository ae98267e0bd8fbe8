// The built library, for child processes.
export * from '../../dist/delta/index.js'
export { openStore } from '../../dist/stores/open-store.js'
