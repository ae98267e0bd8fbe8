/** Codes that Twitter still writes in their old form. */
const RENAMED: Record<string, string> = { in: 'id', iw: 'he', ji: 'yi', jw: 'jv' }
/** Codes that say that no language was found: no linguistic content, several, and Twitter's own `qme`, `qht`, `qst`, …. */
const NO_LANGUAGE = /^(?:und|zxx|mul|mis|art|q[a-t][a-z])$/
const PRIMARY = /^[a-z]{2,3}$/

/** A platform's language tag as its primary subtag in today's spelling (`pt-BR` → `pt`, `in` → `id`); undefined when it names none. */
export function primaryLanguage(tag: string | null | undefined): string | undefined {
  const primary = tag && !PRIMARY.test(tag) ? tag.trim().toLowerCase().split(/[-_]/)[0]! : (tag ?? '')
  if (!PRIMARY.test(primary) || NO_LANGUAGE.test(primary)) return undefined
  return RENAMED[primary] ?? primary
}
