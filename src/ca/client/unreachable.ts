// Why an endpoint could not be asked, in words.
import { CaError } from '../ca-error.ts'

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ECONNREFUSED', 'nobody listens there'],
  ['ENOTFOUND', 'there is no such host'],
  ['EAI_AGAIN', 'the name cannot be resolved now'],
  ['ETIMEDOUT', 'it does not answer'],
  ['ABORT_ERR', 'it does not answer'],
  ['ECONNRESET', 'it broke off the connection'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'it is of another CA'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'it is of another CA'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'it is of another CA'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'it is of another CA'],
  ['CERT_SIGNATURE_FAILURE', 'it is of another CA'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet: is the clock here right?'],
])

export function unreachable(url: URL, cause: unknown): CaError {
  if (cause instanceof CaError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const words = cause instanceof Error ? cause.message : String(cause)
  const reason = reasons.get(code) ?? words
  return new CaError('unreachable', `${url.host} cannot be asked: ${reason}`, { cause })
}
