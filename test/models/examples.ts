import type { Example } from '../../src/models/model.js'
import { randomFrom } from '../../src/models/random.js'
import { LABELS, type Label } from '../../src/tweet.js'

const WORDS: Record<Label, readonly string[]> = {
  negative: ['hate', 'awful', 'broken', 'worst', 'sad', 'angry', 'terrible', 'ugh', '😡'],
  neutral: ['train', 'meeting', 'tuesday', 'report', 'street', 'opens', 'at nine', 'update', 'route'],
  positive: ['love', 'great', 'wonderful', 'best', 'happy', 'thanks', 'brilliant', 'yay', '😍'],
}
const FILLERS = [
  'the phone',
  'this day',
  'my bus',
  '@someone',
  'https://x.example/a',
  'again',
  'today',
  'with friends',
  '#now',
  'really',
]

/** Labelled sentences out of small word lists, a tenth of them with a word of another class. Not balanced: neutral is half. */
export function syntheticExamples(n: number, seed = 1): Example[] {
  const random = randomFrom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  return Array.from({ length: n }, () => {
    const label: Label = random() < 0.5 ? 'neutral' : random() < 0.5 ? 'negative' : 'positive'
    const words = Array.from({ length: 3 + Math.floor(random() * 5) }, () => pick(FILLERS))
    words.splice(Math.floor(random() * words.length), 0, pick(WORDS[label]))
    if (random() < 0.1) words.push(pick(WORDS[pick(LABELS)]))
    return { text: words.join(' '), label }
  })
}

/** Texts that break programs. */
export const HOSTILE: readonly string[] = [
  '',
  ' \t\n ',
  'a'.repeat(100_000),
  'word '.repeat(20_000),
  Array.from({ length: 14_000 }, (_, i) => String.fromCharCode(0x61 + ((i * 7919) % 26), 0x61 + ((i * 104729) % 26))).join(''),
  '😀'.repeat(5000),
  '👩‍👩‍👧‍👦🏽🇩🇪',
  '\ud83d lonely \ude00',
  '\u202eright to left\u202c مرحبا שלום',
  '\u0000\u0001\u0007\u001b[31m\u007f\ufffe',
  '@x '.repeat(10_000),
  `${'&amp;'.repeat(5000)}&lt;script&gt;`,
  '\\u0041\\ud800\\uZZZZ',
  'constructor __proto__ hasOwnProperty toString',
  'Ａ\u0301\u0301\u0301'.repeat(1000),
  '漢字かな交じり文 สวัสดี नमस्ते',
]
