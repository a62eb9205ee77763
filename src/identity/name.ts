// Reads the subject of a certificate: exactly one common name, any organizations and units. Pure.
import { contentOf, readMany, readOid, readSequence, refuse, tag, type Der } from './der.ts'
import { printable } from './printable.ts'

export interface Subject {
  readonly name: string
  readonly org: readonly string[]
  readonly unit: readonly string[]
}

// RFC 5280 appendix A.1: ub-common-name, ub-organization-name, ub-organizational-unit-name.
const maxLength = 64

const commonName = '2.5.4.3'
const organization = '2.5.4.10'
const organizationalUnit = '2.5.4.11'
/** Attributes that are IA5String by definition: emailAddress (RFC 2985), DC (RFC 4519). */
const ascii: ReadonlySet<string> = new Set(['1.2.840.113549.1.9.1', '0.9.2342.19200300.100.1.25'])

export function readSubject(value: Der | undefined): Subject {
  const values = new Map<string, string[]>()
  for (const rdn of readSequence(value, 'the subject')) {
    const attributes = readMany(contentOf(rdn, tag.set, 'a part of the subject'))
    // CN=bob+CN=admin is one part with two values, whose order nobody may rely on.
    if (attributes.length !== 1) refuse('a part of the subject has not exactly one value')
    const [type, text, ...more] = readSequence(attributes[0], 'an attribute of the subject')
    if (more.length > 0) refuse('an attribute of the subject has more than a type and a value')
    const oid = readOid(type, 'the type of an attribute of the subject')
    const read = readText(oid, text)
    const seen = values.get(oid) ?? []
    if (seen.includes(read)) refuse('its subject says the same twice')
    values.set(oid, [...seen, read])
  }
  const [name, ...others] = values.get(commonName) ?? []
  if (name === undefined) refuse('its subject has no common name')
  if (others.length > 0) refuse('its subject has more than one common name')
  return {
    name,
    org: values.get(organization) ?? [],
    unit: values.get(organizationalUnit) ?? [],
  }
}

function readText(oid: string, value: Der | undefined): string {
  const what = 'a value in the subject'
  if (value === undefined) refuse(`${what} is missing`)
  const { content } = value
  if (value.tag === tag.utf8String) return printable(readUtf8(content, what), maxLength, what)
  // X.680 §41.4; the long forms of TeletexString, BMPString and UniversalString are refused because
  // each library reads them in its own way.
  const text = String.fromCharCode(...content.subarray(0, 1024))
  const inAlphabet =
    (value.tag === tag.printableString && /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) ||
    (value.tag === tag.ia5String && ascii.has(oid) && /^[\x20-\x7e]*$/.test(text))
  if (!inAlphabet || content.length > 1024) refuse(`${what} has a type or character not allowed`)
  return printable(text, ascii.has(oid) ? 255 : maxLength, what)
}

function readUtf8(content: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return refuse(`${what} is not UTF-8`)
  }
}
