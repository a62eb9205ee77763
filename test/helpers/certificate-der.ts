// Writes certificates byte by byte, so that a test can put in what no authority would.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

type Bytes = Uint8Array

export function tlv(tag: number, ...parts: Bytes[]): Bytes {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

export const sequence = (...parts: Bytes[]): Bytes => tlv(0x30, ...parts)
export const set = (...parts: Bytes[]): Bytes => tlv(0x31, ...parts)
export const octets = (...parts: Bytes[]): Bytes => tlv(0x04, ...parts)
export const yes = tlv(0x01, Buffer.from([0xff]))
export const text = (tag: number, value: string, encoding: BufferEncoding = 'utf8'): Bytes =>
  tlv(tag, Buffer.from(value, encoding))
export const utf8 = (value: string): Bytes => text(0x0c, value)

function arcOctets(arc: number): number[] {
  const low = [arc & 0x7f]
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) low.unshift((rest & 0x7f) | 0x80)
  return low
}

export function oid(dotted: string): Bytes {
  const [top = 0, second = 0, ...others] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([top * 40 + second, ...others].flatMap(arcOctets)))
}

export const CN = '2.5.4.3'
export const O = '2.5.4.10'
export const OU = '2.5.4.11'

export const attribute = (type: string, value: Bytes): Bytes => sequence(oid(type), value)
export const rdn = (type: string, value: string): Bytes => set(attribute(type, utf8(value)))
export const extension = (type: string, value: Bytes, critical = false): Bytes =>
  sequence(oid(type), ...(critical ? [yes] : []), octets(value))

export const clientPurpose = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')))
export const signingKey = extension('2.5.29.15', tlv(0x03, Buffer.from([7, 0x80])), true)
export const noAuthority = extension('2.5.29.19', sequence(), true)
export const alternativeNames = (...names: Bytes[]): Bytes =>
  extension('2.5.29.17', sequence(...names))

export const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
export const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const someKey = newKey()

export interface Parts {
  readonly version: Bytes
  readonly serial: Bytes
  readonly algorithm: Bytes
  readonly issuer: Bytes
  readonly validity: Bytes
  readonly subject: Bytes
  readonly publicKey: KeyObject
  readonly beforeExtensions: Bytes
  readonly extensions: readonly Bytes[]
  readonly after: Bytes
}

const ordinary: Parts = {
  version: tlv(0xa0, tlv(0x02, Buffer.from([2]))),
  serial: tlv(0x02, Buffer.from([0x00, 0xab, 0xcd])),
  algorithm,
  issuer: sequence(rdn(CN, 'test authority')),
  validity: sequence(text(0x17, '260101000000Z'), text(0x18, '20510203040506Z')),
  subject: sequence(rdn(O, 'Example'), rdn(OU, 'dev'), rdn(CN, 'alice')),
  publicKey: someKey.publicKey,
  beforeExtensions: Buffer.alloc(0),
  extensions: [noAuthority, signingKey, clientPurpose],
  after: Buffer.alloc(0),
}

/** An ordinary client certificate of `alice`, but for what `parts` says, signed with `signer`. */
export function certificate(parts: Partial<Parts> = {}, signer = someKey.privateKey): Bytes {
  const all = { ...ordinary, ...parts }
  const body = sequence(
    all.version,
    all.serial,
    all.algorithm,
    all.issuer,
    all.validity,
    all.subject,
    all.publicKey.export({ type: 'spki', format: 'der' }),
    all.beforeExtensions,
    tlv(0xa3, sequence(...all.extensions)),
  )
  return signed(body, signer, all.after)
}

/** `body` with its signature, the form of certificates and revocation lists (RFC 5280 §4.1.1). */
export function signed(body: Bytes, signer: KeyObject, after: Bytes = Buffer.alloc(0)): Bytes {
  const signature = sign('sha256', body, signer)
  return sequence(body, algorithm, tlv(0x03, Buffer.from([0]), signature), after)
}
