// What the operator says of the signing endpoint.

export interface EndpointSettings {
  readonly listen: { readonly host: string; readonly port: number }
  /** DNS names and addresses by which clients reach it. */
  readonly names: readonly string[]
  /** No certificate that is signed here lives longer. */
  readonly maxHours: number
  /** Requests of one address. */
  readonly ratePerMinute: number
}
