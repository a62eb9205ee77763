// Addresses and networks as numbers, so that an address has one reading whatever its spelling.
// Pure. An IPv4 address that a dual-stack listener reports as `::ffff:192.0.2.7` is an IPv4 address.

export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface Network {
  readonly family: 4 | 6
  readonly value: bigint
  readonly prefix: number
  /** As the operator wrote it. */
  readonly text: string
}

const mappedPrefix = 0xffffn << 32n

/** Undefined when `text` is no IP address; a zone (`%eth0`) says nothing about who asks. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%[^%]*$/, '')
  const v4 = parseV4(bare)
  if (v4 !== undefined) return { family: 4, value: v4 }
  const v6 = parseV6(bare)
  if (v6 === undefined) return undefined
  if (v6 >> 32n === 0xffffn) return { family: 4, value: v6 ^ mappedPrefix }
  return { family: 6, value: v6 }
}

/** `192.0.2.0/24`, `2001:db8::/32` or one address; the host bits are kept as written. */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', length, ...rest] = text.split('/')
  if (rest.length > 0 || base.includes('%')) return undefined
  const address = parseAddress(base)
  if (address === undefined) return undefined
  const written = base.includes(':') ? 128 : 32
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined
  const bits = length === undefined ? written : Number(length)
  if (bits > written) return undefined
  if (written === 128 && address.family === 4) {
    // `::ffff:192.0.2.0/120` is a network of IPv4 addresses; a shorter prefix would mix the families.
    if (bits < 96) return undefined
    return Object.freeze({ ...address, prefix: bits - 96, text })
  }
  return Object.freeze({ ...address, prefix: bits, text })
}

export function isInside(address: Address, network: Network): boolean {
  if (address.family !== network.family) return false
  const shift = hostBits(network)
  return address.value >> shift === network.value >> shift
}

/** The network as it should have been written when its host bits are not zero, else undefined. */
export function withoutHostBits(network: Network): string | undefined {
  const shift = hostBits(network)
  const value = (network.value >> shift) << shift
  if (value === network.value) return undefined
  return `${format({ family: network.family, value })}/${network.prefix}`
}

/** One text for one address, fit for comparing. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  return address === undefined ? undefined : format(address)
}

function hostBits(network: Network): bigint {
  return BigInt((network.family === 4 ? 32 : 128) - network.prefix)
}

function format({ family, value }: Address): string {
  const [parts, width] = family === 4 ? [4, 8n] : [8, 16n]
  const pieces = Array.from({ length: parts }, (_, index) => {
    const piece = (value >> (width * BigInt(parts - 1 - index))) & ((1n << width) - 1n)
    return piece.toString(family === 4 ? 10 : 16)
  })
  return pieces.join(family === 4 ? '.' : ':')
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    // A leading zero is octal to some readers (RFC 6943 §3.1.1), so it is no number at all here.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2 || !text.includes(':')) return undefined
  const [head = '', tail] = halves
  const left = groups(head, tail === undefined)
  const right = tail === undefined ? [] : groups(tail, true)
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...left, ...Array.from({ length: missing }, () => 0n), ...right]
  return all.reduce((value, group) => (value << 16n) | group, 0n)
}

function groups(text: string, mayEndInV4: boolean): bigint[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const found: bigint[] = []
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      found.push(BigInt(`0x${part}`))
      continue
    }
    const v4 = mayEndInV4 && index === parts.length - 1 ? parseV4(part) : undefined
    if (v4 === undefined) return undefined
    found.push(v4 >> 16n, v4 & 0xffffn)
  }
  return found
}
