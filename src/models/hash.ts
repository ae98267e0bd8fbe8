/**
 * Hashes of character codes for n-gram features: a running product (FNV-1a over 16-bit units) that grows by one code at a
 * time, and a finish that spreads it over the buckets. Models on disk depend on them: they never change.
 */

/** Start of a running hash; another kind of feature takes another seed. */
export function hashStart(seed: number): number {
  return (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) | 0
}

/** The running hash after one more code. */
export function hashNext(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193)
}

/** The running hash after a text's codes. */
export function hashText(text: string, seed: number): number {
  let hash = hashStart(seed)
  for (let i = 0; i < text.length; i++) hash = hashNext(hash, text.charCodeAt(i))
  return hash
}

/** Bucket of a finished hash: a whole number below 2^bits (murmur3's finish, whose high bits are the best mixed). */
export function hashBucket(hash: number, bits: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h >>> (32 - bits)
}
