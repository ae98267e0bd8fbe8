import { defineConfig } from 'vitest/config'

const all = process.env.MOODLAKE_TEST_ALL === '1'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // *.all.test.ts need Java, Go, apt or a browser: `npm run test:all` runs them as well.
    exclude: ['node_modules/**', ...(all ? [] : ['test/**/*.all.test.ts'])],
    globalSetup: ['test/temporary-folder.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // Real servers of other makers (Kafka, MLflow, Jupyter, Spark) now and then miss a beat on a busy machine: once more then,
    // and the report says `retry x1`.
    retry: process.env.CI ? 1 : 0,
    maxWorkers: 3,
    reporters: ['default'],
  },
})
