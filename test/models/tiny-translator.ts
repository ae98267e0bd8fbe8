/** A translator of a few hundred bytes, written by hand: it puts one word for another, in their order, as a Marian model does it: encoder, decoder, cache. */
import { FLOAT, INT64, message, value } from './tiny-model.js'

const node = (op: string, inputs: string[], outputs: string[], axis?: number) =>
  message(
    ...inputs.map((name): [number, string] => [1, name]),
    ...outputs.map((name): [number, string] => [2, name]),
    [4, op],
    ...(axis === undefined ? [] : [[5, message([1, 'axis'], [3, axis], [20, 2])] as [number, Uint8Array]]),
  )
const tensor = (name: string, type: number, dims: number[], data: ArrayBuffer) =>
  message(...dims.map((dim): [number, number] => [1, dim]), [2, type], [8, name], [9, new Uint8Array(data)])
const model = (...fields: [number, Uint8Array | string][]) =>
  message([1, 7], [7, message(...fields, [2, 'tiny'])], [8, message([1, ''], [2, 13])])

/** A token's row: how likely each token is in its place. */
function encoder(rows: readonly (readonly number[])[]): Uint8Array {
  const size = rows.length
  return model(
    [1, node('Gather', ['rows', 'input_ids'], ['last_hidden_state'])],
    [5, tensor('rows', FLOAT, [size, size], Float32Array.from(rows.flat()).buffer)],
    [11, value('input_ids', INT64, ['batch', 'length'])],
    [12, value('last_hidden_state', FLOAT, ['batch', 'length', size])],
  )
}

/** The next place of the encoder's answer; the cache does nothing but grow, and its length is the place. */
function decoder(size: number): Uint8Array {
  const cache = ['batch', 1, 'past', 1]
  return model(
    [1, node('Shape', ['past_key_values.0.decoder.key'], ['shape'])],
    [1, node('Gather', ['shape', 'two'], ['place'])],
    [1, node('Gather', ['encoder_hidden_states', 'place'], ['logits'], 1)],
    [1, node('Concat', ['past_key_values.0.decoder.key', 'step'], ['present.0.decoder.key'], 2)],
    [5, tensor('two', INT64, [1], BigInt64Array.from([2n]).buffer)],
    [5, tensor('step', FLOAT, [1, 1, 1, 1], new Float32Array(1).buffer)],
    [11, value('input_ids', INT64, ['batch', 'steps'])],
    [11, value('encoder_hidden_states', FLOAT, ['batch', 'length', size])],
    [11, value('past_key_values.0.decoder.key', FLOAT, cache)],
    [12, value('logits', FLOAT, ['batch', 1, size])],
    [12, value('present.0.decoder.key', FLOAT, ['batch', 1, 'grown', 1])],
  )
}

/**
 * The files of a tiny translator in the hub's layout, by path. Words that it does not know it leaves out.
 * @param languages marks of languages, as NLLB has them: each text then begins with that of its own, its translation with that of English
 */
export function tinyTranslator(
  dictionary: Readonly<Record<string, string>>,
  languages: readonly string[] = [],
): Record<string, string | Uint8Array> {
  const words = [...new Set(Object.entries(dictionary).flat())]
  const special = ['</s>', '<unk>', '<pad>', ...languages]
  const pieces = [...special, ...words.map(word => `▁${word}`)]
  const rows = pieces.map((piece, id) => {
    const said = pieces.indexOf(`▁${dictionary[piece.slice(1)]}`)
    return pieces.map((_, other) => (other === (said < 0 ? id : said) ? 9 : 0))
  })
  const marks = languages.slice(0, 1).map(id => ({ SpecialToken: { id, type_id: 0 } }))
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [...marks, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      special_tokens: Object.fromEntries(special.map((id, at) => [id, { id, ids: [at], tokens: [id] }])),
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: 1, vocab: pieces.map((piece, id) => [piece, id < special.length ? 0 : -1]) },
  }
  const ids = { eos_token_id: 0, pad_token_id: 2, decoder_start_token_id: 2, bos_token_id: 0 }
  const config = {
    ...{
      model_type: languages.length ? 'm2m_100' : 'marian',
      is_encoder_decoder: true,
      vocab_size: pieces.length,
      d_model: 1,
      ...ids,
    },
    ...{ encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 1, decoder_attention_heads: 1 },
    ...{ max_position_embeddings: 512 },
  }
  return {
    'config.json': JSON.stringify(config),
    'generation_config.json': JSON.stringify({ ...ids, num_beams: 4 }),
    'tokenizer.json': JSON.stringify(tokenizer),
    'tokenizer_config.json': JSON.stringify({
      tokenizer_class: languages.length ? 'NllbTokenizer' : 'MarianTokenizer',
      additional_special_tokens: languages,
      model_max_length: 512,
      ...{ eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
    }),
    'onnx/encoder_model_quantized.onnx': encoder(rows),
    'onnx/decoder_model_merged_quantized.onnx': decoder(pieces.length),
  }
}
