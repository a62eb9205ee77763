// Who asks, as read from a verified client certificate. Pure.

export interface Principal {
  /** Common name; exactly one, never empty. */
  readonly name: string
  readonly org: readonly string[]
  readonly unit: readonly string[]
  /** Subject alternative names by kind. */
  readonly dns: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly string[]
  /** Serial number, lower-case hex without leading zeros. */
  readonly serial: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}
