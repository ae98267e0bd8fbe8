/** The process that translates texts into English with a sequence-to-sequence model: one thread, one text at a time, greedily, so a text has one translation. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { env, pipeline } from '@xenova/transformers'
import { type Answerer, oneByOne, serveTexts } from './worker-talk.js'

/** What a translator is started with. */
export interface TranslatorData {
  /** Absolute path of the model's folder. */
  folder: string
  /** Longer texts are cut to this many tokens, and so are translations. */
  maxTokens: number
}

/** A text in English. */
export interface Translation {
  text: string
  /** Set when the text was longer than the model reads, or its translation than it writes. */
  truncated?: true
}

/** Three-letter codes, by which NLLB calls languages that others call by two letters. */
const THREE_LETTERS = new Map(
  `am=amh ar=arb bg=bul bn=ben ca=cat cs=ces da=dan de=deu el=ell en=eng es=spa et=est eu=eus fa=pes fi=fin fr=fra gu=guj he=heb hi=hin hr=hrv
  hu=hun hy=hye id=ind is=isl it=ita ja=jpn ka=kat kn=kan ko=kor lt=lit lv=lvs ml=mal mr=mar ms=zsm nl=nld no=nob or=ory pa=pan pl=pol pt=por
  ro=ron ru=rus sk=slk sl=slv sq=als sr=srp sv=swe ta=tam te=tel th=tha tl=tgl tr=tur uk=ukr ur=urd vi=vie yo=yor zh=zho`
    .split(/\s+/)
    .map(pair => pair.split('=') as [string, string]),
)

/** What the model calls a language: `de`, `de_DE` or `deu_Latn`. @throws when it does not know it */
function codeOf(lang: string, codes: readonly string[]): string {
  const script = new Intl.Locale(lang).maximize().script
  const three = THREE_LETTERS.get(lang)
  const found =
    codes.find(code => code === lang || code === `${three}_${script}`) ??
    codes.find(code => code.startsWith(`${lang}_`) || code.startsWith(`${three}_`))
  if (found === undefined) throw new Error(`the translator does not know the language: ${lang}`)
  return found
}

async function load({ folder, maxTokens }: TranslatorData): Promise<Answerer<Translation>> {
  env.allowRemoteModels = false
  const translate = await pipeline('translation', folder, {
    dtype: existsSync(join(folder, 'onnx', 'encoder_model_quantized.onnx')) ? 'q8' : 'fp32',
    device: 'cpu',
    local_files_only: true,
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 },
  })
  const { language_codes: codes = [] } = translate.tokenizer as { language_codes?: string[] }
  const length = (text: string) =>
    (translate.tokenizer(text, { return_tensor: false }) as { input_ids: number[] }).input_ids.length
  return oneByOne(async request => {
    const mark = request.indexOf('\n')
    const text = request.slice(mark + 1)
    // A token is a character at least, or so; then shorter by the share that is too much.
    let seen = text.slice(0, 10 * maxTokens)
    for (let tokens = length(seen); tokens > maxTokens; tokens = length(seen))
      seen = seen.slice(0, Math.min(seen.length - 1, Math.floor((seen.length * maxTokens) / tokens)))
    const languages = codes.length ? { src_lang: codeOf(request.slice(0, mark), codes), tgt_lang: codeOf('en', codes) } : {}
    const greedy = { max_new_tokens: maxTokens, num_beams: 1, do_sample: false, ...languages }
    const [answer] = (await translate(seen, greedy as never)) as unknown as { translation_text: string }[]
    const english = answer!.translation_text.trim()
    if (english === '') throw new Error('nothing came of the translation')
    const truncated = seen.length < text.length || length(english) > maxTokens
    return truncated ? { text: english, truncated } : { text: english }
  })
}

serveTexts(load)
