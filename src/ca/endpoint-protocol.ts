// What a client and the signing endpoint say to each other: JSON over HTTPS, one request a
// certificate. Pure.
import * as z from 'zod'

/**
 * A name in the endpoint's certificate that no other certificate of the CA has: the gateway's, for
 * the same host perhaps, must not pass for the endpoint where clients hand over their tokens.
 */
export const endpointUri = 'urn:dockgate:ca'

export const paths = {
  enroll: '/v1/enroll',
  exchange: '/v1/exchange',
  renew: '/v1/renew',
  supersede: '/v1/supersede',
  crl: '/v1/crl.pem',
} as const

export const maxBodyBytes = 32 * 1024

const hours = z.int().min(1).max(876_000)

const token = z
  .string()
  .min(1)
  .max(16 * 1024)

export const enrollBody = z.strictObject({ token, csr: z.string() })
export const exchangeBody = z.strictObject({ token, csr: z.string() })
export const renewBody = z.strictObject({ csr: z.string(), hours: hours.optional() })
export const supersedeBody = z.strictObject({})

/** What is sent back for a certificate request. */
export const signedBody = z.object({
  name: z.string(),
  serial: z.string(),
  notAfter: z.string(),
  certificate: z.string(),
  ca: z.string(),
  /** Where to dial the gateway. */
  host: z.string(),
})

export const supersededBody = z.object({ revoked: z.array(z.string()) })

export type SignedBody = z.infer<typeof signedBody>
