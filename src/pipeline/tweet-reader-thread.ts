/** A thread that reads tweets for the silver step. */
import { answerQuestions } from '../threads.js'
import { type Columns, readTweets } from './tweet-reader.js'

answerQuestions((columns: Columns) => readTweets(columns))
