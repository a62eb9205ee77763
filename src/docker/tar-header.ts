// One header block of a tar archive (POSIX ustar, PAX, GNU, old), read strictly, and a plain one
// written. What is not known to be read alike by everybody is a fault. Pure.

export const blockBytes = 512

export interface TarHeader {
  /** The type flag, `0` also for the old spelling of a regular file. */
  readonly type: string
  readonly path: string
  /** Of the content that follows, without its padding. */
  readonly size: number
  /** Where a link leads. */
  readonly link: string | undefined
}

/** What an extended header says of the entry that follows it. */
export interface TarExtension {
  readonly path?: string
  readonly size?: number
  /** It says where a link leads. */
  readonly link: boolean
}

const text = new TextDecoder('utf-8')
/** Links, devices, folders, pipes: nothing but the header. */
const bare: ReadonlySet<string> = new Set(['1', '2', '3', '4', '5', '6'])
const known: ReadonlySet<string> = new Set(['0', '7', ...bare, 'x', 'g', 'L', 'K'])

export function readTarHeader(block: Uint8Array): TarHeader | string {
  if (!hasItsSum(block)) return 'it is no tar archive, plain or compressed with gzip'
  const flag = String.fromCharCode(block[156] ?? 0)
  const type = flag === '\0' ? '0' : flag
  if (!known.has(type)) return `an entry is of the type ${JSON.stringify(type)}, which is not taken`
  const size = readNumber(block.subarray(124, 136))
  if (size === undefined) return 'the size of an entry cannot be read'
  if (bare.has(type) && size !== 0) return 'an entry without content has a size'
  const name = terminated(block.subarray(0, 100))
  const prefix = isPosix(block) ? terminated(block.subarray(345, 500)) : ''
  const path = prefix === '' ? name : `${prefix}/${name}`
  return { type, path, size, link: terminated(block.subarray(157, 257)) }
}

/** The records of a PAX header: `length key=value\n`, the length counting all of it. */
export function readPaxRecords(data: Uint8Array): TarExtension | string {
  const found: { path?: string; size?: number; link: boolean } = { link: false }
  for (let at = 0; at < data.length;) {
    const blank = data.indexOf(0x20, at)
    const digits = blank === -1 ? '' : text.decode(data.subarray(at, blank))
    const end = at + Number(digits)
    if (!/^[1-9]\d{0,9}$/.test(digits) || end > data.length || data[end - 1] !== 0x0a) {
      return 'a PAX header cannot be read'
    }
    const equals = data.indexOf(0x3d, blank)
    if (equals === -1 || equals >= end) return 'a PAX header cannot be read'
    const key = text.decode(data.subarray(blank + 1, equals))
    const value = text.decode(data.subarray(equals + 1, end - 1))
    if (key.startsWith('GNU.sparse')) return 'sparse files are not taken'
    if (key === 'linkpath') found.link = true
    if (key === 'path') {
      if (found.path !== undefined || value.includes('\0')) return 'a PAX path cannot be read'
      found.path = value
    }
    if (key === 'size') {
      const size = Number(value)
      if (found.size !== undefined || !/^\d{1,15}$/.test(value)) return 'a PAX size cannot be read'
      found.size = size
    }
    at = end
  }
  return found
}

/** The name in a GNU long-name entry. */
export function readLongName(data: Uint8Array): string {
  return terminated(data)
}

/** A small regular file that is there to be read by the engine and by nobody else. */
export function writeTarHeader(path: string, size: number): Buffer {
  const block = Buffer.alloc(blockBytes)
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
  }
  block.write(path, 0, 100, 'utf8')
  octal(0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  if (size < 8 ** 11) octal(size, 124, 12)
  else {
    block[124] = 0x80
    block.writeBigUInt64BE(BigInt(size), 128)
  }
  octal(0, 136, 12)
  block.write('0', 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  return withSum(block)
}

/** The same entry under its plain name and with another size. */
export function rewriteTarHeader(header: Uint8Array, path: string, size: number): Buffer {
  const block = Buffer.from(header)
  block.fill(0, 0, 100).write(path, 0, 100, 'utf8')
  if (isPosix(block)) block.fill(0, 345, 500)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  return withSum(block)
}

/** GNU keeps times and the like where POSIX has the beginning of the name. */
function isPosix(block: Uint8Array): boolean {
  return terminated(block.subarray(257, 263)) === 'ustar'
}

function withSum(block: Buffer): Buffer {
  block.write(`${sumsOf(block)[0].toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function hasItsSum(block: Uint8Array): boolean {
  const written = readNumber(block.subarray(148, 156))
  return written !== undefined && sumsOf(block).includes(written)
}

/** Its own field counts as blanks; old archives took bytes for signed. */
function sumsOf(block: Uint8Array): readonly [unsigned: number, signed: number] {
  let unsigned = 0
  let signed = 0
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0)
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  return [unsigned, signed]
}

/** Octal digits, or binary when the first bit is set. */
function readNumber(field: Uint8Array): number | undefined {
  const [first = 0] = field
  if ((first & 0x80) !== 0) {
    if (first !== 0x80) return undefined
    let value = 0
    for (const byte of field.subarray(1)) value = value * 256 + byte
    return Number.isSafeInteger(value) ? value : undefined
  }
  const digits = terminated(field).replaceAll(/^ +| +$/g, '')
  return /^[0-7]{0,12}$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined
}

function terminated(field: Uint8Array): string {
  const end = field.indexOf(0)
  return text.decode(end === -1 ? field : field.subarray(0, end))
}
