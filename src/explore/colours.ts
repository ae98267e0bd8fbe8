/** Colours that mean the same in every chart, told apart with any colour vision, on a light and on a dark page. */
import { LABELS, type Label } from '../tweet.js'

/** The colour of each class, the same in every chart; told apart with any colour vision, and light from dark. */
export const LABEL_COLOURS: Readonly<Record<Label, string>> = { negative: '#d55e00', neutral: '#9a9a9a', positive: '#0079bd' }

/** Colours for other series, after Okabe and Ito (2008), without those of the classes first. */
export const SERIES_COLOURS = ['#0079bd', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'] as const

/** Colours of the three streams. */
export const STREAM_COLOURS: Readonly<Record<string, string>> = { bronze: '#b0642c', silver: '#8796a8', gold: '#dba400' }

/** One hue from pale to deep; opaque, so that it reads the same on a light and on a dark page. */
export const HEAT: readonly (readonly [number, string])[] = [
  [0, '#e8f1f8'],
  [0.5, '#6aaed6'],
  [1, '#08406f'],
]

/** Ink of titles and axes: a mid-grey whose contrast is above 4.3 on white and on JupyterLab's dark grey alike. */
export const INK = '#7b7b7b'

/** The three classes with their colours, in the order of `LABELS`. */
export function classColours(): { label: Label; colour: string }[] {
  return LABELS.map(name => ({ label: name, colour: LABEL_COLOURS[name] }))
}
