// A tar archive (POSIX ustar) of a few small private files. Pure.

export function tar(files: ReadonlyMap<string, string>): Buffer {
  const blocks: Buffer[] = []
  for (const [path, text] of files) {
    const content = Buffer.from(text)
    blocks.push(header(path, content.length), content, Buffer.alloc(-content.length & 511))
  }
  // Two empty blocks end an archive.
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  block.write(path, 0, 100)
  block.write(octal(0o600, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  // The sum is taken with its own field full of spaces.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
