/** The public surface of `moodlake`: named re-exports only. */
export { isLabel, LABELS, type Label, labelId } from './tweet.js'
