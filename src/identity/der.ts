// Reads DER (X.690 §8, §10, §11) so that every value has one spelling only: what BER would also take
// (indefinite or padded lengths, padded integers, bytes after the end) is refused. Pure.
import { GatewayError, failure } from '../errors.ts'

/** One value: its identifier octet, its content, and all of its bytes. */
export interface Der {
  readonly tag: number
  readonly content: Uint8Array
  readonly bytes: Uint8Array
}

export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** `[n]`, constructed: how certificates mark optional parts. */
export function contextTag(number: number): number {
  return 0xa0 | number
}

/** Ends the reading of a certificate; `readPrincipal` turns this into its returned failure. */
export function refuse(why: string): never {
  throw new GatewayError(failure('bad-certificate', `your certificate cannot be used: ${why}`, why))
}

/** Reads `bytes` as exactly one value. */
export function readDer(bytes: Uint8Array): Der {
  const [first, ...rest] = readMany(bytes)
  if (first === undefined || rest.length > 0) refuse('it is not exactly one DER value')
  return first
}

/** Reads `bytes` as values one after the other, to the last byte. */
export function readMany(bytes: Uint8Array): readonly Der[] {
  const found: Der[] = []
  let at = 0
  while (at < bytes.length) {
    const value = readOne(bytes, at)
    found.push(value)
    at += value.bytes.length
  }
  return found
}

function readOne(bytes: Uint8Array, start: number): Der {
  const identifier = bytes[start]
  const first = bytes[start + 1]
  if (identifier === undefined || first === undefined) refuse('it is cut short')
  // Tag numbers from 31 up have a longer form, which no certificate needs.
  if ((identifier & 0x1f) === 0x1f) refuse('it holds a tag of more than one byte')
  let length = first
  let contentAt = start + 2
  if (first >= 0x80) {
    const size = first & 0x7f
    if (size === 0) refuse('it holds a value of indefinite length')
    if (size > 3) refuse('it holds a value of impossible length')
    if (contentAt + size > bytes.length) refuse('it is cut short')
    length = 0
    for (const byte of bytes.subarray(contentAt, contentAt + size)) length = length * 256 + byte
    if (length < 0x80 || length < 256 ** (size - 1)) refuse('it holds a padded length')
    contentAt += size
  }
  const end = contentAt + length
  if (end > bytes.length) refuse('it is cut short')
  return {
    tag: identifier,
    content: bytes.subarray(contentAt, end),
    bytes: bytes.subarray(start, end),
  }
}

/** The content of `value`, which must be there and have this very tag. */
export function contentOf(value: Der | undefined, wanted: number, what: string): Uint8Array {
  if (value === undefined) refuse(`${what} is missing`)
  if (value.tag !== wanted) refuse(`${what} has the wrong type`)
  return value.content
}

export function readSequence(value: Der | undefined, what: string): readonly Der[] {
  return readMany(contentOf(value, tag.sequence, what))
}

/** X.690 §8.3.2: the fewest octets; the content is returned as it is, two's complement. */
export function readInteger(value: Der | undefined, what: string): Uint8Array {
  const content = contentOf(value, tag.integer, what)
  const [first, second] = content
  if (first === undefined) refuse(`${what} is empty`)
  if (second !== undefined && (first === 0 || first === 0xff) && first >> 7 === second >> 7) {
    refuse(`${what} is padded`)
  }
  return content
}

/** X.690 §11.1 and §11.5: TRUE is 0xff, and FALSE, being every default here, is left out. */
export function readTrue(value: Der, what: string): void {
  const content = contentOf(value, tag.boolean, what)
  if (content.length !== 1 || content[0] !== 0xff) refuse(`${what} is not spelled as DER spells it`)
}

/** X.690 §11.2: bits of a named list, with no unused bit set and no zero bit at the end. */
export function readNamedBits(value: Der, what: string): ReadonlySet<number> {
  const [unused, ...octets] = contentOf(value, tag.bitString, what)
  const last = octets.at(-1) ?? 0
  const sound =
    unused !== undefined &&
    (octets.length === 0 ? unused === 0 : unused <= 7 && last === (last >> unused) << unused) &&
    (octets.length === 0 || ((last >> unused) & 1) === 1)
  if (!sound) refuse(`${what} is not spelled as DER spells it`)
  const bits = new Set<number>()
  for (const [index, octet] of octets.entries()) {
    for (let bit = 0; bit < 8; bit += 1) if (octet & (0x80 >> bit)) bits.add(index * 8 + bit)
  }
  return bits
}

/** Dotted form; X.690 §8.19.2: the fewest octets for each arc. */
export function readOid(value: Der | undefined, what: string): string {
  const content = contentOf(value, tag.oid, what)
  const last = content.at(-1)
  if (last === undefined || last >= 0x80 || content.length > 64) refuse(`${what} is no identifier`)
  const arcs: bigint[] = []
  let arc = 0n
  let fresh = true
  for (const octet of content) {
    if (fresh && octet === 0x80) refuse(`${what} is padded`)
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    fresh = octet < 0x80
    if (fresh) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [joint = 0n, ...others] = arcs
  const top = joint < 80n ? joint / 40n : 2n
  return [top, joint - top * 40n, ...others].join('.')
}

/** UTCTime or GeneralizedTime in seconds and in UTC (RFC 5280 §4.1.2.5), as milliseconds. */
export function readTime(value: Der | undefined, what: string): number {
  if (value === undefined) refuse(`${what} is missing`)
  const short = value.tag === tag.utcTime
  if (!short && value.tag !== tag.generalizedTime) refuse(`${what} is no time`)
  const text = String.fromCharCode(...value.content.subarray(0, 16))
  const digits = short ? /^[0-9]{12}Z$/ : /^[0-9]{14}Z$/
  if (value.content.length > 15 || !digits.test(text)) refuse(`${what} is no time in UTC`)
  const full = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const [, year, month, day, hour, minute, second] =
    /^(....)(..)(..)(..)(..)(..)Z$/.exec(full) ?? refuse(`${what} is no time in UTC`)
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const atMs = Date.parse(iso)
  // Date.parse rolls some impossible days over; one that comes back changed never existed.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString() !== iso) {
    refuse(`${what} is no day of the calendar`)
  }
  return atMs
}
