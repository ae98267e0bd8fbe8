/** Exercises that check themselves. */
import { isDeepStrictEqual } from 'node:util'
import type { MimeBundle } from './display.js'
import { escapeHtml } from './html.js'
import { formatValue } from './text-table.js'

/** What an answer is held against, and what is said of it. */
export interface ExerciseOptions<A> {
  /** The right answer (text in any case, numbers to nine digits), or what an answer must fulfil. */
  right: A | ((answer: A) => boolean)
  /** Said of a wrong answer. */
  hint: string
  /** Said of the right answer: why it is right. */
  why: string
}

/** A checked answer, as a cell shows it. */
export interface Exercise {
  state: 'open' | 'wrong' | 'right'
  mime: MimeBundle
}

/** What two answers are compared by. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.trim().toLowerCase()
  if (typeof value === 'number') return Number(value.toPrecision(9))
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  return value
}

const SHOWN = {
  open: { mark: '○', colour: '#7b7b7b' },
  wrong: { mark: '✗ not yet', colour: '#b45f06' },
  right: { mark: '✓ right', colour: '#0a7d4f' },
}

/**
 * Holds an answer against the right one: green with the reason, or a hint. An answer of `undefined` or `''` is an exercise that is still
 * open. Nothing is thrown, so that the cells below go on.
 * @param name such as `Exercise 3`
 * @example show(exercise('Exercise 1', mentions, { right: ['a', 'b'], hint: 'is x@y.com a mention?', why: 'an address is none' }))
 */
export function exercise<A>(name: string, answer: A | undefined, options: ExerciseOptions<A>): Exercise {
  const { right, hint, why } = options
  const state = answer === undefined || plain(answer) === '' ? 'open' : isRight(answer, right) ? 'right' : 'wrong'
  const said = state === 'open' ? 'no answer yet' : `${formatValue(answer)}: ${state === 'right' ? why : hint}`
  const { mark, colour } = SHOWN[state]
  const style = `border-left:5px solid ${colour};padding:.3em .8em;margin:.4em 0`
  const html = `<div style="${style}"><strong style="color:${colour}">${escapeHtml(name)} ${mark}</strong> – ${escapeHtml(said)}</div>`
  return { state, mime: { 'text/html': html, 'text/plain': `${name} ${mark} – ${said}` } }
}

function isRight<A>(answer: A, right: A | ((answer: A) => boolean)): boolean {
  if (typeof right !== 'function') return isDeepStrictEqual(plain(answer), plain(right))
  try {
    return (right as (answer: A) => boolean)(answer)
  } catch {
    return false
  }
}
