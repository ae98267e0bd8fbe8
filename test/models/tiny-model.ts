/** A text-classification model of a few hundred bytes, written by hand: ONNX is protobuf, of which this is the little that it takes. */

export type Field = Uint8Array | string | number | bigint

const varint = (value: number | bigint): number[] => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

/** A message of [field, value] pairs: numbers as varints, the rest with its length. */
export function message(...fields: [number, Field][]): Uint8Array {
  const bytes = fields.flatMap(([field, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint') return [...varint(field << 3), ...varint(value)]
    const content = typeof value === 'string' ? new TextEncoder().encode(value) : value
    return [...varint((field << 3) | 2), ...varint(content.length), ...content]
  })
  return Uint8Array.from(bytes)
}

export const INT64 = 7
export const FLOAT = 1

export function value(name: string, type: number, dims: (string | number)[]): Uint8Array {
  const shape = message(
    ...dims.map((dim): [number, Field] => [1, typeof dim === 'string' ? message([2, dim]) : message([1, dim])]),
  )
  return message([1, name], [2, message([1, message([1, type], [2, shape])])])
}

/**
 * ONNX bytes: the logits of a text are the sums of its tokens' rows.
 * @param rows one row of logits per token id
 */
export function tinyOnnx(rows: readonly (readonly number[])[]): Uint8Array {
  const k = rows[0]!.length
  const raw = new Uint8Array(Float32Array.from(rows.flat()).buffer)
  const weights = message([1, rows.length], [1, k], [2, FLOAT], [8, 'weights'], [9, raw])
  const gather = message([1, 'weights'], [1, 'input_ids'], [2, 'rows'], [3, 'gather'], [4, 'Gather'])
  const axes = message([1, 'axes'], [8, 1], [20, 7])
  const keep = message([1, 'keepdims'], [3, 0], [20, 2])
  const sum = message([1, 'rows'], [2, 'logits'], [3, 'sum'], [4, 'ReduceSum'], [5, axes], [5, keep])
  const graph = message(
    [1, gather],
    [1, sum],
    [2, 'tiny'],
    [5, weights],
    [11, value('input_ids', INT64, ['batch', 'length'])],
    [12, value('logits', FLOAT, ['batch', k])],
  )
  return message([1, 7], [7, graph], [8, message([1, ''], [2, 11])])
}

export interface TinyOptions {
  /** Names of the classes; a word adds to the class in which `lean` lists it. */
  classes: readonly string[]
  lean: Readonly<Record<string, number>>
  /** `bert`: word pieces; `xlm`: sentence pieces, as multi-language models have them. Default bert. */
  kind?: 'bert' | 'xlm'
  maxTokens?: number
}

/** The files of a tiny model in the hub's layout, by path. */
export function tinyModel({ classes, lean, kind = 'bert', maxTokens = 16 }: TinyOptions): Record<string, string | Uint8Array> {
  const words = Object.keys(lean)
  const special = kind === 'bert' ? ['[PAD]', '[UNK]', '[CLS]', '[SEP]'] : ['<s>', '<pad>', '</s>', '<unk>']
  const pieces = [...special, ...words.map(word => (kind === 'bert' ? word : `▁${word}`))]
  const rows = pieces.map((_, id) => classes.map((_, k) => (lean[words[id - special.length] ?? ''] === k ? 2 : 0)))
  const [first, last] = kind === 'bert' ? ['[CLS]', '[SEP]'] : ['<s>', '</s>']
  const token = (id: string) => ({ id, ids: [pieces.indexOf(id)], tokens: [id] })
  const wrap = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer:
      kind === 'bert'
        ? { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }
        : { type: 'NFKC' },
    pre_tokenizer:
      kind === 'bert'
        ? { type: 'BertPreTokenizer' }
        : { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [wrap(first!), { Sequence: { id: 'A', type_id: 0 } }, wrap(last!)],
      pair: [
        wrap(first!),
        { Sequence: { id: 'A', type_id: 0 } },
        wrap(last!),
        { Sequence: { id: 'B', type_id: 0 } },
        wrap(last!),
      ],
      special_tokens: Object.fromEntries([first!, last!].map(id => [id, token(id)])),
    },
    decoder: null,
    model:
      kind === 'bert'
        ? {
            type: 'WordPiece',
            unk_token: '[UNK]',
            continuing_subword_prefix: '##',
            max_input_chars_per_word: 100,
            vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
          }
        : { type: 'Unigram', unk_id: 3, vocab: pieces.map((piece, id) => [piece, id < 4 ? 0 : -1]) },
  }
  const config = {
    model_type: kind === 'bert' ? 'bert' : 'xlm-roberta',
    id2label: Object.fromEntries(classes.entries()),
    max_position_embeddings: kind === 'bert' ? maxTokens : maxTokens + 2,
  }
  return {
    'config.json': JSON.stringify(config),
    'tokenizer.json': JSON.stringify(tokenizer),
    'tokenizer_config.json': JSON.stringify({
      tokenizer_class: kind === 'bert' ? 'BertTokenizer' : 'XLMRobertaTokenizer',
      model_max_length: 1e30,
      ...(kind === 'bert'
        ? { pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]' }
        : { pad_token: '<pad>', unk_token: '<unk>', bos_token: '<s>', eos_token: '</s>' }),
    }),
    'onnx/model_quantized.onnx': tinyOnnx(rows),
  }
}
