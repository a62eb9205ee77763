// Reads who asks from the DER of a client certificate whose chain TLS has verified. Nothing is taken
// from strings that a library made of it; what can be read in two ways is refused. Pure: no clock, so
// whether the certificate is valid now is the caller's to judge.
import { GatewayError, type Failure } from '../errors.ts'
import {
  noAlternativeNames,
  readAlternativeNames,
  type AlternativeNames,
} from './alternative-names.ts'
import {
  contentOf,
  contextTag,
  readDer,
  readInteger,
  readNamedBits,
  readOid,
  readSequence,
  readTime,
  refuse,
  tag,
  type Der,
} from './der.ts'
import { readExtension } from './extension.ts'
import { readSubject } from './name.ts'
import type { Principal } from './principal.ts'

// Ours have less than 1 KiB, those of an RSA 4096 authority with many names about 4.
const maxBytes = 16 * 1024

const keyUsage = '2.5.29.15'
const subjectAltName = '2.5.29.17'
const basicConstraints = '2.5.29.19'
const extendedKeyUsage = '2.5.29.37'
const clientAuth = '1.3.6.1.5.5.7.3.2'
/** Bits of KeyUsage, RFC 5280 §4.2.1.3. */
const digitalSignature = 0
const keyCertSign = 5
const crlSign = 6

/** `fingerprint` is the SHA-256 of `der` in lower-case hex; hashing is not for a pure room. */
export function readPrincipal(der: Uint8Array, fingerprint: string): Principal | Failure {
  try {
    return Object.freeze(readCertificate(der, fingerprint))
  } catch (error) {
    if (error instanceof GatewayError) return error.failure
    throw error
  }
}

function readCertificate(der: Uint8Array, fingerprint: string): Principal {
  if (der.length > maxBytes) refuse(`it is larger than ${maxBytes} bytes`)
  // A copy, so that nobody can change the bytes between two looks at them.
  const certificate = readSequence(readDer(Uint8Array.from(der)), 'it')
  const [signed, algorithm, signature] = certificate
  if (certificate.length !== 3) refuse('it has not its three parts')
  contentOf(signature, tag.bitString, 'its signature')
  const [version, serial, inner, issuer, validity, subject, key, ...tail] = readSequence(
    signed,
    'its signed part',
  )
  readVersion(version)
  readSequence(issuer, 'its issuer')
  readSequence(key, 'its key')
  readSequence(inner, 'its signature algorithm')
  // RFC 5280 §4.1.1.2: both name the same algorithm.
  if (!same(inner, algorithm)) refuse('it names two signature algorithms')
  const [from, to, ...more] = readSequence(validity, 'its validity')
  if (more.length > 0) refuse('its validity has more than two times')
  const notBefore = readTime(from, 'its first day')
  const notAfter = readTime(to, 'its last day')
  if (notAfter < notBefore) refuse('it ends before it begins')
  return {
    ...readSubject(subject),
    ...readExtensions(tail),
    serial: readSerial(serial),
    fingerprint,
    notBefore,
    notAfter,
  }
}

function readVersion(value: Der | undefined): void {
  const content = contentOf(value, contextTag(0), 'its version')
  const number = readInteger(readDer(content), 'its version')
  if (number.length !== 1 || number[0] !== 2) refuse('it is not of version 3')
}

/** RFC 5280 §4.1.2.2: positive, and at most 20 octets. */
function readSerial(value: Der | undefined): string {
  const content = readInteger(value, 'its serial number')
  const [first = 0] = content
  if (first >= 0x80 || content.length > 20) refuse('its serial number is out of range')
  const hex = Array.from(content, (octet) => octet.toString(16).padStart(2, '0'))
    .join('')
    .replace(/^0+/, '')
  if (hex === '') refuse('its serial number is zero')
  return hex
}

/** Anything but the one list of extensions at the end (unique identifiers) is refused. */
function readExtensions(tail: readonly Der[]): AlternativeNames {
  if (tail.length !== 1) refuse('it has not exactly one list of extensions')
  const list = readSequence(
    readDer(contentOf(tail[0], contextTag(3), 'its list of extensions')),
    'its list of extensions',
  )
  const seen = new Set<string>()
  let names = noAlternativeNames
  for (const item of list) {
    const { oid, critical, content } = readExtension(item)
    if (seen.has(oid)) refuse('it has the same extension twice')
    seen.add(oid)
    if (oid === keyUsage) checkKeyUsage(readDer(content))
    else if (oid === subjectAltName) names = readAlternativeNames(readDer(content))
    else if (oid === basicConstraints) checkBasicConstraints(readDer(content))
    else if (oid === extendedKeyUsage) checkPurposes(readDer(content))
    else if (critical) refuse(`it has the critical extension ${oid}, which is not understood`)
  }
  // Absent, they would allow every use of the key (RFC 5280 §4.2.1.3 and §4.2.1.12).
  if (!seen.has(keyUsage)) refuse('it does not say what its key is for')
  if (!seen.has(extendedKeyUsage)) refuse('it is not for clients')
  return names
}

function checkKeyUsage(value: Der): void {
  const uses = readNamedBits(value, 'its key usage')
  if (!uses.has(digitalSignature)) refuse('its key may not sign')
  if (uses.has(keyCertSign) || uses.has(crlSign)) refuse('it is one of an authority')
}

/** `BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, … }`: for no authority, empty. */
function checkBasicConstraints(value: Der): void {
  if (readSequence(value, 'its basic constraints').length > 0) refuse('it is one of an authority')
}

function checkPurposes(value: Der): void {
  const purposes = readSequence(value, 'its purposes').map((item) => readOid(item, 'its purpose'))
  // anyExtendedKeyUsage is no substitute: a certificate for everything was made for nobody here.
  if (!purposes.includes(clientAuth)) refuse('it is not for clients')
}

function same(one: Der | undefined, other: Der | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return (
    one.bytes.length === other.bytes.length &&
    one.bytes.every((byte, index) => byte === other.bytes[index])
  )
}
