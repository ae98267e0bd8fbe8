import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** A document with the means to see that nobody has changed it since. */
export type Signed<T> = T & {
  /** SHA-256 of the receipt before this one in the same lake, null for the first: a chain without gaps. */
  previous: string | null
  /** Ed25519 public key, SPKI, base64. */
  publicKey: string
  /** Ed25519 over the canonical JSON of all the rest, base64. */
  signature: string
}

/** What a check of a receipt found. */
export interface ReceiptCheck {
  /** The signature is that of the key in the receipt, over these very contents. */
  valid: boolean
  /** That key is this user's own. */
  ownKey: boolean
  reason?: string
}

/** Where this user's signing key is: `$MOODLAKE_CONFIG`, else `~/.config/moodlake`. */
const keyFile = () => join(process.env.MOODLAKE_CONFIG ?? join(homedir(), '.config', 'moodlake'), 'receipt-key.pem')

/** JSON with its keys in order: the same for the same contents. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
    .join(',')}}`
}

/** SHA-256 of a document's canonical JSON, hex. */
export function documentHash(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex')
}

function signingKey(): KeyObject {
  const file = keyFile()
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const { privateKey } = generateKeyPairSync('ed25519')
    try {
      writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    chmodSync(file, 0o600)
  }
  return createPrivateKey(readFileSync(file))
}

const publicText = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** Signs a document with this user's key, which is made on first use and readable by this user alone. */
export function signReceipt<T extends object>(contents: T, previous: string | null): Signed<T> {
  const key = signingKey()
  const whole = { ...contents, previous, publicKey: publicText(key) }
  return { ...whole, signature: sign(null, Buffer.from(canonical(whole)), key).toString('base64') }
}

/** Checks that a receipt is as it was signed. */
export function checkReceipt(receipt: unknown): ReceiptCheck {
  const { signature, ...contents } = (receipt ?? {}) as { signature?: unknown; publicKey?: unknown }
  if (typeof signature !== 'string' || typeof contents.publicKey !== 'string')
    return { valid: false, ownKey: false, reason: 'no signature or no public key in it' }
  try {
    const key = createPublicKey({ key: Buffer.from(contents.publicKey, 'base64'), type: 'spki', format: 'der' })
    const valid = verify(null, Buffer.from(canonical(contents)), key, Buffer.from(signature, 'base64'))
    const ownKey = existsSync(keyFile()) && publicText(createPrivateKey(readFileSync(keyFile()))) === contents.publicKey
    return { valid, ownKey, ...(valid ? {} : { reason: 'the contents are not those that were signed' }) }
  } catch (error) {
    return { valid: false, ownKey: false, reason: `its key or signature cannot be read: ${(error as Error).message}` }
  }
}
