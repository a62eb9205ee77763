// The record of everything that was ever issued, `index.json`. It is the truth of the store: what is
// not in it was never issued, and its one rename is the moment at which a change has happened.
import * as z from 'zod'
import { CaError } from './ca-error.ts'
import { isRevocationReason, revocationReasons } from './revocation-list.ts'
import type { RevocationReason } from './revocation-list.ts'

const moment = z.iso.datetime()
const serial = z.string().regex(/^[0-9A-F]{2,40}$/)
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/)
const reason = z.custom<RevocationReason>(
  (word) => typeof word === 'string' && isRevocationReason(word),
  `one of ${revocationReasons.join(', ')}`,
)

const issuedSchema = z.strictObject({
  serial,
  /** An `authority` is one that a root signed, in the store of the root. */
  kind: z.enum(['client', 'server', 'endpoint', 'authority']),
  name: z.string().min(1),
  org: z.string().optional(),
  unit: z.string().optional(),
  dns: z.array(z.string()),
  email: z.array(z.string()),
  uri: z.array(z.string()),
  ip: z.array(z.string()),
  /** `ec:p256`, `ec:p384`, `ed25519`, `rsa:3072` and the like. */
  key: z.string().regex(/^(?:ec:p256|ec:p384|ed25519|rsa:\d{4})$/),
  notBefore: moment,
  notAfter: moment,
  fingerprint,
  host: z.string().optional(),
  /** Over the network, with a key that was made on the client's side; absent for what was made here. */
  by: z.enum(['renew', 'enroll', 'oidc']).optional(),
  /** Whose identity token it was issued for, as that issuer names them. */
  from: z.strictObject({ issuer: z.string(), subject: z.string() }).optional(),
  /** The serial of the certificate that this one renewed. */
  renews: serial.optional(),
  revoked: z.strictObject({ at: moment, reason }).optional(),
})

/** What an enrollment token stands for. The token itself is not kept, so it cannot be read here. */
const tokenSchema = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1),
  org: z.string().optional(),
  unit: z.string().optional(),
  dns: z.array(z.string()),
  email: z.array(z.string()),
  uri: z.array(z.string()),
  ip: z.array(z.string()),
  lifetimeHours: z.int().min(1).optional(),
  host: z.string().optional(),
  /** What becomes of the certificates that the name has when the token is used. */
  earlier: z.enum(['keep', 'revoke']).optional(),
  until: moment,
  used: z.strictObject({ at: moment, serial }).optional(),
})

const indexSchema = z.strictObject({
  version: z.literal(1),
  ca: z.strictObject({
    name: z.string(),
    serial,
    notAfter: moment,
    fingerprint,
    /** Who signed it, where that is a root kept elsewhere. */
    root: z
      .strictObject({
        name: z.string(),
        notAfter: moment,
        fingerprint,
        /** Of its revocation list. */
        nextUpdate: moment,
      })
      .optional(),
  }),
  crl: z.strictObject({
    number: z.int().min(1),
    thisUpdate: moment,
    nextUpdate: moment,
    lifetimeHours: z.int().min(1),
  }),
  /** Where clients reach the gateway, said to `ca server` and written into every bundle. */
  host: z.string().optional(),
  issued: z.array(issuedSchema),
  tokens: z.array(tokenSchema).optional(),
  /** Hashes of identity tokens that were exchanged, kept until those tokens end. */
  spent: z.array(z.strictObject({ hash: fingerprint, until: moment })).optional(),
  /** Renames that belong to this state and may still have to be done. */
  moves: z.array(z.strictObject({ from: z.string(), to: z.string() })),
})

export type Issued = Readonly<z.infer<typeof issuedSchema>>
export type Token = Readonly<z.infer<typeof tokenSchema>>
export type StoreIndex = Readonly<z.infer<typeof indexSchema>>

export function parseIndex(text: string): StoreIndex {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged('it is not JSON', cause)
  }
  const result = indexSchema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw damaged(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`, result.error)
}

/** One row that stands alone on a line. */
export function parseIssued(line: string): Issued | undefined {
  try {
    return issuedSchema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

export function formatIndex(index: StoreIndex): string {
  return `${JSON.stringify(index, undefined, 2)}\n`
}

function damaged(why: string, cause: unknown): CaError {
  return new CaError('damaged', `index.json cannot be read: ${why}`, {
    cause,
    hint: 'restore the whole folder from a backup',
  })
}
