import type { Answer } from '../../src/models/model.js'
import type { NamedModel } from '../../src/pipeline/gold.js'

/** A model that answers by the length of the text, and fails where it holds `unscorable`; deterministic and instant. */
export function fakeModel(): NamedModel {
  const probabilities: [number, number, number][] = [
    [0.7, 0.2, 0.1],
    [0.2, 0.6, 0.2],
    [0.1, 0.2, 0.7],
  ]
  const labels = ['negative', 'neutral', 'positive'] as const
  const answer = (text: string): Answer => {
    if (text.includes('unscorable')) return { error: 'asked to fail' }
    const i = text.length % 3
    return { label: labels[i]!, probabilities: probabilities[i]! }
  }
  return { name: 'by-length', version: '1', textVersion: 'text-1', predict: async texts => texts.map(answer) }
}
