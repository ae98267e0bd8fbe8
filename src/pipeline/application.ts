import { type AddFile, type DeltaTable, FORGET } from '../delta/index.js'
import { goldMentions } from '../explore/lake-sql.js'

/** Columns of `application`, in Delta's words: how often each mention met each class, and from when to when. */
export const APPLICATION_SCHEMA = `min_timestamp timestamp not null, max_timestamp timestamp not null, mention string not null, negative long not null,
  neutral long not null, positive long not null, total long not null`

/** `application` as a SELECT over gold: counts per mention, most mentioned first. */
export function application(gold: string): string {
  const count = (label: string) => `count(*) FILTER (predicted_sentiment = '${label}')::BIGINT AS ${label}`
  return `
    SELECT min(timestamp) AS min_timestamp, max(timestamp) AS max_timestamp, mention, ${count('negative')}, ${count('neutral')}, ${count('positive')},
      count(*)::BIGINT AS total
    FROM ${goldMentions(gold)} WHERE mention IS NOT NULL GROUP BY mention ORDER BY total DESC, mention`
}

/** The counts of two parts of gold as one. */
function summed(before: string, added: string): string {
  const sums = ['negative', 'neutral', 'positive', 'total'].map(name => `sum(${name})::BIGINT AS ${name}`).join(', ')
  return `
    SELECT min(min_timestamp) AS min_timestamp, max(max_timestamp) AS max_timestamp, mention, ${sums}
    FROM (SELECT * FROM ${before} UNION ALL BY NAME SELECT * FROM (${application(added)})) GROUP BY mention ORDER BY sum(total) DESC, mention`
}

/** The files that versions of gold added, or undefined when one of them took rows away. */
async function addedFiles(gold: DeltaTable, after: number, upTo: number): Promise<AddFile[] | undefined> {
  const added: AddFile[] = []
  for await (const { add, remove, commitInfo } of gold.commits({ after, upTo })) {
    if (commitInfo?.operation === FORGET || remove.some(file => file.dataChange)) return undefined
    added.push(...add.filter(file => file.dataChange))
  }
  return added
}

/**
 * Brings `application` up to the newest version of gold: adds the counts of what came since the version it was counted from, or counts
 * anew where rows were taken away. Safe to call at any time, from any process: its commits carry the version of gold.
 */
export async function countApplication(gold: DeltaTable, counts: DeltaTable): Promise<void> {
  const snapshot = await gold.snapshot()
  const counted = await counts.snapshot()
  const since = counted.txn('application')
  if (since === snapshot.version) return
  const files = since === undefined ? undefined : await addedFiles(gold, since, snapshot.version)
  if (files && !files.length) return
  const columns = ['timestamp', 'mentions', 'predicted_sentiment']
  const from = await snapshot.relation(files ? { columns, files } : { columns })
  const sql = files ? summed(await counted.relation(), from) : application(from)
  await counts.overwrite({ sql }, { txn: { appId: 'application', version: snapshot.version } })
}

/** Keeps `application` up to date beside the work. */
export interface Counting {
  /** Counts soon; several calls make one count. Throws what an earlier count failed of. */
  soon(): void
  /** Counts now, and resolves when that is done. */
  now(): Promise<void>
}

/** Least time between two counts, ms; a count that takes long makes it longer. */
const COUNT_MS = 1000

/** Counts `application` after batches of gold, but not once for each of many small ones. */
export function countingOf(gold: DeltaTable, counts: DeltaTable): Counting {
  let last = Number.NEGATIVE_INFINITY
  let wait = COUNT_MS
  let timer: NodeJS.Timeout | undefined
  let work: Promise<void> = Promise.resolve()
  let failure: unknown

  async function count(): Promise<void> {
    const begun = performance.now()
    await countApplication(gold, counts)
    last = performance.now()
    wait = Math.max(COUNT_MS, 10 * (last - begun))
  }
  return {
    soon() {
      if (failure) throw failure
      timer ??= setTimeout(
        () => {
          timer = undefined
          work = work.then(count).catch(error => {
            failure = error
          })
        },
        Math.max(0, last + wait - performance.now()),
      )
    },
    async now() {
      clearTimeout(timer)
      timer = undefined
      await work
      if (failure) throw failure
      await count()
    },
  }
}
