/** Why a model could not be had: the address is not understood, nothing is there, it is not what was registered, or nobody can be asked. */
export class ModelAddressError extends Error {
  override name = 'ModelAddressError'
  constructor(
    message: string,
    readonly code: 'bad-address' | 'not-found' | 'hash-mismatch' | 'offline',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
