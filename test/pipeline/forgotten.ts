import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunOptions, runPipeline } from '../../src/pipeline/run.js'
import { fakeModel } from './fake-model.js'
import { newFolder } from './lake.js'

export const NAME = 'mallory_77'
export const WORDS = 'a sentence that only she has written'

export const run = (source: string, lake: string, more: Partial<RunOptions> = {}) =>
  runPipeline({ source, lake, model: fakeModel(), limits: { maxFiles: 2, maxRows: 7 }, ...more })

const classroom = (user: string, text: string, minute: number) => ({
  date: `Mon Apr 06 22:${String(minute % 60).padStart(2, '0')}:45 PDT 2009`,
  user,
  text,
  sentiment: 'positive',
})

const platform = (id: number, user: string, text: string, more: object = {}) => ({
  id_str: String(88_000_000_000 + id),
  created_at: 'Tue Apr 07 05:19:45 +0000 2009',
  full_text: text,
  lang: 'en',
  user: { id_str: `9${id}`, screen_name: user },
  ...more,
})

/** What others wrote, and what the user and others wrote of the user; `forgotten` leaves the user's own out. */
function records(file: number, forgotten = false): object[] {
  const n = (i: number) => file * 20 + i
  const own = platform(n(12), NAME, `${WORDS} ${n(12)} on the platform`)
  const mine = [
    classroom(NAME, `${WORDS} ${n(1)} @friend`, n(1)),
    classroom('Mallory_77', `${WORDS} ${n(2)} unscorable`, n(2)),
    { ...classroom(NAME, `${WORDS} ${n(3)}`, n(3)), date: 'some day' },
    classroom('copycat', `RT @${NAME} ${WORDS} ${n(1)}`, n(4)),
    own,
    platform(n(13), 'native', `RT @${NAME}: ${WORDS} ${n(12)}…`, { retweeted_status: own }),
  ]
  const others = [
    ...Array.from({ length: 6 }, (_, i) => classroom(`ann${i % 3}`, `others say ${n(i)} to @user${i % 4} and so on`, n(i))),
    classroom('bob', `what says @${NAME.toUpperCase()} of it ${n(7)}? @ann1`, n(7)),
    platform(n(14), 'carol', `@${NAME} no ${n(14)}`, {
      in_reply_to_screen_name: NAME,
      in_reply_to_status_id_str: own.id_str,
      entities: { user_mentions: [{ screen_name: NAME }] },
    }),
    { ...classroom('dave', 'no time', n(8)), date: 'another day' },
  ]
  return forgotten ? others : [...mine.slice(0, 3), ...others.slice(0, 4), ...mine.slice(3), ...others.slice(4)]
}

export function writeFile(folder: string, file: number, forgotten = false): void {
  const lines = records(file, forgotten).map(value => JSON.stringify(value))
  writeFileSync(join(folder, `part-${String(file).padStart(4, '0')}.json`), `${lines.join('\n')}\n`)
}

export async function newLake(files: number, more: Partial<RunOptions> = {}): Promise<{ source: string; lake: string }> {
  const [source, lake] = [await newFolder('source'), await newFolder('forget')]
  for (let i = 0; i < files; i++) {
    writeFile(source, i)
    await run(source, lake, more)
  }
  return { source, lake }
}

/** Bytes of the lake that still name the user, read by other programs than ours. */
export function traces(lake: string, words: readonly string[]): string {
  const script = `
import os, sys, pyarrow.parquet as pq
lake, words = sys.argv[1], [w.lower() for w in sys.argv[2:]]
for folder, _, names in os.walk(lake):
    for name in names:
        path = os.path.join(folder, name)
        texts = [open(path, 'rb').read().decode('utf-8', 'replace')]
        if name.endswith('.parquet'):
            texts += [str(pq.read_table(path).to_pydict()), str(pq.ParquetFile(path).metadata.to_dict())]
        for text in texts:
            for word in words:
                if word in text.lower(): print(path, word)
sys.stdout.flush(); os._exit(0)`
  return execFileSync('.venv/bin/python', ['-c', script, lake, ...words], { encoding: 'utf8' })
}
