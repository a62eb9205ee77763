// PEM around DER (RFC 7468). Pure.
import { CaError } from './ca-error.ts'

export function toPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** Every block of that label, in order, whatever stands between them. */
export function pemBlocks(label: string, text: string): readonly string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')
  return (text.match(block) ?? []).map((found) => `${found}\n`)
}

/** Exactly one block of that label and nothing around it, in base64 of one spelling. */
export function fromPem(label: string, text: string): Buffer {
  const lines = text.trimEnd().split(/\r?\n/)
  const framed =
    lines.shift() === `-----BEGIN ${label}-----` && lines.pop() === `-----END ${label}-----`
  const base64 = lines.join('')
  const bytes = Buffer.from(base64, 'base64')
  if (framed && bytes.length > 0 && bytes.toString('base64') === base64) return bytes
  throw new CaError('bad-der', `this is not one PEM block of a ${label}`)
}
