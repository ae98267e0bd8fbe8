import { mongodbSink } from './mongodb.js'
import { postgresSink } from './postgres.js'
import type { RetryOptions } from './retry.js'
import type { Sink } from './sink.js'

/** Opens the sink at an address: `postgres://user:password@host:port/db?table=gold` or `mongodb://host:port/db?collection=gold`. */
export async function openSink(uri: string, options: RetryOptions = {}): Promise<Sink> {
  if (/^postgres(ql)?:/.test(uri)) return postgresSink(uri, options)
  if (/^mongodb(\+srv)?:/.test(uri)) return mongodbSink(uri, options)
  throw new Error(`sink: address not understood: ${uri.replace(/\/\/[^@/]*@/, '//')} (postgres:// or mongodb://)`)
}
