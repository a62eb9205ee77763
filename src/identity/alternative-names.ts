// Reads the subjectAltName extension (RFC 5280 §4.2.1.6): DNS names, mail addresses, URIs and IP
// addresses, each in one canonical spelling; other kinds are passed over. Pure.
import { readSequence, refuse, type Der } from './der.ts'

export interface AlternativeNames {
  readonly dns: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly string[]
}

export const noAlternativeNames: AlternativeNames = Object.freeze({
  dns: [],
  email: [],
  uri: [],
  ip: [],
})

// More names than this are no person and no machine; it bounds the work of matching grants.
const maxNames = 64

const host =
  /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const mailbox = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([^@]+)$/
const uriText = /^[a-z][a-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/

export function readAlternativeNames(value: Der): AlternativeNames {
  const names = readSequence(value, 'its list of alternative names')
  if (names.length > maxNames) refuse(`it has more than ${maxNames} alternative names`)
  const found = {
    dns: [] as string[],
    email: [] as string[],
    uri: [] as string[],
    ip: [] as string[],
  }
  for (const { tag, content } of names) {
    // GeneralName ::= CHOICE { [1] rfc822Name, [2] dNSName, [6] URI, [7] iPAddress }, primitive.
    if (tag === 0x81) add(found.email, readEmail(ascii(content)))
    else if (tag === 0x82) add(found.dns, readHost(ascii(content)))
    else if (tag === 0x86) add(found.uri, readUri(ascii(content)))
    else if (tag === 0x87) add(found.ip, readAddress(content))
    else if (![0xa0, 0xa3, 0xa4, 0xa5, 0x88].includes(tag)) {
      refuse('an alternative name has an unknown kind')
    }
  }
  return found
}

function add(names: string[], name: string): void {
  if (names.includes(name)) refuse('it has the same alternative name twice')
  names.push(name)
}

function ascii(content: Uint8Array): string {
  if (content.length > 2048) refuse('an alternative name is longer than 2048 characters')
  const text = String.fromCharCode(...content)
  if (!/^[\x21-\x7e]+$/.test(text)) refuse('an alternative name is empty or not plain ASCII')
  return text
}

/** Upper and lower case name the same host (RFC 4343), so only one of them remains. */
function readHost(text: string): string {
  const name = text.toLowerCase()
  if (name.length > 253 || !host.test(name)) refuse('an alternative name is no DNS name')
  return name
}

function readEmail(text: string): string {
  const domain = mailbox.exec(text)?.[1]?.toLowerCase()
  if (domain === undefined || domain.length > 253 || !host.test(domain)) {
    refuse('an alternative name is no mail address')
  }
  return `${text.slice(0, text.lastIndexOf('@'))}@${domain}`
}

/** A grant matches whole path segments, so a segment that means another one is refused. */
function readUri(text: string): string {
  if (!uriText.test(text)) refuse('an alternative name is no URI')
  const [path = ''] = text.split(/[?]/)
  const folds = path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
  if (folds || /%(?:2f|5c|25|00)/i.test(text)) {
    refuse('an alternative name is a URI that can be read in two ways')
  }
  return text
}

/** IPv4 dotted, IPv6 as RFC 5952 §4 writes it. */
function readAddress(content: Uint8Array): string {
  if (content.length === 4) return content.join('.')
  if (content.length !== 16) refuse('an alternative name is no IP address')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) {
    groups.push((((content[at] ?? 0) << 8) | (content[at + 1] ?? 0)).toString(16))
  }
  let run = { at: 0, size: 1 }
  for (let from = 0; from < groups.length; from += 1) {
    const next = groups.findIndex((group, at) => at >= from && group !== '0')
    const size = (next < 0 ? groups.length : next) - from
    if (size > run.size) run = { at: from, size }
  }
  if (run.size < 2) return groups.join(':')
  return `${groups.slice(0, run.at).join(':')}::${groups.slice(run.at + run.size).join(':')}`
}
