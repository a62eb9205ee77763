// What the operator says of the signing endpoint.

export interface LifetimeLimit {
  /** No certificate that is signed here lives longer. */
  readonly maxHours: number
}

export interface EndpointSettings extends LifetimeLimit {
  readonly listen: { readonly host: string; readonly port: number }
  /** DNS names and addresses by which clients reach it. */
  readonly names: readonly string[]
  /** Requests of one address. */
  readonly ratePerMinute: number
  readonly issuers: readonly IdentityIssuer[]
  /** How long a connection may be silent. */
  readonly idleMs?: number
}

/** Somebody whose identity tokens are exchanged for certificates. */
export interface IdentityIssuer {
  /** Octet for octet what stands in `iss`. */
  readonly issuer: string
  /** The one audience that a token for us has. */
  readonly audience: string
  /** Where its keys are, when its discovery document is not to be asked. */
  readonly jwks?: string
  readonly algorithms: readonly IdentityAlgorithm[]
  /** The first that a token fulfills says what its certificate is. */
  readonly rules: readonly IdentityRule[]
}

export interface IdentityRule {
  /** Claims, each with the values of which it must have one. Never empty. */
  readonly require: ReadonlyMap<string, readonly string[]>
  readonly name: FromClaims
  readonly org?: string
  readonly unit?: string
  readonly uri?: FromClaims
  readonly minutes: number
}

/** A fixed text, or a prefix with the value of a claim behind it. */
export type FromClaims = string | { readonly prefix: string; readonly claim: string }

// Asymmetric ones only: with HS256 a public key would be the secret (RFC 8725 §2.1).
export const identityAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const // prettier-ignore
export type IdentityAlgorithm = (typeof identityAlgorithms)[number]
