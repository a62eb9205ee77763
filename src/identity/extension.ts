// One extension of a certificate or of a revocation list (RFC 5280 §4.1). Pure.
import { contentOf, readOid, readSequence, readTrue, refuse, tag, type Der } from './der.ts'

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  readonly content: Uint8Array
}

/** `Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }` */
export function readExtension(item: Der): Extension {
  const [type, ...rest] = readSequence(item, 'an extension')
  const oid = readOid(type, 'the type of an extension')
  const [flag] = rest
  const critical = rest.length === 2
  if (critical && flag !== undefined) readTrue(flag, 'the flag of an extension')
  if (rest.length < 1 || rest.length > 2) refuse('an extension has not its parts')
  const content = contentOf(rest.at(-1), tag.octetString, 'the value of an extension')
  return { oid, critical, content }
}
