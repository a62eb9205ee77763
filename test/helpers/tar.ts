// Archives as an attacker or another program writes them: entry by entry, with nothing checked.

export interface TarEntry {
  readonly path: string
  readonly content?: string | Buffer
  /** `0` a file, `1` a hard link, `2` a symbolic link, `5` a folder, `x` PAX, `L` a GNU long name, … */
  readonly type?: string
  readonly link?: string
  readonly mode?: number
}

export function tarEntry(entry: TarEntry): Buffer {
  const content = Buffer.from(entry.content ?? '')
  const block = Buffer.alloc(512)
  const octal = (value: number, at: number, width: number): void =>
    void block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at)
  block.write(entry.path, 0, 100)
  octal(entry.mode ?? 0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(content.length, 124, 12)
  octal(1_700_000_000, 136, 12)
  block.write(entry.type ?? '0', 156)
  block.write(entry.link ?? '', 157, 100)
  block.write('ustar\x0000', 257)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([block, content, Buffer.alloc(-content.length & 511)])
}

export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)])
}

/** A PAX header for the entry that follows. */
export function paxEntry(records: Readonly<Record<string, string>>): TarEntry {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`
    let length = Buffer.byteLength(rest) + 1
    while (String(length).length + Buffer.byteLength(rest) !== length) length++
    return `${length}${rest}`
  })
  return { path: 'PaxHeader', type: 'x', content: lines.join('') }
}
