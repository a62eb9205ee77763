// DER in and out, by node-forge's ASN.1 alone. What `encode` writes is canonical, and `decode` takes
// nothing that is not: one value has one spelling, so a signature never covers two readings. Pure.
import forge from 'node-forge'
import { CaError } from './ca-error.ts'

const { Class, Type } = forge.asn1

export type Der = forge.asn1.Asn1

declare module 'node-forge' {
  namespace asn1 {
    // The third form of the second argument, which @types/node-forge does not know.
    function fromDer(
      bytes: string,
      options: { strict: true; parseAllBytes: true; decodeBitStrings: false },
    ): Asn1
  }
}

export function encode(value: Der): Buffer {
  return Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1')
}

/** Refuses trailing bytes, indefinite lengths, overlong lengths and integers, odd booleans. */
export function decode(bytes: Uint8Array): Der {
  const text = Buffer.from(bytes).toString('latin1')
  let value: Der
  try {
    value = forge.asn1.fromDer(text, { strict: true, parseAllBytes: true, decodeBitStrings: false })
  } catch (cause) {
    throw new CaError('bad-der', 'this is not DER', { cause })
  }
  requireBooleans(value)
  if (!encode(value).equals(bytes)) throw new CaError('bad-der', 'this is not canonical DER')
  return value
}

// X.690 §11.1: TRUE is FF and nothing else; forge reads any octet and writes it back as it was.
function requireBooleans(value: Der): void {
  if (typeof value.value !== 'string') {
    for (const child of value.value) requireBooleans(child)
  } else if (value.tagClass === Class.UNIVERSAL && value.type === Type.BOOLEAN) {
    if (value.value !== '\x00' && value.value !== '\xff') {
      throw new CaError('bad-der', 'this is not canonical DER')
    }
  }
}

export function sequence(...parts: (Der | undefined)[]): Der {
  return forge.asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, parts.filter(isPresent))
}

export function set(...parts: Der[]): Der {
  return forge.asn1.create(Class.UNIVERSAL, Type.SET, true, parts)
}

/** A non-negative INTEGER from its big-endian bytes, of any length. */
export function unsigned(bytes: Uint8Array): Der {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const digits = Buffer.from(bytes.subarray(start)).toString('latin1')
  const needsSign = ((bytes[start] ?? 0) & 0x80) !== 0
  return primitive(Type.INTEGER, needsSign || digits === '' ? `\x00${digits}` : digits)
}

export function integer(value: number): Der {
  const hex = value.toString(16)
  return unsigned(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

export function enumerated(value: number): Der {
  return primitive(Type.ENUMERATED, String.fromCharCode(value))
}

export function boolean(value: boolean): Der {
  return primitive(Type.BOOLEAN, value ? '\xff' : '\x00')
}

export function nothing(): Der {
  return primitive(Type.NULL, '')
}

export function oid(dotted: string): Der {
  return primitive(Type.OID, forge.asn1.oidToDer(dotted).getBytes())
}

export function octets(bytes: Uint8Array): Der {
  return primitive(Type.OCTETSTRING, Buffer.from(bytes).toString('latin1'))
}

export function bits(bytes: Uint8Array, unusedBits = 0): Der {
  const text = Buffer.from(bytes).toString('latin1')
  return primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + text)
}

/** A BIT STRING of named bits; trailing zero bits are left out (X.690 §11.2.2). */
export function namedBits(positions: readonly number[]): Der {
  const highest = Math.max(...positions)
  const bytes = Buffer.alloc((highest >> 3) + 1)
  for (const bit of positions) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return bits(bytes, 7 - (highest & 7))
}

export function printable(text: string): Der {
  return primitive(Type.PRINTABLESTRING, text)
}

export function utf8(text: string): Der {
  return primitive(Type.UTF8, forge.util.encodeUtf8(text))
}

export function bmp(text: string): Der {
  return primitive(Type.BMPSTRING, text)
}

/** Whole seconds; UTCTime through 2049 and GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(date: Date): Der {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  const year = date.getUTCFullYear()
  return year >= 1950 && year < 2050
    ? primitive(Type.UTCTIME, `${digits.slice(2)}Z`)
    : primitive(Type.GENERALIZEDTIME, `${digits}Z`)
}

/** `[tag]` around whole values. */
export function explicit(tag: number, ...parts: Der[]): Der {
  return forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, true, parts)
}

/** `[tag]` in place of a primitive value's own tag. */
export function implicit(tag: number, bytes: Uint8Array): Der {
  const text = Buffer.from(bytes).toString('latin1')
  return forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, false, text)
}

/** The children of a constructed value; none for a primitive one. */
export function items(value: Der | undefined): readonly Der[] {
  return value === undefined || typeof value.value === 'string' ? [] : value.value
}

/** The content octets of a primitive value; none for a constructed one. */
export function content(value: Der | undefined): Buffer {
  return Buffer.from(typeof value?.value === 'string' ? value.value : '', 'latin1')
}

function primitive(type: forge.asn1.Type, text: string): Der {
  return forge.asn1.create(Class.UNIVERSAL, type, false, text)
}

function isPresent(item: Der | undefined): item is Der {
  return item !== undefined
}
