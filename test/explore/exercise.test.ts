import { expect, it } from 'vitest'
import { exercise } from '../../src/explore/exercise.js'

const options = { hint: 'look again', why: 'that is it' }

it('turns green for the right answer only, and says why', () => {
  const right = exercise('Exercise 1', ' 2009-04-07T05:19:45z', { ...options, right: '2009-04-07T05:19:45Z' })
  expect(right.state).toBe('right')
  expect(right.mime['text/plain']).toBe('Exercise 1 ✓ right –  2009-04-07T05:19:45z: that is it')
  expect(right.mime['text/html']).toContain('#0a7d4f')
  const wrong = exercise('Exercise 1', '2009-04-06T22:19:45Z', { ...options, right: '2009-04-07T05:19:45Z' })
  expect(wrong.state).toBe('wrong')
  expect(wrong.mime['text/plain']).toContain('not yet – 2009-04-06T22:19:45Z: look again')
  expect(wrong.mime['text/html']).not.toContain('that is it')
})

it.each<[unknown, unknown, string]>([
  [undefined, 3, 'open'],
  ['', 'x', 'open'],
  [0.1 + 0.2, 0.3, 'right'],
  [0.3001, 0.3, 'wrong'],
  [['A', 'b'], ['a', 'B '], 'right'],
  [['b', 'a'], ['a', 'b'], 'wrong'],
  [new Date(0), new Date(0), 'right'],
  [0, 0, 'right'],
  [false, true, 'wrong'],
  [4, (answer: unknown) => (answer as number) > 3, 'right'],
  // A test that fails on the answer is no reason to stop the notebook.
  [null, (answer: unknown) => (answer as string).length > 3, 'wrong'],
])('%j held against %s is %s', (answer, right, state) => {
  expect(exercise('Exercise', answer, { ...options, right }).state).toBe(state)
})

it('shows a hostile answer as text', () => {
  const { mime } = exercise('Exercise', '<img src=x onerror=alert(1)>', { ...options, right: 'x' })
  expect(mime['text/html']).not.toContain('<img')
})
