// Reads a CRL (RFC 5280 §5.1) from its DER as strictly as a certificate is read. Pure: whether its
// signature holds and its time is now is the caller's to judge.
import { GatewayError } from '../errors.ts'
import {
  contentOf,
  contextTag,
  readDer,
  readInteger,
  readMany,
  readOid,
  readSequence,
  readTime,
  refuse,
  tag,
  type Der,
} from './der.ts'
import { readExtension, type Extension } from './extension.ts'

export interface RevocationList {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array
  readonly thisUpdate: number
  readonly nextUpdate: number
  /** `cRLNumber`, which only grows. */
  readonly number: bigint
  /** Serial numbers as a principal has them: lower-case hex without leading zeros. */
  readonly revoked: ReadonlySet<string>
  /** What is signed, how (the algorithm's identifier, dotted), and the signature. */
  readonly signed: Uint8Array
  readonly algorithm: string
  readonly signature: Uint8Array
}

const crlNumber = '2.5.29.20'
const reasonCode = '2.5.29.21'

/** The list, or what is wrong with it in words. */
export function readRevocationList(der: Uint8Array): RevocationList | string {
  try {
    return Object.freeze(readList(Uint8Array.from(der)))
  } catch (error) {
    if (error instanceof GatewayError) return error.failure.detail ?? error.failure.message
    throw error
  }
}

function readList(der: Uint8Array): RevocationList {
  const whole = readSequence(readDer(der), 'it')
  const [signed, algorithm, signature] = whole
  if (signed === undefined || whole.length !== 3) refuse('it has not its three parts')
  const [unused, ...octets] = contentOf(signature, tag.bitString, 'its signature')
  if (unused !== 0) refuse('its signature is not whole octets')
  const [version, inner, issuer, from, until, ...tail] = readSequence(signed, 'its signed part')
  const number = readInteger(version, 'its version')
  if (number.length !== 1 || number[0] !== 1) refuse('it is not of version 2')
  const [oid] = readSequence(inner, 'its signature algorithm')
  // RFC 5280 §5.1.1.2: both name the same algorithm.
  if (Buffer.compare(inner?.bytes ?? octetless, algorithm?.bytes ?? octetless) !== 0) {
    refuse('it names two signature algorithms')
  }
  readSequence(issuer, 'its issuer')
  const thisUpdate = readTime(from, 'its date')
  const nextUpdate = readTime(until, 'the date of the next one')
  if (nextUpdate < thisUpdate) refuse('it ends before it begins')
  // RFC 5280 §5.1.2.6: the list of entries is absent where nothing is revoked.
  const entries = tail[0]?.tag === tag.sequence ? tail[0] : undefined
  const [extensions, ...more] = entries === undefined ? tail : tail.slice(1)
  if (more.length > 0) refuse('it has more parts than a list has')
  return {
    issuer: issuer?.bytes ?? octetless,
    thisUpdate,
    nextUpdate,
    number: readNumber(extensions),
    revoked: entries === undefined ? new Set() : readEntries(entries),
    signed: signed.bytes,
    algorithm: readOid(oid, 'its signature algorithm'),
    signature: Uint8Array.from(octets),
  }
}

const octetless = new Uint8Array()

function readEntries(list: Der): ReadonlySet<string> {
  const revoked = new Set<string>()
  for (const entry of readMany(list.content)) {
    const [serial, when, extensions, ...more] = readSequence(entry, 'an entry')
    if (more.length > 0) refuse('an entry has more than its parts')
    readTime(when, 'the date of an entry')
    if (extensions !== undefined) checkEntry(extensions)
    revoked.add(serialOf(readInteger(serial, 'a serial number')))
  }
  return revoked
}

/** As `readSerial` of certificates writes it, without its demands: what is revoked may be odd. */
function serialOf(content: Uint8Array): string {
  return Buffer.from(content).toString('hex').replace(/^0+/, '')
}

/** A critical extension would say that the entry is about another issuer's certificate. */
function checkEntry(extensions: Der): void {
  for (const { oid, critical } of readExtensions(extensions)) {
    if (critical && oid !== reasonCode) {
      refuse(`an entry has the critical extension ${oid}, which is not understood`)
    }
  }
}

/** A critical extension would say that the list is partial: a delta, or one of several. */
function readNumber(value: Der | undefined): bigint {
  if (value === undefined) refuse('it has no number')
  let number: bigint | undefined
  const list = readDer(contentOf(value, contextTag(0), 'its list of extensions'))
  for (const { oid, critical, content } of readExtensions(list)) {
    if (oid === crlNumber && number === undefined) {
      const octets = readInteger(readDer(content), 'its number')
      if ((octets[0] ?? 0) >= 0x80 || octets.length > 20) refuse('its number is out of range')
      number = BigInt(`0x${Buffer.from(octets).toString('hex')}`)
    } else if (oid === crlNumber) refuse('it has two numbers')
    else if (critical) refuse(`it has the critical extension ${oid}, which is not understood`)
  }
  if (number === undefined) refuse('it has no number')
  return number
}

function readExtensions(list: Der): readonly Extension[] {
  return readSequence(list, 'a list of extensions').map(readExtension)
}
