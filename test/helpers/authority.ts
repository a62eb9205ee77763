// A small certificate authority for tests that need certificates which the real one would never
// issue: it signs whatever it is given.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CN,
  algorithm,
  certificate,
  clientPurpose,
  extension,
  newKey,
  noAuthority,
  octets,
  oid,
  rdn,
  sequence,
  signed,
  signingKey,
  text,
  tlv,
  type Parts,
} from './certificate-der.ts'

/** PEM texts: what a TLS client shows and proves. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  /** An ordinary client certificate, valid now, but for what `parts` says. */
  issue(parts?: Partial<Parts>): Identity
  /** The authority's own certificate and key, to be misused as a client's. */
  readonly self: Identity
  /** A revocation list in PEM; serial numbers as `issue` takes them. */
  revocationList(list?: Partial<List>): string
  /** Writes what the gateway needs, as the CA script lays it out. */
  write(folder: string): void
}

export interface List {
  readonly number: number
  readonly serials: readonly Uint8Array[]
  readonly fromMs: number
  readonly untilMs: number
}

const dayMs = 86_400_000

export function createAuthority(name: string): Authority {
  const { publicKey, privateKey } = newKey()
  const subject = sequence(rdn(CN, name))
  const ca = certificate(
    {
      serial: randomSerial(),
      issuer: subject,
      subject,
      validity: validity(-dayMs, 365 * dayMs),
      publicKey,
      extensions: [
        extension('2.5.29.19', sequence(tlv(0x01, Buffer.from([0xff]))), true),
        extension('2.5.29.15', tlv(0x03, Buffer.from([1, 0x06])), true),
      ],
    },
    privateKey,
  )
  const issue = (parts: Partial<Parts> = {}): Identity => {
    const key = newKey()
    const usual = {
      serial: randomSerial(),
      issuer: subject,
      validity: validity(-dayMs, dayMs),
      publicKey: key.publicKey,
      extensions: [noAuthority, signingKey, clientPurpose],
    }
    return {
      cert: pem('CERTIFICATE', certificate({ ...usual, ...parts }, privateKey)),
      key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  }
  const revocationList = (list: Partial<List> = {}): string => {
    const { number = 1, serials = [], fromMs = -dayMs, untilMs = 30 * dayMs } = list
    const entries = serials.map((serial) => sequence(serial, time(fromMs)))
    const body = sequence(
      tlv(0x02, Buffer.from([1])),
      algorithm,
      subject,
      time(fromMs),
      time(untilMs),
      ...(entries.length === 0 ? [] : [sequence(...entries)]),
      tlv(0xa0, sequence(sequence(oid('2.5.29.20'), octets(tlv(0x02, Buffer.from([number])))))),
    )
    return pem('X509 CRL', signed(body, privateKey))
  }
  return {
    ca: pem('CERTIFICATE', ca),
    issue,
    revocationList,
    self: {
      cert: pem('CERTIFICATE', ca),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    },
    write(folder) {
      mkdirSync(join(folder, 'server'), { recursive: true })
      const server = issue({
        subject: sequence(rdn(CN, 'localhost')),
        extensions: [noAuthority, signingKey, serverPurpose, serverNames],
      })
      writeFileSync(join(folder, 'ca.pem'), pem('CERTIFICATE', ca))
      writeFileSync(join(folder, 'crl.pem'), revocationList())
      writeFileSync(join(folder, 'server/cert.pem'), server.cert)
      writeFileSync(join(folder, 'server/key.pem'), server.key, { mode: 0o600 })
    },
  }
}

export const serverPurpose = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')))
const serverNames = extension(
  '2.5.29.17',
  sequence(text(0x82, 'localhost'), tlv(0x87, Buffer.from([127, 0, 0, 1]))),
)

/** From and until, as seen from now. */
export function validity(fromMs: number, untilMs: number): Uint8Array {
  return sequence(time(fromMs), time(untilMs))
}

function time(offsetMs: number): Uint8Array {
  const iso = new Date(Date.now() + offsetMs).toISOString()
  return text(0x17, `${iso.slice(2, 19).replaceAll(/[-T:]/g, '')}Z`)
}

export function randomSerial(): Uint8Array {
  // The first octet keeps it positive and unpadded.
  return tlv(0x02, Buffer.from([0x41]), randomBytes(15))
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
