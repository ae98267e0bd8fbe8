import type pg from 'pg'
import { type RetryOptions, retrying } from './retry.js'
import { idChunks, lastOfEach, type Sink, type SinkRow, splitAddress } from './sink.js'

/** Columns of the table, in the order and with the names of `gold`. */
const COLUMNS: Readonly<Record<string, string>> = {
  tweet_id: 'text NOT NULL',
  timestamp: 'timestamptz NOT NULL',
  user: 'text',
  lang: 'text NOT NULL',
  cleaned_text: 'text NOT NULL',
  mentions: 'text[]',
  hashtags: 'text[]',
  location: 'text',
  latitude: 'double precision',
  longitude: 'double precision',
  sentiment: 'text',
  sentiment_id: 'integer',
  predicted_sentiment: 'text NOT NULL',
  predicted_sentiment_id: 'integer',
  predicted_score: 'double precision NOT NULL',
  negative: 'double precision NOT NULL',
  neutral: 'double precision NOT NULL',
  positive: 'double precision NOT NULL',
  model_name: 'text NOT NULL',
  model_version: 'text NOT NULL',
  scored_at: 'timestamptz NOT NULL',
}
const PROGRESS = 'moodlake_progress'

/** Errors after which the same may work a moment later: no connection, a server that shuts down or starts, too many clients. */
function mayPass(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  return (
    /^(ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|08|57P0|53300|40001|40P01)/.test(code) ||
    /Connection terminated|timeout exceeded|Client has encountered a connection error/i.test(message)
  )
}

/**
 * A table of a PostgreSQL database as a sink. Rows and the number of their batch are one transaction, so a batch is there as a whole or not
 * at all. Throws an error with host and database, never with the password.
 */
export async function postgresSink(uri: string, options: RetryOptions = {}): Promise<Sink> {
  const { default: driver } = await import('pg')
  const { name, address, value: table } = splitAddress(uri, 'table', 'gold')
  const pool = new driver.Pool({ connectionString: address, max: 1, connectionTimeoutMillis: 10_000 })
  // A connection that breaks while nobody uses it is made anew by the next use.
  pool.on('error', () => {})
  let ready = false

  /** Does something on the one connection, in a transaction, again after a lost connection. */
  async function transact<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const once = async () => {
      const client = await pool.connect()
      let broken: Error | undefined
      const noted = (error: Error) => {
        broken = error
      }
      client.on('error', noted)
      try {
        await client.query('BEGIN')
        if (!ready) await prepare(client, table)
        const result = await work(client)
        await client.query('COMMIT')
        ready = true
        return result
      } catch (error) {
        broken ??= mayPass(error) ? (error as Error) : undefined
        if (!broken) await client.query('ROLLBACK')
        throw error
      } finally {
        client.off('error', noted)
        client.release(broken)
      }
    }
    return retrying(once, mayPass, options).catch(error => {
      throw options.signal?.aborted ? error : new Error(`sink: ${name}: ${(error as Error).message}`, { cause: error })
    })
  }

  const markOf = (stream: string) => `${table}/${stream}`
  const progressOf = async (client: pg.PoolClient, stream: string) => {
    const { rows } = await client.query<{ batch: string }>(`SELECT batch FROM ${PROGRESS} WHERE stream = $1`, [markOf(stream)])
    return rows[0] && Number(rows[0].batch)
  }

  return {
    name,
    progress: stream => transact(client => progressOf(client, stream)),
    write: (rows, { stream, version }) =>
      transact(async client => {
        if (((await progressOf(client, stream)) ?? -1) >= version) return
        for await (const chunk of rows) if (chunk.length) await client.query(upsert(table), [json(chunk)])
        await client.query(`INSERT INTO ${PROGRESS} VALUES ($1, $2) ON CONFLICT (stream) DO UPDATE SET batch = excluded.batch`, [
          markOf(stream),
          version,
        ])
      }),
    async *ids() {
      for (let after = ''; ; ) {
        const select = `SELECT DISTINCT tweet_id FROM ${table} WHERE tweet_id > $1 ORDER BY tweet_id LIMIT 10000`
        const { rows } = await transact(client => client.query<{ tweet_id: string }>(select, [after]))
        if (!rows.length) return
        yield rows.map(row => row.tweet_id)
        after = rows.at(-1)!.tweet_id
      }
    },
    async remove(ids) {
      let removed = 0
      for (const chunk of idChunks(ids)) {
        const deletion = `DELETE FROM ${table} WHERE tweet_id = ANY($1)`
        removed += (await transact(client => client.query(deletion, [chunk]))).rowCount ?? 0
      }
      return removed
    },
    close: () => pool.end(),
  }
}

async function prepare(client: pg.PoolClient, table: string): Promise<void> {
  // Two that come at once would both find nothing there, and one fail.
  await client.query('SELECT pg_advisory_xact_lock(7203561)')
  const columns = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`)
  await client.query(`CREATE TABLE IF NOT EXISTS ${table} (${columns.join(', ')}, PRIMARY KEY (tweet_id, model_version))`)
  await client.query(`CREATE INDEX IF NOT EXISTS ${table}_timestamp ON ${table} ("timestamp")`)
  await client.query(`CREATE INDEX IF NOT EXISTS ${table}_mentions ON ${table} USING gin (mentions)`)
  await client.query(`CREATE TABLE IF NOT EXISTS ${PROGRESS} (stream text PRIMARY KEY, batch bigint NOT NULL)`)
}

function upsert(table: string): string {
  const names = Object.keys(COLUMNS).map(name => `"${name}"`)
  const set = names.map(name => `${name} = excluded.${name}`)
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${names.join(', ')} FROM json_populate_recordset(NULL::${table}, $1::json)
    ON CONFLICT (tweet_id, model_version) DO UPDATE SET ${set.join(', ')}`
}

/** Rows as JSON. PostgreSQL's texts hold no NUL. */
function json(rows: readonly SinkRow[]): string {
  const text = JSON.stringify(lastOfEach(rows, row => `${row.tweet_id} ${row.model_version}`))
  return text.includes('\\u0000') ? text.replace(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1') : text
}
