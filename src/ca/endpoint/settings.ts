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
}
