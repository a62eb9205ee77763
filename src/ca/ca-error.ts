// What the authority refuses or fails at, in words for the operator; `hint` says what to do next.
// Neither ever holds key material or a passphrase.

export type CaErrorCode =
  | 'bad-der'
  | 'bad-key'
  | 'bad-name'
  | 'bad-passphrase'
  | 'bad-period'
  | 'bad-request'
  | 'bad-token'
  | 'busy'
  | 'damaged'
  | 'exists'
  | 'missing'
  | 'locked'
  | 'not-allowed'
  | 'not-written'
  | 'unreachable'

export class CaError extends Error {
  readonly code: CaErrorCode
  readonly hint: string | undefined

  constructor(
    code: CaErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'CaError'
    this.code = code
    this.hint = options.hint
  }
}
