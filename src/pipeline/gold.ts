import { parseSchema, quoteName, quoteText } from '../delta/index.js'
import { isFailure } from '../models/answer.js'
import type { Model } from '../models/model.js'
import type { Translator } from '../models/translator.js'
import type { Batch } from '../sources/batch.js'
import type { RuleCount } from '../streams/stream.js'
import { LABELS, labelId } from '../tweet.js'
import { type Expectation, judgeSql, tally, withFlags } from './expectations.js'
import { quarantineSql } from './quarantine-rows.js'

/** Columns of `gold`, in Delta's words: a tweet and its one prediction. */
export const GOLD_SCHEMA = `tweet_id string not null, timestamp timestamp not null, user string, lang string not null, cleaned_text string not null,
  mentions array<string>, hashtags array<string>, location string, latitude double, longitude double, sentiment string, sentiment_id integer,
  predicted_sentiment string not null, predicted_sentiment_id integer, predicted_score double not null, negative double not null,
  neutral double not null, positive double not null, model_name string not null, model_version string not null, scored_at timestamp not null`

/** A model with the name and version under which its predictions are recorded. */
export type NamedModel = Model & { version: string }

const GOLD_COLUMNS = parseSchema(GOLD_SCHEMA)
  .fields.map(field => quoteName(field.name))
  .join(', ')

/** What a scored tweet must be to come into gold. */
export const GOLD_RULES: readonly Expectation[] = [
  { name: 'inference_failed', action: 'quarantine', sql: 'error IS NULL', reason: "'inference failed: ' || error" },
]

/** What is counted of translations: neither takes a tweet out, which is scored as it was written where it has no translation. */
const TRANSLATION_RULES: readonly Expectation[] = [
  { name: 'translation_failed', action: 'warn', sql: 'translation_error IS NULL' },
  { name: 'translation_truncated', action: 'warn', sql: 'translation_truncated IS NOT TRUE' },
]

/** Languages that are not translated: English, and what nobody knows. */
const UNTRANSLATED = new Set(['en', 'und'])

/**
 * Rows of `silver` with `text_en`, the cleaned text in English, beside the original: null for English, an unknown language, a text that
 * cleaning leaves empty or that could not be translated; then `translation_error` says why. `translation_truncated` marks those whose end is missing.
 */
export async function translateTweets(
  silver: Batch,
  { translator, signal }: { translator: Translator; signal?: AbortSignal },
): Promise<Batch> {
  const types = { text_en: 'VARCHAR', translation_error: 'VARCHAR', translation_truncated: 'BOOLEAN' }
  return silver.extend(['cleaned_text', 'lang'], types, async columns => {
    const [texts, langs] = [columns.cleaned_text as string[], columns.lang as string[]]
    const foreign = [...texts.keys()].filter(row => texts[row] && !UNTRANSLATED.has(langs[row]!))
    const answers = await translator.translate(
      foreign.map(row => ({ text: texts[row]!, lang: langs[row]! })),
      { signal },
    )
    const made = Object.fromEntries(Object.keys(types).map(name => [name, new Array<unknown>(texts.length).fill(null)]))
    for (const [i, row] of foreign.entries()) {
      const answer = answers[i]!
      if (isFailure(answer)) made.translation_error![row] = answer.error
      else {
        made.text_en![row] = answer.text
        made.translation_truncated![row] = answer.truncated === true
      }
    }
    return made
  })
}

/** What the gold step makes of a batch. */
export interface GoldBatch {
  tweets: Batch
  /** Tweets that the model could not score or that broke a rule, as rows of `quarantine`. */
  quarantine: Batch
  expectations: RuleCount[]
  drop(): Promise<void>
}

/** Options of `gold`. */
export interface GoldOptions {
  model: NamedModel
  /** Puts tweets of other languages into English first: gold then has what `translateTweets` adds, and `text_en` is what was scored where it is not null. */
  translator?: Translator
  /** Rules for the rows of gold, beyond its own. */
  rules?: readonly Expectation[]
  /** Time of scoring. */
  now: Date
  signal?: AbortSignal
  onProgress?(done: number): void
}

/**
 * Rows of `silver` → the same tweets with a prediction each, in the same order; a tweet is scored once, whatever it mentions.
 * A text that the model cannot score becomes a listed failure, never a class.
 * @throws ExpectationError
 */
export async function gold(silver: Batch, options: GoldOptions): Promise<GoldBatch> {
  const { model, translator, now, signal, onProgress } = options
  const rules = [...GOLD_RULES, ...(translator ? TRANSLATION_RULES : []), ...(options.rules ?? [])]
  const more = translator ? ', text_en, translation_error, translation_truncated' : ''
  const types = {
    predicted_sentiment: 'VARCHAR',
    predicted_sentiment_id: 'INTEGER',
    negative: 'DOUBLE',
    neutral: 'DOUBLE',
    positive: 'DOUBLE',
    error: 'VARCHAR',
  }
  const stages = new Set<Batch>()
  const keep = (made: Batch) => {
    stages.add(made)
    return made
  }
  const read = translator ? keep(await translateTweets(silver, { translator, signal })) : silver
  const scoring = read.extend(translator ? ['full_text', 'text_en'] : ['full_text'], types, async ({ full_text, text_en }) => {
    const texts = (full_text as string[]).map((text, row) => (text_en?.[row] as string | null | undefined) ?? text)
    const answers = await model.predict(texts, { signal, onProgress })
    const labels = answers.map(answer => ('error' in answer ? null : answer.label))
    const probability = (i: number) => answers.map(answer => ('error' in answer ? null : answer.probabilities[i]))
    return {
      predicted_sentiment: labels,
      predicted_sentiment_id: labels.map(label => (label === null ? null : labelId(label))),
      negative: probability(0),
      neutral: probability(1),
      positive: probability(2),
      error: answers.map(answer => ('error' in answer ? answer.error : null)),
    }
  })
  try {
    const scored = keep(await scoring)
    const time = `${quoteText(now.toISOString())}::TIMESTAMPTZ`
    const rows = keep(
      await scored.sql(
        from => `
        SELECT tweet_id, timestamp, "user", lang, cleaned_text, mentions, hashtags, location, latitude, longitude, sentiment,
          CASE sentiment WHEN ${quoteText(LABELS[0])} THEN 0 WHEN ${quoteText(LABELS[2])} THEN 1 END::INTEGER AS sentiment_id,
          predicted_sentiment, predicted_sentiment_id, 100 * greatest(negative, neutral, positive) AS predicted_score, negative, neutral, positive,
          ${quoteText(model.name)} AS model_name, ${quoteText(model.version)} AS model_version, ${time} AS scored_at, full_text, source_file, error${more}
        FROM ${from}`,
      ),
    )
    const flagged = keep(await withFlags(rows, rules))
    const judged = keep(await flagged.sql(from => judgeSql(from, rules)))
    const expectations = await tally(judged, rules)
    const tweets = await judged.sql(from => `SELECT ${GOLD_COLUMNS}${more} FROM ${from} WHERE _broken IS NULL`)
    const quarantine = await judged.sql(from =>
      quarantineSql(from, rules, { record: 'full_text', source: 'silver', tweetId: 'tweet_id', now }),
    )
    return { tweets, quarantine, expectations, drop: async () => void (await Promise.all([tweets.drop(), quarantine.drop()])) }
  } finally {
    await Promise.all([...stages].map(stage => stage.drop()))
  }
}
