import { MongoClient } from 'mongodb'
import pg from 'pg'
import { describe, it } from 'vitest'
import { sinkContract } from '../contracts/sink.js'
import { noMongo, startMongo } from './mongo-server.js'
import { noPostgres, startPostgres } from './postgres-server.js'

let names = 0

if (noPostgres) describe('PostgreSQL', () => it.skip(`skipped: ${noPostgres}`, () => {}))
else
  sinkContract('PostgreSQL', async () => {
    const server = await startPostgres()
    return {
      server,
      address: () => `${server.uri}?table=gold_${++names}`,
      async rows() {
        const client = new pg.Client({ connectionString: server.uri })
        await client.connect()
        const { rows } = await client.query(`SELECT * FROM gold_${names}`)
        await client.end()
        return rows as Record<string, unknown>[]
      },
    }
  })

if (noMongo) describe('MongoDB', () => it.skip(`skipped: ${noMongo}`, () => {}))
else
  sinkContract('MongoDB protocol', async () => {
    const server = await startMongo()
    return {
      server,
      address: () => `${server.uri}?collection=gold_${++names}`,
      async rows() {
        const client = new MongoClient(server.uri)
        const rows = await client.db().collection(`gold_${names}`).find().toArray()
        await client.close()
        return rows as Record<string, unknown>[]
      },
    }
  })
